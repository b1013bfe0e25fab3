// A test of a tree as the set of values that pass it, and that set as splits.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/forest.h"
#include "onnx/tree_ensemble.h"

namespace edgeonnx::plan {

/// The values from `first` to `last`, both included.
struct Interval {
  double first = 0;
  double last = 0;
};

/// Which values pass a test. `cuts` divide all numbers into parts, each up to and including its cut and the last one without end; parts
/// that pass and parts that do not alternate.
struct ValueTest {
  std::vector<double> cuts;  ///< ascending
  bool first_passes = false;
  bool nan_passes = false;
};

/// Makes tests of values of one type: float, whose values stand in doubles, or double.
class ValueTests {
 public:
  explicit ValueTests(bool is_double) : is_double_(is_double) {}

  /// What ONNX Runtime sends to the true child of a node that is neither a leaf nor kMember.
  void make(const onnx::TreeNode& node, ValueTest& test) const;
  /// The intervals may overlap and come in any order.
  void make(std::vector<Interval>& intervals, bool nan_passes, ValueTest& test) const;

  double before(double value) const;  ///< the next smaller one; of 0 the largest below it, and of -infinity itself
  double after(double value) const;
  /// The largest value that is smaller than `bound`, of whatever precision that is.
  double largest_below(double bound) const;

 private:
  bool is_double_;
};

/// Appends to `splits` what sends values that pass the test to one child and all others to another, both written as in kernels::Split, and
/// returns the topmost child: what was added, or one of the two if the test is always the same. k cuts make k splits, log2 of k deep.
int32_t append_splits(const ValueTest& test, int32_t feature, int32_t passing, int32_t failing, std::vector<kernels::Split>& splits);

}  // namespace edgeonnx::plan
