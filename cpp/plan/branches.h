// Where a float64 column meets the float32 thresholds of trees: counts the rows that rounding sends down another branch.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "onnx/model.h"
#include "onnx/tree_ensemble.h"

namespace edgeonnx::plan {

struct Port;

/// A value of a row of an input.
struct InputValue {
  size_t input = 0;   ///< index of the plan's input
  int64_t value = 0;  ///< in [0, width of the input)
  auto operator<=>(const InputValue& other) const = default;
};

/// The values of one InputValue in a morsel. Nothing need be aligned; strides are in bytes.
struct FeatureColumn {
  const std::byte* rounded = nullptr;  ///< float32, as the model gets them
  int64_t rounded_stride = sizeof(float);
  const std::byte* exact = nullptr;  ///< float64, as the caller gave them; null where the column has no such values
  int64_t exact_stride = sizeof(double);
  const uint8_t* is_null = nullptr;  ///< a byte a row, not 0 where `exact` holds nothing; null where every row has a value
};

/// Distinct thresholds of a feature, to be asked for each value of a column.
class ThresholdSet {
 public:
  void insert(float threshold);  ///< NaN, which no value equals, is left out
  bool contains(float value) const;

 private:
  size_t first_slot(float value) const;

  // A hash table at most a quarter full, since nearly every value asked for is not in it. Free slots hold NaN.
  std::vector<float> slots_;
  size_t n_values_ = 0;
};

/// Looks at the tree ensembles whose features are inputs of the model: the input of the ensemble is a float32 input of rank 2, or a Concat
/// along axis 1 of such, through any number of Identity and further Concat nodes. What lies behind a scaler or a cast is not covered: what
/// it makes of the float64 value nobody computed. Nor are ensembles with float64 tensors or with tests of set membership. Immutable once
/// made, so any thread may ask.
class BranchCheck {
 public:
  BranchCheck() = default;
  /// `inputs`: those of the plan.
  BranchCheck(const onnx::Model& model, const std::vector<Port>& inputs);

  int64_t n_ensembles() const { return n_ensembles_; }  ///< those of the model's graph, covered or not
  int64_t n_covered() const { return static_cast<int64_t>(ensembles_.size()); }
  /// Whether a covered ensemble gets the input; layout() tells which of its values the trees test.
  bool feeds(size_t input) const;

  /// What count() must be given, once the width of every input is known: the input values that trees of covered ensembles test. One that
  /// two ensembles test stands there twice. Empty where there is nothing to count: no tree tests anything, an input that feeds one has a
  /// width below 1, or a tree tests a feature beyond the end of the row, which ONNX Runtime refuses.
  std::vector<InputValue> layout(std::span<const int64_t> widths) const;

  /// The rows that, in some tree of a covered ensemble, visit a node whose test comes out otherwise for the float64 value than for the
  /// rounded one. The walk follows the rounded values, as the model's does. NaN never differs, nor does a NULL.
  /// `columns`: one for each entry of layout(), in its order; each with `n_rows` rows.
  int64_t count(std::span<const FeatureColumn> columns, int64_t n_rows) const;

 private:
  struct Ensemble {
    std::vector<onnx::TreeNode> nodes;  ///< `feature` counts from the ensemble's first entry in features_
    std::vector<int32_t> roots;
    std::vector<size_t> inputs;  ///< the parts of its row, in order
    size_t first_feature = 0;
    size_t n_features = 0;
  };
  /// A feature that some node of an ensemble tests.
  struct Feature {
    int64_t id = 0;  ///< value of the ensemble's row
    ThresholdSet thresholds;
  };

  void add(onnx::TreeEnsemble trees, std::vector<size_t> inputs);
  static bool changes_branch(const Ensemble& ensemble, std::span<const FeatureColumn> columns, int64_t row);

  int64_t n_ensembles_ = 0;
  std::vector<Ensemble> ensembles_;
  std::vector<Feature> features_;  ///< ensemble by ensemble, the order of layout()
};

}  // namespace edgeonnx::plan
