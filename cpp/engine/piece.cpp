#include "engine/piece.h"

#include <cstring>

#include "base/text.h"
#include "columns/bitmap.h"

namespace edgeonnx::engine {
namespace {

/// All values of the piece, one stride apart.
convert::Source values_of(const Piece& piece, Scratch& scratch) {
  static constexpr std::byte kAny[32]{};  // as large as values get
  const int64_t width = piece.field.width;
  if (piece.field.type == Type::kNull) return {kAny, 0, 0};
  if (piece.field.type == Type::kBit) return {piece.column.data, 0, piece.column.offset + piece.row};
  if (width == 1) return {piece.data(), piece.column.stride, 0};
  const int64_t size = size_of(piece.field.type);
  if (piece.column.stride == width * size) return {piece.data(), size, 0};
  std::byte* packed = scratch.rows.reserve(static_cast<size_t>(piece.n_values() * size));
  for (int64_t r = 0; r < piece.n; ++r) {
    std::memcpy(packed + r * width * size, piece.data() + r * piece.column.stride, static_cast<size_t>(width * size));
  }
  return {packed, size, 0};
}

/// One byte a value, 1 where NULL.
void expand_nulls(const Piece& piece, std::vector<uint8_t>& is_null) {
  const Column& column = piece.column;
  const int64_t width = piece.field.width;
  is_null.assign(static_cast<size_t>(piece.n_values()), piece.field.type == Type::kNull);
  uint8_t* null = is_null.data();
  if (column.validity && width == 1) {
    for (int64_t r = 0; r < piece.n; ++r) null[r] = !bit_at(column.validity, column.offset + piece.row + r);
  } else if (column.validity) {
    for (int64_t r = 0; r < piece.n; ++r) {
      std::memset(null + r * width, !bit_at(column.validity, column.offset + piece.row + r), static_cast<size_t>(width));
    }
  }
  if (!column.value_validity) return;
  for (int64_t v = 0; v < piece.n_values(); ++v) null[v] |= !bit_at(column.value_validity, column.value_offset + piece.row * width + v);
}

template <size_t kSize>
void zero_nulls(const convert::Source& values, const uint8_t* is_null, int64_t n, std::byte* target) {
  struct Bytes {
    std::byte bytes[kSize];
  };
  for (int64_t v = 0; v < n; ++v) {
    Bytes value;
    std::memcpy(&value, static_cast<const std::byte*>(values.data) + v * values.stride, kSize);
    if (is_null[v]) value = {};
    std::memcpy(target + v * static_cast<int64_t>(kSize), &value, kSize);
  }
}

convert::Source bits_without_nulls(const convert::Source& values, const uint8_t* is_null, int64_t n, Scratch& scratch) {
  const size_t n_bytes = static_cast<size_t>((n + 7) / 8);
  auto* target = reinterpret_cast<uint8_t*>(scratch.valid_values.reserve(n_bytes));
  std::memset(target, 0, n_bytes);
  for (int64_t v = 0; v < n; ++v) {
    const bool is_set = !is_null[v] && bit_at(static_cast<const uint8_t*>(values.data), values.offset + v);
    target[v >> 3] |= static_cast<uint8_t>(is_set << (v & 7));
  }
  return {target, 0, 0};
}

/// What lies under a NULL is nobody's value: it becomes 0, which every conversion leaves as it is.
convert::Source without_nulls(const Piece& piece, const convert::Source& values, Scratch& scratch) {
  const int64_t n = piece.n_values();
  if (piece.field.type == Type::kBit) return bits_without_nulls(values, scratch.is_null.data(), n, scratch);
  const int64_t size = size_of(piece.field.type);
  std::byte* target = scratch.valid_values.reserve(static_cast<size_t>(n * size));
  switch (size) {
    case 1:
      zero_nulls<1>(values, scratch.is_null.data(), n, target);
      break;
    case 2:
      zero_nulls<2>(values, scratch.is_null.data(), n, target);
      break;
    case 4:
      zero_nulls<4>(values, scratch.is_null.data(), n, target);
      break;
    case 8:
      zero_nulls<8>(values, scratch.is_null.data(), n, target);
      break;
    case 16:
      zero_nulls<16>(values, scratch.is_null.data(), n, target);
      break;
    default:
      zero_nulls<32>(values, scratch.is_null.data(), n, target);
  }
  return {target, size, 0};
}

}  // namespace

bool Piece::has_nulls() const {
  if (field.type == Type::kNull) return n > 0;
  if (column.validity && count_bits(column.validity, column.offset + row, n) != n) return true;
  return column.value_validity && count_bits(column.value_validity, column.value_offset + row * field.width, n_values()) != n_values();
}

ConvertedPiece convert_piece(const Piece& piece, std::byte* target, bool flags_bad, Scratch& scratch) {
  ConvertedPiece converted;
  converted.values = values_of(piece, scratch);
  converted.has_nulls = piece.has_nulls();
  if (converted.has_nulls) {
    expand_nulls(piece, scratch.is_null);
    // A decimal may lie under a NULL that its type does not hold; of other types every value does.
    const bool is_harmless = piece.conversion.exact && !is_decimal(piece.field.type);
    if (!is_harmless) converted.values = without_nulls(piece, converted.values, scratch);
  }
  if (flags_bad) scratch.bad.assign(static_cast<size_t>(piece.n_values()), 0);
  converted.outcome = convert::run(piece.conversion, converted.values, target, size_of(piece.conversion.to.type), piece.n_values(),
                                   flags_bad ? scratch.bad.data() : nullptr);
  return converted;
}

std::string where(const Piece& piece, int64_t row) { return "row " + std::to_string(row) + " of column " + in_quotes(piece.field.name); }

Error overflow_of(const Piece& piece, const ConvertedPiece& converted, const std::string& purpose) {
  const int64_t value = converted.outcome.first_bad;
  const std::string text = convert::value_text(converted.values, piece.conversion.from, value);
  const int64_t row = piece.first_row + value / piece.field.width;
  return convert::overflow_error(piece.conversion.from, piece.conversion.to, text, where(piece, row) + purpose)
      .at_row(row)
      .at_column(piece.field.name);
}

}  // namespace edgeonnx::engine
