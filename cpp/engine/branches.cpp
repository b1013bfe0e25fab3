#include "engine/branches.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "columns/bitmap.h"

namespace edgeonnx::engine {
namespace {

/// The column behind one value of an input's row, and the value's place in the column's row.
struct Place {
  size_t field;
  int64_t value;
};

Place place_of(const BoundInput& input, int64_t value) {
  if (input.fields.size() == 1) return {input.fields[0], value};
  return {input.fields[static_cast<size_t>(value)], 0};
}

bool is_rounded(const Binding& binding, const BoundInput& input, size_t field) {
  return input.type == Type::kFloat && !convert::is_exact(binding.fields[field].data_type(), {input.type});
}

/// The column's values as doubles, which are what the rounded ones are compared with; more than 53 bits are not told apart.
void read_doubles(const Column& column, const Field& field, int64_t value, const Morsel& morsel, double* target) {
  const auto* first = static_cast<const std::byte*>(column.data) + morsel.begin * column.stride + value * size_of(field.type);
  convert::run(convert::conversion(field.data_type(), {Type::kDouble}), {first, column.stride, 0}, target, sizeof *target, morsel.n_rows,
               nullptr);
}

/// Rows in which the column's value is not what the tree was given: NULL, beyond a real, or in a row that is not scored.
void find_nulls(const Binding& binding, const Column& column, const Field& field, int64_t value, const Morsel& morsel, const Lane& lane,
                const double* doubles, uint8_t* is_null) {
  constexpr double kFirstBeyondReal = 0x1.ffffffp127;
  for (int64_t r = 0; r < morsel.n_rows; ++r) {
    const int64_t row = morsel.begin + r;
    const double exact = doubles[r];
    bool null = lane.any_row_null && lane.row_null[static_cast<size_t>(r)];
    null |= column.validity && !bit_at(column.validity, column.offset + row);
    null |= column.value_validity && !bit_at(column.value_validity, column.value_offset + row * field.width + value);
    null |= binding.on_overflow == OnOverflow::kNull && (exact >= kFirstBeyondReal || exact <= -kFirstBeyondReal);
    is_null[r] = null;
  }
}

/// The values as the model gets them; nothing where no node reads them, since the tests of them change nothing.
kernels::ColumnView rounded_values(const Binding& binding, const plan::InputValue& watched, const Lane& lane) {
  const plan::Plan& plan = binding.scorer->plan();
  if (plan.feeds_session[watched.input]) {
    const auto* tensor = static_cast<const std::byte*>(lane.input_refs[watched.input].data);
    return {tensor + watched.value * static_cast<int64_t>(sizeof(float)), binding.inputs[watched.input].row_bytes()};
  }
  const auto at = std::lower_bound(plan.columns.begin(), plan.columns.end(), watched);
  if (at == plan.columns.end() || *at != watched) return {};
  return lane.columns_read[static_cast<size_t>(at - plan.columns.begin())];
}

}  // namespace

void prepare_branches(Binding& binding, bool counts) {
  binding.counts_branches = counts && binding.scorer->plan().branches.n_covered() > 0;
  if (!binding.counts_branches) return;
  std::vector<int64_t> widths;
  for (const BoundInput& input : binding.inputs) widths.push_back(input.width);
  binding.branch_values = binding.scorer->plan().branches.layout(widths);
}

std::string branch_warning(const Binding& binding) {
  const plan::BranchCheck& branches = binding.scorer->plan().branches;
  std::vector<std::string> names;
  for (const BoundInput& input : binding.inputs) {
    if (!branches.feeds(input.input)) continue;
    for (const size_t field : input.fields) {
      if (is_rounded(binding, input, field)) names.push_back(in_quotes(binding.fields[field].name));
    }
  }
  if (names.empty()) return "";
  const std::string which = names.size() == 1
                                ? "column " + names[0] + " is"
                                : std::to_string(names.size()) + " columns (" + names.front() + " ... " + names.back() + ") are";
  return "warning: " + which +
         " rounded to real before the thresholds of trees: a row at a threshold may take another branch than in a model that "
         "was trained on unrounded values; report='branches' counts such rows\n";
}

int64_t count_branch_changes(const Binding& binding, const Morsel& morsel, Lane& lane) {
  const size_t n = binding.branch_values.size();
  if (n == 0) return 0;
  const size_t n_rows = static_cast<size_t>(morsel.n_rows);
  auto* doubles = reinterpret_cast<double*>(lane.branch_values.reserve(n * n_rows * (sizeof(double) + 1)));
  auto* nulls = reinterpret_cast<uint8_t*>(doubles + n * n_rows);
  std::vector<plan::FeatureColumn> columns(n);
  for (size_t i = 0; i < n; ++i) {
    const plan::InputValue& watched = binding.branch_values[i];
    const BoundInput& input = binding.inputs[watched.input];
    const kernels::ColumnView rounded = rounded_values(binding, watched, lane);
    static constexpr float kZero = 0;
    columns[i].rounded = rounded.data ? rounded.data : reinterpret_cast<const std::byte*>(&kZero);
    columns[i].rounded_stride = rounded.stride;
    if (!rounded.data) continue;
    const auto [field, value] = place_of(input, watched.value);
    if (!is_rounded(binding, input, field)) continue;
    const Column& column = morsel.batch->columns[field];
    double* exact = doubles + i * n_rows;
    read_doubles(column, binding.fields[field], value, morsel, exact);
    columns[i].exact = reinterpret_cast<const std::byte*>(exact);
    if (!column.validity && !column.value_validity && !lane.any_row_null && binding.on_overflow == OnOverflow::kError) continue;
    find_nulls(binding, column, binding.fields[field], value, morsel, lane, exact, nulls + i * n_rows);
    columns[i].is_null = nulls + i * n_rows;
  }
  return binding.scorer->plan().branches.count(columns, morsel.n_rows);
}

}  // namespace edgeonnx::engine
