// From the sums of a tree ensemble to what its operator returns: base values, post transforms, labels. As ONNX Runtime does it, operation
// by operation (onnxruntime/core/providers/cpu/ml/tree_ensemble_aggregator.h and ml_common.h).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/forest.h"

namespace edgeonnx::kernels {

enum class PostTransform { kNone, kLogistic, kSoftmax, kSoftmaxZero, kProbit };

struct ForestEnding {
  bool is_double = false;  ///< of the sums
  bool averages = false;   ///< the sum is divided by n_trees
  int64_t n_trees = 0;
  int32_t n_targets = 1;
  std::vector<double> base_values;
  PostTransform post_transform = PostTransform::kNone;

  bool is_classifier = false;
  std::vector<int64_t> labels;            ///< one a class; positions where the model's labels are text
  bool has_binary_weights = false;        ///< two classes, and all weights are of one of them
  bool weights_are_all_positive = false;  ///< no weight is below 0

  bool writes_double = false;  ///< the scores that come out are float64; else float32
  int32_t n_outputs() const { return n_targets; }

  /// scores: n_targets arrays of n sums, 0 where the row has none; they are overwritten. present: as Forest::run leaves it; presence: one a
  /// target. outputs: n_outputs() arrays of n values. label: n values, or null where nobody asks. Nothing need be aligned. A classifier of
  /// three classes or more without base values needs a score of some class in every row, and one of two classes with fewer than two base
  /// values a score of the second one, if it is a PROBIT or if it has one base value and weights of both classes: ONNX Runtime gives no
  /// answer otherwise.
  void run(std::byte* const* scores, const uint8_t* const* present, const Presence* presence, int64_t n, std::byte* const* outputs,
           int64_t* label) const;
};

}  // namespace edgeonnx::kernels
