// What all tree ensembles share, and those of ai.onnx.ml 1 and 3, whose nodes go by numbers: that of the tree and that in the tree.
#include "onnx/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "onnx/attribute.h"
#include "onnx/tree_lists.h"

namespace edgeonnx::onnx {

namespace {

template <class Value, size_t n>
Value named(const std::array<std::pair<std::string_view, Value>, n>& names, std::string_view name, const char* what) {
  const auto known = std::find_if(names.begin(), names.end(), [&](const auto& each) { return each.first == name; });
  if (known == names.end()) refuse_trees(std::string(what) + " is " + in_quotes(name));
  return known->second;
}

// BRANCH_MEMBER is left out: these versions have no sets.
constexpr std::array<std::pair<std::string_view, TreeMode>, 7> kModes = {{{"BRANCH_LEQ", TreeMode::kLeq},
                                                                          {"LEAF", TreeMode::kLeaf},
                                                                          {"BRANCH_LT", TreeMode::kLt},
                                                                          {"BRANCH_GTE", TreeMode::kGte},
                                                                          {"BRANCH_GT", TreeMode::kGt},
                                                                          {"BRANCH_EQ", TreeMode::kEq},
                                                                          {"BRANCH_NEQ", TreeMode::kNeq}}};
constexpr std::array<std::pair<std::string_view, TreeAggregate>, 4> kAggregates = {
    {{"SUM", TreeAggregate::kSum}, {"AVERAGE", TreeAggregate::kAverage}, {"MIN", TreeAggregate::kMin}, {"MAX", TreeAggregate::kMax}}};
constexpr std::array<std::pair<std::string_view, TreeTransform>, 5> kTransforms = {{{"NONE", TreeTransform::kNone},
                                                                                    {"LOGISTIC", TreeTransform::kLogistic},
                                                                                    {"SOFTMAX", TreeTransform::kSoftmax},
                                                                                    {"SOFTMAX_ZERO", TreeTransform::kSoftmaxZero},
                                                                                    {"PROBIT", TreeTransform::kProbit}}};

std::vector<TreeMode> modes_of(const Node& node) {
  std::vector<TreeMode> modes;
  const Attribute* names = node.attribute("nodes_modes");
  if (!names) return modes;
  const std::vector<std::string_view> list = read_strings(*names);
  modes.reserve(list.size());
  for (const std::string_view name : list) modes.push_back(named(kModes, name, "the mode of a node"));
  return modes;
}

/// Finds nodes by what the model calls them. A tree is a run of the lists, and within it a node is found by its number at once where the
/// numbers are consecutive, as nearly everywhere.
class NodeIndex {
 public:
  NodeIndex(const std::vector<int64_t>& trees, const std::vector<int64_t>& nodes) {
    constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
    const int32_t n = static_cast<int32_t>(nodes.size());
    for (int32_t i = 0; i < n; ++i) {
      if (trees[i] < 0 || trees[i] > kLargest || nodes[i] < 0 || nodes[i] > kLargest) {
        refuse_trees("there is a node " + name_of(trees[i], nodes[i]));
      }
      if (i == 0 || trees[i] != trees[i - 1]) runs_.push_back({trees[i], nodes[i], i, 0, true});
      Run& run = runs_.back();
      run.is_consecutive = run.is_consecutive && nodes[i] == run.first_node + run.size;
      ++run.size;
    }
    for (const Run& run : runs_) roots_.push_back(run.begin);
    std::stable_sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.tree < b.tree; });
    for (size_t k = 0; k < runs_.size(); ++k) {
      if (k > 0 && runs_[k].tree == runs_[k - 1].tree) refuse_trees("tree " + std::to_string(runs_[k].tree) + " is in several pieces");
      if (!runs_[k].is_consecutive) sort(runs_[k], nodes);
    }
  }

  /// The node listed first of each tree, in the order of the lists.
  const std::vector<int32_t>& roots() const { return roots_; }

