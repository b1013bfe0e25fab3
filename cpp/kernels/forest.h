// Tree ensembles over columns: which leaf every row reaches in every tree, and what the leaves add up to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/step.h"

namespace edgeonnx::kernels {

/// Values up to and including the threshold go left, larger ones right; NaN goes where `nan_left` says. A threshold is never NaN.
/// A child is a split if it is >= 0, else the leaf ~child.
struct Split {
  double threshold = 0;
  int32_t feature = 0;
  int32_t left = 0;
  int32_t right = 0;
  bool nan_left = false;
};

struct LeafWeight {
  int32_t target = 0;
  double value = 0;
};

/// Splits may be shared: a tree is a directed graph without cycles.
struct Trees {
  bool is_double = false;  ///< features, thresholds, weights and sums are float64; else float32, which every double here then is exactly
  int32_t n_targets = 1;
  std::vector<Split> splits;
  std::vector<int32_t> roots;        ///< one a tree, in the order in which they are added; each as a child is written
  std::vector<uint32_t> leaf_begin;  ///< of each leaf its first weight, and behind the last leaf the number of weights
  std::vector<LeafWeight> weights;   ///< in the order in which they are added

  int32_t n_leaves() const { return static_cast<int32_t>(leaf_begin.size()) - 1; }
};

enum class Aggregate { kSum, kMin, kMax };

/// Whether a row has a score of a target at all: a leaf may have no weight for it.
enum class Presence { kNever, kAlways, kByRow };

/// Trees made ready for a processor. Scores start at 0 and take the weights in the order of the trees, rounding each time, so they depend
/// on the rows alone: not on how many there are, in which order they come or on the kernel that is chosen.
class Forest {
 public:
  /// Throws Error(kUnsupported) for trees that no kernel takes (too large for 32-bit positions).
  Forest(const Trees& trees, Aggregate aggregate);
  ~Forest();

  /// The features that some split tests, ascending: the columns that run() takes, in this order.
  std::span<const int32_t> features() const;
  bool is_double() const;
  int32_t n_targets() const;
  Presence presence(int32_t target) const;
  /// The kernel and its measures in words, for explain(): "exact bins of 8 bits, 500 trees, 31 leaves at most, avx512".
  std::string description() const;

  size_t scratch_bytes(int64_t n_rows) const;

  /// columns: one a feature of features(), n packed values each, of float or double as is_double(). scores: n_targets arrays of n values of
  /// the same type. present: n_targets arrays of n bytes, 1 where the row has a score, written where presence() is kByRow; may be null if
  /// there is no such target. Where a row has none its score is 0. `scratch` as for a Step.
  void run(const std::byte* const* columns, int64_t n, std::byte* const* scores, uint8_t* const* present, std::byte* scratch) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace edgeonnx::kernels
