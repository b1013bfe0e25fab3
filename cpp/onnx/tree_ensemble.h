// Tree ensembles as plain arrays: what TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble of ai.onnx.ml have in common. The
// weights of the leaves are not read.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// How a node compares a feature with its threshold, by the numbers of `nodes_modes` in ai.onnx.ml 5; kLeaf compares nothing.
enum class TreeMode : uint8_t { kLeq = 0, kLt = 1, kGte = 2, kGt = 3, kEq = 4, kNeq = 5, kLeaf = 255 };

struct TreeNode {
  float threshold = 0;
  int32_t feature = 0;      ///< value of a row; >= 0
  int32_t true_child = 0;   ///< index into TreeEnsemble::nodes, as is false_child
  int32_t false_child = 0;  ///< of a leaf both are 0 and mean nothing
  TreeMode mode = TreeMode::kLeaf;
  bool missing_tracks_true = false;  ///< NaN goes to the true child, whatever the comparison says
};

/// Every walk from a root ends at a leaf. Two nodes may share a child: LightGBM's converter writes set membership as a chain of kEq whose
/// true children are one node.
struct TreeEnsemble {
  std::string_view input;       ///< the value that holds the features, row by row
  std::vector<TreeNode> nodes;  ///< of all trees, as the model lists them; in ai.onnx.ml 5 the leaves stand behind the nodes
  std::vector<int32_t> roots;   ///< one a tree, in the order of the trees
};

/// Whether the node is one of the three operators.
bool is_tree_ensemble(const Node& node);

/// The ensemble of a node that comes from read_model; its input is a view into the model's bytes. Nothing where the node is none, is
/// malformed (lists of different lengths, a child that is not there, a cycle), has thresholds other than float32, tests set membership
/// (BRANCH_MEMBER), or lists a tree in several pieces, whose root the standard and ONNX Runtime see in different places.
std::optional<TreeEnsemble> read_tree_ensemble(const Node& node);

/// Whether a value goes to the true child, as ONNX Runtime compares. `node` is not a leaf.
inline bool goes_true(const TreeNode& node, double value) {
  const double threshold = node.threshold;
  if (node.missing_tracks_true && std::isnan(value)) return true;
  switch (node.mode) {
    case TreeMode::kLeq:
      return value <= threshold;
    case TreeMode::kLt:
      return value < threshold;
    case TreeMode::kGte:
      return value >= threshold;
    case TreeMode::kGt:
      return value > threshold;
    case TreeMode::kEq:
      return value == threshold;
    case TreeMode::kNeq:
      return value != threshold;
    case TreeMode::kLeaf:
      break;
  }
  return false;
}

}  // namespace edgeonnx::onnx
