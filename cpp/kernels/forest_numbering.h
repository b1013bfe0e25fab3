// Splits and exits of one tree, or of its top, numbered as it is compiled.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/forest.h"

namespace edgeonnx::kernels::forest {

inline constexpr int32_t kWholeTree = INT32_MAX;

/// A tree's splits and exits as they are numbered.
struct NumberedTree {
  std::vector<int32_t> splits;                   ///< positions in Trees::splits; children before their parents, so that the root is last
  std::vector<std::array<int32_t, 2>> children;  ///< left and right: the number of a split, or ~ the number of an exit
  std::vector<int32_t> exits;                    ///< written as children in Trees

  int32_t size() const { return static_cast<int32_t>(splits.size()); }
};

class Numbering {
 public:
  explicit Numbering(const Trees& trees);

  /// Numbers what is reached from a root (written as a child) in fewer than `depth` steps. What is reached later is an exit, as is a leaf.
  void number(int32_t root, int32_t depth, NumberedTree& tree);

 private:
  int32_t child(int32_t reference, NumberedTree& tree);

  const Trees& trees_;
  int32_t epoch_ = 0;
  std::vector<int32_t> inside_, number_, split_exit_epoch_, split_exit_, leaf_epoch_, leaf_exit_;
  std::vector<int32_t> frontier_, next_frontier_;
  std::vector<std::array<int32_t, 2>> stack_;
};

}  // namespace edgeonnx::kernels::forest
