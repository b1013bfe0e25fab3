// edgeonnx_binding_* and edgeonnx_cancel_*: shims over engine::bind and engine::score.
#include "base/text.h"
#include "capi/handles.h"
#include "capi/types.h"
#include "engine/clock.h"
#include "engine/score_by_row.h"
#include "engine/settings.h"

namespace {

using namespace edgeonnx;
using namespace edgeonnx::capi;

void add_row_shape(std::vector<Field>& fields, const edgeonnx_row_shape& shape) {
  if (shape.field >= fields.size()) {
    throw Error(Code::kInvalidArgument,
                "row_shapes names column " + std::to_string(shape.field) + ", there are " + std::to_string(fields.size()));
  }
  Field& field = fields[shape.field];
  int64_t width = 1;
  for (const int64_t size : items(shape.sizes, shape.n_sizes, "sizes")) {
    if (size < 1 || __builtin_mul_overflow(width, size, &width)) width = 0;
    field.sizes.push_back(size);
  }
  if (width != field.width) {
    throw Error(Code::kInvalidArgument,
                "column " + in_quotes(field.name) + " has " + std::to_string(field.width) + " values a row, not as many as its row_shapes");
  }
}

std::vector<Field> fields_of(const edgeonnx_field* fields, size_t n, const edgeonnx_binding_options* options) {
  std::vector<Field> all;
  for (const edgeonnx_field& field : items(fields, n, "fields")) all.push_back(field_of(field));
  const edgeonnx_binding_options raw = read_struct(options);
  for (const edgeonnx_row_shape& shape : items(raw.row_shapes, raw.n_row_shapes, "row_shapes")) add_row_shape(all, shape);
  return all;
}

engine::BindingOptions options_of(const edgeonnx_binding_options* given) {
  const edgeonnx_binding_options raw = read_struct(given);
  engine::BindingOptions options;
  options.coercion = enum_of<engine::Coercion>(raw.coercion, EDGEONNX_COERCION_STRICT, "coercion");
  options.on_overflow = enum_of<engine::OnOverflow>(raw.on_overflow, EDGEONNX_ON_OVERFLOW_NULL, "on_overflow");
  options.by_position = raw.by_position != 0;
  options.counts_branches = raw.counts_branches != 0;
  for (const edgeonnx_null_rule& from : items(raw.null_rules, raw.n_null_rules, "null_rules")) {
    engine::NullRule rule{enum_of<engine::NullPolicy>(from.policy, EDGEONNX_NULLS_CONSTANT, "nulls"), from.constant, {}};
    if (from.constant_is_integer) rule.constant_integer = from.constant_integer;
    (from.input ? options.nulls_of_input[from.input] : options.nulls) = rule;
  }
  for (const edgeonnx_rename& rename : items(raw.renames, raw.n_renames, "renames")) {
    options.renames[text_or(rename.column, "")] = text_or(rename.input, "");
  }
  for (const edgeonnx_column_group& group : items(raw.groups, raw.n_groups, "groups")) {
    std::vector<std::string>& columns = options.groups[text_or(group.input, "")];
    columns.clear();
    for (const char* column : items(group.columns, group.n_columns, "columns")) columns.push_back(text_or(column, ""));
  }
  for (const edgeonnx_result& result : items(raw.results, raw.n_results, "results")) {
    const Declaration declaration = declaration_of(result);
    options.results.push_back({text_or(result.output, ""), declaration.type, declaration.not_null});
  }
  return options;
}

}  // namespace

edgeonnx_status edgeonnx_settings_parse(const char* text, edgeonnx_binding_options* options, edgeonnx_null_rule* rule,
                                        edgeonnx_error* error) {
  return guarded(error, [&] {
    edgeonnx_binding_options& to = needed(options, "options");
    const engine::Settings settings = engine::parse_settings(text_or(text, ""));
    to.coercion = static_cast<int32_t>(settings.coercion);
    to.on_overflow = static_cast<int32_t>(settings.on_overflow);
    const std::optional<int64_t>& whole = settings.nulls.constant_integer;
    needed(rule, "rule") = {nullptr, settings.nulls.constant, whole.value_or(0), whole.has_value(),
                            static_cast<int32_t>(settings.nulls.policy)};
    to.null_rules = rule;
    to.n_null_rules = 1;
  });
}

edgeonnx_status edgeonnx_binding_create(edgeonnx_scorer* scorer, const edgeonnx_field* fields, size_t n_fields,
                                        const edgeonnx_binding_options* options, edgeonnx_binding** out, edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    *out = new edgeonnx_binding{engine::bind(needed(scorer, "scorer").scorer, fields_of(fields, n_fields, options), options_of(options))};
    ++live_objects;
  });
}

void edgeonnx_binding_release(edgeonnx_binding* binding) {
  if (!binding) return;
  delete binding;
  --live_objects;
}

int64_t edgeonnx_binding_n_results(const edgeonnx_binding* binding) {
  return binding ? static_cast<int64_t>(binding->binding.results.size()) : 0;
}

edgeonnx_status edgeonnx_binding_result(const edgeonnx_binding* binding, int64_t index, edgeonnx_port* port) {
  return guarded(nullptr, [&] {
    const engine::BoundResult& result = item_at(needed(binding, "binding").binding.results, index, "result");
    needed(port, "port") = port_of(result, result.conversion.to, result.width, result.nullable);
  });
}

