#include "engine/score_by_row.h"

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::engine {
namespace {

void check_alike(std::span<const Binding* const> bindings) {
  const Binding& first = *bindings[0];
  for (const Binding* each : bindings.subspan(1)) {
    if (each->fields.size() != first.fields.size()) throw Error(Code::kInvalidArgument, "the models are bound to different columns");
    if (each->results.size() != first.results.size()) {
      throw Error(Code::kTypeMismatch, "models " + in_quotes(first.scorer->model_name()) + " and " + in_quotes(each->scorer->model_name()) +
                                           " return " + std::to_string(first.results.size()) + " and " +
                                           std::to_string(each->results.size()) + " results; rows of one call need the same");
    }
    for (size_t i = 0; i < first.results.size(); ++i) {
      const BoundResult &a = first.results[i], &b = each->results[i];
      if (a.conversion.to == b.conversion.to && a.width == b.width) continue;
      throw Error(Code::kTypeMismatch, "result " + std::to_string(i + 1) + " is " + display_name(a.conversion.to) + " from one model and " +
                                           display_name(b.conversion.to) +
                                           " from another, or not as wide; declare one type for all, as in a WITH list");
    }
  }
}

/// Results of one model's rows, to be put where the rows stand.
struct Group {
  std::vector<std::vector<std::byte>> values;
  std::vector<std::vector<uint8_t>> masks;
  std::vector<Output> outputs;

  Group(const Binding& binding, size_t n_rows) : values(binding.results.size()), masks(binding.results.size()) {
    for (size_t i = 0; i < binding.results.size(); ++i) {
      const BoundResult& result = binding.results[i];
      const int64_t stride = packed_stride(result.to(), result.width);
      values[i].resize(n_rows * static_cast<size_t>(stride));
      masks[i].resize(n_rows);
      outputs.push_back({values[i].data(), stride, masks[i].data()});
    }
  }

  void put(std::span<const Output> targets, const std::vector<uint32_t>& rows) const {
    for (size_t i = 0; i < targets.size(); ++i) {
      const auto n_bytes = static_cast<size_t>(outputs[i].stride);
      auto* const data = static_cast<std::byte*>(targets[i].data);
      for (size_t r = 0; r < rows.size(); ++r) std::memcpy(data + rows[r] * targets[i].stride, values[i].data() + r * n_bytes, n_bytes);
      if (!targets[i].mask) continue;
      for (size_t r = 0; r < rows.size(); ++r) targets[i].mask[rows[r]] = masks[i][r];
    }
  }
};

}  // namespace

Report score_by_row(std::span<const Binding* const> bindings, const int32_t* binding_of_row, const Batch& batch,
                    std::span<const Output> outputs, const CallOptions& options) {
  if (batch.n_rows < 0) throw Error(Code::kInvalidArgument, "a batch has a negative number of rows");
  if (options.selection || options.n_changed) throw Error(Code::kInvalidArgument, "selection and n_changed must be null here");
  if (!bindings.empty()) check_alike(bindings);
  std::vector<std::vector<uint32_t>> rows_of(bindings.size());
  for (int64_t r = 0; r < batch.n_rows; ++r) {
    const int32_t which = binding_of_row[r];
    if (which >= static_cast<int32_t>(bindings.size()) || which < -1) {
      throw Error(Code::kInvalidArgument, "row " + std::to_string(r) + " is for binding " + std::to_string(which) + ", and there are " +
                                              std::to_string(bindings.size()));
    }
    if (which >= 0) {
      rows_of[static_cast<size_t>(which)].push_back(static_cast<uint32_t>(r));
      continue;
    }
    for (const Output& output : outputs) {
      if (!output.mask) throw Error(Code::kInvalidArgument, "row " + std::to_string(r) + " has no model, and a result has no mask");
      output.mask[r] = 1;
    }
  }
  Report sum;
  for (size_t i = 0; i < bindings.size(); ++i) {
    const std::vector<uint32_t>& rows = rows_of[i];
    if (rows.empty()) continue;
    if (outputs.size() != bindings[i]->results.size()) {
      throw Error(Code::kInvalidArgument, "memory for " + std::to_string(bindings[i]->results.size()) + " results is needed, " +
                                              std::to_string(outputs.size()) + " given");
    }
    Group group(*bindings[i], rows.size());
    CallOptions selected = options;
    selected.selection = rows.data();
    selected.n_selected = static_cast<int64_t>(rows.size());
    Report report;
    try {
      report = score(*bindings[i], {&batch, 1}, group.outputs, selected);
    } catch (const Error& error) {
      const int64_t row = error.row() - options.first_row;
      if (error.row() < 0 || row < 0 || row >= selected.n_selected) throw;
      throw Error(error.code(), std::string(error.what()) + " (rows counted among those of " + bindings[i]->scorer->model_name() + ")")
          .at_row(options.first_row + rows[static_cast<size_t>(row)])
          .at_column(error.column())
          .with_value(error.value())
          .with_sql_number(error.sql_number());
    }
    group.put(outputs, rows);
    sum.n_rows += report.n_rows;
    sum.n_threads = std::max(sum.n_threads, report.n_threads);
    sum.ns_total += report.ns_total;
    sum.n_columns_read = std::max(sum.n_columns_read, report.n_columns_read);
    sum.n_columns_unread = std::max(sum.n_columns_unread, report.n_columns_unread);
    sum.tally.add(report.tally);
  }
  return sum;
}

}  // namespace edgeonnx::engine