  /// Throws where there is no such node.
  int32_t find(int64_t tree, int64_t node) {
    if (runs_[last_].tree != tree) {
      const auto run =
          std::lower_bound(runs_.begin(), runs_.end(), tree, [](const Run& each, int64_t number) { return each.tree < number; });
      if (run == runs_.end() || run->tree != tree) refuse_trees("there is no node " + name_of(tree, node));
      last_ = static_cast<size_t>(run - runs_.begin());
    }
    const Run& run = runs_[last_];
    if (run.is_consecutive) {
      if (node < run.first_node || node - run.first_node >= run.size) refuse_trees("there is no node " + name_of(tree, node));
      return run.begin + static_cast<int32_t>(node - run.first_node);
    }
    const auto begin = sorted_.begin() + run.begin_sorted;
    const auto at = std::lower_bound(begin, begin + run.size, std::pair<int64_t, int32_t>(node, 0));
    if (at == begin + run.size || at->first != node) refuse_trees("there is no node " + name_of(tree, node));
    return at->second;
  }

 private:
  struct Run {
    int64_t tree;
    int64_t first_node;
    int32_t begin;
    int32_t size;
    bool is_consecutive;
    std::ptrdiff_t begin_sorted = 0;  // in sorted_, where numbers are not consecutive
  };

  static std::string name_of(int64_t tree, int64_t node) { return std::to_string(node) + " of tree " + std::to_string(tree); }

  void sort(Run& run, const std::vector<int64_t>& nodes) {
    run.begin_sorted = static_cast<std::ptrdiff_t>(sorted_.size());
    for (int32_t i = run.begin; i < run.begin + run.size; ++i) sorted_.emplace_back(nodes[i], i);
    const auto begin = sorted_.begin() + run.begin_sorted;
    std::sort(begin, sorted_.end());
    const auto twice = std::adjacent_find(begin, sorted_.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice != sorted_.end()) refuse_trees("there are two nodes " + name_of(run.tree, twice->first));
  }

  std::vector<Run> runs_;  // by number of the tree
  std::vector<int32_t> roots_;
  std::vector<std::pair<int64_t, int32_t>> sorted_;
  size_t last_ = 0;  // run found last: mostly that of the next one
};

/// `prefix`: "target" or "class".
std::vector<TreeWeight> weights_of(const Node& node, const std::string& prefix, NodeIndex& index, int32_t n_targets, Type& tensor_type) {
  const std::vector<int64_t> trees = ints_of(node, prefix + "_treeids");
  const std::vector<int64_t> nodes = ints_of(node, prefix + "_nodeids");
  const std::vector<int64_t> targets = ints_of(node, prefix + "_ids");
  const RealList values = reals_of(node, prefix + "_weights");
  unite_types(tensor_type, values);
  const size_t n = targets.size();
  if (n > size_t{std::numeric_limits<uint32_t>::max()} || trees.size() != n || nodes.size() != n || values.values.size() != n) {
    refuse_trees("its lists of weights have different lengths");
  }
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  const auto comes_before = [&](uint32_t a, uint32_t b) { return std::tie(trees[a], nodes[a]) < std::tie(trees[b], nodes[b]); };
  if (!std::is_sorted(order.begin(), order.end(), comes_before)) std::stable_sort(order.begin(), order.end(), comes_before);
  std::vector<TreeWeight> weights;
  weights.reserve(n);
  for (const uint32_t i : order) weights.push_back({index.find(trees[i], nodes[i]), target_of(targets[i], n_targets), values.values[i]});
  return weights;
}

void read_classes(const Node& node, TreeEnsemble& ensemble) {
  ensemble.is_classifier = true;
  ensemble.labels = ints_of(node, "classlabels_int64s");
  if (const Attribute* texts = node.attribute("classlabels_strings")) ensemble.text_labels = read_strings(*texts);
  ensemble.n_targets = count_of(static_cast<int64_t>(ensemble.text_labels.empty() ? ensemble.labels.size() : ensemble.text_labels.size()));
}

void read_base_values(const Node& node, TreeEnsemble& ensemble) {
  RealList base_values = reals_of(node, "base_values");
  unite_types(ensemble.tensor_type, base_values);
  ensemble.base_values = std::move(base_values.values);
  const size_t n = ensemble.base_values.size();
  const bool fits = ensemble.is_classifier && ensemble.n_targets <= 2 ? n <= 2 : n == 0 || n == static_cast<size_t>(ensemble.n_targets);
  if (!fits) refuse_trees("it has " + std::to_string(n) + " base values for " + std::to_string(ensemble.n_targets) + " targets");
}

