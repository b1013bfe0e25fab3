// Binding through the C interface: which column feeds which input, what is refused, and what the binding says of itself.
#include "scoring.h"

namespace {

using namespace scoring;

/// sum = a + b, over reals
const Scorer& adder() {
  static const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}));
  return scorer;
}

/// y [N, 3] = x [N, 3]
const Scorer& matrix() {
  static const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 3}));
  return scorer;
}

/// first [N, 2] = p [N, 2]; second [N] = q [N]
std::string two_shapes() {
  return tiny::model({.nodes = {tiny::node("Identity", {"p"}, {"first"}), tiny::node("Neg", {"q"}, {"second"})},
                      .inputs = {tiny::tensor("p", Type::kFloat, {"N", 2}), tiny::tensor("q", Type::kFloat, {"N"})},
                      .outputs = {tiny::tensor("first", Type::kFloat, {"N", 2}), tiny::tensor("second", Type::kFloat, {"N"})},
                      .initializers = {}});
}

const std::vector<float> kOnes = {1, 2}, kTens = {10, 20}, kHundreds = {100, 200};

std::vector<float> sums(const Table& table, const edgeonnx_binding_options& options = binding_options()) {
  return score(adder(), table, options).values<float>();
}

TEST(test_binding_columns_in_any_order_bind_by_exact_name_first) {
  Table table(2);
  table.add("A", kHundreds).add("b", kTens).add("a", kOnes).add("other", kHundreds);
  CHECK(sums(table) == std::vector<float>({11, 22}));
}

TEST(test_binding_name_in_another_case_binds_if_it_is_the_only_one) {
  Table table(2);
  table.add("B", kTens).add("A", kOnes);
  CHECK(sums(table) == std::vector<float>({11, 22}));
  Table twice(2);
  twice.add("b", kTens).add("A", kOnes).add("A", kHundreds);
  const StatusError error = FAILURE(EDGEONNX_NOT_FOUND, sums(twice));
  CHECK(contains(error.what(), "'a'"));
  CHECK(contains(error.what(), "'A'"));
}

TEST(test_binding_renames_override_names) {
  Table table(2);
  table.add("left", kOnes).add("b", kTens);
  edgeonnx_binding_options options = binding_options();
  const edgeonnx_rename rename{"left", "a"};
  options.renames = &rename;
  options.n_renames = 1;
  CHECK(sums(table, options) == std::vector<float>({11, 22}));
  table.add("a", kHundreds);
  CHECK(sums(table, options) == std::vector<float>({11, 22}));
}

TEST(test_binding_options_that_name_nothing_are_mistakes) {
  Table table(2);
  table.add("a", kOnes).add("b", kTens);
  const edgeonnx_rename lost_column[] = {{"nowhere", "a"}}, lost_input[] = {{"a", "nowhere"}};
  const char* columns[] = {"a"};
  const edgeonnx_column_group group{"nowhere", columns, 1};
  const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_NAN, "nowhere");
  const edgeonnx_result result{"nowhere", 0};
  std::vector<edgeonnx_binding_options> all(5, binding_options());
  all[0].renames = lost_column, all[0].n_renames = 1;
  all[1].renames = lost_input, all[1].n_renames = 1;
  all[2].groups = &group, all[2].n_groups = 1;
  all[3].null_rules = &rule, all[3].n_null_rules = 1;
  all[4].results = &result, all[4].n_results = 1;
  for (const edgeonnx_binding_options& options : all)
    CHECK(contains(FAILURE(EDGEONNX_NOT_FOUND, sums(table, options)).what(), "'nowhere'"));
}

TEST(test_binding_every_mistake_is_in_the_one_message) {
  const Scorer scorer = load(two_shapes());
  Table table(2);
  table.add("p", kOnes).add("day", kTens, 1, Type::kUndefined);
  const StatusError error = FAILURE(EDGEONNX_SHAPE_MISMATCH, score(scorer, table));
  for (const char* part : {"'p'", "2 values a row", "'q'", "no column of that name"}) CHECK(contains(error.what(), part));
}

TEST(test_binding_matrix_input_takes_one_wide_column_a_group_or_all_numeric_columns) {
  const std::vector<float> expected = {1, 10, 100, 2, 20, 200};
  Table wide(2);
  wide.add("other", kOnes).add("x", expected, 3);
  CHECK(score(matrix(), wide).values<float>() == expected);

  Table separate(2);
  separate.add("first", kOnes).add("second", kTens).add("third", kHundreds);
  CHECK(score(matrix(), separate).values<float>() == expected);

  Table with_text(2);
  with_text.add("first", kOnes).add("name", kOnes, 1, Type::kUndefined).add("second", kTens).add("third", kHundreds);
  CHECK(score(matrix(), with_text).values<float>() == expected);

  Table mixed(2);
  mixed.add("third", kHundreds).add("extra", kOnes).add("second", kTens).add("first", kOnes);
  const char* names[] = {"first", "second", "third"};
  const edgeonnx_column_group group{"x", names, 3};
  edgeonnx_binding_options options = binding_options();
  options.groups = &group;
  options.n_groups = 1;
  CHECK(score(matrix(), mixed, options).values<float>() == expected);
  CHECK(contains(FAILURE(EDGEONNX_NOT_FOUND, score(matrix(), mixed)).what(), "4 numeric columns"));

  const edgeonnx_column_group short_group{"x", names, 2};
  options.groups = &short_group;
  CHECK(contains(FAILURE(EDGEONNX_SHAPE_MISMATCH, score(matrix(), mixed, options)).what(), "2"));
  const char* unknown[] = {"first", "lost", "third"};
  const edgeonnx_column_group lost{"x", unknown, 3};
  options.groups = &lost;
  CHECK(contains(FAILURE(EDGEONNX_NOT_FOUND, score(matrix(), mixed, options)).what(), "'lost'"));
}

