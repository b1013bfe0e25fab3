// Walks of trees, many side by side, without branches on what is met.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/forest_compiled.h"

namespace edgeonnx::kernels::forest {

/// Rows of a tile through one tree. values: lines of kRows; positions: kRows places in the tree where the rows stand, then those of the
/// leaves. No leaf is more than `steps` away.
template <class Node, class T>
void walk_rows(const Node* tree, const T* values, int32_t steps, int32_t* positions);

/// One row through n <= kLanes trees from their roots. values: one a line; steps: of the farthest leaf. Writes places in `nodes`.
template <class Node, class T>
void walk_trees(const Node* nodes, const WalkTree* trees, int n, const T* values, size_t* positions);

}  // namespace edgeonnx::kernels::forest
