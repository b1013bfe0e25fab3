// What ONNX Runtime makes of a tree before it runs it: sets become chains of equality tests, and chains become one test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/tree_ensemble.h"

namespace edgeonnx::plan {

/// An ensemble's nodes in ONNX Runtime's order, with the chains of kEq that it folds.
///
/// It folds when it loads a model: from a kEq node whose threshold is a whole number in [1, 32] (64 with float64 thresholds) and which NaN
/// does not pass it walks down the false children as long as those are such tests of the same feature with the same true subtree, and makes
/// one test of them all, which NaN does not pass either. "The same" leaves out missing_value_tracks_true, targets and all weights of a leaf
/// but the first, so that folding can change what a tree says.
class FoldedTrees {
 public:
  /// Throws Error(kUnsupported) where ONNX Runtime refuses the trees or reads memory that is not theirs.
  FoldedTrees(const onnx::TreeEnsemble& ensemble, bool is_double);

  /// Those of the ensemble, and behind them the further tests of small sets.
  const std::vector<onnx::TreeNode>& nodes() const { return nodes_; }
  /// Where values go that pass neither the test of node i nor those folded into it. Those are the false children from node i to here.
  int32_t next_of(int32_t i) const { return next_[i]; }
  /// Whether some walk comes to the node itself.
  bool is_reached(int32_t i) const { return is_reached_[i]; }
  /// Weights of the node: of a leaf in the order in which they are added.
  uint32_t first_weight(int32_t i) const { return first_weight_[i]; }
  uint32_t n_weights(int32_t i) const { return n_weights_[i]; }
  /// Members of a kMember node that is left: a set which ONNX Runtime keeps as a set of int32.
  const std::vector<double>& members(int32_t i) const;

 private:
  void unroll_small_sets();
  void fold(int32_t i);
  bool can_fold(const onnx::TreeNode& node) const;
  bool are_same(int32_t a, int32_t b) const;
  void walk(int32_t root);

  const onnx::TreeEnsemble& ensemble_;
  double n_bits_;
  std::vector<onnx::TreeNode> nodes_;
  std::vector<int32_t> next_;
  std::vector<bool> is_reached_;
  std::vector<uint32_t> first_weight_;
  std::vector<uint32_t> n_weights_;
  bool drops_subtrees_ = false;  // a fold has left a true subtree without a parent
};

}  // namespace edgeonnx::plan
