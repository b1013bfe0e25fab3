// How many values the conversions of a score call altered: one number a cast, whatever the road that the values took.
#include <cmath>
#include <limits>

#include "scoring.h"

namespace {

using namespace scoring;

/// Scores and hands back the counts, one per cast of the binding.
std::vector<int64_t> counts(const Binding& binding, const std::vector<edgeonnx_batch>& batches) {
  std::vector<int64_t> n_changed(binding.casts().size(), -1);
  edgeonnx_call call = default_call();
  call.n_changed = n_changed.data();
  score(binding, batches, call);
  return n_changed;
}
std::vector<int64_t> counts(const Scorer& scorer, const Table& table, const edgeonnx_binding_options& options = binding_options()) {
  return counts(scorer.bind(table.fields(), options), {table.batch()});
}

edgeonnx_binding_options with_results(const std::vector<edgeonnx_result>& results, int32_t on_overflow = EDGEONNX_ON_OVERFLOW_ERROR) {
  edgeonnx_binding_options options = binding_options(EDGEONNX_COERCION_TSQL, on_overflow);
  options.results = results.data();
  options.n_results = results.size();
  return options;
}

TEST(test_counts_follow_the_casts_of_the_binding) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}));
  Table table(4);
  table.add("b", std::vector<int64_t>{1, 16777217, 3, 16777219}).add("a", std::vector<double>{0.5, 0.25, 0.1, 0.0});
  const std::vector<edgeonnx_result> results = {{"sum", EDGEONNX_TYPE_INT32, 0, 0, 0}, {"sum", EDGEONNX_TYPE_DOUBLE, 0, 0, 0}};
  const Binding binding = scorer.bind(table.fields(), with_results(results));
  const std::vector<edgeonnx_cast> casts = binding.casts();
  CHECK_EQUAL(casts.size(), size_t{4});
  const std::pair<const char*, const char*> expected[] = {{"a", "nearest"}, {"b", "nearest"}, {"sum", "truncate"}, {"sum", "exact"}};
  for (size_t i = 0; i < casts.size(); ++i) {
    CHECK_EQUAL(std::string(casts[i].column), std::string(expected[i].first));
    CHECK_EQUAL(std::string(casts[i].rule), std::string(expected[i].second));
  }
  // 0.1; the two beyond 2^24; 1.5 and 3.1, since 2^24 swallows the rest.
  CHECK(counts(binding, {table.batch()}) == std::vector<int64_t>({1, 2, 2, 0}));
}

TEST(test_counts_of_values_that_stay_what_they_are_are_zero) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  Table reals(4), integers(2), bits(5);
  reals.add("x", std::vector<double>{nan, infinity, -0.0, 0.5});
  CHECK(counts(load(tiny::identity(Type::kFloat, {"N"})), reals) == std::vector<int64_t>({0}));
  integers.add("x", std::vector<double>{-0.0, 7});
  CHECK(counts(load(tiny::identity(Type::kInt64, {"N"})), integers) == std::vector<int64_t>({0}));
  bits.add("x", std::vector<float>{0, 1, 2, -1, 0.5F});
  CHECK(counts(load(tiny::identity(Type::kBool, {"N"})), bits) == std::vector<int64_t>({3}));
}

TEST(test_counts_of_a_call_without_rows_are_written) {
  Table table(0);
  table.add("x", std::vector<double>{});
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  CHECK(counts(scorer, table) == std::vector<int64_t>({0}));
  CHECK(counts(scorer.bind(table.fields(), binding_options()), {}) == std::vector<int64_t>({0}));
}

TEST(test_digits_of_what_is_no_decimal_are_not_looked_at) {
  Table table(2);
  table.add("x", std::vector<float>{1, 2});
  std::vector<edgeonnx_field> fields = table.fields();
  fields[0].precision = 7;
  fields[0].scale = 2;
  const Binding binding = load(tiny::identity(Type::kFloat, {"N"})).bind(fields, binding_options());
  CHECK_EQUAL(binding.casts().size(), size_t{0});
  CHECK_EQUAL(score(binding, {table.batch()}, default_call()).report.bytes_borrowed, int64_t{8});
}

TEST(test_counts_sum_up_over_batches_morsels_and_threads) {
  for (const int n_threads : {1, 3}) {
    for (const int64_t morsel_rows : {1, 64, 0}) {
      const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}), {n_threads, morsel_rows});
      std::vector<Table> tables;
      std::vector<edgeonnx_batch> batches;
      int64_t rounded = 0, cut = 0;
      for (const int64_t n : {0, 1, 700, 65}) {
        std::vector<double> x(static_cast<size_t>(n));
        for (size_t i = 0; i < x.size(); ++i) {
          x[i] = i % 3 == 0 ? 0.1 : i % 3 == 1 ? 0.5 : static_cast<double>(i);
          rounded += i % 3 == 0;
          cut += i % 3 != 2;
        }
        batches.push_back(tables.emplace_back(n).add("x", x).batch());
      }
      const std::vector<edgeonnx_result> results = {{"y", EDGEONNX_TYPE_INT16, 0, 0, 0}};
      CHECK(counts(scorer.bind(tables[0].fields(), with_results(results)), batches) == std::vector<int64_t>({rounded, cut}));
    }
  }
}

