#include "onnx/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "onnx/attribute.h"
#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {

namespace {

constexpr std::array<std::pair<std::string_view, TreeMode>, 7> kModes = {{{"BRANCH_LEQ", TreeMode::kLeq},
                                                                          {"BRANCH_LT", TreeMode::kLt},
                                                                          {"BRANCH_GTE", TreeMode::kGte},
                                                                          {"BRANCH_GT", TreeMode::kGt},
                                                                          {"BRANCH_EQ", TreeMode::kEq},
                                                                          {"BRANCH_NEQ", TreeMode::kNeq},
                                                                          {"LEAF", TreeMode::kLeaf}}};

std::vector<int64_t> ints_of(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attribute(name);
  return attribute ? read_ints(*attribute) : std::vector<int64_t>();
}

/// A tensor attribute. Its values stand in `raw`, or one by one in `floats` or `ints`.
struct Tensor {
  Type type = Type::kUndefined;
  bool is_external = false;
  Bytes raw;
  std::vector<float> floats;
  std::vector<int64_t> ints;
};

Tensor read_tensor(Reader reader) {
  // Fields of TensorProto that nothing else reads.
  constexpr uint32_t kFloatData = 4;
  constexpr uint32_t kInt32Data = 5;
  Tensor tensor;
  while (reader.next()) {
    switch (reader.number()) {
      case field::tensor::kDataType:
        tensor.type = element_type(reader.integer());
        break;
      case field::tensor::kDataLocation:
        tensor.is_external = reader.integer() != 0;
        break;
      case field::tensor::kRawData:
        tensor.raw = reader.bytes();
        break;
      case kFloatData:
        reader.each_real([&](float value) { tensor.floats.push_back(value); });
        break;
      case kInt32Data:
        reader.each_integer([&](int64_t value) { tensor.ints.push_back(value); });
        break;
    }
  }
  return tensor;
}

/// The tensor attribute of that name; nothing where it is missing, has another type or lies in another file.
std::optional<Tensor> tensor_of(const Node& node, std::string_view name, Type type) {
  const Attribute* attribute = node.attribute(name);
  if (!attribute) return std::nullopt;
  const Source source{"attribute " + in_quotes(name), attribute->bytes.data()};
  Reader reader(attribute->bytes, source, "AttributeProto");
  Tensor tensor;
  while (reader.next()) {
    if (reader.number() == field::attribute::kT) tensor = read_tensor(reader.message("TensorProto"));
  }
  if (tensor.type != type || tensor.is_external) return std::nullopt;
  return tensor;
}

std::optional<std::vector<float>> float_tensor(const Node& node, std::string_view name) {
  std::optional<Tensor> tensor = tensor_of(node, name, Type::kFloat);
  if (!tensor || tensor->raw.size() % sizeof(float) != 0) return std::nullopt;
  if (tensor->raw.empty()) return std::move(tensor->floats);
  std::vector<float> values(tensor->raw.size() / sizeof(float));
  std::memcpy(values.data(), tensor->raw.data(), tensor->raw.size());
  return values;
}

/// What all versions say of their nodes, list by list.
struct NodeLists {
  std::vector<int64_t> features;
  std::vector<int64_t> true_ids;
  std::vector<int64_t> false_ids;
  std::vector<int64_t> missing_tracks_true;
  std::vector<float> thresholds;
  std::vector<TreeMode> modes;

  NodeLists(const Node& node, std::vector<float> threshold_list, std::vector<TreeMode> mode_list)
      : features(ints_of(node, "nodes_featureids")),
        true_ids(ints_of(node, "nodes_truenodeids")),
        false_ids(ints_of(node, "nodes_falsenodeids")),
        missing_tracks_true(ints_of(node, "nodes_missing_value_tracks_true")),
        thresholds(std::move(threshold_list)),
        modes(std::move(mode_list)) {}

  /// One entry a node, features that are indices, and at least one node.
  bool is_sound() const {
    const size_t n = modes.size();
    const auto is_index = [](int64_t id) { return id >= 0 && id <= std::numeric_limits<int32_t>::max(); };
    return n > 0 && n <= size_t{std::numeric_limits<int32_t>::max()} && features.size() == n && true_ids.size() == n &&
           false_ids.size() == n && thresholds.size() == n && (missing_tracks_true.empty() || missing_tracks_true.size() == n) &&
           std::all_of(features.begin(), features.end(), is_index);
  }

