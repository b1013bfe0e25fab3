#include "plan/forest.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "plan/split_builder.h"
#include "plan/tree_folding.h"

namespace edgeonnx::plan {
namespace {

using kernels::Trees;
using onnx::TreeMode;
using onnx::TreeNode;

[[noreturn]] void refuse(const std::string& problem) { throw Error(Code::kUnsupported, problem); }

/// The members of a set of int32 that a value is looked up in once its fraction is cut off, as intervals of values.
std::vector<Interval> truncated_members(const std::vector<double>& members, const ValueTests& tests, bool& nan_passes) {
#if !defined(__x86_64__)
  refuse("it has large sets of members, and only on x86-64 is it known what ONNX Runtime makes of NaN and large values there");
#endif
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kSmallest = std::numeric_limits<int32_t>::min();
  constexpr double kBeyond = -kSmallest;
  if (members.empty()) refuse("it has a set without members");
  std::vector<Interval> intervals;
  intervals.reserve(members.size() + 1);
  for (const double member : members) {
    if (member < kSmallest || member >= kBeyond || member != std::trunc(member))
      refuse("it has a large set with members that are no int32");
    if (member == kSmallest) {
      // What the conversion makes of all that does not fit, NaN included.
      intervals.push_back({-kInfinity, kSmallest});
      intervals.push_back({kBeyond, kInfinity});
      nan_passes = true;
    } else {
      intervals.push_back({member > 0 ? member : -tests.largest_below(1 - member), member < 0 ? member : tests.largest_below(member + 1)});
    }
  }
  return intervals;
}

/// Builds kernels::Trees from the leaves up.
class Builder {
 public:
  Builder(const onnx::TreeEnsemble& ensemble, bool is_double)
      : ensemble_(ensemble), folded_(ensemble, is_double), tests_(is_double), children_(folded_.nodes().size(), kNotBuilt) {
    trees_.is_double = is_double;
    trees_.n_targets = ensemble.n_targets;
    trees_.splits.reserve(ensemble.nodes.size() / 2);
    trees_.leaf_begin.reserve(ensemble.nodes.size() / 2 + 2);
    trees_.weights.reserve(ensemble.weights.size());
    trees_.leaf_begin.push_back(0);
    for (const int32_t root : ensemble.roots) trees_.roots.push_back(build(root));
  }

  Trees take() { return std::move(trees_); }

  /// The least number of features that a row must have.
  int32_t n_features() const {
    int32_t largest = 0;
    for (size_t i = 0; i < folded_.nodes().size(); ++i) {
      const TreeNode& node = folded_.nodes()[i];
      if (folded_.is_reached(static_cast<int32_t>(i)) && node.mode != TreeMode::kLeaf) largest = std::max(largest, node.feature);
    }
    if (largest == std::numeric_limits<int32_t>::max()) refuse("a node tests feature " + std::to_string(largest));
    return largest + 1;
  }

 private:
  static constexpr int32_t kNotBuilt = std::numeric_limits<int32_t>::min();

  /// As kernels::Split writes a child.
  int32_t build(int32_t root) {
    std::vector<int32_t> rest{root};
    while (!rest.empty()) {
      const int32_t i = rest.back();
      if (children_[i] != kNotBuilt) {
        rest.pop_back();
        continue;
      }
      const TreeNode& node = folded_.nodes()[i];
      if (node.mode == TreeMode::kLeaf) {
        children_[i] = ~append_leaf(i);
        continue;
      }
      const int32_t failing = make_test(i);
      const int32_t passing = node.true_child;
      if (children_[failing] == kNotBuilt || children_[passing] == kNotBuilt) {
        rest.push_back(passing);
        rest.push_back(failing);
        continue;
      }
      if (trees_.splits.size() + test_.cuts.size() > size_t{std::numeric_limits<int32_t>::max()}) refuse("it has too many tests");
      children_[i] = append_splits(test_, node.feature, children_[passing], children_[failing], trees_.splits);
    }
    return children_[root];
  }

