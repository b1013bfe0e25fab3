#include "engine/selection.h"

#include <cstring>

#include "base/error.h"
#include "columns/bitmap.h"

namespace edgeonnx::engine {
namespace {

/// Bits [offset + row * width, ...) of every row, one behind the other.
void gather_bits(const uint8_t* bits, int64_t offset, int64_t width, const uint32_t* rows, int64_t n, std::byte* target) {
  std::memset(target, 0, static_cast<size_t>((n * width + 7) / 8));
  auto* const out = reinterpret_cast<uint8_t*>(target);
  for (int64_t r = 0, at = 0; r < n; ++r) {
    for (int64_t v = 0; v < width; ++v, ++at) {
      const auto value = static_cast<uint8_t>(bit_at(bits, offset + rows[r] * width + v));
      out[at / 8] = static_cast<uint8_t>(out[at / 8] | value << (at % 8));
    }
  }
}

template <int64_t kBytes>
void gather_values(const std::byte* from, int64_t stride, const uint32_t* rows, int64_t n, std::byte* target) {
  for (int64_t r = 0; r < n; ++r) std::memcpy(target + r * kBytes, from + rows[r] * stride, kBytes);
}

void gather_values(const std::byte* from, int64_t stride, int64_t n_bytes, const uint32_t* rows, int64_t n, std::byte* target) {
  switch (n_bytes) {
    case 1:
      return gather_values<1>(from, stride, rows, n, target);
    case 2:
      return gather_values<2>(from, stride, rows, n, target);
    case 4:
      return gather_values<4>(from, stride, rows, n, target);
    case 8:
      return gather_values<8>(from, stride, rows, n, target);
    default:
      for (int64_t r = 0; r < n; ++r) std::memcpy(target + r * n_bytes, from + rows[r] * stride, static_cast<size_t>(n_bytes));
  }
}

/// Of one column: values, and both bitmaps.
int64_t most_bytes(const Field& field, int64_t n) {
  const int64_t values = field.type == Type::kBit ? (n + 7) / 8 : n * packed_stride(field.type, field.width);
  return round_up(values, 64) + round_up((n + 7) / 8, 64) + round_up((n * field.width + 7) / 8, 64);
}

}  // namespace

int64_t selection_bytes(const Binding& binding, int64_t n_rows) {
  int64_t n_bytes = 0;
  for (const size_t field : binding.fields_read) n_bytes += most_bytes(binding.fields[field], n_rows);
  return n_bytes;
}

Morsel gather_rows(const Binding& binding, const Morsel& morsel, Lane& lane) {
  const int64_t n = morsel.n_rows;
  const uint32_t* const rows = morsel.rows + morsel.begin;
  for (int64_t r = 0; r < n; ++r) {
    if (rows[r] < morsel.batch->n_rows) continue;
    throw Error(Code::kInvalidArgument,
                "row " + std::to_string(rows[r]) + " is selected, and the batch has " + std::to_string(morsel.batch->n_rows) + " rows");
  }
  std::byte* memory = lane.selected_values.reserve(static_cast<size_t>(selection_bytes(binding, n)));
  const auto take = [&memory](int64_t n_bytes) {
    std::byte* const taken = memory;
    memory += round_up(n_bytes, 64);
    return taken;
  };
  lane.selected_columns.assign(binding.fields.size(), Column{});
  for (const size_t index : binding.fields_read) {
    const Field& field = binding.fields[index];
    const Column& from = morsel.batch->columns[index];
    Column& to = lane.selected_columns[index];
    if (field.type == Type::kNull) continue;  // there is nothing to look at
    if (field.type == Type::kBit) {
      std::byte* const bits = take((n + 7) / 8);
      gather_bits(static_cast<const uint8_t*>(from.data), from.offset, 1, rows, n, bits);
      to.data = bits;
    } else {
      to.stride = packed_stride(field.type, field.width);
      std::byte* const values = take(n * to.stride);
      gather_values(static_cast<const std::byte*>(from.data), from.stride, to.stride, rows, n, values);
      to.data = values;
    }
    if (from.validity) {
      std::byte* const bits = take((n + 7) / 8);
      gather_bits(from.validity, from.offset, 1, rows, n, bits);
      to.validity = reinterpret_cast<const uint8_t*>(bits);
    }
    if (from.value_validity) {
      std::byte* const bits = take((n * field.width + 7) / 8);
      gather_bits(from.value_validity, from.value_offset, field.width, rows, n, bits);
      to.value_validity = reinterpret_cast<const uint8_t*>(bits);
    }
  }
  lane.selected = {lane.selected_columns.data(), n};
  return {&lane.selected, 0, n, morsel.first_row, morsel.row_base};
}

}  // namespace edgeonnx::engine
