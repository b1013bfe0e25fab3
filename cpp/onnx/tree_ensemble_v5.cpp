// TreeEnsemble of ai.onnx.ml 5. Children are positions in the lists of nodes or of leaves.
#include <cmath>
#include <limits>
#include <utility>

#include "onnx/tree_lists.h"

namespace edgeonnx::onnx {
namespace {

std::vector<TreeMode> modes_of(const Node& node) {
  std::vector<TreeMode> modes;
  for (const int64_t number : uint8_tensor_of(node, "nodes_modes")) {
    if (number < 0 || number > static_cast<int64_t>(TreeMode::kMember)) refuse_trees("a node has mode " + std::to_string(number));
    modes.push_back(static_cast<TreeMode>(number));
  }
  return modes;
}

/// The sets stand one behind the other, in the order of their nodes, with NaN between them.
std::vector<MemberSet> sets_of(const std::vector<TreeNode>& nodes, const std::vector<double>& members) {
  std::vector<MemberSet> sets;
  auto next = members.begin();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].mode != TreeMode::kMember) continue;
    MemberSet set{static_cast<int32_t>(i), {}};
    for (; next != members.end() && !std::isnan(*next); ++next) set.values.push_back(*next);
    if (next != members.end()) ++next;
    sets.push_back(std::move(set));
  }
  return sets;
}

/// Where the children of the nodes lie among nodes and leaves.
class Positions {
 public:
  Positions(size_t n_nodes, size_t n_leaves) : n_nodes_(static_cast<int64_t>(n_nodes)), n_leaves_(static_cast<int64_t>(n_leaves)) {
    if (n_leaves > static_cast<size_t>(std::numeric_limits<int32_t>::max()) - n_nodes) refuse_trees("it has too many leaves");
  }

  int32_t find(int64_t position, bool is_leaf) const {
    if (position < 0 || position >= (is_leaf ? n_leaves_ : n_nodes_)) {
      refuse_trees((is_leaf ? "there is no leaf " : "there is no node ") + std::to_string(position));
    }
    return static_cast<int32_t>(is_leaf ? n_nodes_ + position : position);
  }
  bool is_leaf(int32_t index) const { return index >= n_nodes_; }

 private:
  int64_t n_nodes_;
  int64_t n_leaves_;
};

/// ONNX Runtime refuses a node with two parents; leaves may have any number.
void refuse_shared_nodes(const std::vector<TreeNode>& nodes, const Positions& positions) {
  std::vector<bool> has_parent(nodes.size());
  for (const TreeNode& node : nodes) {
    for (const int32_t child : {node.true_child, node.false_child}) {
      if (positions.is_leaf(child)) continue;
      if (has_parent[child]) refuse_trees("two nodes have one child");
      has_parent[child] = true;
    }
  }
}

}  // namespace

TreeEnsemble read_positioned_trees(const Node& node) {
  TreeEnsemble ensemble;
  ensemble.is_positioned = true;
  const Attribute* n_targets = node.attribute("n_targets");
  ensemble.n_targets = count_of(n_targets ? n_targets->i : 0);
  const Attribute* aggregate = node.attribute("aggregate_function");
  if (aggregate && (aggregate->i < 0 || aggregate->i > 3)) refuse_trees("aggregate_function is " + std::to_string(aggregate->i));
  if (aggregate) ensemble.aggregate = static_cast<TreeAggregate>(aggregate->i);
  const Attribute* transform = node.attribute("post_transform");
  if (transform && (transform->i < 0 || transform->i > 4)) refuse_trees("post_transform is " + std::to_string(transform->i));
  if (transform) ensemble.transform = static_cast<TreeTransform>(transform->i);

  RealList splits = real_tensor_of(node, "nodes_splits");
  const RealList members = real_tensor_of(node, "membership_values");
  const RealList values = real_tensor_of(node, "leaf_weights");
  unite_types(ensemble.tensor_type, splits);
  unite_types(ensemble.tensor_type, members);
  unite_types(ensemble.tensor_type, values);

  const NodeLists lists(node, std::move(splits.values), modes_of(node));
  const std::vector<int64_t> true_is_leaf = ints_of(node, "nodes_trueleafs");
  const std::vector<int64_t> false_is_leaf = ints_of(node, "nodes_falseleafs");
  const std::vector<int64_t> targets = ints_of(node, "leaf_targetids");
  if (true_is_leaf.size() != lists.size() || false_is_leaf.size() != lists.size() || values.values.size() != targets.size()) {
    refuse_trees("its lists of nodes or leaves have different lengths");
  }

  const Positions positions(lists.size(), targets.size());
  ensemble.nodes = lists.nodes();
  for (size_t i = 0; i < lists.size(); ++i) {
    ensemble.nodes[i].true_child = positions.find(lists.true_id(i), true_is_leaf[i] != 0);
    ensemble.nodes[i].false_child = positions.find(lists.false_id(i), false_is_leaf[i] != 0);
  }
  refuse_shared_nodes(ensemble.nodes, positions);
  ensemble.sets = sets_of(ensemble.nodes, members.values);
  for (const int64_t position : ints_of(node, "tree_roots")) {
    const int32_t root = positions.find(position, false);
    // A tree that is one leaf is written as a node whose children are that leaf, and its test means nothing.
    const TreeNode& top = ensemble.nodes[root];
    ensemble.roots.push_back(top.true_child == top.false_child && positions.is_leaf(top.true_child) ? top.true_child : root);
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const int32_t leaf = static_cast<int32_t>(lists.size() + i);
    ensemble.weights.push_back({leaf, target_of(targets[i], ensemble.n_targets), values.values[i]});
  }
  ensemble.nodes.resize(lists.size() + targets.size());
  return ensemble;
}

}  // namespace edgeonnx::onnx
