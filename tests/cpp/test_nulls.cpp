// NULLs and values that do not fit: every policy with every other, bitmaps at any offset, and masks of the results.
#include <cmath>
#include <limits>
#include <random>

#include "scoring.h"

namespace {

using namespace scoring;

constexpr double kGarbage = 1e300;  // what lies under a NULL; no real holds it

edgeonnx_binding_options with_rule(const edgeonnx_null_rule& rule, int32_t on_overflow = EDGEONNX_ON_OVERFLOW_ERROR) {
  edgeonnx_binding_options options = binding_options(EDGEONNX_COERCION_TSQL, on_overflow);
  options.null_rules = &rule;
  options.n_null_rules = 1;
  return options;
}

edgeonnx_null_rule constant_rule(double value) {
  edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_CONSTANT);
  rule.constant = value;
  return rule;
}

/// One row of the table that follows: value, NULL over garbage, value that does not fit, or both kinds.
struct Policies {
  const char* name;
  edgeonnx_null_rule rule;
  int32_t on_overflow;
  // What the row with a NULL gives, and the row with a value that does not fit: a number, 'n'an, 'm'asked, or 'e'rror.
  char null_row, overflow_row;
};
const Policies kPolicies[] = {
    {"error, error", null_rule(EDGEONNX_NULLS_ERROR), EDGEONNX_ON_OVERFLOW_ERROR, 'e', 'e'},
    {"nan, error", null_rule(EDGEONNX_NULLS_NAN), EDGEONNX_ON_OVERFLOW_ERROR, 'n', 'e'},
    {"propagate, error", null_rule(EDGEONNX_NULLS_PROPAGATE), EDGEONNX_ON_OVERFLOW_ERROR, 'm', 'e'},
    {"constant, error", constant_rule(7), EDGEONNX_ON_OVERFLOW_ERROR, '7', 'e'},
    {"error, null", null_rule(EDGEONNX_NULLS_ERROR), EDGEONNX_ON_OVERFLOW_NULL, 'e', 'm'},
    {"nan, null", null_rule(EDGEONNX_NULLS_NAN), EDGEONNX_ON_OVERFLOW_NULL, 'n', 'n'},
    {"propagate, null", null_rule(EDGEONNX_NULLS_PROPAGATE), EDGEONNX_ON_OVERFLOW_NULL, 'm', 'm'},
    {"constant, null", constant_rule(7), EDGEONNX_ON_OVERFLOW_NULL, '7', '7'},
};

/// Scores {1, special, 3} and checks the middle row; `wide` puts it into a list of two beside a plain value.
void check_policy(const Policies& each, bool is_null, bool wide) {
  const Scorer scorer = load(wide ? tiny::identity(Type::kFloat, {"N", 2}) : tiny::identity(Type::kFloat, {"N"}));
  Table table(3);
  if (wide) {
    table.add("x", std::vector<double>{1, 1, 2, kGarbage, 3, 3}, 2);
    if (is_null) table.valid_values({1, 1, 1, 0, 1, 1}, 3);
  } else {
    table.add("x", std::vector<double>{1, kGarbage, 3});
    if (is_null) table.valid({1, 0, 1}, 3);
  }
  const std::string what = std::string(each.name) + (is_null ? ": NULL" : ": overflow") + (wide ? " in a list" : "");
  const char expected = is_null ? each.null_row : each.overflow_row;
  const auto run = [&] { return score(scorer, table, with_rule(each.rule, each.on_overflow)); };
  if (expected == 'e') {
    const StatusError error = FAILURE(is_null ? EDGEONNX_NULL_VALUE : EDGEONNX_OVERFLOW, run());
    if (error.row() != 1 || error.column() != "x") check::fail(__FILE__, __LINE__, what + ": place of the error");
    return;
  }
  const Results results = run();
  const std::vector<float> y = results.values<float>();
  const float special = wide ? y[3] : y[1];
  const bool is_masked = results.masks[0][1] == 1;
  if (is_masked != (expected == 'm')) check::fail(__FILE__, __LINE__, what + ": mask");
  if (results.masks[0][0] != 0 || results.masks[0][2] != 0) check::fail(__FILE__, __LINE__, what + ": mask of other rows");
  if (expected == 'n' && !std::isnan(special)) check::fail(__FILE__, __LINE__, what + ": NaN");
  if (expected == '7' && special != 7) check::fail(__FILE__, __LINE__, what + ": constant");
  if (y.front() != 1 || y.back() != 3 || (wide && expected != 'm' && y[2] != 2)) check::fail(__FILE__, __LINE__, what + ": other values");
}

