// Rows that rounding to float32 sends down another branch of a tree: the inputs that feed the ensembles, and the count.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "plan/branches.h"
#include "plan/plan.h"
#include "tree_messages.h"

using namespace edgeonnx;
using namespace messages;
using plan::BranchCheck;
using plan::FeatureColumn;
using plan::InputValue;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEndless = std::numeric_limits<double>::infinity();

double below(float value) { return std::nextafter(double{value}, -kEndless); }
double above(float value) { return std::nextafter(double{value}, kEndless); }

plan::Port port(const std::string& name, Type type, std::vector<int64_t> shape) { return {name, "", type, std::move(shape), ""}; }

BranchCheck check_of(const std::vector<Writer>& nodes, const std::vector<plan::Port>& inputs) {
  Writer graph;
  for (const Writer& each : nodes) graph.message(field::graph::kNode, each);
  const Writer bytes = model(graph);
  return BranchCheck(read(bytes), inputs);
}
BranchCheck check_of(const std::vector<ListedNode>& nodes, int64_t width) {
  return check_of({regressor("x", nodes)}, {port("x", Type::kFloat, {-1, width})});
}

/// A column of float64 values and what rounding makes of it.
struct Column {
  Column(std::vector<double> values, std::vector<uint8_t> nulls = {}) : exact(std::move(values)), is_null(std::move(nulls)) {
    for (const double value : exact) rounded.push_back(static_cast<float>(value));
  }
  FeatureColumn view() const {
    FeatureColumn column;
    column.rounded = reinterpret_cast<const std::byte*>(rounded.data());
    column.exact = reinterpret_cast<const std::byte*>(exact.data());
    column.is_null = is_null.empty() ? nullptr : is_null.data();
    return column;
  }
  std::vector<double> exact;
  std::vector<float> rounded;
  std::vector<uint8_t> is_null;
};

/// Counts over columns that are the values of a row of the one input `x`.
int64_t count(const BranchCheck& check, const std::vector<Column>& columns) {
  std::vector<FeatureColumn> wanted;
  for (const InputValue& each : check.layout(std::vector{static_cast<int64_t>(columns.size())})) {
    wanted.push_back(columns[each.value].view());
  }
  return check.count(wanted, static_cast<int64_t>(columns[0].exact.size()));
}

}  // namespace

TEST(test_count_takes_values_beside_a_threshold_by_the_mode) {
  // Both neighbours round to the threshold; what differs is which of them the comparison tells from it.
  const struct {
    const char* mode;
    bool below_differs, above_differs;
  } cases[] = {{"BRANCH_LEQ", false, true}, {"BRANCH_LT", true, false}, {"BRANCH_GTE", true, false},
               {"BRANCH_GT", false, true},  {"BRANCH_EQ", true, true},  {"BRANCH_NEQ", true, true}};
  for (const auto& each : cases) {
    for (const float threshold : {0.1F, -2.5F, 0.0F, -0.0F, 1e-45F, 3.4e38F}) {
      const BranchCheck check = check_of(stump(0, 0, each.mode, threshold), 1);
      CHECK_EQUAL(count(check, {{{below(threshold)}}}), int64_t{each.below_differs});
      CHECK_EQUAL(count(check, {{{above(threshold)}}}), int64_t{each.above_differs});
      CHECK_EQUAL(count(check, {{{threshold, double{threshold} + 1, double{threshold} - 1, 7.0000001}}}), 0);
    }
  }
}

TEST(test_count_takes_a_threshold_that_decimal_values_round_to) {
  // 0.1 lies below 0.1F and 0.7 above 0.7F.
  CHECK_EQUAL(count(check_of(stump(0, 0, "BRANCH_LT", 0.1F), 1), {{{0.1, 0.1F, 0.2, 0.1}}}), 2);
  CHECK_EQUAL(count(check_of(stump(0, 0, "BRANCH_LEQ", 0.7F), 1), {{{0.7, 0.7F, 0.6, 0.1}}}), 1);
}

