// Binding: columns to inputs, outputs to results, every mistake in one error.
#include "engine/bind.h"

#include <algorithm>
#include <atomic>

#include "engine/branches.h"
#include "engine/morsel_choice.h"

namespace edgeonnx::engine {
namespace {

using plan::Port;

/// Both sides in words, told once behind all mistakes.
std::string contract(const Binding& binding) {
  std::vector<std::string> inputs, outputs, columns;
  for (const Port& port : binding.scorer->plan().inputs) inputs.push_back(describe(port));
  for (const plan::OutputPort& output : binding.scorer->plan().outputs) outputs.push_back(describe(output.port));
  for (const Field& field : binding.fields) columns.push_back(in_quotes(field.name) + " " + field.type_name);
  return "The model takes " + join(inputs) + " and returns " + join(outputs) + "; the data have " +
         (columns.empty() ? "no columns" : join(columns)) + ".";
}

std::string explanation(const Binding& binding) {
  std::string text;
  for (const BoundInput& input : binding.inputs) {
    const Port& port = binding.scorer->plan().inputs[input.input];
    std::vector<std::string> names;
    bool casts = false;
    for (const size_t field : input.fields) {
      names.push_back(in_quotes(binding.fields[field].name));
    }
    for (const size_t cast : input.casts) casts |= cast != kNoCast;
    const bool single = names.size() == 1;
    text += "input " + describe(port) + " <- " +
            (names.size() > 6 ? names.front() + " ... " + names.back() + " (" + std::to_string(names.size()) + " columns)" : join(names)) +
            (casts    ? ": converted"
             : single ? ": borrowed where it lies without gaps"
                      : ": gathered into rows") +
            "\n";
  }
  for (const Cast& cast : binding.casts) {
    text += "cast " + in_quotes(cast.column) + ": " + cast.from + " -> " + cast.to + ", " +
            (cast.exact ? "exact" : convert::rule_name(cast.rule)) + "\n";
  }
  for (const BoundResult& result : binding.results) {
    text += "result " + in_quotes(result.name) + " " + display_name(result.conversion.to) +
            (result.width == 1 ? "" : " " + shape_text(result.shape)) +
            (result.not_null   ? ", NOT NULL"
             : result.nullable ? ", may be NULL"
                               : "") +
            "\n";
  }
  if (binding.morsel_rows != binding.scorer->plan().morsel_rows) {
    text += "morsel: " + std::to_string(binding.morsel_rows) + " rows, since these are long\n";
  }
  return text;
}

void count_columns(Binding& binding) {
  const plan::Plan& plan = binding.scorer->plan();
  int64_t n_columns = 0;
  for (const BoundInput& input : binding.inputs) {
    n_columns += input.width;
    if (plan.feeds_session[input.input]) binding.n_columns_read += input.width;
  }
  binding.n_columns_read += std::count_if(plan.columns.begin(), plan.columns.end(),
                                          [&](const plan::InputValue& column) { return !plan.feeds_session[column.input]; });
  binding.n_columns_unread = n_columns - binding.n_columns_read;
}

/// After prepare_branches.
void list_fields_read(Binding& binding) {
  const plan::Plan& plan = binding.scorer->plan();
  std::vector<size_t>& fields = binding.fields_read;
  for (const BoundInput& input : binding.inputs) {
    if (plan.feeds_session[input.input]) fields.insert(fields.end(), input.fields.begin(), input.fields.end());
  }
  const auto add = [&](const plan::InputValue& value) {
    const std::vector<size_t>& of_input = binding.inputs[value.input].fields;
    fields.push_back(of_input.size() == 1 ? of_input[0] : of_input[static_cast<size_t>(value.value)]);
  };
  std::for_each(plan.columns.begin(), plan.columns.end(), add);
  std::for_each(binding.branch_values.begin(), binding.branch_values.end(), add);
  std::sort(fields.begin(), fields.end());
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
}

}  // namespace

Binding bind(std::shared_ptr<const Scorer> scorer, std::vector<Field> fields, const BindingOptions& options) {
  static std::atomic<int64_t> n_bindings{0};
  scorer->check_usable();
  Binding binding;
  binding.id = n_bindings.fetch_add(1);
  binding.scorer = std::move(scorer);
  binding.fields = std::move(fields);
  binding.on_overflow = options.on_overflow;
  Mistakes mistakes;
  bind_inputs(binding, options, mistakes);
  mistakes.raise_if_any(contract(binding));
  bind_results(binding, options, mistakes);
  mistakes.raise_if_any(contract(binding));
  count_columns(binding);
  prepare_branches(binding, options.counts_branches);
  list_fields_read(binding);
  choose_morsel(binding);
  binding.explain = explanation(binding) + branch_warning(binding);
  return binding;
}

}  // namespace edgeonnx::engine