TEST(test_nulls_every_policy_with_every_overflow_policy) {
  for (const Policies& each : kPolicies) {
    for (const bool is_null : {true, false}) {
      for (const bool wide : {false, true}) check_policy(each, is_null, wide);
    }
  }
}

TEST(test_nulls_nullable_tells_whether_a_mask_is_needed) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  for (const Policies& each : kPolicies) {
    const Binding binding = scorer.bind({{"x", nullptr, 1, EDGEONNX_TYPE_DOUBLE}}, with_rule(each.rule, each.on_overflow));
    if (each.null_row == 'm' || each.overflow_row == 'm') CHECK_EQUAL(binding.result(0).nullable, 1);
    if (each.on_overflow == EDGEONNX_ON_OVERFLOW_ERROR && each.null_row != 'm') CHECK_EQUAL(binding.result(0).nullable, 0);
  }
}

TEST(test_nulls_nan_and_null_stay_apart) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Table table(3);
  table.add("x", std::vector<float>{nan, 2, 3}).valid({1, 0, 1});
  const Results results = score(load(tiny::identity(Type::kFloat, {"N"})), table, with_rule(null_rule(EDGEONNX_NULLS_PROPAGATE)));
  CHECK(results.masks[0] == std::vector<uint8_t>({0, 1, 0}));
  CHECK(std::isnan(results.values<float>()[0]));
}

TEST(test_nulls_bitmaps_at_any_offset_match_a_plain_loop) {
  std::mt19937 random(11);
  const Scorer plain = load(tiny::identity(Type::kFloat, {"N"}), {1, 16}), wide = load(tiny::identity(Type::kFloat, {"N", 3}), {1, 16});
  const edgeonnx_null_rule rule = constant_rule(-1);
  constexpr size_t n = 75;
  for (int64_t offset = 0; offset < 18; ++offset) {
    for (const bool converts : {false, true}) {
      std::vector<uint8_t> rows(n), values(3 * n);
      for (uint8_t& each : rows) each = random() % 5 != 0;
      for (uint8_t& each : values) each = random() % 7 != 0;
      std::vector<float> x(3 * n);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
      std::vector<float> expected(n), expected_wide(3 * n);
      for (size_t r = 0; r < n; ++r) {
        expected[r] = rows[r] ? x[r] : -1;
        for (size_t v = 3 * r; v < 3 * r + 3; ++v) expected_wide[v] = rows[r] && values[v] ? x[v] : -1;
      }
      Table narrow_table(n), wide_table(n);
      const std::vector<float> first(x.begin(), x.begin() + n);
      if (converts) {
        narrow_table.add("x", std::vector<double>(first.begin(), first.end()));
        wide_table.add("x", std::vector<int32_t>(x.begin(), x.end()), 3);
      } else {
        narrow_table.add("x", first);
        wide_table.add("x", x, 3);
      }
      narrow_table.valid(rows, offset);
      wide_table.valid(rows, offset).valid_values(values, 17 - offset);
      CHECK(score(plain, narrow_table, with_rule(rule)).values<float>() == expected);
      CHECK(score(wide, wide_table, with_rule(rule)).values<float>() == expected_wide);
    }
  }
}

TEST(test_nulls_of_bits_share_their_offset) {
  Table table(5);
  table.add_bits("x", {1, 0, 1, 1, 0}, 6).valid({1, 1, 0, 1, 0}, 6);
  const Scorer scorer = load(tiny::identity(Type::kInt32, {"N"}));
  CHECK(score(scorer, table, with_rule(constant_rule(9))).values<int32_t>() == std::vector<int32_t>({1, 0, 9, 1, 9}));
}

