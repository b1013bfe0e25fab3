#include "engine/write.h"

#include <cstring>

#include "base/text.h"

namespace edgeonnx::engine {
namespace {

Error overflow(const BoundResult& result, const convert::Source& source, int64_t value, int64_t row) {
  const std::string text = convert::value_text(source, result.from, value);
  const Error plain = convert::overflow_error(result.from, result.to, text);
  return Error(Code::kOverflow, std::string(plain.what()) + " At row " + std::to_string(row) + " of output " + in_quotes(result.name) + ".")
      .at_row(row)
      .at_column(result.name)
      .with_value(text)
      .with_sql_number(plain.sql_number());
}

/// Converts the rows of one result; the first that does not fit goes to lane.failure. Values of masked rows may overflow in peace.
void write_values(const Binding& binding, const BoundResult& result, const Morsel& morsel, const Output& output, const std::byte* tensor,
                  Lane& lane) {
  const int64_t from_size = size_of(result.from);
  const int64_t to_size = size_of(result.to);
  const int64_t tensor_stride = binding.tensors[result.tensor].row_bytes();
  auto* target = static_cast<std::byte*>(output.data) + morsel.first_row * output.stride;
  const std::byte* from = tensor + result.first_value * from_size;
  const bool masks = binding.can_mask;
  if (masks) lane.bad.assign(static_cast<size_t>(morsel.n_rows * result.width), 0);
  uint8_t* bad = masks ? lane.bad.data() : nullptr;
  const auto check = [&](const convert::Source& source, int64_t row, int64_t at) {
    if (at < 0) return;
    if (binding.on_overflow == OnOverflow::kNull) return;
    if (masks && lane.row_null[static_cast<size_t>(row)]) return;
    lane.keep_first(overflow(result, source, at, morsel.error_row(row)));
  };
  if (result.width == 1) {
    const convert::Source source{from, tensor_stride, 0};
    int64_t at = result.loop(source, target, output.stride, morsel.n_rows, bad);
    // With masked rows in the way, the first failure that counts may come later.
    while (at >= 0 && masks && binding.on_overflow == OnOverflow::kError && at < morsel.n_rows &&
           (!bad[at] || lane.row_null[static_cast<size_t>(at)]))
      ++at;
    if (at >= 0 && at < morsel.n_rows) check(source, at, at);
    return;
  }
  const auto is_before_failure = [&](int64_t r) { return !lane.failure || morsel.error_row(r) < lane.failure->row(); };
  for (int64_t r = 0; r < morsel.n_rows && is_before_failure(r); ++r) {
    const convert::Source source{from + r * tensor_stride, from_size, 0};
    check(source, r, result.loop(source, target + r * output.stride, to_size, result.width, bad ? bad + r * result.width : nullptr));
  }
}

void write_mask(const Binding& binding, const BoundResult& result, const Morsel& morsel, const Output& output, bool converted,
                const Lane& lane) {
  if (!output.mask) return;
  uint8_t* mask = output.mask + morsel.first_row;
  const size_t n = static_cast<size_t>(morsel.n_rows);
  if (lane.any_row_null) {
    std::memcpy(mask, lane.row_null.data(), n);
  } else {
    std::memset(mask, 0, n);
  }
  if (!converted || binding.on_overflow != OnOverflow::kNull) return;
  for (size_t r = 0; r < n; ++r) {
    for (int64_t v = 0; v < result.width; ++v) mask[r] |= lane.bad[r * static_cast<size_t>(result.width) + static_cast<size_t>(v)];
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
    return each.from == each.to && each.width == tensor.shape.width && outputs[i].stride == tensor.row_bytes();
  }
  return false;
}

void write_results(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane) {
  for (size_t i = 0; i < binding.results.size(); ++i) {
    const BoundResult& result = binding.results[i];
    const auto* tensor = static_cast<const std::byte*>(lane.output_refs[result.tensor].data);
    const bool converted = !lane.is_direct[result.tensor];
    if (converted) write_values(binding, result, morsel, outputs[i], tensor, lane);
    write_mask(binding, result, morsel, outputs[i], converted, lane);
  }
  if (lane.failure) throw *lane.failure;
}

}  // namespace edgeonnx::engine
