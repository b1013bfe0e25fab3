// Tests of ONNX trees as splits: each against what the operator says of special values and their neighbours, and what is refused.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "plan/forest.h"
#include "tree_walk.h"

using namespace edgeonnx;
using onnx::TreeEnsemble;
using onnx::TreeMode;
using onnx::TreeNode;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

TreeNode test(TreeMode mode, double threshold, int32_t true_child, int32_t false_child, bool missing = false) {
  return {threshold, 0, true_child, false_child, mode, missing};
}

/// Node 0, and behind it the leaves that pass (weight 1) and fail (weight 0).
TreeEnsemble stump(TreeMode mode, double threshold, bool missing = false) {
  TreeEnsemble ensemble;
  ensemble.nodes = {test(mode, threshold, 1, 2, missing), {}, {}};
  ensemble.roots = {0};
  ensemble.weights = {{1, 0, 1}, {2, 0, 0}};
  return ensemble;
}

TreeEnsemble member_of(std::vector<double> values, bool missing = false) {
  TreeEnsemble ensemble = stump(TreeMode::kMember, 0, missing);
  ensemble.sets = {{0, std::move(values)}};
  ensemble.is_positioned = true;
  return ensemble;
}

/// Tests for equality with the values, one behind the other; the last node but one passes (weight 1), the last one fails.
TreeEnsemble chain(const std::vector<double>& values) {
  TreeEnsemble ensemble;
  const int32_t n = static_cast<int32_t>(values.size());
  for (int32_t i = 0; i < n; ++i)
    ensemble.nodes.push_back(test(TreeMode::kEq, values[static_cast<size_t>(i)], n, i + 1 < n ? i + 1 : n + 1));
  ensemble.nodes.resize(values.size() + 2);
  ensemble.roots = {0};
  ensemble.weights = {{n, 0, 1}, {n + 1, 0, 0}};
  return ensemble;
}

plan::ForestPlan planned(const TreeEnsemble& ensemble, Type input = Type::kFloat) {
  std::string reason;
  auto plan = plan::plan_forest(ensemble, input, reason);
  if (!plan) throw Error(Code::kInternal, "refused: " + reason);
  return *std::move(plan);
}

std::string refusal(const TreeEnsemble& ensemble, Type input = Type::kFloat) {
  std::string reason;
  return plan::plan_forest(ensemble, input, reason) ? "" : reason;
}

double score(const kernels::Trees& trees, double value) {
  const int32_t leaf = tree_walk::leaf_of(trees, trees.roots[0], {value});
  return trees.weights[trees.leaf_begin[leaf]].value;
}

int depth_of(const kernels::Trees& trees, int32_t child) {
  if (child < 0) return 0;
  return 1 + std::max(depth_of(trees, trees.splits[child].left), depth_of(trees, trees.splits[child].right));
}

double neighbour(double value, double towards, bool is_double) {
  return is_double ? std::nextafter(value, towards)
                   : static_cast<double>(std::nextafter(static_cast<float>(value), static_cast<float>(towards)));
}

std::vector<double> special_values(bool is_double) {
  const double denormal = is_double ? std::numeric_limits<double>::denorm_min() : std::numeric_limits<float>::denorm_min();
  const double smallest = is_double ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  const double largest = is_double ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  return {0.0, -0.0, 1,        -1,       0.5,       2,        3,         31,      32,       33,        64,
          65,  2.5,  16777216, denormal, -denormal, smallest, -smallest, largest, -largest, kInfinity, -kInfinity};
}

/// The values, what is next to them, and NaN.
std::vector<double> with_neighbours(std::vector<double> values, bool is_double) {
  for (size_t i = values.size(); i-- > 0;) {
    values.push_back(neighbour(values[i], kInfinity, is_double));
    values.push_back(neighbour(values[i], -kInfinity, is_double));
  }
  values.push_back(kNan);
  return values;
}

void check_stumps(bool is_double) {
  std::vector<double> thresholds = special_values(is_double);
  const std::vector<double> values = with_neighbours(thresholds, is_double);
  thresholds.push_back(kNan);
  for (const TreeMode mode : {TreeMode::kLeq, TreeMode::kLt, TreeMode::kGte, TreeMode::kGt, TreeMode::kEq, TreeMode::kNeq}) {
    for (const double threshold : thresholds) {
      for (const bool missing : {false, true}) {
        const TreeEnsemble ensemble = stump(mode, threshold, missing);
        const kernels::Trees trees = planned(ensemble, is_double ? Type::kDouble : Type::kFloat).trees;
        CHECK_EQUAL(trees.is_double, is_double);
        CHECK(trees.splits.size() <= 2);
        for (const kernels::Split& split : trees.splits) CHECK(!std::isnan(split.threshold));
        for (const double value : values) {
          if (score(trees, value) == (onnx::goes_true(ensemble.nodes[0], value) ? 1 : 0)) continue;
          std::cerr << "  mode " << static_cast<int>(mode) << ", threshold " << threshold << ", missing " << missing << ": " << value
                    << "\n";
          check::fail(__FILE__, __LINE__, "a value goes the other way");
        }
      }
    }
  }
}

