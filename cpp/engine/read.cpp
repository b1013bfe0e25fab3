#include "engine/read.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "columns/bitmap.h"
#include "convert/interleave.h"

namespace edgeonnx::engine {
namespace {

// Rows that are gathered into a matrix at a time: a column's piece is then a few cache lines, and all pieces stay in L1 or L2.
constexpr int64_t kBlockRows = 512;

/// One column's part of a morsel: `n` rows of `width` values from row `row` of the batch on.
struct Piece {
  const BoundInput& input;
  const Field& field;
  const Column& column;
  convert::Loop loop;
  int64_t row;
  int64_t n;
  int64_t first_row;  ///< `row`, as errors count it

  int64_t n_values() const { return n * field.width; }
  bool has_nulls() const {
    if (column.validity && count_bits(column.validity, column.offset + row, n) != n) return true;
    return column.value_validity && count_bits(column.value_validity, column.value_offset + row * field.width, n_values()) != n_values();
  }
  bool is_null(int64_t value) const {
    if (column.validity && !bit_at(column.validity, column.offset + row + value / field.width)) return true;
    return column.value_validity && !bit_at(column.value_validity, column.value_offset + row * field.width + value);
  }
  /// True where the values can be read as the input's type without a step between.
  bool is_ready() const { return field.type == input.type && column.stride == packed_stride(field.type, field.width); }
  const std::byte* data() const { return static_cast<const std::byte*>(column.data) + row * column.stride; }
  /// Where value `value` of row `r` and those behind it stand.
  convert::Source source(int64_t r) const {
    if (field.type == Type::kBit) return {column.data, 0, column.offset + row + r};
    return {data() + r * column.stride, size_of(field.type), 0};
  }
};

std::string where(const Piece& piece, int64_t row) { return "row " + std::to_string(row) + " of column " + in_quotes(piece.field.name); }

void fail_null(const Piece& piece, int64_t row, Lane& lane, const std::string& input_name) {
  lane.keep_first(Error(Code::kNullValue, where(piece, row) + " is NULL and input " + in_quotes(input_name) +
                                              " takes no NULL; say what a NULL means with nulls='nan', 'propagate', or a constant")
                      .at_row(row)
                      .at_column(piece.field.name));
}

void fail_overflow(const Piece& piece, int64_t value, Lane& lane, const std::string& input_name) {
  const int64_t r = value / piece.field.width;
  convert::Source source = piece.source(r);
  if (piece.field.width == 1) source.stride = 0;
  const std::string text = convert::value_text(source, piece.field.type, value % piece.field.width);
  const Error plain = convert::overflow_error(piece.field.type, piece.input.type, text);
  const int64_t row = piece.first_row + r;
  lane.keep_first(Error(Code::kOverflow, std::string(plain.what()) + " At " + where(piece, row) + ", for input " + in_quotes(input_name) +
                                             "; on_overflow='null' makes such values NULL.")
                      .at_row(row)
                      .at_column(piece.field.name)
                      .with_value(text)
                      .with_sql_number(plain.sql_number()));
}

void mask_row(Lane& lane, int64_t morsel_row) {
  lane.row_null[static_cast<size_t>(morsel_row)] = 1;
  lane.any_row_null = true;
}

/// Converts without regard to NULLs. Returns the first value that does not fit, or -1.
int64_t convert_values(const Piece& piece, std::byte* target, uint8_t* bad) {
  const int64_t width = piece.field.width;
  const int64_t size = size_of(piece.input.type);
  if (piece.field.width == 1 && piece.field.type != Type::kBit) {
    return piece.loop({piece.data(), piece.column.stride, 0}, target, size, piece.n, bad);
  }
  if (piece.field.type == Type::kBit || piece.column.stride == packed_stride(piece.field.type, width)) {
    return piece.loop(piece.source(0), target, size, piece.n_values(), bad);
  }
  int64_t first = -1;
  for (int64_t r = 0; r < piece.n; ++r) {
    const int64_t at = piece.loop(piece.source(r), target + r * width * size, size, width, bad ? bad + r * width : nullptr);
    if (at >= 0 && first < 0) first = r * width + at;
  }
  return first;
}

/// Converts the piece into packed values of the input's type, NULLs and overflows dealt with by their policies.
/// `morsel_row`: row of the morsel at which the piece begins.
void read_piece(const Binding& binding, const Piece& piece, std::byte* target, int64_t morsel_row, Lane& lane) {
  const std::string& input_name = binding.scorer->plan().inputs[piece.input.input].name;
  lane.tally.bytes_copied += piece.n_values() * size_of(piece.field.type);
  const bool has_nulls = piece.has_nulls();
  if (!has_nulls && binding.on_overflow == OnOverflow::kError) {
    const int64_t bad = convert_values(piece, target, nullptr);
    if (bad >= 0) fail_overflow(piece, bad, lane, input_name);
    return;
  }
  lane.bad.assign(static_cast<size_t>(piece.n_values()), 0);
  const bool any_bad = convert_values(piece, target, lane.bad.data()) >= 0;
  if (!has_nulls && !any_bad) return;
  const int64_t size = size_of(piece.input.type);
  for (int64_t v = 0; v < piece.n_values(); ++v) {
    const int64_t r = v / piece.field.width;
    const bool is_null = has_nulls && piece.is_null(v);
    // What lies under a NULL is nobody's value: it may overflow in peace.
    const bool overflowed = !is_null && lane.bad[static_cast<size_t>(v)] != 0;
    if (!is_null && !overflowed) continue;
    if (overflowed && binding.on_overflow == OnOverflow::kError) return fail_overflow(piece, v, lane, input_name);
    if (is_null && piece.input.nulls == NullPolicy::kError) return fail_null(piece, piece.first_row + r, lane, input_name);
    if (piece.input.nulls == NullPolicy::kError || piece.input.nulls == NullPolicy::kPropagate) mask_row(lane, morsel_row + r);
    std::memcpy(target + v * size, piece.input.null_value.data(), static_cast<size_t>(size));
  }
}

Piece piece_of(const Binding& binding, const Morsel& morsel, const BoundInput& input, size_t which, int64_t begin, int64_t n) {
  const size_t field = input.fields[which];
  return {input, binding.fields[field], morsel.batch->columns[field], input.loops[which], morsel.begin + begin, n, morsel.error_row(begin)};
}

/// Many columns into the rows of one matrix, block by block.
void gather(const Binding& binding, const Morsel& morsel, const BoundInput& input, std::byte* target, Lane& lane) {
  const int64_t size = size_of(input.type);
  const int64_t block_rows = std::min(kBlockRows, morsel.n_rows);  // of wide rows a morsel has few
  lane.columns.resize(input.fields.size());
  for (int64_t begin = 0; begin < morsel.n_rows; begin += block_rows) {
    const int64_t n = std::min(block_rows, morsel.n_rows - begin);
    std::byte* block = nullptr;
    for (size_t c = 0; c < input.fields.size(); ++c) {
      const Piece piece = piece_of(binding, morsel, input, c, begin, n);
      if (piece.is_ready() && !piece.has_nulls()) {
        lane.columns[c] = piece.data();
        lane.tally.bytes_copied += n * size;
        continue;
      }
      if (!block) block = lane.block.reserve(static_cast<size_t>(block_rows * size) * input.fields.size());
      std::byte* packed = block + static_cast<int64_t>(c) * block_rows * size;
      read_piece(binding, piece, packed, begin, lane);
      lane.columns[c] = packed;
    }
    convert::interleave(lane.columns, size, n, target + begin * input.row_bytes(), input.row_bytes());
  }
}

}  // namespace

void read_inputs(const Binding& binding, const Morsel& morsel, Lane& lane) {
  const int64_t n = morsel.n_rows;
  lane.failure.reset();
  lane.any_row_null = false;
  if (binding.can_mask) lane.row_null.assign(static_cast<size_t>(n), 0);
  lane.input_refs.resize(binding.inputs.size());
  int64_t n_bytes = 0;
  for (const BoundInput& input : binding.inputs) n_bytes += round_up(n * input.row_bytes(), 64);
  int64_t offset = 0;
  for (size_t i = 0; i < binding.inputs.size(); ++i) {
    const BoundInput& input = binding.inputs[i];
    const Piece whole = piece_of(binding, morsel, input, 0, 0, n);
    if (input.fields.size() == 1 && whole.is_ready() && !whole.has_nulls()) {
      // Borrowed: ONNX Runtime only reads its inputs.
      lane.input_refs[i] = {const_cast<std::byte*>(whole.data()), input.type, {}};
      lane.tally.bytes_borrowed += n * input.row_bytes();
      continue;
    }
    std::byte* target = lane.inputs.reserve(static_cast<size_t>(n_bytes)) + offset;
    offset += round_up(n * input.row_bytes(), 64);
    input.fields.size() == 1 ? read_piece(binding, whole, target, 0, lane) : gather(binding, morsel, input, target, lane);
    lane.input_refs[i] = {target, input.type, {}};
  }
}

}  // namespace edgeonnx::engine
