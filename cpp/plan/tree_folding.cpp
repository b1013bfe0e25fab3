#include "plan/tree_folding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"

namespace edgeonnx::plan {
namespace {

using onnx::TreeMode;
using onnx::TreeNode;

[[noreturn]] void refuse(const std::string& problem) { throw Error(Code::kUnsupported, problem); }

/// Sets that ONNX Runtime tests value by value; larger ones it keeps as sets of int32.
bool is_small(const std::vector<double>& members) {
  return members.size() < 31 && std::all_of(members.begin(), members.end(), [](double value) { return value >= 0 && value <= 30; });
}

}  // namespace

FoldedTrees::FoldedTrees(const onnx::TreeEnsemble& ensemble, bool is_double)
    : ensemble_(ensemble), n_bits_(is_double ? 64 : 32), nodes_(ensemble.nodes) {
  unroll_small_sets();
  next_.assign(nodes_.size(), -1);
  is_reached_.assign(nodes_.size(), false);
  first_weight_.assign(nodes_.size(), 0);
  n_weights_.assign(nodes_.size(), 0);
  for (size_t k = 0; k < ensemble.weights.size(); ++k) {
    const int32_t node = ensemble.weights[k].node;
    if (n_weights_[node]++ == 0) first_weight_[node] = static_cast<uint32_t>(k);
  }
  for (const int32_t root : ensemble.roots) walk(root);

  // ONNX Runtime takes a node that no walk comes to for its very first node. If that is a leaf it gets the weights of others.
  const bool has_stray_weights = !ensemble.is_positioned && std::any_of(ensemble.weights.begin(), ensemble.weights.end(),
                                                                        [&](const auto& weight) { return !is_reached_[weight.node]; });
  if (nodes_[ensemble.roots[0]].mode == TreeMode::kLeaf && (drops_subtrees_ || has_stray_weights)) {
    refuse("its first tree is a leaf, and there are weights of nodes that no row reaches");
  }
}

const std::vector<double>& FoldedTrees::members(int32_t i) const {
  const auto set = std::lower_bound(ensemble_.sets.begin(), ensemble_.sets.end(), i,
                                    [](const onnx::MemberSet& each, int32_t node) { return each.node < node; });
  return set->values;
}

void FoldedTrees::unroll_small_sets() {
  for (const onnx::MemberSet& set : ensemble_.sets) {
    if (set.values.empty() || !is_small(set.values)) continue;
    TreeNode test = nodes_[set.node];
    const int32_t otherwise = test.false_child;
    test.mode = TreeMode::kEq;
    int32_t at = set.node;
    for (size_t k = 0; k < set.values.size(); ++k) {
      const bool is_last = k + 1 == set.values.size();
      test.threshold = set.values[k];
      test.false_child = is_last ? otherwise : static_cast<int32_t>(nodes_.size());
      nodes_[at] = test;
      if (is_last) break;
      at = test.false_child;
      if (nodes_.size() == size_t{std::numeric_limits<int32_t>::max()}) refuse("its sets have too many members");
      nodes_.emplace_back();
    }
  }
}

bool FoldedTrees::can_fold(const TreeNode& node) const {
  return node.mode == TreeMode::kEq && node.threshold >= 1 && node.threshold <= n_bits_ && node.threshold == std::floor(node.threshold);
}

/// As ONNX Runtime compares the true children of two tests.
bool FoldedTrees::are_same(int32_t a, int32_t b) const {
  if (a == b) return true;
  std::vector<std::pair<int32_t, int32_t>> rest{{a, b}};
  std::set<std::pair<int32_t, int32_t>> seen;
  while (!rest.empty()) {
    const std::pair<int32_t, int32_t> pair = rest.back();
    rest.pop_back();
    const auto [left, right] = pair;
    const TreeNode& one = nodes_[left];
    const TreeNode& other = nodes_[right];
    const bool is_leaf = one.mode == TreeMode::kLeaf && other.mode == TreeMode::kLeaf;
    if (left == right && !(is_leaf && ensemble_.is_positioned)) continue;
    if (!is_leaf && !seen.insert(pair).second) continue;
    // NaN equals nothing here either.
    if (one.mode != other.mode || one.feature != other.feature || one.threshold != other.threshold) return false;
    if (one.mode == TreeMode::kMember) return false;  // each has a set of its own
    if (!is_leaf) {
      rest.emplace_back(one.false_child, other.false_child);
      rest.emplace_back(one.true_child, other.true_child);
      continue;
    }
    if (n_weights_[left] == 0 || n_weights_[right] == 0) refuse("it has equality tests of one feature, with leaves that have no weights");
    if (ensemble_.weights[first_weight_[left]].value != ensemble_.weights[first_weight_[right]].value) return false;
  }
  return true;
}

void FoldedTrees::fold(int32_t i) {
  const TreeNode& head = nodes_[i];
  int32_t next = head.false_child;
  if (can_fold(head) && !head.missing_tracks_true) {
    while (can_fold(nodes_[next]) && nodes_[next].feature == head.feature && are_same(head.true_child, nodes_[next].true_child)) {
      const bool is_listed = static_cast<size_t>(next) < ensemble_.nodes.size();  // and not one of the further tests of a set
      drops_subtrees_ = drops_subtrees_ || nodes_[next].true_child != head.true_child || (ensemble_.is_positioned && is_listed);
      next = nodes_[next].false_child;
    }
  }
  next_[i] = next;
}

/// In ONNX Runtime's order: a node, what is below its false child, what is below its true child.
void FoldedTrees::walk(int32_t root) {
  struct Visit {
    int32_t node;
    bool is_false_child;
  };
  std::vector<Visit> rest{{root, false}};
  while (!rest.empty()) {
    const auto [i, is_false_child] = rest.back();
    rest.pop_back();
    const bool is_leaf = nodes_[i].mode == TreeMode::kLeaf;
    if (is_reached_[i]) {
      const bool is_copied = ensemble_.is_positioned && is_leaf;
      if (is_false_child && !is_copied) refuse("a node is the false child of two");
      continue;
    }
    is_reached_[i] = true;
    if (is_leaf) continue;
    fold(i);
    rest.push_back({nodes_[i].true_child, false});
    rest.push_back({next_[i], true});
  }
}

}  // namespace edgeonnx::plan
