#include "kernels/forest_steps.h"

#include <algorithm>

namespace edgeonnx::kernels::forest {
namespace {

constexpr int kStepsBetweenLooks = 4;

}  // namespace

template <class Node, class T>
void walk_rows(const Node* tree, const T* values, int32_t steps, int32_t* positions) {
  for (int row = 0; row < kRows; row += kLanes) {
    uint32_t at[kLanes];
    for (int k = 0; k < kLanes; ++k) at[k] = static_cast<uint32_t>(positions[row + k]);
    const T* x = values + row;
    for (int32_t done = 0; done < steps;) {
      const int32_t end = std::min(steps, done + kStepsBetweenLooks);
      uint32_t moved = 0;
      for (; done < end; ++done) {
        moved = 0;
        for (int k = 0; k < kLanes; ++k) {
          const Node node = tree[at[k]];
          const uint32_t next = node.child() + !(x[size_t{node.line()} * kRows + k] <= node.threshold);
          moved |= next ^ at[k];
          at[k] = next;
        }
      }
      if (moved == 0) break;  // leaves lead to themselves
    }
    for (int k = 0; k < kLanes; ++k) positions[row + k] = static_cast<int32_t>(at[k]);
  }
}

template <class Node, class T>
void walk_trees(const Node* nodes, const WalkTree* trees, int n, const T* values, size_t* positions) {
  const Node* tree[kLanes];
  uint32_t at[kLanes];
  int32_t steps = 0;
  for (int k = 0; k < kLanes; ++k) {
    const WalkTree& one = trees[std::min(k, n - 1)];
    tree[k] = nodes + one.begin;
    at[k] = 0;
    steps = std::max(steps, one.steps);
  }
  for (int32_t done = 0; done < steps;) {
    const int32_t end = std::min(steps, done + kStepsBetweenLooks);
    uint32_t moved = 0;
    for (; done < end; ++done) {
      moved = 0;
      for (int k = 0; k < kLanes; ++k) {
        const Node node = tree[k][at[k]];
        const uint32_t next = node.child() + !(values[node.line()] <= node.threshold);
        moved |= next ^ at[k];
        at[k] = next;
      }
    }
    if (moved == 0) break;
  }
  for (int k = 0; k < n; ++k) positions[k] = trees[k].begin + at[k];
}

template void walk_rows(const SmallNode*, const float*, int32_t, int32_t*);
template void walk_rows(const LargeNode<float>*, const float*, int32_t, int32_t*);
template void walk_rows(const LargeNode<double>*, const double*, int32_t, int32_t*);
template void walk_trees(const SmallNode*, const WalkTree*, int, const float*, size_t*);
template void walk_trees(const LargeNode<float>*, const WalkTree*, int, const float*, size_t*);
template void walk_trees(const LargeNode<double>*, const WalkTree*, int, const double*, size_t*);

}  // namespace edgeonnx::kernels::forest