  /// Of the node and those that are one with it; returns the node where values go that do not pass.
  int32_t make_test(int32_t i) {
    const TreeNode& node = folded_.nodes()[i];
    if (node.mode == TreeMode::kEq) return make_chain(i);
    if (node.mode == TreeMode::kMember) {
      bool nan_passes = node.missing_tracks_true;
      intervals_ = truncated_members(folded_.members(i), tests_, nan_passes);
      tests_.make(intervals_, nan_passes, test_);
    } else {
      tests_.make(node, test_);
    }
    return node.false_child;
  }

  /// A chain of kEq with one true child is one test, whether ONNX Runtime folds it or not: a set of k values then costs log2 k tests, not
  /// k.
  int32_t make_chain(int32_t i) {
    const std::vector<TreeNode>& nodes = folded_.nodes();
    const TreeNode& head = nodes[i];
    int32_t next = folded_.next_of(i);
    if (next == head.false_child && !continues(head, next)) {
      tests_.make(head, test_);
      return next;
    }
    intervals_.clear();
    bool nan_passes = false;
    for (int32_t at = i;;) {
      nan_passes = nan_passes || nodes[at].missing_tracks_true;  // of those that are folded into it only NaN's way is forgotten
      next = folded_.next_of(at);
      for (int32_t member = at; member != next; member = nodes[member].false_child) {
        const double value = nodes[member].threshold;
        if (!std::isnan(value)) intervals_.push_back({value, value});
      }
      if (!continues(head, next)) break;
      at = next;
    }
    tests_.make(intervals_, nan_passes, test_);
    return next;
  }

  bool continues(const TreeNode& head, int32_t next) const {
    const TreeNode& node = folded_.nodes()[next];
    return node.mode == TreeMode::kEq && node.feature == head.feature && node.true_child == head.true_child;
  }

  int32_t append_leaf(int32_t i) {
    const uint32_t n = folded_.n_weights(i);
    if (ensemble_.n_targets == 1) {
      // ONNX Runtime keeps one number in a leaf: its first weight, or what the model lists as its threshold.
      trees_.weights.push_back({0, n > 0 ? ensemble_.weights[folded_.first_weight(i)].value : folded_.nodes()[i].threshold});
    } else {
      for (uint32_t k = 0; k < n; ++k) {
        const onnx::TreeWeight& weight = ensemble_.weights[folded_.first_weight(i) + k];
        trees_.weights.push_back({weight.target, weight.value});
      }
    }
    if (trees_.weights.size() > size_t{std::numeric_limits<int32_t>::max()}) refuse("it has too many weights");
    trees_.leaf_begin.push_back(static_cast<uint32_t>(trees_.weights.size()));
    return trees_.n_leaves() - 1;
  }

