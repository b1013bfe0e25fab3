// Values of different sizes, each entry of the larger meeting the one of the smaller that ONNX would repeat for it.
#pragma once

#include <functional>
#include <numeric>
#include <vector>

#include "plan/operators.h"

namespace edgeonnx::plan {

/// Several values brought to the same sizes behind the rows.
class Broadcast {
 public:
  /// Throws Refusal where rows would mix, sizes do not fit, or the result would be too wide.
  explicit Broadcast(std::vector<const Value*> values);

  const std::vector<int64_t>& inner() const { return inner_; }
  int64_t n() const { return std::accumulate(inner_.begin(), inner_.end(), int64_t{1}, std::multiplies<>()); }
  bool is_constant(size_t which) const { return values_[which]->is_constant(); }

  /// Position in value `which` of result `i`.
  int64_t at(size_t which, int64_t i) const;

  ColumnId column(size_t which, int64_t i) const { return values_[which]->columns[static_cast<size_t>(at(which, i))]; }

 private:
  std::vector<const Value*> values_;
  std::vector<std::vector<int64_t>> sizes_;
  std::vector<int64_t> inner_;
};

}  // namespace edgeonnx::plan
