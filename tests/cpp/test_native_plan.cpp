// Native plans against ONNX Runtime alone: tables of every layout and length, through the interface that clients use.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "forest_models.h"
#include "random_ensembles.h"
#include "scoring.h"

namespace {

using namespace scoring;
using forest_models::Shape;

const std::vector<int64_t> kRowCounts = {0, 1, 2, 31, 127, 128, 129, 1000, 4097};

/// One model on both roads.
struct Roads {
  explicit Roads(const std::string& model, int n_threads = 1, int64_t morsel_rows = 0, const char* road = "plan: native\n")
      : native(load(model, {n_threads, morsel_rows, true})), runtime(load(model, {1, 0, false})) {
    CHECK(contains(native.explain(), road));
    CHECK(contains(runtime.explain(), "plan: ONNX Runtime,"));
  }
  Scorer native, runtime;
};

/// By the bit, save that a NaN is a NaN.
bool is_same(const Results& a, const Results& b, const Binding& binding) {
  if (a.data.size() != b.data.size()) return false;
  for (size_t i = 0; i < a.data.size(); ++i) {
    if (a.masks[i] != b.masks[i]) return false;
    if (a.data[i] == b.data[i]) continue;
    if (binding.result(static_cast<int64_t>(i)).type != EDGEONNX_TYPE_FLOAT) return false;
    const std::vector<float> x = a.values<float>(i), y = b.values<float>(i);
    for (size_t v = 0; v < x.size(); ++v) {
      if (std::memcmp(&x[v], &y[v], sizeof x[v]) != 0 && !(std::isnan(x[v]) && std::isnan(y[v]))) return false;
    }
  }
  return true;
}

void check_same(const Roads& roads, const std::vector<edgeonnx_field>& fields, const std::vector<edgeonnx_batch>& batches,
                const edgeonnx_binding_options& options, const std::string& what) {
  const Binding native = roads.native.bind(fields, options), runtime = roads.runtime.bind(fields, options);
  if (!is_same(score(native, batches), score(runtime, batches), native)) check::fail(__FILE__, __LINE__, what);
}
void check_same(const Roads& roads, const Table& table, const std::string& what,
                const edgeonnx_binding_options& options = binding_options()) {
  check_same(roads, table.fields(), {table.batch()}, options, what);
}

/// Values about zero; now and then one that is special.
template <class T>
std::vector<T> values(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> made;
  for (size_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(random() % 8001) / 1000 - 4;
    const double special[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(), -0.0, 1e-42};
    const bool is_special = std::is_floating_point_v<T> && random() % 16 == 0;
    made.push_back(static_cast<T>(is_special ? special[random() % std::size(special)] : value));
  }
  return made;
}

/// How rows lie in memory.
struct Layout {
  const char* name;
  int64_t gap;
  bool is_reverse;
  int64_t shift;   ///< bytes off any alignment
  int64_t offset;  ///< rows before the first
};
const Layout kLayouts[] = {{"packed", 0, false, 0, 0},   {"off by a byte", 0, false, 1, 0}, {"with gaps", 5, false, 0, 0},
                           {"backwards", 0, true, 0, 0}, {"backwards off", 3, true, 1, 0},  {"sliced", 0, false, 0, 13}};

/// Rows in a layout, in memory of exactly their size.
class Rows {
 public:
  template <class T>
  Rows(const std::vector<T>& packed, int64_t width, const Layout& layout) {
    const auto row_bytes = static_cast<int64_t>(sizeof(T)) * width;
    const int64_t n = static_cast<int64_t>(packed.size()) / width, step = row_bytes + layout.gap;
    const int64_t n_bytes = n > 0 ? (n + layout.offset) * step - layout.gap : 0;
    memory_.reset(new std::byte[static_cast<size_t>(n_bytes + layout.shift)]);
    std::fill_n(memory_.get(), n_bytes + layout.shift, std::byte{0x7F});
    std::byte* first = memory_.get() + layout.shift + (layout.is_reverse && n > 0 ? (n - 1) * step : layout.offset * step);
    column_.stride = layout.is_reverse ? -step : step;
    column_.data = n > 0 ? first : memory_.get();
    for (int64_t r = 0; r < n; ++r) std::memcpy(first + r * column_.stride, packed.data() + r * width, static_cast<size_t>(row_bytes));
  }
  const edgeonnx_column& column() const { return column_; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  edgeonnx_column column_{};
};

/// A table whose columns, or whose matrix of `width` values, are laid out so.
struct LaidOut {
  LaidOut(int64_t n, int64_t width, bool is_matrix, const Layout& layout) : table(n) {
    if (is_matrix) {
      rows.emplace_back(values<float>(static_cast<size_t>(n * width), 3), width, layout);
      table.add_column("x", Type::kFloat, width, rows.back().column());
      return;
    }
    for (int64_t c = 0; c < width; ++c) {
      rows.emplace_back(values<float>(static_cast<size_t>(n), static_cast<uint32_t>(100 + c)), 1, layout);
      table.add_column("c" + std::to_string(c), Type::kFloat, 1, rows.back().column());
    }
  }
  std::deque<Rows> rows;
  Table table;
};

void check_layouts(const std::string& model, int64_t width, const std::string& what, int n_threads = 1, int64_t morsel_rows = 0) {
  const Roads roads(model, n_threads, morsel_rows);
  for (const int64_t n : kRowCounts) {
    for (const Layout& layout : kLayouts) {
      for (const bool is_matrix : {false, true}) {
        check_same(roads, LaidOut(n, width, is_matrix, layout).table,
                   what + ", " + std::to_string(n) + " rows " + layout.name + (is_matrix ? ", a matrix" : ""));
      }
    }
  }
}

Shape shape_of(int64_t n_trees, int64_t depth, int64_t n_classes, const std::vector<int64_t>& features) {
  Shape shape;
  shape.n_trees = n_trees, shape.depth = depth, shape.n_classes = n_classes, shape.features = features;
  return shape;
}

TEST(test_native_trees_of_any_layout_score_as_onnx_runtime) {
  check_layouts(forest_models::model(shape_of(30, 6, 0, {0, 1, 2, 3}), 4), 4, "regressor");
  check_layouts(forest_models::model(shape_of(10, 4, 3, {0, 1, 2, 3}), 4), 4, "three classes");
  check_layouts(forest_models::model(shape_of(10, 3, 2, {0, 1}), 2), 2, "two classes, two threads", 2, 64);
}

TEST(test_native_scaler_before_trees_scores_as_onnx_runtime) {
  check_layouts(forest_models::scaled_model(shape_of(20, 5, 0, {0, 1, 2}), 3), 3, "regressor");
  check_layouts(forest_models::scaled_model(shape_of(5, 4, 4, {0, 2}), 3), 3, "classes, two threads", 2, 128);
}

TEST(test_native_matrix_has_values_that_no_split_reads) {
  const Roads roads(forest_models::model(shape_of(20, 5, 2, {0, 3, 8}), 10));
  CHECK(contains(roads.native.explain(), "unread values of 'x', since no node uses them: '1', '2', '4', '5', '6', '7', '9'"));
  for (const int64_t n : kRowCounts) {
    for (const Layout& layout : kLayouts) check_same(roads, LaidOut(n, 10, true, layout).table, layout.name);
  }
  // The unread ones of single columns may even lie nowhere.
  LaidOut apart(129, 10, false, kLayouts[1]);
  const Results expected = score(roads.runtime, apart.table);
  std::vector<edgeonnx_column> columns = apart.table.columns();
  for (const size_t c : {1, 2, 4, 5, 6, 7, 9}) columns[c].data = reinterpret_cast<const void*>(uintptr_t{16});
  const Binding binding = roads.native.bind(apart.table.fields(), binding_options());
  const Results found = score(binding, {{columns.data(), 129}});
  CHECK(is_same(found, expected, binding));
  CHECK_EQUAL(found.report.n_columns_read, 3);
  CHECK_EQUAL(found.report.n_columns_unread, 7);
}

TEST(test_native_trees_read_a_thousand_columns) {
  std::vector<int64_t> features;
  for (int64_t i = 0; i < 1000; ++i) features.push_back(i);
  const Roads roads(forest_models::model(shape_of(200, 5, 0, features), 1000), 2);
  for (const int64_t n : {1, 129, 700}) {
    for (const bool is_matrix : {false, true}) {
      for (const Layout& layout : {kLayouts[0], kLayouts[4]}) {
        check_same(roads, LaidOut(n, 1000, is_matrix, layout).table, std::to_string(n) + " rows " + layout.name);
      }
    }
  }
}

TEST(test_native_random_ensembles_score_as_onnx_runtime) {
  using namespace random_ensembles;
  int n_native = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    Dice dice(seed);
    Recipe made = recipe(dice);
    made.has_text_labels = false;
    const Lists lists(made, dice);
    const std::string model = lists.model();
    const Scorer native = load(model);
    if (std::string(native.explain()).find("plan: native\n") == std::string::npos) continue;
    ++n_native;
    const Scorer runtime = load(model, {1, 0, false});
    Lists rows = lists;
    for (const int64_t n : {1, 3, 200}) {
      std::vector<double> packed;
      for (int64_t r = 0; r < n; ++r) {
        for (double value : rows.row())
          packed.push_back(made.input == Type::kFloat || made.input == Type::kDouble
                               ? value
                               : std::round(std::clamp(std::isnan(value) ? 0 : value, -1e9, 1e9)));
      }
      Table table(n);
      if (made.input == Type::kFloat) table.add("x", std::vector<float>(packed.begin(), packed.end()), kFeatures);
      if (made.input == Type::kDouble) table.add("x", packed, kFeatures);
      if (made.input == Type::kInt32) table.add("x", std::vector<int32_t>(packed.begin(), packed.end()), kFeatures);
      if (made.input == Type::kInt64) table.add("x", std::vector<int64_t>(packed.begin(), packed.end()), kFeatures);
      const Binding binding = native.bind(table.fields(), binding_options());
      if (!is_same(score(binding, table), score(runtime, table), binding)) check::fail(__FILE__, __LINE__, "seed " + std::to_string(seed));
    }
  }
  CHECK(n_native > 75);
}

/// Columns of other types than the input's, with NULLs whose bitmaps begin at an offset.
struct Converted {
  Converted(int64_t n, bool has_nulls, const Layout& layout) : table(n) {
    std::vector<uint8_t> some, others;
    std::vector<int64_t> decimals;
    for (int64_t r = 0; r < n; ++r) some.push_back(r % 3 != 1), others.push_back(r % 7 != 0), decimals.push_back(r * 37 % 801 - 400);
    const auto size = static_cast<size_t>(n);
    rows.emplace_back(values<int64_t>(size, 1), 1, layout);
    table.add_column("c0", Type::kInt64, 1, rows.back().column());
    if (has_nulls) table.valid(some, 5);
    rows.emplace_back(values<double>(size, 2), 1, layout);
    table.add_column("c1", Type::kDouble, 1, rows.back().column());
    if (has_nulls) table.valid(others);
    rows.emplace_back(decimals, 1, layout);
    table.add_column({"c2", nullptr, 1, EDGEONNX_TYPE_DECIMAL64, 9, 2}, rows.back().column());
    if (has_nulls) table.valid(others, 14);
    rows.emplace_back(values<float>(size, 4), 1, layout);
    table.add_column("c3", Type::kFloat, 1, rows.back().column());
    if (has_nulls) table.valid(some, 3);
    table.add_bits("c4", some, 3);
    if (has_nulls) table.valid(others, 3);
  }
  std::deque<Rows> rows;
  Table table;
};

TEST(test_native_converted_columns_and_nulls_score_as_onnx_runtime) {
  const Roads roads(forest_models::model(shape_of(20, 5, 3, {0, 1, 2, 3, 4}), 5), 2, 128);
  for (const int64_t n : {0, 1, 2, 31, 129, 1000}) {
    for (const Layout& layout : kLayouts) {
      check_same(roads, Converted(n, false, layout).table, std::string("no nulls, ") + layout.name);
      for (const int32_t policy : {EDGEONNX_NULLS_NAN, EDGEONNX_NULLS_PROPAGATE, EDGEONNX_NULLS_CONSTANT}) {
        edgeonnx_binding_options options = binding_options();
        edgeonnx_null_rule rule = null_rule(policy);
        rule.constant = 0.75;
        options.null_rules = &rule;
        options.n_null_rules = 1;
        check_same(roads, Converted(n, true, layout).table, std::string(layout.name) + ", policy " + std::to_string(policy), options);
      }
    }
  }
  const Converted nulls(200, true, kLayouts[0]);
  const StatusError native = FAILURE(EDGEONNX_NULL_VALUE, score(roads.native, nulls.table));
  const StatusError runtime = FAILURE(EDGEONNX_NULL_VALUE, score(roads.runtime, nulls.table));
  CHECK_EQUAL(std::string(native.what()), std::string(runtime.what()));
}

TEST(test_native_double_input_takes_every_column) {
  // A Cast to float lies before the trees.
  Shape shape = shape_of(20, 5, 0, {0, 1, 2, 3, 4});
  const std::string model =
      tiny::model({.nodes = {tiny::node("Cast", {"x"}, {"narrow"}, {tiny::integer("to", 1)}), forest_models::forest("narrow", shape)},
                   .inputs = {tiny::tensor("x", Type::kDouble, {"N", 5})},
                   .outputs = forest_models::outputs_of(shape),
                   .initializers = {}});
  const Roads roads(model);
  for (const int64_t n : kRowCounts) {
    for (const Layout& layout : kLayouts) check_same(roads, Converted(n, false, layout).table, layout.name);
  }
}

TEST(test_native_chosen_outputs_are_delivered_in_any_type) {
  const Roads roads(forest_models::model(shape_of(10, 4, 3, {0, 1, 2, 3}), 4));
  const std::vector<std::vector<edgeonnx_result>> choices = {
      {{"y", EDGEONNX_TYPE_UNDEFINED, 0, 0, 0}},
      {{"label", EDGEONNX_TYPE_UNDEFINED, 0, 0, 0}},
      {{"label", EDGEONNX_TYPE_INT16, 0, 0, 1}},
      {{"y", EDGEONNX_TYPE_DOUBLE, 0, 0, 0}, {"label", EDGEONNX_TYPE_DECIMAL128, 9, 2, 0}},
  };
  for (const auto& results : choices) {
    edgeonnx_binding_options options = binding_options();
    options.results = results.data();
    options.n_results = results.size();
    for (const int64_t n : kRowCounts) check_same(roads, LaidOut(n, 4, n % 2 == 0, kLayouts[n % 6]).table, "chosen", options);
  }
}

TEST(test_native_results_go_to_any_memory) {
  const Roads roads(forest_models::model(shape_of(10, 4, 3, {0, 1, 2, 3}), 4), 1, 64);
  const LaidOut laid_out(200, 4, false, kLayouts[0]);
  const Binding binding = roads.native.bind(laid_out.table.fields(), binding_options());
  const std::vector<float> expected = score(roads.runtime, laid_out.table).values<float>(1);
  const std::vector<int64_t> labels = score(roads.runtime, laid_out.table).values<int64_t>(0);
  for (const int64_t row_bytes : {13, -13, 12, -12}) {  // off alignment, and backwards
    const int64_t label_bytes = row_bytes < 0 ? -8 : row_bytes == 13 ? 11 : 8;
    const auto memory = [](int64_t step, int64_t size) {
      return std::vector<std::byte>(static_cast<size_t>(std::abs(step) * 199 + size), std::byte{0x5A});
    };
    std::vector<std::byte> y = memory(row_bytes, 12), label = memory(label_bytes, 8);
    std::byte* first_y = y.data() + (row_bytes < 0 ? -row_bytes * 199 : 0);
    std::byte* first_label = label.data() + (label_bytes < 0 ? -label_bytes * 199 : 0);
    binding.score({laid_out.table.batch()}, {{first_label, label_bytes, nullptr}, {first_y, row_bytes, nullptr}}, default_call());
    int64_t n_wrong = 0;
    for (int64_t r = 0; r < 200; ++r) {
      n_wrong += std::memcmp(first_y + r * row_bytes, &expected[static_cast<size_t>(3 * r)], 12) != 0;
      n_wrong += std::memcmp(first_label + r * label_bytes, &labels[static_cast<size_t>(r)], 8) != 0;
      n_wrong += row_bytes == 13 && r < 199 && first_y[r * 13 + 12] != std::byte{0x5A};
    }
    CHECK_EQUAL(n_wrong, 0);
  }
}

TEST(test_native_batches_are_rows_laid_end_to_end) {
  for (const int n_threads : {1, 2}) {
    for (const int64_t morsel_rows : {0, 1, 50}) {
      const Roads roads(forest_models::scaled_model(shape_of(10, 4, 2, {0, 1, 2}), 3), n_threads, morsel_rows);
      std::deque<LaidOut> tables;
      std::vector<edgeonnx_batch> batches;
      size_t i = 0;
      for (const int64_t n : {0, 1, 129, 0, 31, 64, 2, 333})
        batches.push_back(tables.emplace_back(n, 3, false, kLayouts[i++ % 6]).table.batch());
      check_same(roads, tables[0].table.fields(), batches, binding_options(), "batches");
    }
  }
}

TEST(test_native_threads_and_lengths_change_no_row) {
  const Roads roads(forest_models::model(shape_of(50, 6, 2, {0, 1, 2}), 3), 2, 0);
  const LaidOut laid_out(4097, 3, false, kLayouts[0]);
  const std::vector<float> all = score(roads.native, laid_out.table).values<float>(1);
  const Binding binding = roads.native.bind(laid_out.table.fields(), binding_options());
  for (const int64_t at : {0, 1, 17, 4000, 4096}) {
    std::vector<edgeonnx_column> columns = laid_out.table.columns();
    for (edgeonnx_column& column : columns) column.data = static_cast<const std::byte*>(column.data) + at * column.stride;
    const std::vector<float> one = score(binding, {{columns.data(), 1}}).values<float>(1);
    CHECK(std::memcmp(one.data(), &all[static_cast<size_t>(2 * at)], 8) == 0);
  }
}

TEST(test_native_cancelled_calls_end_and_leave_nothing_behind) {
  const Roads roads(forest_models::model(shape_of(50, 6, 0, {0, 1, 2}), 3), 2, 64);
  const LaidOut laid_out(4097, 3, false, kLayouts[0]);
  const Binding binding = roads.native.bind(laid_out.table.fields(), binding_options());
  edgeonnx_cancel* token = nullptr;
  CHECK_EQUAL(edgeonnx_cancel_create(&token, nullptr), EDGEONNX_OK);
  edgeonnx_call call = default_call();
  call.cancel = token;
  for (int i = 0; i < 3; ++i) {
    edgeonnx_cancel_request(token);
    FAILURE(EDGEONNX_CANCELLED, score(binding, {laid_out.table.batch()}, call));
    edgeonnx_cancel_reset(token);
    CHECK(is_same(score(binding, {laid_out.table.batch()}, call), score(roads.runtime, laid_out.table), binding));
  }
  edgeonnx_cancel_release(token);
  // Asked every few milliseconds only.
  const LaidOut many(400000, 3, false, kLayouts[0]);
  call = default_call();
  call.check = [](void*) { return 1; };
  FAILURE(EDGEONNX_CANCELLED, score(binding, {many.table.batch()}, call));
  CHECK(is_same(score(binding, laid_out.table), score(roads.runtime, laid_out.table), binding));
}

/// Near by 1e-5 of what ONNX Runtime makes; NaN where it makes NaN. Labels may differ only where two scores are as near.
void check_near(const Roads& roads, const Table& table, size_t i, const std::string& what) {
  const std::vector<float> a = score(roads.native, table).values<float>(i), b = score(roads.runtime, table).values<float>(i);
  for (size_t v = 0; v < a.size(); ++v) {
    if (std::isnan(a[v]) ? std::isnan(b[v]) : a[v] == b[v] || std::fabs(a[v] - b[v]) <= 1e-5F * std::max(1.0F, std::fabs(b[v]))) continue;
    check::fail(__FILE__, __LINE__, what + ": " + std::to_string(a[v]) + ", ONNX Runtime " + std::to_string(b[v]));
    return;
  }
}

/// Values of ordinary size, for models whose results are rounded.
Table ordinary(int64_t n, int64_t width, bool is_matrix) {
  const auto made = [](size_t size, uint32_t seed) {
    std::vector<float> all = values<float>(size, seed);
    for (float& each : all) each = std::isfinite(each) ? each : 0.5F;
    return all;
  };
  Table table(n);
  if (is_matrix) return std::move(table.add("x", made(static_cast<size_t>(n * width), 9), width));
  for (int64_t c = 0; c < width; ++c) table.add("c" + std::to_string(c), made(static_cast<size_t>(n), static_cast<uint32_t>(c)));
  return table;
}

tiny::Message linear_classifier(const std::string& transform) {
  return tiny::node("LinearClassifier", {"x"}, {"label", "y"},
                    {tiny::reals("coefficients", {0.5F, -1.25F, 2, 0.1F, -0.5F, 1.25F, -2, -0.1F, 1, 1, -1, 0.3F}),
                     tiny::reals("intercepts", {0.1F, 0.2F, -0.3F}), tiny::integers("classlabels_ints", {3, 1, 2}),
                     tiny::string("post_transform", transform)},
                    "ai.onnx.ml");
}

TEST(test_native_linear_models_score_near_onnx_runtime) {
  std::vector<tiny::Graph> graphs;
  for (const char* transform : {"NONE", "SOFTMAX", "LOGISTIC"}) {
    graphs.push_back({.nodes = {linear_classifier(transform)},
                      .inputs = {},
                      .outputs = {tiny::tensor("label", Type::kInt64, {"N"}), tiny::tensor("y", Type::kFloat, {"N", 3})},
                      .initializers = {}});
  }
  graphs.push_back(
      {.nodes = {tiny::node("LinearRegressor", {"x"}, {"y"},
                            {tiny::reals("coefficients", {1, 0.25F, -3, 0.7F}), tiny::reals("intercepts", {0.5F})}, "ai.onnx.ml")},
       .inputs = {},
       .outputs = {tiny::tensor("y", Type::kFloat, {"N", 1})},
       .initializers = {}});
  graphs.push_back({.nodes = {tiny::node("MatMul", {"x", "w"}, {"product"}), tiny::node("Add", {"product", "b"}, {"sum"}),
                              tiny::node("Sigmoid", {"sum"}, {"y"})},
                    .inputs = {},
                    .outputs = {tiny::tensor("y", Type::kFloat, {"N", 2})},
                    .initializers = {tiny::initializer<float>("w", Type::kFloat, {4, 2}, {1, 2, 0.3F, -1, 0.5F, 0.25F, -2, 1}),
                                     tiny::initializer<float>("b", Type::kFloat, {2}, {0.5F, -0.5F})}});
  for (tiny::Graph& graph : graphs) {
    graph.inputs = {tiny::tensor("x", Type::kFloat, {"N", 4})};
    const Roads roads(tiny::model(graph), 2, 100);
    for (const int64_t n : kRowCounts) {
      for (const bool is_matrix : {false, true})
        check_near(roads, ordinary(n, 4, is_matrix), graph.outputs.size() - 1, std::to_string(n) + " rows");
    }
    // A row's result is its own, wherever it stands.
    const Table table = ordinary(500, 4, false);
    const Binding binding = roads.native.bind(table.fields(), binding_options());
    const Results all = score(binding, table);
    for (const int64_t at : {0, 1, 99, 100, 499}) {
      std::vector<edgeonnx_column> columns = table.columns();
      for (edgeonnx_column& column : columns) column.data = static_cast<const std::byte*>(column.data) + at * column.stride;
      const Results one = score(binding, {{columns.data(), 1}});
      for (size_t i = 0; i < one.data.size(); ++i)
        CHECK(std::memcmp(one.data[i].data(), all.data[i].data() + static_cast<size_t>(at) * one.data[i].size(), one.data[i].size()) == 0);
    }
  }
}

/// Inputs a and b [N, 1] and c [N, 2], glued and turned about, before trees.
tiny::Graph glue(const Shape& shape) {
  return {
      .nodes = {tiny::node("Imputer", {"a"}, {"full"},
                           {tiny::reals("imputed_value_floats", {0.25F}), tiny::real("replaced_value_float", std::nanf(""))}, "ai.onnx.ml"),
                tiny::node("Cast", {"b"}, {"b_real"}, {tiny::integer("to", 1)}),
                tiny::node("OneHotEncoder", {"b"}, {"hot"}, {tiny::integers("cats_int64s", {-1, 0, 2}), tiny::integer("zeros", 1)},
                           "ai.onnx.ml"),
                tiny::node("Reshape", {"hot", "flat"}, {"hot_flat"}), tiny::node("Mul", {"c", "factors"}, {"larger"}),
                tiny::node("Concat", {"full", "b_real", "larger", "hot_flat"}, {"all"}, {tiny::integer("axis", 1)}),
                tiny::node("ArrayFeatureExtractor", {"all", "order"}, {"turned"}, {}, "ai.onnx.ml"),
                forest_models::forest("turned", shape)},
      .inputs = {tiny::tensor("a", Type::kFloat, {"N", 1}), tiny::tensor("b", Type::kInt64, {"N", 1}),
                 tiny::tensor("c", Type::kFloat, {"N", 2})},
      .outputs = forest_models::outputs_of(shape),
      .initializers = {tiny::initializer<int64_t>("flat", Type::kInt64, {2}, {-1, 3}),
                       tiny::initializer<float>("factors", Type::kFloat, {2}, {1.5F, -0.5F}),
                       tiny::initializer<int64_t>("order", Type::kInt64, {7}, {6, 5, 4, 3, 2, 1, 0})}};
}

Table glue_table(int64_t n) {
  const auto size = static_cast<size_t>(n);
  Table table(n);
  table.add("c", values<double>(2 * size, 1), 2).add("a", values<float>(size, 2)).add("b", values<int32_t>(size, 3));
  return table;
}

TEST(test_native_glue_before_trees_scores_as_onnx_runtime) {
  const Roads roads(tiny::model(glue(shape_of(20, 5, 0, {0, 1, 2, 3, 4, 5, 6}))), 2, 200);
  for (const int64_t n : kRowCounts) check_same(roads, glue_table(n), std::to_string(n) + " rows");
}

TEST(test_native_parts_around_a_session_score_as_onnx_runtime) {
  // A cumulative sum across a row's values has no native kernel, and stands in the middle.
  tiny::Graph graph = glue(shape_of(20, 5, 3, {0, 1, 2, 3, 4, 5, 6}));
  graph.nodes.back() = forest_models::forest("summed", shape_of(20, 5, 3, {0, 1, 2, 3, 4, 5, 6}));
  graph.nodes.push_back(tiny::node("CumSum", {"turned", "axis"}, {"summed"}));
  std::swap(graph.nodes.back(), graph.nodes[graph.nodes.size() - 2]);
  graph.initializers.push_back(tiny::initializer<int64_t>("axis", Type::kInt64, {}, {1}));
  for (const int n_threads : {1, 2}) {
    const Roads roads(tiny::model(graph), n_threads, 200, "plan: native front + ONNX Runtime + native tail");
    for (const int64_t n : kRowCounts) check_same(roads, glue_table(n), std::to_string(n) + " rows");
  }
}

TEST(test_native_text_labels_are_left_to_onnx_runtime_where_they_are_read) {
  Shape shape = shape_of(10, 4, 3, {0, 1, 2});
  shape.has_text_labels = true;
  tiny::Graph graph{
      .nodes = {tiny::node("Neg", {"x"}, {"turned"}), forest_models::forest("turned", shape),
                tiny::node("LabelEncoder", {"label"}, {"code"},
                           {tiny::strings("keys_strings", {"class 2", "class 0", "class 1"}), tiny::integers("values_int64s", {7, 8, 9})},
                           "ai.onnx.ml")},
      .inputs = {tiny::tensor("x", Type::kFloat, {"N", 3})},
      .outputs = {tiny::tensor("y", Type::kFloat, {"N", 3})},
      .initializers = {}};
  // Nobody reads the label: all is native.
  check_same(Roads(tiny::model(graph)), LaidOut(129, 3, false, kLayouts[0]).table, "probabilities alone");
  graph.outputs.push_back(tiny::tensor("code", Type::kInt64, {"N"}));
  const Roads roads(tiny::model(graph), 1, 0, "plan: native front + ONNX Runtime,");
  for (const int64_t n : kRowCounts) check_same(roads, LaidOut(n, 3, true, kLayouts[0]).table, std::to_string(n) + " rows");
  // The label behind something that ONNX Runtime makes.
  graph.nodes[0] = tiny::node("CumSum", {"x", "axis"}, {"turned"});
  graph.initializers = {tiny::initializer<int64_t>("axis", Type::kInt64, {}, {1})};
  check_same(Roads(tiny::model(graph), 1, 0, "plan: ONNX Runtime,"), LaidOut(129, 3, true, kLayouts[0]).table, "no part is native");
}

TEST(test_native_large_ensemble_scores_as_onnx_runtime) {
  const char* text = std::getenv("EDGEONNX_TEST_MODEL_MB");
  const int64_t n_megabytes = text && *text ? std::atoll(text) : 5;
  std::vector<int64_t> features;
  for (int64_t i = 0; i < 40; ++i) features.push_back(i);
  const std::string model = forest_models::model(shape_of(std::max<int64_t>(1, n_megabytes * 32), 9, 0, features), 40);
  CHECK(static_cast<int64_t>(model.size()) > n_megabytes * 900000);
  const Roads roads(model, 2);
  for (const int64_t n : {1, 129, 1500}) {
    for (const bool is_matrix : {false, true}) check_same(roads, LaidOut(n, 40, is_matrix, kLayouts[1]).table, std::to_string(n) + " rows");
  }
}

}  // namespace

int main() { return run_with_runtime("test_native_plan"); }
