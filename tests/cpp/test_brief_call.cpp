// What a call of one row on a prepared binding costs beside its arithmetic: no memory is taken, and no lock need be given up.
#include <atomic>
#include <cstdlib>
#include <new>

#include "forest_models.h"
#include "scoring.h"

namespace {
std::atomic<int64_t> n_allocations{0};
}

void* operator new(size_t n_bytes) {
  ++n_allocations;
  if (void* memory = std::malloc(n_bytes > 0 ? n_bytes : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t n_bytes, const std::nothrow_t&) noexcept {
  ++n_allocations;
  return std::malloc(n_bytes > 0 ? n_bytes : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace {

using namespace scoring;

/// Scores one row as an embedder does who has prepared everything.
struct OneRow {
  explicit OneRow(const edgeonnx_field& a, const edgeonnx_field& b, const void* x, const void* y,
                  const std::string& model = tiny::add(Type::kFloat, {"N"}))
      : scorer(load(model)), binding(scorer.bind({a, b}, options)) {
    columns[0].data = x, columns[0].stride = 8;
    columns[1].data = y, columns[1].stride = 4;
  }

  int64_t allocations_of_a_call() {
    const int64_t before = n_allocations;
    const edgeonnx_status status = edgeonnx_binding_score(binding.get(), &batch, 1, &output, 1, &call, &report, nullptr);
    const int64_t after = n_allocations;
    CHECK_EQUAL(status, EDGEONNX_OK);
    return after - before;
  }

  const edgeonnx_binding_options options = binding_options();
  Scorer scorer;
  Binding binding;
  edgeonnx_column columns[2]{};
  edgeonnx_batch batch{columns, 1};
  float sum = 0;
  edgeonnx_output output{&sum, 4, nullptr};
  int64_t n_changed[2]{};
  edgeonnx_call call{sizeof call, nullptr, nullptr, nullptr, 0, n_changed};
  edgeonnx_report report{sizeof report, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
};

void check_steady(OneRow& one, float expected) {
  for (int i = 0; i < 3; ++i) one.allocations_of_a_call();
  const int64_t n = one.allocations_of_a_call();
  CHECK_EQUAL(one.sum, expected);
  for (int i = 0; i < 100; ++i) CHECK_EQUAL(one.allocations_of_a_call(), n);  // memory of one call is the next one's
  CHECK_EQUAL(edgeonnx_binding_is_brief(one.binding.get(), 1), 1);
  CHECK_EQUAL(n, 0);
}

TEST(test_brief_call_of_one_borrowed_row_takes_no_memory) {
  const float x[2] = {1.5f, 0}, y = 2;
  OneRow one({"a", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, x, &y);
  check_steady(one, 3.5f);
}

TEST(test_brief_call_of_one_converted_row_takes_no_memory) {
  const double x = 0.1;
  const float y = 2;
  OneRow one({"a", nullptr, 1, EDGEONNX_TYPE_DOUBLE, 0, 0}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, &x, &y);
  check_steady(one, 2.0f + 0.1f);
  CHECK_EQUAL(one.n_changed[0], 1);
}

TEST(test_brief_call_of_one_row_through_trees_takes_no_memory) {
  const double x = 0.1;
  const float y = 2;
  forest_models::Shape shape;
  shape.n_trees = 5, shape.depth = 3, shape.features = {0, 1};
  const std::string model = forest_models::scaled_model(shape, 2);
  Table table(1);
  table.add("a", std::vector<double>{x}).add("b", std::vector<float>{y});
  const float expected = score(load(model, {1, 0, false}), table).values<float>()[0];
  OneRow one({"a", nullptr, 1, EDGEONNX_TYPE_DOUBLE, 0, 0}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, &x, &y, model);
  check_steady(one, expected);
}

TEST(test_brief_call_is_not_what_onnx_runtime_has_a_part_in) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {1, 0, false});
  Table table(1);
  table.add("a", std::vector<float>{1}).add("b", std::vector<float>{2});
  CHECK_EQUAL(edgeonnx_binding_is_brief(scorer.bind(table.fields(), binding_options()).get(), 1), 0);
}

TEST(test_brief_call_is_for_few_rows_only) {
  const float x[2] = {}, y = 2;
  const OneRow one({"a", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT, 0, 0}, x, &y);
  CHECK_EQUAL(edgeonnx_binding_is_brief(one.binding.get(), int64_t{1} << 40), 0);
  CHECK_EQUAL(edgeonnx_binding_is_brief(one.binding.get(), -1), 0);
  CHECK_EQUAL(edgeonnx_binding_is_brief(nullptr, 1), 0);
}

}  // namespace

int main() { return check::run(); }