void check_members(const TreeEnsemble& ensemble, const std::vector<double>& values, bool is_double, auto&& contains) {
  const kernels::Trees trees = planned(ensemble, is_double ? Type::kDouble : Type::kFloat).trees;
  for (const double value : values) {
    if (score(trees, value) == (contains(value) ? 1 : 0)) continue;
    std::cerr << "  " << value << "\n";
    check::fail(__FILE__, __LINE__, "a value is in the set that should not be, or not in it");
  }
}

}  // namespace

TEST(test_plan_forest_float_tests_equal_their_operators) { check_stumps(false); }
TEST(test_plan_forest_double_tests_equal_their_operators) { check_stumps(true); }

TEST(test_plan_forest_small_set_takes_its_values_alone) {
  const std::vector<double> members = {3, 0, 2.5, 30, 3};
  for (const bool is_double : {false, true}) {
    check_members(member_of(members), with_neighbours({0, -0.0, 1, 2, 2.5, 3, 4, 29, 30, 31, kInfinity}, is_double), is_double,
                  [&](double value) { return std::find(members.begin(), members.end(), value) != members.end(); });
  }
}

TEST(test_plan_forest_large_set_cuts_fractions_off) {
  for (const bool is_double : {false, true}) {
    const std::vector<double> values = with_neighbours({-3,
                                                        -2,
                                                        -1,
                                                        -0.0,
                                                        0,
                                                        1,
                                                        2,
                                                        40,
                                                        41,
                                                        42,
                                                        99,
                                                        100,
                                                        101,
                                                        2147483520,
                                                        2147483648.0,
                                                        -2147483648.0,
                                                        -2147483904.0,
                                                        1e30,
                                                        -1e30,
                                                        kInfinity,
                                                        -kInfinity,
                                                        16777216},
                                                       is_double);
    for (const std::vector<double>& members :
         {std::vector<double>{0, 40, 41, 100, -2}, {-1, 1, 2147483520, 16777216}, {-2147483648.0, 31}, {-2147483647.0 - 1, 0, 64}}) {
      // As x86-64 converts: what does not fit becomes the smallest number.
      check_members(member_of(members), values, is_double, [&](double value) {
        const bool fits = value > -2147483649.0 && value < 2147483648.0;
        return std::find(members.begin(), members.end(), fits ? std::trunc(value) : -2147483648.0) != members.end();
      });
    }
  }
  CHECK_EQUAL(refusal(member_of({0.5, 40})), "it has a large set with members that are no int32");
  CHECK_EQUAL(refusal(member_of({4294967296.0})), "it has a large set with members that are no int32");
  CHECK_EQUAL(refusal(member_of({})), "it has a set without members");
}

TEST(test_plan_forest_sets_of_hundreds_stay_shallow) {
  std::vector<double> every_second, in_row;
  for (int i = 0; i < 500; ++i) every_second.push_back(2 * i), in_row.push_back(i);
  const kernels::Trees sparse = planned(member_of(every_second)).trees;
  CHECK(sparse.splits.size() <= 1000 && depth_of(sparse, sparse.roots[0]) <= 10);
  CHECK_EQUAL(planned(member_of(in_row)).trees.splits.size(), 2u);
  const kernels::Trees chained = planned(chain(every_second)).trees;
  CHECK(chained.splits.size() <= 1000 && depth_of(chained, chained.roots[0]) <= 10);
  for (const double value : {-1.0, 0.0, 1.0, 2.0, 2.5, 998.0, 999.0, 1000.0}) {
    CHECK_EQUAL(score(chained, value), std::fmod(value, 2) == 0 && value >= 0 && value < 1000 ? 1.0 : 0.0);
  }
}

TEST(test_plan_forest_long_chain_of_different_features_is_planned) {
  std::vector<double> values(200000, 7);
  TreeEnsemble ensemble = chain(values);
  for (size_t i = 0; i < values.size(); ++i) ensemble.nodes[i].feature = static_cast<int32_t>(i % 2);
  CHECK_EQUAL(planned(ensemble).trees.splits.size(), 2 * values.size());
}