  /// The nodes, without children.
  std::vector<TreeNode> nodes() const {
    std::vector<TreeNode> nodes(modes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      const bool missing = !missing_tracks_true.empty() && missing_tracks_true[i] == 1;
      nodes[i] = {thresholds[i], static_cast<int32_t>(features[i]), 0, 0, modes[i], missing};
    }
    return nodes;
  }
};

/// The thresholds of ai.onnx.ml 1 and 3, which come as one list or the other.
std::optional<std::vector<float>> thresholds_of(const Node& node) {
  const Attribute* list = node.attribute("nodes_values");
  if (!node.attribute("nodes_values_as_tensor")) return list ? read_floats(*list) : std::vector<float>();
  if (list && !read_floats(*list).empty()) return std::nullopt;
  return float_tensor(node, "nodes_values_as_tensor");
}

std::optional<std::vector<TreeMode>> named_modes(const Node& node) {
  std::vector<TreeMode> modes;
  const Attribute* names = node.attribute("nodes_modes");
  if (!names) return modes;
  for (const std::string_view name : read_strings(*names)) {
    const auto known = std::find_if(kModes.begin(), kModes.end(), [&](const auto& mode) { return mode.first == name; });
    if (known == kModes.end()) return std::nullopt;
    modes.push_back(known->second);
  }
  return modes;
}

std::optional<std::vector<TreeMode>> numbered_modes(const Node& node) {
  std::optional<Tensor> tensor = tensor_of(node, "nodes_modes", Type::kUint8);
  if (!tensor) return std::nullopt;
  for (const std::byte number : tensor->raw) tensor->ints.push_back(std::to_integer<int64_t>(number));
  std::vector<TreeMode> modes;
  for (const int64_t number : tensor->ints) {
    if (number < 0 || number > static_cast<int64_t>(TreeMode::kNeq)) return std::nullopt;
    modes.push_back(static_cast<TreeMode>(number));
  }
  return modes;
}

/// Finds nodes by what the model calls them: the number of the tree and the number of the node in it.
class NodeIndex {
 public:
  NodeIndex(const std::vector<int64_t>& trees, const std::vector<int64_t>& nodes) {
    entries_.reserve(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) entries_.push_back({trees[i], nodes[i], static_cast<int32_t>(i)});
    std::sort(entries_.begin(), entries_.end());
  }

  bool is_unique() const {
    return std::adjacent_find(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
             return std::tie(a.tree, a.node) == std::tie(b.tree, b.node);
           }) == entries_.end();
  }

  size_t n_trees() const {
    size_t n = entries_.empty() ? 0 : 1;
    for (size_t i = 1; i < entries_.size(); ++i) n += entries_[i].tree != entries_[i - 1].tree;
    return n;
  }

  /// -1 where there is no such node.
  int32_t find(int64_t tree, int64_t node) const {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), Entry{tree, node, 0});
    return at != entries_.end() && at->tree == tree && at->node == node ? at->index : -1;
  }

 private:
  struct Entry {
    int64_t tree;
    int64_t node;
    int32_t index;
    bool operator<(const Entry& other) const { return std::tie(tree, node, index) < std::tie(other.tree, other.node, other.index); }
  };
  std::vector<Entry> entries_;
};

