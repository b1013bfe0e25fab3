// Branch changes from a score call: which rows the report counts, whatever lies between the columns and the trees.
#include <cmath>
#include <limits>

#include "scoring.h"
#include "tree_messages.h"

namespace {

using namespace scoring;
using messages::ListedNode;
using messages::stump;

constexpr float kThreshold = 0.1F;  // lies above 0.1
const double kAbove = std::nextafter(double{kThreshold}, 1.0);
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class Take>
tiny::Message integers(const char* name, const std::vector<ListedNode>& nodes, const Take& take) {
  std::vector<int64_t> values;
  for (const ListedNode& each : nodes) values.push_back(take(each));
  return tiny::integers(name, values);
}

/// An ensemble over the value `row` with an output y [N, 1] that sums up what the leaves weigh: leaf `id` weighs id.
std::string tree_model(const std::vector<tiny::Message>& inputs, std::vector<tiny::Message> nodes_before, const std::string& row,
                       const std::vector<ListedNode>& nodes) {
  std::vector<ListedNode> leaves;
  std::vector<std::string> modes;
  std::vector<float> thresholds, weights;
  for (const ListedNode& each : nodes) {
    modes.push_back(each.mode);
    thresholds.push_back(each.threshold);
    if (each.mode != "LEAF") continue;
    leaves.push_back(each);
    weights.push_back(static_cast<float>(each.id));
  }
  nodes_before.push_back(
      tiny::node("TreeEnsembleRegressor", {row}, {"y"},
                 {tiny::strings("nodes_modes", modes), tiny::reals("nodes_values", thresholds),
                  integers("nodes_treeids", nodes, [](const auto& each) { return each.tree; }),
                  integers("nodes_nodeids", nodes, [](const auto& each) { return each.id; }),
                  integers("nodes_featureids", nodes, [](const auto& each) { return each.feature; }),
                  integers("nodes_truenodeids", nodes, [](const auto& each) { return each.true_id; }),
                  integers("nodes_falsenodeids", nodes, [](const auto& each) { return each.false_id; }), tiny::integer("n_targets", 1),
                  integers("target_ids", leaves, [](const auto&) { return 0; }),
                  integers("target_treeids", leaves, [](const auto& each) { return each.tree; }),
                  integers("target_nodeids", leaves, [](const auto& each) { return each.id; }), tiny::reals("target_weights", weights)},
                 "ai.onnx.ml"));
  return tiny::model({.nodes = nodes_before, .inputs = inputs, .outputs = {tiny::tensor("y", Type::kFloat, {"N", 1})}, .initializers = {}});
}

tiny::Message real_input(const char* name, int64_t width) { return tiny::tensor(name, Type::kFloat, {"N", width}); }

/// y = 1 where x <= kThreshold, 2 elsewhere; of x [N, 1]
const std::string& one_stump() {
  static const std::string model = tree_model({real_input("x", 1)}, {}, "x", stump(0, 0, "BRANCH_LEQ", kThreshold));
  return model;
}

/// The like of it for each of three values of a row, summed up.
const std::string& three_stumps() {
  static const std::string model = [] {
    std::vector<ListedNode> nodes;
    for (int64_t i = 0; i < 3; ++i) {
      for (const ListedNode& each : stump(i, i, "BRANCH_LEQ", kThreshold)) nodes.push_back(each);
    }
    return tree_model({real_input("x", 3)}, {}, "x", nodes);
  }();
  return model;
}

edgeonnx_binding_options counting_options() {
  edgeonnx_binding_options options = binding_options();
  options.counts_branches = 1;
  return options;
}

TEST(test_branch_report_counts_rows_at_a_threshold_only_where_asked) {
  const Scorer scorer = load(one_stump());
  Table table(6);
  table.add("x", std::vector<double>{kAbove, 0.1, kThreshold, 0.2, kNan, kAbove});
  const Results counted = score(scorer, table, counting_options()), plain = score(scorer, table);
  CHECK_EQUAL(counted.report.n_branch_changes, int64_t{2});
  CHECK_EQUAL(plain.report.n_branch_changes, int64_t{-1});
  // Rounded to the threshold, so that the tree goes the other way than a float tree would.
  CHECK(counted.values<float>() == std::vector<float>({1, 1, 1, 2, 2, 1}));
  CHECK(plain.values<float>() == counted.values<float>());
}

TEST(test_branch_report_columns_that_are_not_rounded_change_nothing) {
  const Scorer scorer = load(one_stump());
  Table reals(2), integers(2);
  reals.add("x", std::vector<float>{static_cast<float>(kAbove), 0.1F});
  integers.add("x", std::vector<int32_t>{0, 1});
  CHECK_EQUAL(score(scorer, reals, counting_options()).report.n_branch_changes, int64_t{0});
  CHECK_EQUAL(score(scorer, integers, counting_options()).report.n_branch_changes, int64_t{0});
}

TEST(test_branch_report_models_without_trees_count_nothing) {
  Table table(1);
  table.add("x", std::vector<double>{kAbove});
  CHECK_EQUAL(score(load(tiny::identity(Type::kFloat, {"N"})), table, counting_options()).report.n_branch_changes, int64_t{-1});
}

TEST(test_branch_report_sums_up_over_batches_morsels_and_threads) {
  for (const int n_threads : {1, 3}) {
    for (const int64_t morsel_rows : {1, 64, 0}) {
      const Scorer scorer = load(one_stump(), {n_threads, morsel_rows});
      std::vector<Table> tables;
      std::vector<edgeonnx_batch> batches;
      int64_t expected = 0;
      for (const int64_t n : {0, 1, 700, 65}) {
        std::vector<double> x(static_cast<size_t>(n));
        for (size_t i = 0; i < x.size(); ++i) {
          x[i] = i % 3 == 0 ? kAbove : static_cast<double>(i);
          expected += i % 3 == 0;
        }
        batches.push_back(tables.emplace_back(n).add("x", x).batch());
      }
      CHECK_EQUAL(score(scorer.bind(tables[0].fields(), counting_options()), batches).report.n_branch_changes, expected);
    }
  }
}

TEST(test_branch_report_single_rows_are_counted_afresh) {
  const Scorer scorer = load(one_stump());
  Table at(1), off(1);
  at.add("x", std::vector<double>{kAbove});
  off.add("x", std::vector<double>{5});
  const Binding binding = scorer.bind(at.fields(), counting_options());
  for (int i = 0; i < 3; ++i) {
    CHECK_EQUAL(score(binding, at).report.n_branch_changes, int64_t{1});
    CHECK_EQUAL(score(binding, off).report.n_branch_changes, int64_t{0});
  }
}

TEST(test_branch_report_leaves_nulls_and_what_does_not_fit_out) {
  const Scorer scorer = load(one_stump());
  Table table(5);
  table.add("x", std::vector<double>{kAbove, kAbove, 1e300, -1e300, kAbove}).valid({1, 0, 1, 1, 1}, 3);
  for (const int32_t policy : {EDGEONNX_NULLS_NAN, EDGEONNX_NULLS_PROPAGATE, EDGEONNX_NULLS_CONSTANT}) {
    edgeonnx_null_rule rule = null_rule(policy);
    rule.constant = kThreshold;
    edgeonnx_binding_options options = counting_options();
    options.null_rules = &rule;
    options.n_null_rules = 1;
    options.on_overflow = EDGEONNX_ON_OVERFLOW_NULL;
    CHECK_EQUAL(score(scorer, table, options).report.n_branch_changes, int64_t{2});
  }
}

TEST(test_branch_report_leaves_rows_that_another_column_masks_out) {
  const Scorer scorer = load(three_stumps());
  Table table(4);
  table.add("a", std::vector<double>(4, kAbove)).add("b", std::vector<float>{1, 2, 3, 4}).valid({1, 0, 1, 1});
  table.add("c", std::vector<double>(4, 1)).valid({1, 1, 1, 0});
  const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
  edgeonnx_binding_options options = counting_options();
  options.null_rules = &rule;
  options.n_null_rules = 1;
  const Results results = score(scorer, table, options);
  CHECK(results.masks[0] == std::vector<uint8_t>({0, 1, 0, 1}));
  CHECK_EQUAL(results.report.n_branch_changes, int64_t{2});
}

TEST(test_branch_report_reads_many_columns_lists_and_any_stride) {
  const Scorer scorer = load(three_stumps(), {1, 16});
  constexpr int64_t n = 100;
  std::vector<double> rows(3 * n), columns[3];
  int64_t expected = 0;
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t v = 0; v < 3; ++v) {
      rows[static_cast<size_t>(3 * r + v)] = r % 7 == v ? kAbove : static_cast<double>(r + 1);
      columns[v].push_back(rows[static_cast<size_t>(3 * r + v)]);
    }
    expected += r % 7 < 3;
  }
  Table list(n), single(n), strided(n);
  list.add("x", rows, 3);
  for (int i = 0; i < 3; ++i) single.add("c" + std::to_string(i), columns[i]);
  // Last row first, 5 bytes between the rows, at an odd address.
  constexpr int64_t kStride = 29;
  std::vector<std::byte> memory(1 + n * kStride);
  for (int64_t r = 0; r < n; ++r)
    std::memcpy(&memory[static_cast<size_t>(1 + (n - 1 - r) * kStride)], &rows[static_cast<size_t>(3 * r)], 24);
  edgeonnx_column column{};
  column.data = &memory[1 + (n - 1) * kStride];
  column.stride = -kStride;
  strided.add_column("x", Type::kDouble, 3, column);
  for (const Table* table : {&list, &single, &strided}) {
    CHECK_EQUAL(score(scorer, *table, counting_options()).report.n_branch_changes, expected);
  }
  Table mixed(n);
  mixed.add("c0", std::vector<float>(columns[0].begin(), columns[0].end())).add("c1", columns[1]).add("c2", std::vector<int16_t>(n, 3));
  int64_t of_one = 0;
  for (int64_t r = 0; r < n; ++r) of_one += r % 7 == 1;
  CHECK_EQUAL(score(scorer, mixed, counting_options()).report.n_branch_changes, of_one);
}