TEST(test_count_leaves_nodes_off_the_path_out) {
  // x0 <= 5 ? x1 <= 0.5 : leaf
  const BranchCheck check =
      check_of({{0, 0, 0, "BRANCH_LEQ", 5, 1, 2}, {0, 1, 1, "BRANCH_LEQ", 0.5F, 3, 4}, leaf(0, 2), leaf(0, 3), leaf(0, 4)}, 2);
  const double doubtful = above(0.5F);
  CHECK_EQUAL(count(check, {{{1, 9, 1, 9}}, {{doubtful, doubtful, 0.5, 0.5}}}), 1);
}

TEST(test_count_counts_a_row_once_over_trees_and_ensembles) {
  std::vector<ListedNode> nodes = stump(7, 0, "BRANCH_LEQ", 0.5F);
  for (const ListedNode& each : stump(3, 1, "BRANCH_LT", -1)) nodes.push_back(each);
  const std::vector<Column> columns = {{{above(0.5F), above(0.5F), 0.5, 0.5}}, {{below(-1), -1, below(-1), 4}}};
  CHECK_EQUAL(count(check_of(nodes, 2), columns), 3);
  const BranchCheck twice =
      check_of({regressor("x", nodes), regressor("x", stump(0, 1, "BRANCH_EQ", 4))}, {port("x", Type::kFloat, {-1, 2})});
  CHECK_EQUAL(twice.n_covered(), 2);
  CHECK_EQUAL(count(twice, columns), 3);
  CHECK_EQUAL(count(twice, {{{above(0.5F), 1, 1}}, {{above(4), above(4), 4}}}), 2);
}

TEST(test_count_lets_null_nan_and_other_columns_alone) {
  std::vector<ListedNode> nodes = stump(0, 0, "BRANCH_NEQ", 0.5F);
  const double doubtful = above(0.5F);
  CHECK_EQUAL(count(check_of(nodes, 1), {{{doubtful, doubtful, kNan, kEndless}, {0, 1, 0, 0}}}), 1);
  nodes[0].missing_tracks_true = true;
  CHECK_EQUAL(count(check_of(nodes, 1), {{{doubtful, kNan}}}), 1);

  const BranchCheck check = check_of(nodes, 1);
  FeatureColumn column = Column({doubtful}).view();
  const float filled = 0.5F;  // a value that is NaN only before rounding, as a fill policy makes it
  column.rounded = reinterpret_cast<const std::byte*>(&filled);
  column.exact = reinterpret_cast<const std::byte*>(&kNan);
  CHECK_EQUAL(check.count(std::vector{column}, 1), 0);
  column.exact = nullptr;
  CHECK_EQUAL(check.count(std::vector{column}, 1), 0);
  CHECK_EQUAL(check.count(std::vector{column}, 0), 0);
}

TEST(test_count_sends_nan_where_the_node_says) {
  // x0 <= 0 ? x1 <= 0.5 : leaf; NaN meets x1 only where it goes to the true child.
  for (const bool tracks_true : {false, true}) {
    const BranchCheck check =
        check_of({{0, 0, 0, "BRANCH_LEQ", 0, 1, 2, tracks_true}, {0, 1, 1, "BRANCH_LEQ", 0.5F, 2, 3}, leaf(0, 2), leaf(0, 3)}, 2);
    CHECK_EQUAL(count(check, {{{kNan}}, {{above(0.5F)}}}), int64_t{tracks_true});
  }
}