TEST(test_counts_of_many_columns_and_of_a_list_are_the_same) {
  constexpr int64_t n = 1300;
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 3}), {1, 600});
  std::vector<double> rows(3 * n), columns[3];
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = i % 5 == 0 ? 0.1 : 0.5;
    columns[i % 3].push_back(rows[i]);
  }
  Table list(n), single(n);
  list.add("x", rows, 3);
  for (int i = 0; i < 3; ++i) single.add("c" + std::to_string(i), columns[i]);
  CHECK(counts(scorer, list) == std::vector<int64_t>({3 * n / 5}));
  CHECK(counts(scorer, single) == std::vector<int64_t>({n / 5, n / 5, n / 5}));
}

TEST(test_counts_leave_nulls_and_what_does_not_fit_out) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  Table table(6);
  table.add("x", std::vector<double>{0.1, 0.1, 1e300, 0.1, 0.5, 256.5}).valid({1, 0, 1, 1, 0, 1}, 5);
  const std::vector<edgeonnx_result> results = {{"y", EDGEONNX_TYPE_UINT8, 0, 0, 0}};
  for (const int32_t policy : {EDGEONNX_NULLS_PROPAGATE, EDGEONNX_NULLS_CONSTANT}) {
    const edgeonnx_null_rule rule = null_rule(policy);  // the constant is 0
    edgeonnx_binding_options options = with_results(results, EDGEONNX_ON_OVERFLOW_NULL);
    options.null_rules = &rule;
    options.n_null_rules = 1;
    // Of the results, 256.5 does not fit; masked rows are nobody's.
    CHECK(counts(scorer, table, options) == std::vector<int64_t>({2, 2}));
  }
}

TEST(test_counts_of_wide_results_into_rows_with_gaps) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 2}), {1, 16});
  constexpr int64_t n = 50;
  std::vector<float> x(2 * n);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + (i % 4 == 0 ? 0.5F : 0.0F);
  Table table(n);
  table.add("x", x, 2);
  const std::vector<edgeonnx_result> results = {{"y", EDGEONNX_TYPE_INT32, 0, 0, 0}};
  const Binding binding = scorer.bind(table.fields(), with_results(results));
  for (const int64_t stride : {8, 11}) {
    std::vector<std::byte> memory(static_cast<size_t>(n * stride));
    int64_t n_changed = -1;
    edgeonnx_call call = default_call();
    call.n_changed = &n_changed;
    binding.score({table.batch()}, {{memory.data(), stride, nullptr}}, call);
    CHECK_EQUAL(n_changed, n / 2);
  }
}

TEST(test_counts_of_single_rows_begin_afresh) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  Table rounded(1), exact(1);
  rounded.add("x", std::vector<double>{0.1});
  exact.add("x", std::vector<double>{0.5});
  const Binding binding = scorer.bind(rounded.fields(), binding_options());
  for (int i = 0; i < 3; ++i) {
    CHECK(counts(binding, {rounded.batch()}) == std::vector<int64_t>({1}));
    CHECK(counts(binding, {exact.batch()}) == std::vector<int64_t>({0}));
  }
}

TEST(test_counts_are_written_on_success_alone) {
  Table table(2);
  table.add("x", std::vector<double>{0.1, 1e300});
  const Binding binding = load(tiny::identity(Type::kFloat, {"N"})).bind(table.fields(), binding_options());
  int64_t n_changed = 77;
  edgeonnx_call call = default_call();
  call.n_changed = &n_changed;
  FAILURE(EDGEONNX_OVERFLOW, score(binding, {table.batch()}, call));
  CHECK_EQUAL(n_changed, int64_t{77});
}

TEST(test_counts_decimals_in_and_out) {
  const Scorer scorer = load(tiny::identity(Type::kDouble, {"N"}));
  const std::vector<int64_t> unscaled = {150, 0, 110, 0, -110, -1, 100, 0};  // 1.50, 1.10, -1.10, 1.00
  edgeonnx_column column{};
  column.data = unscaled.data();
  column.stride = 16;
  Table table(4);
  table.add_column({"x", nullptr, 1, EDGEONNX_TYPE_DECIMAL128, 10, 2}, column);
  const std::vector<edgeonnx_result> declared = {{"y", EDGEONNX_TYPE_DECIMAL128, 20, 1, 1}, {"y", EDGEONNX_TYPE_MONEY, 0, 0, 0}};
  const Binding binding = scorer.bind(table.fields(), with_results(declared));
  const std::vector<edgeonnx_cast> casts = binding.casts();
  CHECK_EQUAL(casts[0].from + std::string(" ") + casts[0].to, std::string("decimal(10,2) float"));
  CHECK_EQUAL(casts[1].from + std::string(" ") + casts[1].to, std::string("float decimal(20,1)"));
  CHECK_EQUAL(std::string(casts[2].to), std::string("money"));
  const edgeonnx_port decimal = binding.result(0), money = binding.result(1);
  CHECK(decimal.type == EDGEONNX_TYPE_DECIMAL128 && decimal.precision == 20 && decimal.scale == 1 && decimal.nullable == 0);
  CHECK(money.type == EDGEONNX_TYPE_MONEY && money.precision == 19 && money.scale == 4);
  CHECK_EQUAL(std::string(money.sql_type), std::string("money"));
  const Results results = score(binding, table);
  CHECK(results.values<int64_t>(0) == std::vector<int64_t>({15, 0, 11, 0, -11, -1, 10, 0}));
  CHECK(results.values<int64_t>(1) == std::vector<int64_t>({15000, 0, 11000, 0, -11000, -1, 10000, 0}));
  // No float is 1.1, so that every conversion of it alters something.
  CHECK(counts(binding, {table.batch()}) == std::vector<int64_t>({2, 2, 2}));
}

}  // namespace

int main() { return run_with_runtime("test_counts"); }
