// What the leaves that rows have walked to add to their scores.
#pragma once

#include <cstdint>

#include "kernels/forest_compiled.h"

namespace edgeonnx::kernels::forest {

/// Scores of rows: for kValues one a row, else n_targets a row, one row after the other. `present` has their shape, where by_row is set.
template <class T>
struct Scores {
  T* values = nullptr;
  uint8_t* present = nullptr;
};

template <class T>
void start(const Compiled& compiled, int64_t n_rows, const Scores<T>& scores);

/// positions: for each row a place in the nodes from `begin` on.
template <class T, class Position>
void take_leaves(const Compiled& compiled, size_t begin, const Position* positions, int64_t n_rows, int64_t row_step,
                 const Scores<T>& scores);

}  // namespace edgeonnx::kernels::forest
