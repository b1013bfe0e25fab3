// Sizes of rows: what the model gives, what columns tell, and what two inputs must agree on.
#include "scoring.h"

namespace {

using namespace scoring;

struct RowShape {
  size_t field;
  std::vector<int64_t> sizes;
};

edgeonnx_binding_options with_shapes(const std::vector<RowShape>& shapes, std::vector<edgeonnx_row_shape>& raw) {
  raw.clear();
  for (const RowShape& each : shapes) raw.push_back({each.field, each.sizes.data(), each.sizes.size()});
  edgeonnx_binding_options options = binding_options();
  options.row_shapes = raw.data();
  options.n_row_shapes = raw.size();
  return options;
}

std::vector<int64_t> bound_shape(const Scorer& scorer, int64_t width, const std::vector<int64_t>& sizes) {
  const edgeonnx_field field{"x", nullptr, width, EDGEONNX_TYPE_FLOAT, 0, 0};
  const std::vector<RowShape> shapes = {{0, sizes}};
  std::vector<edgeonnx_row_shape> raw;
  const Binding binding = scorer.bind({field}, with_shapes(sizes.empty() ? std::vector<RowShape>() : shapes, raw));
  const edgeonnx_port port = binding.result(0);
  return {port.shape, port.shape + port.rank};
}

using Shape = std::vector<int64_t>;

TEST(test_input_shapes_free_sizes_are_those_of_the_rows) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", "H", "W", 3}));
  CHECK(bound_shape(scorer, 24, {4, 2, 3}) == Shape({-1, 4, 2, 3}));
  CHECK(bound_shape(scorer, 24, {2, 4, 3}) == Shape({-1, 2, 4, 3}));
  CHECK(bound_shape(scorer, 3, {1, 1, 3}) == Shape({-1, 1, 1, 3}));
  const StatusError error = FAILURE(EDGEONNX_SHAPE_MISMATCH, bound_shape(scorer, 24, {}));
  CHECK(contains(error.what(), "[N, H, W, 3]"));
  CHECK(contains(error.what(), "can't be told from 24 values a row"));
}

TEST(test_input_shapes_one_free_size_is_told_by_the_number_of_values) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", "T", 4}));
  CHECK(bound_shape(scorer, 12, {}) == Shape({-1, 3, 4}));
  CHECK(bound_shape(scorer, 12, {3, 4}) == Shape({-1, 3, 4}));
  FAILURE(EDGEONNX_SHAPE_MISMATCH, bound_shape(scorer, 10, {}));
}

TEST(test_input_shapes_sizes_of_one_may_come_and_go) {
  const Scorer image = load(tiny::identity(Type::kFloat, {"N", 1, 2, 3}));
  for (const Shape& sizes : {Shape{1, 2, 3}, Shape{2, 3}, Shape{2, 1, 3}, Shape{2, 3, 1}, Shape{}})
    CHECK(bound_shape(image, 6, sizes) == Shape({-1, 1, 2, 3}));
  const Scorer line = load(tiny::identity(Type::kFloat, {"N", 6}));
  for (const Shape& sizes : {Shape{2, 3}, Shape{6, 1}, Shape{6}}) CHECK(bound_shape(line, 6, sizes) == Shape({-1, 6}));
}

TEST(test_input_shapes_rows_of_another_shape_are_refused) {
  const Scorer image = load(tiny::identity(Type::kFloat, {"N", 1, 2, 3}));
  for (const Shape& sizes : {Shape{3, 2}, Shape{3, 2, 1}, Shape{6, 1, 1}}) {
    const StatusError error = FAILURE(EDGEONNX_SHAPE_MISMATCH, bound_shape(image, 6, sizes));
    CHECK(contains(error.what(), "transpose or reshape"));
    CHECK_EQUAL(error.column(), std::string("x"));
  }
}

/// sum [N, T] = a [N, T] + b [N, T]
TEST(test_input_shapes_one_name_stands_for_one_size) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N", "T"}));
  Table table(2);
  table.add<float>("a", {1, 2, 3, 4}, 2).add<float>("b", {10, 20, 30, 40}, 2);
  CHECK(score(scorer, table).values<float>() == std::vector<float>({11, 22, 33, 44}));
  Table other(2);
  other.add<float>("a", {1, 2, 3, 4}, 2).add<float>("b", {10, 20}, 1);
  const StatusError error = FAILURE(EDGEONNX_SHAPE_MISMATCH, score(scorer, other));
  CHECK(contains(error.what(), "share the size 'T', which is 2 in column 'a' and 1 in column 'b'"));
}

TEST(test_input_shapes_names_that_mean_nothing_are_not_compared) {
  for (const char* name : {"N", "None", "?"}) {
    const Scorer scorer = load(tiny::add(Type::kFloat, {"N", name}));
    Table table(2);
    table.add<float>("a", {1, 2, 3, 4}, 2).add<float>("b", {10, 20}, 1);
    CHECK(score(scorer, table).values<float>() == std::vector<float>({11, 12, 23, 24}));
  }
}

TEST(test_input_shapes_row_shapes_that_are_wrong_are_refused) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N", 6}));
  for (const Shape& sizes : {Shape{2, 2}, Shape{-2, -3}, Shape{0}, Shape{int64_t{1} << 40, int64_t{1} << 40}})
    CHECK(contains(FAILURE(EDGEONNX_INVALID_ARGUMENT, bound_shape(scorer, 6, sizes)).what(), "row_shapes"));
  const edgeonnx_field field{"x", nullptr, 6, EDGEONNX_TYPE_FLOAT, 0, 0};
  std::vector<edgeonnx_row_shape> raw;
  const std::vector<RowShape> shapes = {{1, {6}}};
  FAILURE(EDGEONNX_INVALID_ARGUMENT, scorer.bind({field}, with_shapes(shapes, raw)));
}

}  // namespace

int main() { return run_with_runtime("test_input_shapes"); }