/// Whether some node can be reached from itself. Takes nodes away whose parents are all gone, until none is left or a cycle is.
bool has_cycle(const std::vector<TreeNode>& nodes) {
  std::vector<int32_t> n_parents(nodes.size());
  for (const TreeNode& each : nodes) {
    if (each.mode == TreeMode::kLeaf) continue;
    ++n_parents[each.true_child];
    ++n_parents[each.false_child];
  }
  std::vector<int32_t> orphans;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (n_parents[i] == 0) orphans.push_back(static_cast<int32_t>(i));
  }
  size_t n_taken = 0;
  for (; !orphans.empty(); ++n_taken) {
    const TreeNode& node = nodes[orphans.back()];
    orphans.pop_back();
    if (node.mode == TreeMode::kLeaf) continue;
    for (const int32_t child : {node.true_child, node.false_child}) {
      if (--n_parents[child] == 0) orphans.push_back(child);
    }
  }
  return n_taken != nodes.size();
}

}  // namespace

TreeEnsemble read_named_trees(const Node& node) {
  TreeEnsemble ensemble;
  if (node.op_type == "TreeEnsembleClassifier") {
    read_classes(node, ensemble);
  } else {
    const Attribute* n_targets = node.attribute("n_targets");
    ensemble.n_targets = count_of(n_targets ? n_targets->i : 0);
    if (const Attribute* name = node.attribute("aggregate_function")) {
      ensemble.aggregate = named(kAggregates, name->s, "aggregate_function");
    }
  }
  if (const Attribute* name = node.attribute("post_transform")) ensemble.transform = named(kTransforms, name->s, "post_transform");
  read_base_values(node, ensemble);

  RealList thresholds = reals_of(node, "nodes_values");
  unite_types(ensemble.tensor_type, thresholds);
  const NodeLists lists(node, std::move(thresholds.values), modes_of(node));
  const std::vector<int64_t> tree_ids = ints_of(node, "nodes_treeids");
  const std::vector<int64_t> node_ids = ints_of(node, "nodes_nodeids");
  if (tree_ids.size() != lists.size() || node_ids.size() != lists.size()) refuse_trees("its lists of nodes have different lengths");

  NodeIndex index(tree_ids, node_ids);
  ensemble.roots = index.roots();
  ensemble.nodes = lists.nodes();
  for (size_t i = 0; i < ensemble.nodes.size(); ++i) {
    TreeNode& each = ensemble.nodes[i];
    if (each.mode == TreeMode::kLeaf) continue;
    each.true_child = index.find(tree_ids[i], lists.true_id(i));
    each.false_child = index.find(tree_ids[i], lists.false_id(i));
  }
  ensemble.weights = weights_of(node, ensemble.is_classifier ? "class" : "target", index, ensemble.n_targets, ensemble.tensor_type);
  return ensemble;
}

bool is_tree_ensemble(const Node& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op_type == "TreeEnsembleRegressor" || node.op_type == "TreeEnsembleClassifier" || node.op_type == "TreeEnsemble");
}

std::optional<TreeEnsemble> read_tree_ensemble(const Node& node, std::string* reason) {
  try {
    if (!is_tree_ensemble(node)) refuse_trees("it is none");
    if (node.inputs.size() != 1 || node.inputs[0].empty()) refuse_trees("it has not one input");
    TreeEnsemble ensemble = node.op_type == "TreeEnsemble" ? read_positioned_trees(node) : read_named_trees(node);
    ensemble.input = node.inputs[0];
    if (ensemble.roots.empty()) refuse_trees("it has no trees");
    if (has_cycle(ensemble.nodes)) refuse_trees("its nodes run in circles");
    return ensemble;
  } catch (const Error& error) {
    if (reason) *reason = error.what();
    return std::nullopt;
  }
}

}  // namespace edgeonnx::onnx
