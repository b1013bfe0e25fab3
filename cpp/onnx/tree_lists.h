// The lists of a tree ensemble's node, as the readers of its versions want them. Whatever is malformed throws Error(kInvalidModel) that
// says what is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/model.h"
#include "onnx/tree_ensemble.h"

namespace edgeonnx::onnx {

[[noreturn]] void refuse_trees(const std::string& problem);

/// Empty where the node has no such attribute.
std::vector<int64_t> ints_of(const Node& node, std::string_view name);

/// Floats or doubles and how they came.
struct RealList {
  Type tensor_type = Type::kUndefined;  ///< undefined where they are no tensor
  std::vector<double> values;
};

/// The tensor attribute; empty and of no type where the node has none, or one without dimensions, which ONNX Runtime takes for none.
RealList real_tensor_of(const Node& node, std::string_view name);

/// The attribute `name` or, in its place, the tensor `name`_as_tensor.
RealList reals_of(const Node& node, const std::string& name);

/// Numbers of the uint8 tensor attribute.
std::vector<int64_t> uint8_tensor_of(const Node& node, std::string_view name);

/// Puts a list's tensor type to those of the lists before; they must be of one type.
void unite_types(Type& all, const RealList& list);

/// What all versions say of their nodes, list by list.
class NodeLists {
 public:
  /// Checks that there is one entry a node, that there is at least one node, and that features are indexes.
  NodeLists(const Node& node, std::vector<double> thresholds, std::vector<TreeMode> modes);

  size_t size() const { return modes_.size(); }
  int64_t true_id(size_t i) const { return true_ids_[i]; }
  int64_t false_id(size_t i) const { return false_ids_[i]; }

  /// The nodes, without children.
  std::vector<TreeNode> nodes() const;

 private:
  std::vector<int64_t> features_;
  std::vector<int64_t> true_ids_;
  std::vector<int64_t> false_ids_;
  std::vector<int64_t> missing_tracks_true_;
  std::vector<double> thresholds_;
  std::vector<TreeMode> modes_;
};

/// A target or class in [0, n_targets).
int32_t target_of(int64_t id, int32_t n_targets);
/// A number of targets or classes.
int32_t count_of(int64_t n_targets);

// The readers: all but the input of the ensemble and the cycles in it.
TreeEnsemble read_named_trees(const Node& node);       ///< ai.onnx.ml 1 and 3: TreeEnsembleRegressor, TreeEnsembleClassifier
TreeEnsemble read_positioned_trees(const Node& node);  ///< ai.onnx.ml 5: TreeEnsemble

}  // namespace edgeonnx::onnx