TEST(test_count_reads_strided_and_unaligned_columns) {
  constexpr int64_t kRows = 3, kStride = 13;
  const Column column({above(0.5F), 0.5, above(0.5F)});
  std::vector<std::byte> rounded(1 + kRows * kStride), exact(1 + kRows * kStride);
  for (int64_t row = 0; row < kRows; ++row) {
    std::memcpy(&rounded[1 + row * kStride], &column.rounded[row], sizeof(float));
    std::memcpy(&exact[1 + (kRows - 1 - row) * kStride], &column.exact[row], sizeof(double));
  }
  const FeatureColumn view{&rounded[1], kStride, &exact[1 + (kRows - 1) * kStride], -kStride, nullptr};
  CHECK_EQUAL(check_of(stump(0, 0, "BRANCH_LEQ", 0.5F), 1).count(std::vector{view}, kRows), 2);
}

TEST(test_layout_follows_concats_and_identities_to_the_inputs) {
  std::vector<ListedNode> nodes;
  for (const int64_t feature : {5, 0, 2, 3}) {
    for (const ListedNode& each : stump(feature, feature, "BRANCH_LEQ", 1)) nodes.push_back(each);
  }
  const std::vector<plan::Port> inputs = {port("c", Type::kFloat, {-1, 1}), port("b", Type::kFloat, {-1, -1}),
                                          port("a", Type::kFloat, {-1, 1}), port("unused", Type::kFloat, {-1, -1})};
  const BranchCheck check =
      check_of({node("Identity", "", {"a"}, {"a_again"}), concat({"a_again", "b"}, "ab", -1),
                node("Identity", "ai.onnx", {"ab"}, {"ab_again"}), concat({"ab_again", "c"}, "row", 1), regressor("row", nodes)},
               inputs);
  CHECK_EQUAL(check.n_covered(), 1);
  CHECK(check.feeds(0) && check.feeds(1) && check.feeds(2) && !check.feeds(3));
  const auto layout = [&](int64_t c, int64_t b, int64_t a) { return check.layout(std::vector<int64_t>{c, b, a, -1}); };
  CHECK(layout(1, 4, 1) == (std::vector<InputValue>{{0, 0}, {2, 0}, {1, 1}, {1, 2}}));
  CHECK(layout(1, 5, 1) == (std::vector<InputValue>{{1, 4}, {2, 0}, {1, 1}, {1, 2}}));
  CHECK(layout(1, 3, 1).empty());   // no feature 5
  CHECK(layout(9, -1, 9).empty());  // a width that is still open
}

TEST(test_check_of_leaves_alone_has_nothing_to_count) {
  const BranchCheck check = check_of({leaf(0, 0), leaf(1, 0)}, 1);
  CHECK_EQUAL(check.n_covered(), 1);
  CHECK(!check.feeds(0));
  CHECK(check.layout(std::vector<int64_t>{1}).empty());
  CHECK_EQUAL(check.count({}, 5), 0);
}

TEST(test_check_covers_float32_inputs_of_rank_2_alone) {
  const Writer trees = regressor("row", stump(0, 0, "BRANCH_LEQ", 1));
  const plan::Port good = port("x", Type::kFloat, {-1, 1});
  const auto is_covered = [&](const Writer& between, const plan::Port& input) {
    const BranchCheck check = check_of({between, trees}, {input});
    CHECK_EQUAL(check.n_ensembles(), 1);
    CHECK_EQUAL(check.feeds(0), check.n_covered() == 1);
    return check.n_covered() == 1;
  };
  CHECK(is_covered(node("Identity", "", {"x"}, {"row"}), good));
  CHECK(!is_covered(node("Identity", "", {"x"}, {"row"}), port("x", Type::kDouble, {-1, 1})));
  CHECK(!is_covered(node("Identity", "", {"x"}, {"row"}), port("x", Type::kFloat, {-1})));
  CHECK(!is_covered(node("Identity", "", {"x"}, {"row"}), port("another", Type::kFloat, {-1, 1})));
  CHECK(!is_covered(node("Identity", "elsewhere", {"x"}, {"row"}), good));
  CHECK(!is_covered(node("Scaler", "ai.onnx.ml", {"x"}, {"row"}), good));
  CHECK(!is_covered(concat({"x", "x"}, "row", 0), good));
  CHECK(!is_covered(concat({"x", "constant"}, "row", 1), good));
  CHECK(!is_covered(concat({"x", "row"}, "row", 1), good));  // a circle
  CHECK(!is_covered(concat({"x", ""}, "row", 1), good));
  CHECK_EQUAL(check_of(std::vector<Writer>{}, {good}).n_ensembles(), 0);

  std::vector<Writer> doubling = {concat({"x", "x"}, "v0", 1)};
  std::vector<std::string> names = {"v0"};
  for (int i = 1; i < 40; ++i) {
    names.push_back("v" + std::to_string(i));
    doubling.push_back(concat({names[i - 1], names[i - 1]}, names[i], 1));
  }
  doubling.push_back(regressor("v39", stump(0, 0, "BRANCH_LEQ", 1)));
  CHECK_EQUAL(check_of(doubling, {good}).n_covered(), 0);
}