TEST(test_plan_forest_folds_chains_as_onnx_runtime_does) {
  // x == 1, else x == 2, both to leaves of weight 1; NaN passes the second test, which folding forgets.
  TreeEnsemble ensemble;
  ensemble.nodes = {test(TreeMode::kEq, 1, 2, 1), test(TreeMode::kEq, 2, 3, 4, true), {}, {}, {}};
  ensemble.roots = {0};
  ensemble.weights = {{2, 0, 1}, {3, 0, 1}, {4, 0, 0}};
  CHECK_EQUAL(score(planned(ensemble).trees, kNan), 0.0);
  CHECK_EQUAL(score(planned(ensemble).trees, 2), 1.0);
  ensemble.nodes[1].threshold = 33;  // beyond 32 bits: not folded
  CHECK_EQUAL(score(planned(ensemble).trees, kNan), 1.0);
  ensemble.nodes[1].threshold = 2;
  ensemble.weights[1].value = 3;  // another subtree: likewise
  CHECK_EQUAL(score(planned(ensemble).trees, kNan), 3.0);
  ensemble.weights[1].value = 1;
  ensemble.nodes[0].missing_tracks_true = true;
  CHECK_EQUAL(score(planned(ensemble).trees, kNan), 1.0);
}

TEST(test_plan_forest_one_target_keeps_one_number_a_leaf) {
  TreeEnsemble ensemble = stump(TreeMode::kLeq, 0);
  ensemble.nodes[2].threshold = 9;
  ensemble.weights = {{1, 0, 1}, {1, 0, 2}};
  const kernels::Trees trees = planned(ensemble).trees;
  CHECK_EQUAL(score(trees, 0), 1.0);
  CHECK_EQUAL(score(trees, 1), 9.0);
  CHECK_EQUAL(trees.weights.size(), 2u);
  ensemble.n_targets = 2;
  CHECK_EQUAL(planned(ensemble).trees.weights.size(), 2u);
  CHECK(planned(ensemble).trees.leaf_begin == (std::vector<uint32_t>{0, 0, 2}) ||
        planned(ensemble).trees.leaf_begin == (std::vector<uint32_t>{0, 2, 2}));
}

TEST(test_plan_forest_refuses_what_onnx_runtime_does_not_answer) {
  TreeEnsemble ensemble = stump(TreeMode::kLeq, 0);
  CHECK_EQUAL(refusal(ensemble, Type::kInt64), "its input is of bigint");
  ensemble.tensor_type = Type::kDouble;
  CHECK_EQUAL(refusal(ensemble), "its tensors are of float and its input of real");
  CHECK_EQUAL(refusal(ensemble, Type::kDouble), "");
  ensemble = stump(TreeMode::kLeq, 0);
  ensemble.nodes[0].false_child = 1;
  ensemble.nodes.push_back(test(TreeMode::kLeq, 0, 2, 1));
  ensemble.nodes[0].true_child = 3;
  CHECK_EQUAL(refusal(ensemble), "a node is the false child of two");

  ensemble = stump(TreeMode::kLeq, 0);
  ensemble.is_classifier = true;
  ensemble.labels = {4};
  CHECK_EQUAL(refusal(ensemble, Type::kInt32), "");
  ensemble.base_values = {1, 2};
  CHECK_EQUAL(refusal(ensemble), "it has one class and two base values");
  ensemble.labels = {4, 5};
  ensemble.n_targets = 2;
  CHECK_EQUAL(refusal(ensemble), "");
  ensemble.base_values.clear();
  ensemble.transform = onnx::TreeTransform::kProbit;
  CHECK_EQUAL(refusal(ensemble), "it has two classes, and ONNX Runtime leaves the score of the second one unwritten");
  for (auto& weight : ensemble.weights) weight.target = 1;
  CHECK_EQUAL(refusal(ensemble), "");
  ensemble.labels = {4, 5, 6};
  ensemble.n_targets = 3;
  ensemble.weights.pop_back();
  CHECK_EQUAL(refusal(ensemble), "it has leaves without weights, so that rows may have a score of no class");
}

TEST(test_plan_forest_counts_features_of_tests_that_change_nothing) {
  TreeEnsemble ensemble = stump(TreeMode::kLt, -kInfinity);
  ensemble.nodes[0].feature = 4;
  const plan::ForestPlan plan = planned(ensemble);
  CHECK(plan.trees.splits.empty());
  CHECK_EQUAL(plan.n_features, 5);
}

int main() { return check::run(); }