int64_t edgeonnx_binding_n_casts(const edgeonnx_binding* binding) {
  return binding ? static_cast<int64_t>(binding->binding.casts.size()) : 0;
}

edgeonnx_status edgeonnx_binding_cast(const edgeonnx_binding* binding, int64_t index, edgeonnx_cast* cast) {
  return guarded(nullptr, [&] {
    const engine::Cast& from = item_at(needed(binding, "binding").binding.casts, index, "cast");
    needed(cast, "cast") = {from.column.c_str(), from.from.c_str(), from.to.c_str(), from.exact, convert::rule_name(from.rule)};
  });
}

const char* edgeonnx_binding_explain(const edgeonnx_binding* binding) { return binding ? binding->binding.explain.c_str() : ""; }

namespace {

engine::CallOptions call_options_of(const edgeonnx_call* call) {
  const edgeonnx_call raw = read_struct(call);
  engine::CallOptions options{raw.cancel ? &raw.cancel->cancel : nullptr, raw.check, raw.check_data, raw.first_row, raw.n_changed};
  options.selection = raw.selection;
  options.n_selected = raw.n_selected;
  options.deadline_ns = raw.deadline_ns;
  options.max_scratch_bytes = raw.max_scratch_bytes;
  options.n_threads = raw.n_threads;
  return options;
}

edgeonnx_report report_of(const engine::Report& done) {
  return {sizeof(edgeonnx_report),   done.n_rows,         done.tally.n_morsels,  done.n_threads,    done.tally.bytes_copied,
          done.tally.bytes_borrowed, done.ns_total,       done.tally.ns_convert, done.tally.ns_run, done.tally.ns_write,
          done.n_branch_changes,     done.n_columns_read, done.n_columns_unread};
}

/// What the caller's struct, which may be an older one, has room for.
void give_report(edgeonnx_report full, edgeonnx_report* report) {
  if (!report) return;
  full.struct_size = report->struct_size;
  std::memcpy(report, &full, std::min(report->struct_size, sizeof full));
}

/// Scores, and tells of it whoever listens to the scorer.
edgeonnx_report score_and_tell(const engine::Binding& binding, std::span<const Batch> batches, std::span<const engine::Output> outputs,
                               const engine::CallOptions& options) {
  if (!binding.scorer->tells()) return report_of(engine::score(binding, batches, outputs, options));
  const int64_t start = engine::now_ns();
  const auto tell_failure = [&](Code code) {
    edgeonnx_report time{};
    time.struct_size = sizeof time;
    time.ns_total = engine::now_ns() - start;
    binding.scorer->tell(static_cast<edgeonnx_status>(code), time);
  };
  try {
    const edgeonnx_report report = report_of(engine::score(binding, batches, outputs, options));
    binding.scorer->tell(EDGEONNX_OK, report);
    return report;
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument) tell_failure(error.code());
    throw;
  } catch (const std::bad_alloc&) {
    tell_failure(Code::kOutOfMemory);
    throw;
  }
}

}  // namespace

edgeonnx_status edgeonnx_binding_score(const edgeonnx_binding* binding, const edgeonnx_batch* batches, size_t n_batches,
                                       const edgeonnx_output* outputs, size_t n_outputs, const edgeonnx_call* call, edgeonnx_report* report,
                                       edgeonnx_error* error) {
  return guarded(error, [&] {
    give_report(score_and_tell(needed(binding, "binding").binding, items(batches, n_batches, "batches"),
                               items(outputs, n_outputs, "outputs"), call_options_of(call)),
                report);
  });
}

edgeonnx_status edgeonnx_score_by_row(const edgeonnx_binding* const* bindings, size_t n_bindings, const int32_t* binding_of_row,
                                      const edgeonnx_batch* batch, const edgeonnx_output* outputs, size_t n_outputs,
                                      const edgeonnx_call* call, edgeonnx_report* report, edgeonnx_error* error) {
  return guarded(error, [&] {
    std::vector<const engine::Binding*> given;
    for (const edgeonnx_binding* each : items(bindings, n_bindings, "bindings")) given.push_back(&needed(each, "a binding").binding);
    const edgeonnx_batch& rows = needed(batch, "batch");
    if (rows.n_rows > 0) needed(binding_of_row, "binding_of_row");
    give_report(report_of(engine::score_by_row(given, binding_of_row, rows, items(outputs, n_outputs, "outputs"), call_options_of(call))),
                report);
  });
}

int32_t edgeonnx_binding_is_brief(const edgeonnx_binding* binding, int64_t n_rows) {
  constexpr int64_t kBrief = 1 << 13;  // multiplications, roughly: a few microseconds
  if (!binding || n_rows < 0) return 0;
  const plan::Plan& plan = binding->binding.scorer->plan();
  return !plan.session && n_rows <= plan.morsel_rows && n_rows <= kBrief / std::max<int64_t>(1, plan.row_cost);
}

edgeonnx_status edgeonnx_cancel_create(edgeonnx_cancel** out, edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    *out = new edgeonnx_cancel;
    ++live_objects;
  });
}

void edgeonnx_cancel_release(edgeonnx_cancel* cancel) {
  if (!cancel) return;
  delete cancel;
  --live_objects;
}

void edgeonnx_cancel_request(edgeonnx_cancel* cancel) {
  if (cancel) cancel->cancel.requested.store(true);
}

void edgeonnx_cancel_reset(edgeonnx_cancel* cancel) {
  if (cancel) cancel->cancel.requested.store(false);
}
