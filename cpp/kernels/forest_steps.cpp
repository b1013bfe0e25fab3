#include "kernels/forest_steps.h"

#include <algorithm>

namespace edgeonnx::kernels::forest {
namespace {

constexpr int32_t kStepsBetweenLooks = 4;

/// More would not fit the registers.
constexpr int kRowLanes = 8;

/// Lanes side by side: for each a tree, a place in it and values. Leaves lead to themselves.
template <class Node, int n_lanes, class Tree, class Value>
inline void walk(uint32_t* at, int32_t steps, const Tree& tree_of, const Value& value_of) {
  while (steps > 0) {
    const int32_t now = std::min(steps, kStepsBetweenLooks);
    for (int32_t i = 0; i < now; ++i) {
      for (int k = 0; k < n_lanes; ++k) {
        const Node node = tree_of(k)[at[k]];
        at[k] = node.child() + !(value_of(node.line(), k) <= node.threshold);
      }
    }
    steps -= now;
    if (steps == 0) break;
    uint32_t lines = 0;
    for (int k = 0; k < n_lanes; ++k) lines |= tree_of(k)[at[k]].line();
    if (lines == 0) break;
  }
}

}  // namespace

template <class Node, class T>
void walk_rows(const Node* tree, const T* values, int32_t steps, int32_t* positions) {
  for (int row = 0; row < kRows; row += kRowLanes) {
    uint32_t at[kRowLanes];
    for (int k = 0; k < kRowLanes; ++k) at[k] = static_cast<uint32_t>(positions[row + k]);
    const T* x = values + row;
    walk<Node, kRowLanes>(at, steps, [&](int) { return tree; }, [&](uint32_t line, int k) { return x[size_t{line} * kRows + k]; });
    for (int k = 0; k < kRowLanes; ++k) positions[row + k] = static_cast<int32_t>(at[k]);
  }
}

template <class Node, class T>
void walk_trees(const Node* nodes, const WalkTree* trees, int n, const T* values, size_t* positions) {
  const Node* tree[kLanes];
  uint32_t at[kLanes] = {};
  int32_t steps = 0;
  for (int k = 0; k < kLanes; ++k) {
    const WalkTree& one = trees[std::min(k, n - 1)];
    tree[k] = nodes + one.begin;
    steps = std::max(steps, one.steps);
  }
  walk<Node, kLanes>(at, steps, [&](int k) { return tree[k]; }, [&](uint32_t line, int) { return values[line]; });
  for (int k = 0; k < n; ++k) positions[k] = trees[k].begin + at[k];
}

template void walk_rows(const SmallNode*, const float*, int32_t, int32_t*);
template void walk_rows(const LargeNode<float>*, const float*, int32_t, int32_t*);
template void walk_rows(const LargeNode<double>*, const double*, int32_t, int32_t*);
template void walk_trees(const SmallNode*, const WalkTree*, int, const float*, size_t*);
template void walk_trees(const LargeNode<float>*, const WalkTree*, int, const float*, size_t*);
template void walk_trees(const LargeNode<double>*, const WalkTree*, int, const double*, size_t*);

}  // namespace edgeonnx::kernels::forest