TEST(test_binding_group_may_name_a_column_twice) {
  Table table(2);
  table.add("u", kOnes).add("v", kTens);
  const char* names[] = {"v", "u", "v"};
  const edgeonnx_column_group group{"x", names, 3};
  edgeonnx_binding_options options = binding_options();
  options.groups = &group;
  options.n_groups = 1;
  CHECK(score(matrix(), table, options).values<float>() == std::vector<float>({10, 1, 10, 20, 2, 20}));
}

TEST(test_binding_by_position_ignores_names) {
  const Scorer scorer = load(two_shapes());
  Table table(2);
  table.add("q", kOnes).add("p", kTens).add("z", kHundreds);
  edgeonnx_binding_options options = binding_options();
  options.by_position = 1;
  const Results results = score(scorer, table, options);
  CHECK(results.values<float>(0) == std::vector<float>({1, 10, 2, 20}));
  CHECK(results.values<float>(1) == std::vector<float>({-100, -200}));
  for (const int n_columns : {2, 4}) {
    Table wrong(2);
    for (int i = 0; i < n_columns; ++i) wrong.add("c", kOnes);
    CHECK(contains(FAILURE(EDGEONNX_SHAPE_MISMATCH, score(scorer, wrong, options)).what(), std::to_string(n_columns) + " values a row"));
  }
}

TEST(test_binding_free_width_is_that_of_the_columns) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", "K"}));
  CHECK_EQUAL(scorer.input(0).width, int64_t{-1});
  Table table(2);
  table.add("u", kOnes).add("v", kTens);
  const Binding binding = scorer.bind(table.fields(), binding_options());
  CHECK_EQUAL(binding.result(0).width, int64_t{2});
  CHECK(score(binding, table).values<float>() == std::vector<float>({1, 10, 2, 20}));
}

struct Coercion {
  Type column, input;
  bool tsql, safe, strict;
};
// safe: every value survives. strict: equal types. A bit is a bit, however it is stored.
const Coercion kCoercions[] = {
    {Type::kFloat, Type::kFloat, true, true, true},     {Type::kInt32, Type::kInt32, true, true, true},
    {Type::kInt32, Type::kDouble, true, true, false},   {Type::kInt16, Type::kFloat, true, true, false},
    {Type::kUint8, Type::kInt16, true, true, false},    {Type::kUint32, Type::kInt64, true, true, false},
    {Type::kFloat, Type::kDouble, true, true, false},   {Type::kInt32, Type::kFloat, true, false, false},
    {Type::kInt64, Type::kDouble, true, false, false},  {Type::kDouble, Type::kFloat, true, false, false},
    {Type::kInt64, Type::kInt32, true, false, false},   {Type::kInt8, Type::kUint8, true, false, false},
    {Type::kFloat, Type::kInt32, true, false, false},   {Type::kFloat, Type::kBool, true, false, false},
    {Type::kBool, Type::kBool, true, true, true},       {Type::kBool, Type::kFloat, true, true, false},
    {Type::kString, Type::kFloat, false, false, false}, {Type::kUndefined, Type::kInt64, false, false, false},
    {Type::kFloat16, Type::kFloat, true, true, false},  {Type::kFloat, Type::kFloat16, true, false, false},
    {Type::kBit, Type::kBool, true, true, true},        {Type::kBool, Type::kBfloat16, true, true, false},
};

TEST(test_binding_coercion_decides_which_types_are_taken) {
  for (const Coercion& each : kCoercions) {
    const Scorer scorer = load(tiny::identity(each.input, {"N"}));
    const edgeonnx_field field{"x", nullptr, 1, static_cast<int32_t>(each.column)};
    const std::pair<int32_t, bool> cases[] = {
        {EDGEONNX_COERCION_TSQL, each.tsql}, {EDGEONNX_COERCION_SAFE, each.safe}, {EDGEONNX_COERCION_STRICT, each.strict}};
    for (const auto& [coercion, accepted] : cases) {
      const auto bind = [&] { return scorer.bind({field}, binding_options(coercion)); };
      if (!accepted) {
        const StatusError error = FAILURE(EDGEONNX_TYPE_MISMATCH, bind());
        CHECK_EQUAL(error.column(), std::string("x"));
        CHECK(contains(error.what(), "expected " + edgeonnx::display_name(each.input)));
        continue;
      }
      const Binding binding = bind();
      const std::vector<edgeonnx_cast> casts = binding.casts();
      CHECK_EQUAL(casts.size(), size_t{!each.strict});
      if (casts.empty()) continue;
      CHECK_EQUAL(casts[0].column + std::string(" ") + casts[0].from + " " + casts[0].to,
                  "x " + edgeonnx::display_name(each.column) + " " + edgeonnx::display_name(each.input));
      CHECK_EQUAL(casts[0].exact, int32_t{each.safe});
    }
  }
}