  const onnx::TreeEnsemble& ensemble_;
  FoldedTrees folded_;
  ValueTests tests_;
  Trees trees_;
  std::vector<int32_t> children_;  // of each node, as kernels::Split writes it
  ValueTest test_;
  std::vector<Interval> intervals_;
};

/// Whether there is a tree each of whose leaves has a weight, of the target or, where that is negative, of any.
bool is_always_scored(const Trees& trees, int32_t target) {
  std::vector<uint8_t> is_scored(static_cast<size_t>(trees.n_leaves()));
  for (size_t leaf = 0; leaf < is_scored.size(); ++leaf) {
    for (uint32_t k = trees.leaf_begin[leaf]; k < trees.leaf_begin[leaf + 1]; ++k) {
      if (target < 0 || trees.weights[k].target == target) is_scored[leaf] = 1;
    }
  }
  const auto has = [&](const std::vector<uint8_t>& splits, int32_t child) { return child >= 0 ? splits[child] : is_scored[~child]; };
  std::vector<uint8_t> splits;
  for (const kernels::Split& split : trees.splits) {  // children stand before their parents
    splits.push_back(has(splits, split.left) && has(splits, split.right));
  }
  return std::any_of(trees.roots.begin(), trees.roots.end(), [&](int32_t root) { return has(splits, root) != 0; });
}

/// Throws where ONNX Runtime fails on some rows, writes beside its outputs or leaves some unwritten.
void refuse_undefined_answers(const onnx::TreeEnsemble& ensemble, const Trees& trees, bool has_binary_weights) {
  const size_t n_base_values = ensemble.base_values.size();
  if (ensemble.n_targets == 1) {
    if (n_base_values == 2) refuse("it has one class and two base values");
    if (!ensemble.text_labels.empty()) refuse("it has one class, whose label is text");
  } else if (ensemble.n_targets == 2) {
    const bool leaves_gaps =
        n_base_values < 2 && (ensemble.transform == onnx::TreeTransform::kProbit || (n_base_values == 1 && !has_binary_weights));
    if (leaves_gaps && !is_always_scored(trees, 1))
      refuse("it has two classes, and ONNX Runtime leaves the score of the second one unwritten");
  } else if (n_base_values == 0 && !is_always_scored(trees, -1)) {
    refuse("it has leaves without weights, so that rows may have a score of no class");
  }
}

kernels::ForestEnding ending_of(const onnx::TreeEnsemble& ensemble, Type input) {
  constexpr std::array kTransforms = {kernels::PostTransform::kNone, kernels::PostTransform::kLogistic, kernels::PostTransform::kSoftmax,
                                      kernels::PostTransform::kSoftmaxZero, kernels::PostTransform::kProbit};
  kernels::ForestEnding ending;
  ending.is_double = input == Type::kDouble;
  ending.averages = !ensemble.is_classifier && ensemble.aggregate == onnx::TreeAggregate::kAverage;
  ending.n_trees = static_cast<int64_t>(ensemble.roots.size());
  ending.n_targets = ensemble.n_targets;
  ending.base_values = ensemble.base_values;
  ending.post_transform = kTransforms[static_cast<size_t>(ensemble.transform)];
  ending.writes_double = ensemble.is_positioned && ending.is_double;
  ending.is_classifier = ensemble.is_classifier;
  if (!ensemble.is_classifier) return ending;

  ending.labels = ensemble.labels;
  if (!ensemble.text_labels.empty()) {
    ending.labels.clear();
    for (size_t k = 0; k < ensemble.text_labels.size(); ++k) ending.labels.push_back(static_cast<int64_t>(k));
  }
  // Of all weights that the model lists, whether a row can come to them or not.
  const auto& weights = ensemble.weights;
  ending.has_binary_weights =
      ensemble.n_targets == 2 && !weights.empty() &&
      std::all_of(weights.begin(), weights.end(), [&](const auto& each) { return each.target == weights[0].target; });
  ending.weights_are_all_positive = std::none_of(weights.begin(), weights.end(), [](const auto& each) { return each.value < 0; });
  return ending;
}

ForestPlan plan_trees(const onnx::TreeEnsemble& ensemble, Type input) {
  const bool takes_integers = ensemble.is_classifier && (input == Type::kInt32 || input == Type::kInt64);
  if (input != Type::kFloat && input != Type::kDouble && !takes_integers) refuse("its input is of " + display_name(input));
  const Type number = input == Type::kDouble ? Type::kDouble : Type::kFloat;
  if (ensemble.tensor_type != Type::kUndefined && ensemble.tensor_type != number) {
    refuse("its tensors are of " + display_name(ensemble.tensor_type) + " and its input of " + display_name(input));
  }
  ForestPlan plan;
  Builder builder(ensemble, number == Type::kDouble);
  plan.trees = builder.take();
  plan.n_features = builder.n_features();
  if (!ensemble.is_classifier && ensemble.aggregate == onnx::TreeAggregate::kMin) plan.aggregate = kernels::Aggregate::kMin;
  if (!ensemble.is_classifier && ensemble.aggregate == onnx::TreeAggregate::kMax) plan.aggregate = kernels::Aggregate::kMax;
  plan.ending = ending_of(ensemble, input);
  if (ensemble.is_classifier) refuse_undefined_answers(ensemble, plan.trees, plan.ending.has_binary_weights);
  return plan;
}

}  // namespace

std::optional<ForestPlan> plan_forest(const onnx::TreeEnsemble& ensemble, Type input, std::string& reason) {
  try {
    return plan_trees(ensemble, input);
  } catch (const Error& error) {
    reason = error.what();
    return std::nullopt;
  }
}

}  // namespace edgeonnx::plan