TEST(test_branch_report_follows_a_concat_to_its_inputs) {
  std::vector<ListedNode> nodes = stump(0, 0, "BRANCH_LEQ", kThreshold);
  for (const ListedNode& each : stump(1, 2, "BRANCH_LT", 5)) nodes.push_back(each);
  const Scorer scorer = load(tree_model({real_input("a", 1), real_input("b", 2)},
                                        {tiny::node("Concat", {"a", "b"}, {"row"}, {tiny::integer("axis", 1)})}, "row", nodes));
  Table table(3);
  table.add("b", std::vector<double>{kAbove, 4, kAbove, std::nextafter(5.0, 0.0), 0, 7}, 2).add("a", std::vector<double>{0.2, 3, kAbove});
  CHECK_EQUAL(score(scorer, table, counting_options()).report.n_branch_changes, int64_t{2});
}

TEST(test_branch_report_explain_warns_of_columns_that_are_rounded) {
  const Scorer scorer = load(one_stump());
  const auto explains = [&](Type type) {
    return std::string(scorer.bind({{"x", nullptr, 1, static_cast<int32_t>(type), 0, 0}}, binding_options()).explain());
  };
  for (const Type type : {Type::kDouble, Type::kInt64, Type::kInt32}) CHECK(contains(explains(type), "column 'x' is rounded to real"));
  CHECK(explains(Type::kInt16).find("warning") == std::string::npos);
  CHECK(explains(Type::kFloat).find("warning") == std::string::npos);
  const Scorer without_trees = load(tiny::identity(Type::kFloat, {"N"}));
  const std::string plain = without_trees.bind({{"x", nullptr, 1, EDGEONNX_TYPE_DOUBLE, 0, 0}}, binding_options()).explain();
  CHECK(plain.find("warning") == std::string::npos);
}

}  // namespace

int main() { return run_with_runtime("test_branch_report"); }