TEST(test_count_agrees_with_a_walk_over_every_row) {
  std::mt19937 random(20);
  const auto below_n = [&](int n) { return std::uniform_int_distribution(0, n - 1)(random); };
  const std::vector<std::string> modes = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
  const std::vector<float> pool = {0.0F, -0.0F, 0.1F, 0.3F, -7.7F, 1e-45F, 1e-38F, 3e38F, 16777216.0F};
  constexpr int kFeatures = 3, kRows = 60;
  int64_t n_counted = 0, n_rows = 0;
  for (int round = 0; round < 300; ++round) {
    // Heaps: the children of node i are 2 i + 1 and 2 i + 2.
    std::vector<ListedNode> nodes;
    for (int tree = 0; tree < 3; ++tree) {
      for (int i = 0; i < 15; ++i) {
        nodes.push_back(leaf(tree, i));
        if (i < 7) {
          nodes.back() = {tree, i, below_n(kFeatures), modes[below_n(6)], pool[below_n(9)], 2 * i + 1, 2 * i + 2, below_n(2) == 0};
        }
      }
    }
    std::vector<Column> columns;
    for (int k = 0; k < kFeatures; ++k) {
      std::vector<double> values;
      std::vector<uint8_t> nulls;
      for (int row = 0; row < kRows; ++row) {
        const float near = pool[below_n(9)];
        values.push_back(std::vector{below(near), above(near), double{near}, kNan, double{near} + 0.01}[below_n(5)]);
        nulls.push_back(below_n(8) == 0);
      }
      columns.emplace_back(values, nulls);
    }
    const auto passes = [](const ListedNode& at, double x) {
      const double t = at.threshold;
      if (std::isnan(x)) return at.missing_tracks_true || at.mode == "BRANCH_NEQ";
      const std::string order = x < t   ? "BRANCH_LEQ BRANCH_LT BRANCH_NEQ"
                                : x > t ? "BRANCH_GTE BRANCH_GT BRANCH_NEQ"
                                        : "BRANCH_LEQ BRANCH_GTE BRANCH_EQ";
      return (order + " ").find(at.mode + " ") != std::string::npos;
    };
    int64_t expected = 0;
    for (int row = 0; row < kRows; ++row) {
      bool differs = false;
      for (int tree = 0; tree < 3; ++tree) {
        for (const ListedNode* at = &nodes[15 * tree]; at->mode != "LEAF";) {
          const Column& column = columns[at->feature];
          const bool is_true = passes(*at, column.rounded[row]);
          differs = differs || (!column.is_null[row] && passes(*at, column.exact[row]) != is_true);
          at = &nodes[15 * tree + (is_true ? at->true_id : at->false_id)];
        }
      }
      expected += differs;
    }
    CHECK_EQUAL(count(check_of(nodes, kFeatures), columns), expected);
    n_counted += expected;
    n_rows += kRows;
  }
  CHECK(n_counted > n_rows / 10 && n_counted < n_rows * 9 / 10);
}

int main() { return check::run(); }
