#include "onnx/tree_lists.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "onnx/attribute.h"
#include "onnx/tensor.h"

namespace edgeonnx::onnx {
namespace {

constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();

/// Nothing where there is none.
std::optional<Tensor> tensor_of(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attribute(name);
  if (!attribute) return std::nullopt;
  std::optional<Tensor> tensor = read_tensor(*attribute);
  if (!tensor) refuse_trees(std::string(name) + " cannot be read");
  if (tensor->shape.empty()) return std::nullopt;
  return tensor;
}

}  // namespace

void refuse_trees(const std::string& problem) { throw Error(Code::kInvalidModel, problem); }

std::vector<int64_t> ints_of(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attribute(name);
  return attribute ? read_ints(*attribute) : std::vector<int64_t>();
}

RealList real_tensor_of(const Node& node, std::string_view name) {
  std::optional<Tensor> tensor = tensor_of(node, name);
  if (!tensor) return {};
  if (tensor->type != Type::kFloat && tensor->type != Type::kDouble) {
    refuse_trees(std::string(name) + " is of " + display_name(tensor->type));
  }
  return {tensor->type, std::move(tensor->reals)};
}

RealList reals_of(const Node& node, const std::string& name) {
  RealList list = real_tensor_of(node, name + "_as_tensor");
  const Attribute* floats = node.attribute(name);
  if (!floats) return list;
  const std::vector<float> values = read_floats(*floats);
  if (values.empty()) return list;
  if (!list.values.empty()) refuse_trees(name + " stands there twice, as floats and as a tensor");
  list.values.assign(values.begin(), values.end());
  return list;
}

std::vector<int64_t> uint8_tensor_of(const Node& node, std::string_view name) {
  std::optional<Tensor> tensor = tensor_of(node, name);
  if (!tensor) return {};
  if (tensor->type != Type::kUint8) refuse_trees(std::string(name) + " is of " + display_name(tensor->type));
  return std::move(tensor->integers);
}

void unite_types(Type& all, const RealList& list) {
  if (list.tensor_type == Type::kUndefined) return;
  if (all != Type::kUndefined && all != list.tensor_type) refuse_trees("its tensors are of different types");
  all = list.tensor_type;
}

NodeLists::NodeLists(const Node& node, std::vector<double> thresholds, std::vector<TreeMode> modes)
    : features_(ints_of(node, "nodes_featureids")),
      true_ids_(ints_of(node, "nodes_truenodeids")),
      false_ids_(ints_of(node, "nodes_falsenodeids")),
      missing_tracks_true_(ints_of(node, "nodes_missing_value_tracks_true")),
      thresholds_(std::move(thresholds)),
      modes_(std::move(modes)) {
  const size_t n = modes_.size();
  if (n == 0) refuse_trees("it has no nodes");
  if (n > kLargest || features_.size() != n || true_ids_.size() != n || false_ids_.size() != n || thresholds_.size() != n ||
      (!missing_tracks_true_.empty() && missing_tracks_true_.size() != n)) {
    refuse_trees("its lists of nodes have different lengths");
  }
  for (size_t i = 0; i < n; ++i) {
    if (features_[i] > kLargest || features_[i] < (modes_[i] == TreeMode::kLeaf ? -kLargest : 0)) {
      refuse_trees("a node tests feature " + std::to_string(features_[i]));
    }
  }
}

std::vector<TreeNode> NodeLists::nodes() const {
  std::vector<TreeNode> nodes(modes_.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const bool missing = !missing_tracks_true_.empty() && missing_tracks_true_[i] == 1;
    nodes[i] = {thresholds_[i], static_cast<int32_t>(features_[i]), 0, 0, modes_[i], missing};
  }
  return nodes;
}

int32_t target_of(int64_t id, int32_t n_targets) {
  if (id < 0 || id >= n_targets) refuse_trees("a leaf has a weight for target " + std::to_string(id) + " of " + std::to_string(n_targets));
  return static_cast<int32_t>(id);
}

int32_t count_of(int64_t n_targets) {
  if (n_targets < 1 || n_targets > kLargest) refuse_trees("it has " + std::to_string(n_targets) + " targets");
  return static_cast<int32_t>(n_targets);
}

}  // namespace edgeonnx::onnx
