// The distinct thresholds of every feature, and which of them each split has.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/forest.h"

namespace edgeonnx::kernels::forest {

struct Cuts {
  std::vector<double> values;     ///< ascending within a feature; -0 and 0 are one
  std::vector<uint32_t> begin;    ///< of each column, and behind the last one
  std::vector<int32_t> of_split;  ///< position among its column's cuts; set for the splits that were asked for

  uint32_t count(size_t column) const { return begin[column + 1] - begin[column]; }
  uint32_t max_count() const;
};

/// splits: positions in trees.splits, each at most once; columns: of each feature.
Cuts find_cuts(const Trees& trees, std::span<const int32_t> splits, std::span<const int32_t> column_of_split, size_t n_columns);

}  // namespace edgeonnx::kernels::forest
