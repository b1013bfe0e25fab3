// Score calls that fail: the first bad row whatever threads and morsels, what the error tells, calls that make no sense.
#include <map>

#include "scoring.h"

namespace {

using namespace scoring;

TEST(test_score_overflow_tells_row_column_value_and_number) {
  const Scorer scorer = load(tiny::identity(Type::kUint8, {"N"}), {1, 4});
  std::vector<int32_t> values(20, 255);
  values[13] = 300;
  values[14] = -1;
  Table first(5), second(20);
  first.add("age", std::vector<int32_t>{0, 1, 2, 3, 4});
  second.add("age", values);
  edgeonnx_binding_options options = binding_options();
  options.by_position = 1;
  const StatusError error = FAILURE(EDGEONNX_OVERFLOW, score(scorer.bind(first.fields(), options), {first.batch(), second.batch()}));
  CHECK(contains(error.what(), "Arithmetic overflow error for data type tinyint, value = 300."));
  CHECK(contains(error.what(), "row 18"));
  CHECK(contains(error.what(), "'x'"));
  CHECK_EQUAL(error.row(), int64_t{18});
  CHECK_EQUAL(error.column(), std::string("age"));
  CHECK_EQUAL(error.value(), std::string("300"));
  CHECK_EQUAL(error.sql_number(), 220);
}

/// What goes wrong at which row of a table of 500 rows; -1: nowhere.
struct Trouble {
  int64_t a_overflows, b_is_null, a_result_overflows, b_result_overflows;
};
const Trouble kTroubles[] = {
    {450, -1, -1, -1},  {-1, 3, -1, -1},   {-1, -1, 77, -1}, {-1, -1, -1, 499},    {400, 399, -1, -1},
    {10, 300, -1, -1},  {-1, 10, 300, -1}, {-1, -1, 70, 65}, {-1, -1, 65, 70},     {140, -1, 130, -1},
    {-1, 140, -1, 130}, {9, 8, 7, 6},      {6, 7, 8, 9},     {203, 202, 201, 200},
};

TEST(test_score_first_bad_row_is_told_whatever_threads_and_morsels) {
  const std::string model =
      tiny::model({.nodes = {tiny::node("Identity", {"a"}, {"a_out"}), tiny::node("Identity", {"b"}, {"b_out"})},
                   .inputs = {tiny::tensor("a", Type::kInt32, {"N"}), tiny::tensor("b", Type::kFloat, {"N", 2})},
                   .outputs = {tiny::tensor("a_out", Type::kInt32, {"N"}), tiny::tensor("b_out", Type::kFloat, {"N", 2})},
                   .initializers = {}});
  const edgeonnx_result results[] = {{"a_out", EDGEONNX_TYPE_INT16}, {"b_out", EDGEONNX_TYPE_UINT8}};
  edgeonnx_binding_options options = binding_options();
  options.results = results;
  options.n_results = 2;
  edgeonnx_call call = default_call();
  call.first_row = 7000;
  for (const int n_threads : {1, 2, 8}) {
    for (const int64_t morsel_rows : {1, 7, 64, 0}) {
      const Scorer scorer = load(model, {n_threads, morsel_rows});
      for (const Trouble& trouble : kTroubles) {
        std::vector<double> a(500, 5);
        std::vector<float> b(1000, 6);
        std::vector<uint8_t> valid(500, 1);
        const auto at = [](int64_t row) { return static_cast<size_t>(row); };
        if (trouble.a_overflows >= 0) a[at(trouble.a_overflows)] = 1e10;
        if (trouble.b_is_null >= 0) valid[at(trouble.b_is_null)] = 0;
        if (trouble.a_result_overflows >= 0) a[at(trouble.a_result_overflows)] = 40000;
        if (trouble.b_result_overflows >= 0) b[at(2 * trouble.b_result_overflows + 1)] = -300;
        Table table(500);
        table.add("a", a).add("b", b, 2).valid(valid);
        const std::map<int64_t, std::pair<edgeonnx_status, std::string>> by_row = {
            {trouble.a_overflows, {EDGEONNX_OVERFLOW, "a"}},
            {trouble.b_is_null, {EDGEONNX_NULL_VALUE, "b"}},
            {trouble.a_result_overflows, {EDGEONNX_OVERFLOW, "a_out"}},
            {trouble.b_result_overflows, {EDGEONNX_OVERFLOW, "b_out"}}};
        const auto& [row, expected] = *by_row.lower_bound(0);
        const Binding binding = scorer.bind(table.fields(), options);
        const StatusError error = FAILURE(expected.first, score(binding, table));
        CHECK_EQUAL(error.row(), row);
        CHECK_EQUAL(error.column(), expected.second);
        CHECK_EQUAL(FAILURE(expected.first, score(binding, {table.batch()}, call)).row(), 7000 + row);
      }
    }
  }
}

TEST(test_score_wrong_call_is_an_invalid_argument) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  Table table(3);
  table.add("x", std::vector<float>{1, 2, 3});
  const Binding binding = scorer.bind(table.fields(), binding_options());
  const Binding nullable = scorer.bind(table.fields(), binding_options(EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL));
  std::vector<float> y(3);
  const edgeonnx_output output{y.data(), 4, nullptr};
  const edgeonnx_column no_data{};
  CHECK_EQUAL(nullable.result(0).nullable, 1);
  FAILURE(EDGEONNX_INVALID_ARGUMENT, nullable.score({table.batch()}, {output}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({table.batch()}, {}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({table.batch()}, {output, output}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({table.batch()}, {{nullptr, 4, nullptr}}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({{nullptr, 3}}, {output}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({{&no_data, 3}}, {output}, default_call()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, binding.score({{table.columns().data(), -1}}, {output}, default_call()));
}

}  // namespace

int main() { return run_with_runtime("test_score_failures"); }
