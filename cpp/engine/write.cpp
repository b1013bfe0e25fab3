#include "engine/write.h"

#include <cstring>

#include "base/text.h"

namespace edgeonnx::engine {
namespace {

Error overflow(const BoundResult& result, const convert::Source& values, int64_t value, int64_t row) {
  const std::string text = convert::value_text(values, result.conversion.from, value);
  const std::string place = "row " + std::to_string(row) + " of output " + in_quotes(result.name);
  return convert::overflow_error(result.conversion.from, result.conversion.to, text, place).at_row(row).at_column(result.name);
}

Error null_error(const BoundResult& result, int64_t row) {
  return Error(Code::kNullValue, "row " + std::to_string(row) + " of output " + in_quotes(result.name) +
                                     " is NULL and the output is declared NOT NULL; declare it NULL, or keep NULL rows out of the data")
      .at_row(row)
      .at_column(result.name);
}

/// Converts the values of one result, `width` values from `values` on a row, rows `n`; what does not fit goes to lane.failure, or is
/// flagged in lane.scratch.bad where that makes a NULL.
void convert_values(const BoundResult& result, const convert::Source& values, void* target, int64_t stride, int64_t n, int64_t first_row,
                    uint8_t* bad, Lane& lane) {
  const convert::Outcome done = convert::run(result.conversion, values, target, stride, n, bad);
  lane.tally.count_changed(result.cast, done.n_changed);
  if (done.first_bad >= 0 && !bad) lane.keep_first(overflow(result, values, done.first_bad, first_row + done.first_bad / result.width));
}

/// A masked row's values are nobody's: they become 0, so that none of them overflows or counts as changed.
void clear_masked_rows(std::byte* values, int64_t stride, int64_t n_bytes, const Lane& lane) {
  for (size_t r = 0; r < lane.row_null.size(); ++r) {
    if (lane.row_null[r]) std::memset(values + static_cast<int64_t>(r) * stride, 0, static_cast<size_t>(n_bytes));
  }
}

void write_values(const Binding& binding, const BoundResult& result, const Morsel& morsel, const Output& output, std::byte* tensor,
                  Lane& lane) {
  const int64_t from_size = size_of(result.from());
  const int64_t tensor_stride = binding.tensors[result.tensor].row_bytes();
  auto* target = static_cast<std::byte*>(output.data) + morsel.first_row * output.stride;
  std::byte* from = tensor + result.first_value * from_size;
  const int64_t n = morsel.n_rows;
  const int64_t width = result.width;
  if (lane.any_row_null) clear_masked_rows(from, tensor_stride, width * from_size, lane);
  uint8_t* bad = nullptr;
  if (binding.on_overflow == OnOverflow::kNull) {
    lane.scratch.bad.assign(static_cast<size_t>(n * width), 0);
    bad = lane.scratch.bad.data();
  }
  const int64_t row = morsel.error_row(0);
  if (width == 1) return convert_values(result, {from, tensor_stride, 0}, target, output.stride, n, row, bad, lane);
  const int64_t to_size = size_of(result.to());
  if (tensor_stride == width * from_size && output.stride == width * to_size) {
    return convert_values(result, {from, from_size, 0}, target, to_size, n * width, row, bad, lane);
  }
  for (int64_t r = 0; r < n; ++r) {
    convert_values(result, {from + r * tensor_stride, from_size, 0}, target + r * output.stride, to_size, width, row + r,
                   bad ? bad + r * width : nullptr, lane);
  }
}

/// The mask of one result: masked rows, and values that did not fit. A NULL that must not be goes to lane.failure.
void write_mask(const Binding& binding, const BoundResult& result, const Morsel& morsel, const Output& output, bool converted, Lane& lane) {
  const size_t n = static_cast<size_t>(morsel.n_rows);
  const size_t width = static_cast<size_t>(result.width);
  const bool has_bad = converted && binding.on_overflow == OnOverflow::kNull;
  const auto is_null = [&](size_t r) {
    uint8_t null = lane.any_row_null ? lane.row_null[r] : 0;
    for (size_t v = 0; v < width && has_bad; ++v) null |= lane.scratch.bad[r * width + v];
    return null;
  };
  uint8_t* mask = output.mask ? output.mask + morsel.first_row : nullptr;
  if (!lane.any_row_null && !has_bad) {
    if (mask) std::memset(mask, 0, n);
    return;
  }
  for (size_t r = 0; r < n; ++r) {
    const uint8_t null = is_null(r);
    if (mask) mask[r] = null;
    if (null && result.not_null) return lane.keep_first(null_error(result, morsel.error_row(static_cast<int64_t>(r))));
  }
}

}  // namespace

bool is_direct(const Binding& binding, size_t index, std::span<const Output> outputs, size_t* result) {
  const BoundTensor& tensor = binding.tensors[index];
  if (tensor.n_readers != 1) return false;
  for (size_t i = 0; i < binding.results.size(); ++i) {
    const BoundResult& each = binding.results[i];
    if (each.tensor != index) continue;
    *result = i;
    return each.cast == kNoCast && each.width == tensor.shape.width && outputs[i].stride == tensor.row_bytes();
  }
  return false;
}

void write_results(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane) {
  for (size_t i = 0; i < binding.results.size(); ++i) {
    const BoundResult& result = binding.results[i];
    auto* tensor = static_cast<std::byte*>(lane.output_refs[result.tensor].data);
    const bool converted = !lane.is_direct[result.tensor];
    if (converted) write_values(binding, result, morsel, outputs[i], tensor, lane);
    write_mask(binding, result, morsel, outputs[i], converted, lane);
  }
  if (lane.failure) throw *lane.failure;
}

}  // namespace edgeonnx::engine