TEST(test_nulls_in_one_of_many_columns_mask_the_row) {
  constexpr int64_t n = 1300;
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 3}));
  std::vector<uint8_t> valid(n, 1), mask(n, 0);
  for (const size_t row : {size_t{0}, size_t{511}, size_t{512}, size_t{1299}}) valid[row] = 0, mask[row] = 1;
  Table table(n);
  table.add("a", std::vector<float>(n, 1)).add("b", std::vector<float>(n, 2)).valid(valid, 5).add("c", std::vector<double>(n, 3));
  const Results results = score(scorer, table, with_rule(null_rule(EDGEONNX_NULLS_PROPAGATE)));
  CHECK(results.masks[0] == mask);
  const std::vector<float> y = results.values<float>();
  CHECK(y[3] == 1 && y[4] == 2 && y[5] == 3);
  valid.assign(n, 1);
  valid[1100] = 0;
  Table failing(n);
  failing.add("a", std::vector<float>(n, 1)).add("b", std::vector<float>(n, 2)).valid(valid, 5).add("c", std::vector<double>(n, 3));
  const StatusError error = FAILURE(EDGEONNX_NULL_VALUE, score(scorer, failing));
  CHECK(error.row() == 1100 && error.column() == "b" && error.sql_number() == 0);
  CHECK(contains(error.what(), "row 1100 of column 'b'"));
}

TEST(test_nulls_garbage_under_a_null_never_overflows) {
  std::vector<double> x(100, 5);
  std::vector<uint8_t> valid(100, 1);
  for (size_t i = 0; i < 100; i += 3) x[i] = kGarbage, valid[i] = 0;
  for (const Type type : {Type::kInt32, Type::kUint8, Type::kInt64}) {
    Table table(100);
    table.add("x", x).valid(valid);
    CHECK_EQUAL(score(load(tiny::identity(type, {"N"})), table, with_rule(null_rule(EDGEONNX_NULLS_PROPAGATE))).masks[0][3], 1);
  }
}

TEST(test_nulls_rule_of_an_input_goes_before_the_rule_of_all) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}));
  Table table(2);
  table.add("a", std::vector<float>{1, 2}).valid({0, 1}).add("b", std::vector<float>{10, 20}).valid({1, 0});
  edgeonnx_null_rule rules[] = {constant_rule(100), constant_rule(5)};
  rules[1].input = "b";
  edgeonnx_binding_options options = binding_options();
  options.null_rules = rules;
  options.n_null_rules = 2;
  CHECK(score(scorer, table, options).values<float>() == std::vector<float>({110, 7}));
}

TEST(test_nulls_nan_is_for_floating_inputs_only) {
  const Scorer scorer = load(tiny::identity(Type::kInt64, {"N"}));
  Table table(1);
  table.add("x", std::vector<int64_t>{1}).valid({0});
  edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_NAN, "x");
  FAILURE(EDGEONNX_TYPE_MISMATCH, score(scorer, table, with_rule(rule)));
  rule.input = nullptr;
  FAILURE(EDGEONNX_NULL_VALUE, score(scorer, table, with_rule(rule)));

  for (const auto& [type, is_nan] : {std::pair{Type::kFloat16, 0x7C00}, std::pair{Type::kBfloat16, 0x7F80}}) {
    Table halves(2);
    halves.add("x", std::vector<uint16_t>{0, 0}, 1, type).valid({1, 0});
    const std::vector<uint16_t> y = score(load(tiny::identity(type, {"N"})), halves, with_rule(rule)).values<uint16_t>();
    CHECK(y[0] == 0 && (y[1] & is_nan) == is_nan && (y[1] & ~is_nan & 0x7FFF) != 0);
  }
}

TEST(test_nulls_constants_are_converted_like_values_and_checked_once) {
  const int64_t beyond_double = (int64_t{1} << 53) + 1;
  edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_CONSTANT);
  rule.constant_is_integer = 1;
  rule.constant_integer = beyond_double;
  Table table(1);
  table.add("x", std::vector<int64_t>{0}).valid({0});
  CHECK(score(load(tiny::identity(Type::kInt64, {"N"})), table, with_rule(rule)).values<int64_t>() == std::vector<int64_t>{beyond_double});
  // A whole number becomes itself or is refused; a fraction is rounded, as a literal's digits are.
  const Scorer integer = load(tiny::identity(Type::kInt32, {"N"}));
  CHECK(score(integer, table, with_rule(constant_rule(-3))).values<int32_t>() == std::vector<int32_t>{-3});
  FAILURE(EDGEONNX_OVERFLOW, integer.bind(table.fields(), with_rule(constant_rule(-3.9))));
  CHECK(score(load(tiny::identity(Type::kFloat, {"N"})), table, with_rule(constant_rule(0.1))).values<float>() == std::vector<float>{0.1F});
  const Scorer tinyint = load(tiny::identity(Type::kUint8, {"N"}));
  for (const double wrong : {256.0, -1.0, std::nan("")})
    FAILURE(EDGEONNX_OVERFLOW, tinyint.bind(table.fields(), with_rule(constant_rule(wrong))));
}