/// TreeEnsembleRegressor and TreeEnsembleClassifier. Children are numbers within their tree; the root is the node listed first.
std::optional<TreeEnsemble> read_named_nodes(const Node& node) {
  auto thresholds = thresholds_of(node);
  auto modes = named_modes(node);
  if (!thresholds || !modes) return std::nullopt;
  const NodeLists lists(node, *std::move(thresholds), *std::move(modes));
  const std::vector<int64_t> tree_ids = ints_of(node, "nodes_treeids");
  const std::vector<int64_t> node_ids = ints_of(node, "nodes_nodeids");
  if (!lists.is_sound() || tree_ids.size() != lists.modes.size() || node_ids.size() != lists.modes.size()) return std::nullopt;

  const NodeIndex index(tree_ids, node_ids);
  TreeEnsemble ensemble{node.inputs[0], lists.nodes(), {}};
  for (size_t i = 0; i < ensemble.nodes.size(); ++i) {
    if (i == 0 || tree_ids[i] != tree_ids[i - 1]) ensemble.roots.push_back(static_cast<int32_t>(i));
    TreeNode& each = ensemble.nodes[i];
    if (each.mode == TreeMode::kLeaf) continue;
    each.true_child = index.find(tree_ids[i], lists.true_ids[i]);
    each.false_child = index.find(tree_ids[i], lists.false_ids[i]);
    if (each.true_child < 0 || each.false_child < 0) return std::nullopt;
  }
  if (!index.is_unique() || ensemble.roots.size() != index.n_trees()) return std::nullopt;
  return ensemble;
}

/// TreeEnsemble of ai.onnx.ml 5. Children are positions in the lists of nodes or of leaves.
std::optional<TreeEnsemble> read_positioned_nodes(const Node& node) {
  auto thresholds = float_tensor(node, "nodes_splits");
  auto modes = numbered_modes(node);
  if (!thresholds || !modes) return std::nullopt;
  const NodeLists lists(node, *std::move(thresholds), *std::move(modes));
  const std::vector<int64_t> true_is_leaf = ints_of(node, "nodes_trueleafs");
  const std::vector<int64_t> false_is_leaf = ints_of(node, "nodes_falseleafs");
  const size_t n_nodes = lists.modes.size();
  const size_t n_leaves = ints_of(node, "leaf_targetids").size();
  if (!lists.is_sound() || true_is_leaf.size() != n_nodes || false_is_leaf.size() != n_nodes) return std::nullopt;
  if (n_leaves > size_t{std::numeric_limits<int32_t>::max()} - n_nodes) return std::nullopt;

  const auto child = [&](int64_t position, bool is_leaf) {
    const bool exists = position >= 0 && position < static_cast<int64_t>(is_leaf ? n_leaves : n_nodes);
    return exists ? static_cast<int32_t>(position + static_cast<int64_t>(is_leaf ? n_nodes : 0)) : -1;
  };
  TreeEnsemble ensemble{node.inputs[0], lists.nodes(), {}};
  for (size_t i = 0; i < n_nodes; ++i) {
    TreeNode& each = ensemble.nodes[i];
    each.true_child = child(lists.true_ids[i], true_is_leaf[i] != 0);
    each.false_child = child(lists.false_ids[i], false_is_leaf[i] != 0);
    if (each.true_child < 0 || each.false_child < 0) return std::nullopt;
  }
  for (const int64_t position : ints_of(node, "tree_roots")) {
    const int32_t root = child(position, false);
    if (root < 0) return std::nullopt;
    // A tree that is one leaf is written as a node whose children are that leaf, and its test means nothing.
    const TreeNode& top = ensemble.nodes[root];
    const bool is_leaf = top.true_child == top.false_child && top.true_child >= static_cast<int32_t>(n_nodes);
    ensemble.roots.push_back(is_leaf ? top.true_child : root);
  }
  ensemble.nodes.resize(n_nodes + n_leaves);
  return ensemble;
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

bool is_tree_ensemble(const Node& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op_type == "TreeEnsembleRegressor" || node.op_type == "TreeEnsembleClassifier" || node.op_type == "TreeEnsemble");
}

std::optional<TreeEnsemble> read_tree_ensemble(const Node& node) {
  if (!is_tree_ensemble(node) || node.inputs.size() != 1 || node.inputs[0].empty()) return std::nullopt;
  std::optional<TreeEnsemble> ensemble;
  try {
    ensemble = node.op_type == "TreeEnsemble" ? read_positioned_nodes(node) : read_named_nodes(node);
  } catch (const Error&) {
    return std::nullopt;  // the values of a tensor attribute, which read_model doesn't look at
  }
  if (!ensemble || ensemble->roots.empty() || has_cycle(ensemble->nodes)) return std::nullopt;
  return ensemble;
}

}  // namespace edgeonnx::onnx
