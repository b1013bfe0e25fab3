// Tree ensembles as plain arrays: what TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble of ai.onnx.ml have in common.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// How a node compares a feature with its threshold, by the numbers of `nodes_modes` in ai.onnx.ml 5; kLeaf compares nothing.
enum class TreeMode : uint8_t { kLeq = 0, kLt = 1, kGte = 2, kGt = 3, kEq = 4, kNeq = 5, kMember = 6, kLeaf = 255 };

/// By the numbers of ai.onnx.ml 5.
enum class TreeAggregate : uint8_t { kAverage = 0, kSum = 1, kMin = 2, kMax = 3 };
enum class TreeTransform : uint8_t { kNone = 0, kLogistic = 1, kSoftmax = 2, kSoftmaxZero = 3, kProbit = 4 };

struct TreeNode {
  double threshold = 0;     ///< of a leaf too, where the model lists one
  int32_t feature = 0;      ///< value of a row; >= 0, but of a leaf anything
  int32_t true_child = 0;   ///< index into TreeEnsemble::nodes, as is false_child
  int32_t false_child = 0;  ///< of a leaf both are 0 and mean nothing
  TreeMode mode = TreeMode::kLeaf;
  bool missing_tracks_true = false;  ///< NaN goes to the true child, whatever the comparison says
};

/// What a kMember node compares with, as the model lists it.
struct MemberSet {
  int32_t node = 0;
  std::vector<double> values;
};

/// What a leaf adds to a target, or to a class.
struct TreeWeight {
  int32_t node = 0;
  int32_t target = 0;  ///< in [0, n_targets)
  double value = 0;
};

/// Every walk from a root ends at a leaf. Two nodes may share a child: LightGBM's converter writes set membership as a chain of kEq whose
/// true children are one node.
struct TreeEnsemble {
  std::string_view input;           ///< the value that holds the features, row by row
  std::vector<TreeNode> nodes;      ///< of all trees, as the model lists them; in ai.onnx.ml 5 the leaves stand behind the nodes
  std::vector<int32_t> roots;       ///< one a tree, in the order of the trees
  std::vector<MemberSet> sets;      ///< one a kMember node, by ascending node
  std::vector<TreeWeight> weights;  ///< by (number of the tree, number of the node), those of one node side by side as the model lists them

  /// That of the lists which come as tensors: float32, float64, or undefined where none does. What comes as floats, thresholds included, is
  /// exact in both. ONNX Runtime wants tensors of the input's type, float32 where the input is of integers.
  Type tensor_type = Type::kUndefined;

  bool is_classifier = false;
  bool is_positioned = false;  ///< ai.onnx.ml 5: a leaf that has two parents is one leaf for each to ONNX Runtime
  int32_t n_targets = 1;       ///< > 0; of a classifier the number of its classes
  TreeAggregate aggregate = TreeAggregate::kSum;
  TreeTransform transform = TreeTransform::kNone;
  std::vector<double> base_values;  ///< none or one a target; of a classifier of two classes or one, none to two

  // The classes: text where there is any.
  std::vector<int64_t> labels;
  std::vector<std::string_view> text_labels;
};

/// Whether the node is one of the three operators.
bool is_tree_ensemble(const Node& node);

/// The ensemble of a node that comes from read_model; its views are into the model's bytes. Nothing where the node is none, is malformed
/// (lists of different lengths, a child that is not there, a cycle), so that ONNX Runtime refuses it, or lists a tree in several pieces,
/// whose root the standard and ONNX Runtime see in different places. `reason`, if given, is then told which.
std::optional<TreeEnsemble> read_tree_ensemble(const Node& node, std::string* reason = nullptr);

/// Whether a value goes to the true child, as ONNX Runtime compares. `node` is neither a leaf nor kMember.
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
    case TreeMode::kMember:
    case TreeMode::kLeaf:
      break;
  }
  return false;
}

}  // namespace edgeonnx::onnx