/// real [N] or [N, 2] results delivered as tinyint
Results as_tinyint(const Table& table, int64_t width, int32_t on_overflow, int32_t null_policy) {
  const Scorer scorer = load(width == 1 ? tiny::identity(Type::kFloat, {"N"}) : tiny::identity(Type::kFloat, {"N", width}));
  const edgeonnx_null_rule rule = null_rule(null_policy);
  edgeonnx_binding_options options = with_rule(rule, on_overflow);
  const edgeonnx_result result{"y", EDGEONNX_TYPE_UINT8};
  options.results = &result;
  options.n_results = 1;
  return score(scorer, table, options);
}

TEST(test_results_that_do_not_fit_become_null_or_tell_the_first_that_counts) {
  Table table(5);
  table.add("x", std::vector<float>{1, 256, 3, -1, 255.5f});
  const Results masked = as_tinyint(table, 1, EDGEONNX_ON_OVERFLOW_NULL, EDGEONNX_NULLS_ERROR);
  CHECK(masked.masks[0] == std::vector<uint8_t>({0, 1, 0, 1, 0}));
  const std::vector<uint8_t> y = masked.values<uint8_t>();
  CHECK(y[0] == 1 && y[2] == 3 && y[4] == 255);
  const StatusError error = FAILURE(EDGEONNX_OVERFLOW, as_tinyint(table, 1, EDGEONNX_ON_OVERFLOW_ERROR, EDGEONNX_NULLS_ERROR));
  CHECK(error.row() == 1 && error.column() == "y" && error.value() == "256" && error.sql_number() == 232);

  // The rows before are masked out; the first that counts comes later.
  Table propagated(5);
  propagated.add("x", std::vector<float>{1, 256, 300, -1, 400}).valid({1, 0, 0, 1, 1});
  CHECK_EQUAL(FAILURE(EDGEONNX_OVERFLOW, as_tinyint(propagated, 1, EDGEONNX_ON_OVERFLOW_ERROR, EDGEONNX_NULLS_PROPAGATE)).row(),
              int64_t{3});
  propagated.valid({1, 0, 0, 0, 0});
  CHECK(as_tinyint(propagated, 1, EDGEONNX_ON_OVERFLOW_ERROR, EDGEONNX_NULLS_PROPAGATE).masks[0] == std::vector<uint8_t>({0, 1, 1, 1, 1}));
}

TEST(test_results_of_many_values_are_null_as_a_row) {
  Table table(3);
  table.add("x", std::vector<float>{1, 2, 3, 300, -1, 6}, 2);
  const Results results = as_tinyint(table, 2, EDGEONNX_ON_OVERFLOW_NULL, EDGEONNX_NULLS_ERROR);
  CHECK(results.masks[0] == std::vector<uint8_t>({0, 1, 1}));
  CHECK(results.values<uint8_t>()[0] == 1 && results.values<uint8_t>()[1] == 2);
  table.valid({1, 0, 1});
  const StatusError error = FAILURE(EDGEONNX_OVERFLOW, as_tinyint(table, 2, EDGEONNX_ON_OVERFLOW_ERROR, EDGEONNX_NULLS_PROPAGATE));
  CHECK(error.row() == 2 && error.value() == "-1");
}

TEST(test_results_declared_not_null_refuse_the_first_null) {
  // In each of the ways in which a result can become NULL; directly and through a conversion.
  for (const int32_t type : std::vector<int32_t>{EDGEONNX_TYPE_UNDEFINED, EDGEONNX_TYPE_DOUBLE, EDGEONNX_TYPE_INT32}) {
    for (const int n_threads : {1, 3}) {
      const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}), {n_threads, 16});
      const edgeonnx_result result{"y", type, 0, 0, 1};
      const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
      edgeonnx_binding_options options = with_rule(rule, EDGEONNX_ON_OVERFLOW_NULL);
      options.results = &result;
      options.n_results = 1;
      std::vector<double> x(100, 1);
      std::vector<uint8_t> valid(100, 1);
      Table whole(100), null(100), overflow(100);
      whole.add("x", x).valid(valid);
      const Binding binding = scorer.bind(whole.fields(), options);
      CHECK_EQUAL(binding.result(0).nullable, 0);
      // No mask is needed.
      std::vector<std::byte> memory(100 * 8);
      const int64_t stride = edgeonnx::size_of(static_cast<Type>(binding.result(0).type));
      binding.score({whole.batch()}, {{memory.data(), stride, nullptr}}, default_call());

      valid[70] = valid[90] = 0;
      null.add("x", x).valid(valid);
      x[50] = kGarbage;
      overflow.add("x", x).valid(valid);
      for (const auto& [table, row] : {std::pair{&null, 70}, {&overflow, 50}}) {
        const StatusError error = FAILURE(EDGEONNX_NULL_VALUE, score(binding, *table));
        CHECK(error.row() == row && error.column() == "y");
        CHECK(contains(error.what(), "row " + std::to_string(row) + " of output 'y' is NULL and the output is declared NOT NULL"));
      }
    }
  }
}

