// Trees cut into blocks of a few splits, which one loop a shape evaluates for all rows of a tile.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/forest_compiled.h"
#include "kernels/forest_cuts.h"
#include "kernels/forest_numbering.h"

namespace edgeonnx::kernels::forest {

/// Fills the groups, runs, code, root_slots, searches and cuts of Bins.
class BlockWriter {
 public:
  /// bins: with bytes and n_constants set. All must outlive the writer.
  BlockWriter(const Trees& trees, const Cuts& cuts, std::span<const int32_t> column_of_split, Bins& bins);

  /// Takes the next tree. False if its blocks are more than the slots, or the lines more than a block can name: then the writer is of no
  /// more use. Starts another group where this one is full.
  bool add(const NumberedTree& tree);
  /// The group that the last tree went to.
  size_t group() const { return bins_.groups.size(); }
  /// Ends the last group and writes the cuts.
  void finish();

 private:
  struct Block {
    int32_t shape = 0;
    uint32_t slot = 0;
    std::array<uint32_t, kMaxBlockSplits> thresholds{};
    std::array<uint16_t, kMaxBlockSplits> lines{};
    std::array<int32_t, kMaxBlockSplits + 1> children{};  ///< a block of the group, or ~ an exit
  };

  void cluster(const NumberedTree& tree);
  bool write_block(const NumberedTree& tree, int32_t root);
  bool write_split(int32_t split, bool swapped, Block& block, int i);
  void schedule();
  void end_group();

  const Trees& trees_;
  const Cuts& cuts_;
  std::span<const int32_t> column_of_split_;
  Bins& bins_;
  std::vector<int32_t> search_of_column_;
  std::vector<Block> blocks_;
  std::vector<int32_t> tree_roots_;  ///< of the group: as children of blocks
  int32_t n_trees_ = 0;
  // Of the splits of one tree, by number.
  std::vector<int32_t> n_parents_, sizes_, block_of_;
  std::vector<ShapeCode> codes_;
  std::vector<uint8_t> is_root_, swapped_;
  std::vector<int32_t> stack_;
  // Of the blocks of one group.
  std::vector<int32_t> order_, n_missing_, first_use_;
  std::vector<std::array<int32_t, 2>> uses_;  ///< user, and the next use of the same block
  std::array<std::vector<int32_t>, kShapeCount> ready_;
};

}  // namespace edgeonnx::kernels::forest