TEST(test_binding_type_name_of_the_caller_stands_in_messages) {
  const edgeonnx_field fields[] = {{"a", "datetime2(7)", 1, EDGEONNX_TYPE_UNDEFINED}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT}};
  CHECK(contains(FAILURE(EDGEONNX_TYPE_MISMATCH, adder().bind({fields[0], fields[1]}, binding_options())).what(), "datetime2(7)"));
}

TEST(test_binding_results_are_chosen_ordered_and_typed) {
  const Scorer scorer = load(two_shapes());
  Table table(2);
  table.add("p", std::vector<float>{1.5f, -2.5f, 3, 4}, 2).add("q", kOnes);
  edgeonnx_binding_options options = binding_options();
  const edgeonnx_result chosen[] = {{"SECOND", EDGEONNX_TYPE_INT64}, {"first", EDGEONNX_TYPE_UNDEFINED}, {"first", EDGEONNX_TYPE_INT16}};
  options.results = chosen;
  options.n_results = 3;
  const Binding binding = scorer.bind(table.fields(), options);
  CHECK_EQUAL(binding.n_results(), int64_t{3});
  CHECK_EQUAL(binding.result(0).name, std::string("second"));
  CHECK_EQUAL(binding.result(0).sql_type, std::string("bigint"));
  CHECK(binding.result(1).type == EDGEONNX_TYPE_FLOAT && binding.result(1).width == 2 && binding.result(1).rank == 2);
  CHECK(binding.result(1).shape[0] == -1 && binding.result(1).shape[1] == 2);
  CHECK_EQUAL(binding.result(2).nullable, 0);
  const Results results = score(binding, table);
  CHECK(results.values<int64_t>(0) == std::vector<int64_t>({-1, -2}));
  CHECK(results.values<float>(1) == std::vector<float>({1.5f, -2.5f, 3, 4}));
  CHECK(results.values<int16_t>(2) == std::vector<int16_t>({1, -2, 3, 4}));

  options.coercion = EDGEONNX_COERCION_SAFE;
  CHECK(contains(FAILURE(EDGEONNX_TYPE_MISMATCH, scorer.bind(table.fields(), options)).what(), "'second' is real, asked for as bigint"));
  const edgeonnx_result text{"first", EDGEONNX_TYPE_STRING};
  options = binding_options();
  options.results = &text;
  options.n_results = 1;
  FAILURE(EDGEONNX_TYPE_MISMATCH, scorer.bind(table.fields(), options));
}

TEST(test_binding_field_without_values_or_with_many_bits_is_invalid) {
  FAILURE(EDGEONNX_INVALID_ARGUMENT, adder().bind({{"a", nullptr, 0, EDGEONNX_TYPE_FLOAT}}, binding_options()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, adder().bind({{"a", nullptr, -1, EDGEONNX_TYPE_FLOAT}}, binding_options()));
  FAILURE(EDGEONNX_INVALID_ARGUMENT, matrix().bind({{"x", nullptr, 3, EDGEONNX_TYPE_BIT}}, binding_options()));
}

TEST(test_binding_unknown_enum_value_is_an_invalid_argument) {
  const edgeonnx_field fields[] = {{"a", nullptr, 1, EDGEONNX_TYPE_FLOAT}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT}};
  for (const int32_t wrong : {-1, 99}) {
    FAILURE(EDGEONNX_INVALID_ARGUMENT, adder().bind({fields[0], fields[1]}, binding_options(wrong)));
    FAILURE(EDGEONNX_INVALID_ARGUMENT, adder().bind({fields[0], fields[1]}, binding_options(0, wrong)));
    const edgeonnx_null_rule rule = null_rule(wrong);
    edgeonnx_binding_options options = binding_options();
    options.null_rules = &rule;
    options.n_null_rules = 1;
    FAILURE(EDGEONNX_INVALID_ARGUMENT, adder().bind({fields[0], fields[1]}, options));
  }
}

TEST(test_binding_explains_itself) {
  Table table(2);
  table.add("a", std::vector<int64_t>{1, 2}).add("b", kTens);
  const std::string text = adder().bind(table.fields(), binding_options()).explain();
  for (const char* part : {"'a'", "bigint", "real", "'sum'"}) CHECK(contains(text, part));
}

}  // namespace

int main() { return run_with_runtime("test_binding"); }