TEST(test_results_declared_not_null_refuse_what_does_not_fit) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 2}));
  Table table(3);
  table.add("x", std::vector<float>{1, 2, 3, 4, 5, 300}, 2);
  const edgeonnx_result results[] = {{"y", EDGEONNX_TYPE_UINT8, 0, 0, 0}, {"y", EDGEONNX_TYPE_UINT8, 0, 0, 1}};
  edgeonnx_binding_options options = binding_options(EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL);
  options.results = results;
  options.n_results = 1;
  CHECK(score(scorer, table, options).masks[0] == std::vector<uint8_t>({0, 0, 1}));
  options.n_results = 2;
  CHECK(scorer.bind(table.fields(), options).result(0).nullable == 1 && scorer.bind(table.fields(), options).result(1).nullable == 0);
  CHECK_EQUAL(FAILURE(EDGEONNX_NULL_VALUE, score(scorer, table, options)).row(), int64_t{2});
}

TEST(test_results_declared_not_null_are_as_good_as_others_without_nulls) {
  Table table(2);
  table.add("x", std::vector<float>{1, 2});
  const edgeonnx_result result{"y", EDGEONNX_TYPE_INT32, 0, 0, 1};
  edgeonnx_binding_options options = binding_options();
  options.results = &result;
  options.n_results = 1;
  CHECK(score(load(tiny::identity(Type::kFloat, {"N"})), table, options).values<int32_t>() == std::vector<int32_t>({1, 2}));
}

/// A result that is an NaN under a masked row must not be an error: the model is not asked for a NULL row, whatever it returns.
TEST(test_results_of_masked_rows_may_be_anything) {
  // 1 / x: where x is NULL, no stand-in may make the conversion of the result fail.
  const std::string model = tiny::model({.nodes = {tiny::node("Reciprocal", {"x"}, {"y"})},
                                         .inputs = {tiny::tensor("x", Type::kFloat, {"N"})},
                                         .outputs = {tiny::tensor("y", Type::kFloat, {"N"})},
                                         .initializers = {}});
  Table table(3);
  table.add("x", std::vector<float>{1, 0, 0.5f}).valid({1, 0, 1});
  const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
  edgeonnx_binding_options options = with_rule(rule);
  const edgeonnx_result result{"y", EDGEONNX_TYPE_INT32};
  options.results = &result;
  options.n_results = 1;
  const Results results = score(load(model), table, options);
  CHECK(results.masks[0] == std::vector<uint8_t>({0, 1, 0}));
  CHECK(results.values<int32_t>()[0] == 1 && results.values<int32_t>()[2] == 2);
}

/// A field of NULLs has no memory at all, and is of the type of its input.
TEST(test_nulls_alone_are_of_any_type) {
  for (const Type type : {Type::kFloat, Type::kDouble, Type::kInt64, Type::kUint8, Type::kBool}) {
    const Scorer scorer = load(tiny::identity(type, {"N"}));
    Table table(3);
    table.add_column("x", Type::kNull, 1, {});
    CHECK(score(scorer, table, with_rule(null_rule(EDGEONNX_NULLS_PROPAGATE))).masks[0] == std::vector<uint8_t>({1, 1, 1}));
    CHECK(score(scorer, table, with_rule(constant_rule(1))).masks[0] == std::vector<uint8_t>({0, 0, 0}));
    CHECK_EQUAL(FAILURE(EDGEONNX_NULL_VALUE, score(scorer, table, binding_options())).row(), int64_t{0});
  }
}

}  // namespace

int main() { return run_with_runtime("test_nulls"); }
