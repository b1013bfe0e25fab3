// Trees as nodes to walk, and what their leaves weigh.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/forest_compiled.h"
#include "kernels/forest_numbering.h"

namespace edgeonnx::kernels::forest {

/// Where a walk is in a tree's nodes when it stands on a child of the split that has this number. The root is at 0.
inline int32_t child_position(int32_t n_splits, int32_t number, int side) { return 2 + 2 * (n_splits - 1 - number) + side; }

/// Fills the Walk of `compiled`, whose other members are set. whole: the trees, numbered.
void write_walk(const Trees& trees, std::span<const NumberedTree> whole, std::span<const int32_t> column_of_split, Compiled& compiled);

/// Steps from each split to its farthest leaf.
std::vector<int32_t> find_heights(const Trees& trees, std::span<const NumberedTree> whole);

}  // namespace edgeonnx::kernels::forest
