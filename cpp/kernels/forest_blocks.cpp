#include "kernels/forest_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace edgeonnx::kernels::forest {

BlockWriter::BlockWriter(const Trees& trees, const Cuts& cuts, std::span<const int32_t> column_of_split, Bins& bins)
    : trees_(trees), cuts_(cuts), column_of_split_(column_of_split), bins_(bins), search_of_column_(cuts.begin.size() - 1, -1) {
  for (size_t column = 0; column < search_of_column_.size(); ++column) {
    if (cuts.count(column) == 0) continue;
    search_of_column_[column] = static_cast<int32_t>(bins_.searches.size());
    Search search;
    search.column = static_cast<int32_t>(column);
    search.n_levels = std::bit_width(cuts.count(column));
    bins_.searches.push_back(search);
  }
}

// Bottom up, each split joins its children's blocks to its own as long as they fit, and the largest child stays a block of its own where
// they do not: no way of cutting a tree gives fewer blocks.
void BlockWriter::cluster(const NumberedTree& tree) {
  const int32_t n = tree.size();
  n_parents_.assign(n, 0);
  sizes_.resize(n);
  codes_.resize(n);
  swapped_.resize(n);
  is_root_.assign(n, 0);
  for (const auto& children : tree.children) {
    for (const int32_t child : children) {
      if (child >= 0) ++n_parents_[child];
    }
  }
  for (int32_t i = 0; i < n; ++i) {
    int32_t sizes[2];
    ShapeCode codes[2];
    const auto& children = tree.children[i];
    for (int side = 0; side < 2; ++side) {
      const int32_t child = children[side];
      const bool joins = child >= 0 && !is_root_[child];
      sizes[side] = joins ? sizes_[child] : 0;
      codes[side] = joins ? codes_[child] : 0;
    }
    const bool is_perfect = codes[0] == kPerfect2 && codes[1] == kPerfect2;
    while (!is_perfect && sizes[0] + sizes[1] + 1 > kMaxAnySplits) {
      const int side = sizes[1] > sizes[0];
      is_root_[children[side]] = 1;
      sizes[side] = 0;
      codes[side] = 0;
    }
    swapped_[i] = sizes[1] > sizes[0] || (sizes[1] == sizes[0] && codes[1] > codes[0]);
    if (swapped_[i]) {
      std::swap(sizes[0], sizes[1]);
      std::swap(codes[0], codes[1]);
    }
    sizes_[i] = sizes[0] + sizes[1] + 1;
    codes_[i] = 1u | codes[0] << 1 | codes[1] << (2 * sizes[0] + 2);
    is_root_[i] = n_parents_[i] != 1;
  }
}

bool BlockWriter::write_split(int32_t split_index, bool swapped, Block& block, int i) {
  const Split& split = trees_.splits[split_index];
  auto& line = bins_.searches[search_of_column_[column_of_split_[split_index]]].lines[(swapped ? 2 : 0) + (split.nan_left ? 1 : 0)];
  if (line < 0) line = bins_.n_lines++;
  const int64_t word = static_cast<int64_t>(line) * kRows * bins_.bytes / kWord;
  block.lines[i] = static_cast<uint16_t>(word);
  const int32_t cut = cuts_.of_split[split_index];
  // Bins are biased to be signed. A row goes to the first child if its bin is below the threshold; complemented bins turn that around.
  if (bins_.bytes == 1) {
    const auto threshold = static_cast<uint8_t>(swapped ? 127 - cut : cut + 1 - 128);
    block.thresholds[i] = threshold * 0x01010101u;
  } else {
    const auto threshold = static_cast<uint16_t>(swapped ? 32767 - cut : cut + 1 - 32768);
    block.thresholds[i] = threshold * 0x00010001u;
  }
  return word <= std::numeric_limits<uint16_t>::max();
}

bool BlockWriter::write_block(const NumberedTree& tree, int32_t root) {
  Block block;
  block.shape = kShapeIndices[codes_[root]];
  int n_splits = 0, n_children = 0;
  stack_.assign(1, root);
  bool is_first = true;
  while (!stack_.empty()) {
    const int32_t i = stack_.back();
    stack_.pop_back();
    if (i >= 0 && (is_first || !is_root_[i])) {
      if (!write_split(tree.splits[i], swapped_[i], block, n_splits++)) return false;
      const auto& children = tree.children[i];
      stack_.push_back(children[swapped_[i] ? 0 : 1]);
      stack_.push_back(children[swapped_[i] ? 1 : 0]);
    } else {
      block.children[n_children++] = i >= 0 ? block_of_[i] : i;
    }
    is_first = false;
  }
  block_of_[root] = static_cast<int32_t>(blocks_.size());
  blocks_.push_back(block);
  return true;
}

bool BlockWriter::add(const NumberedTree& tree) {
  const int32_t n = tree.size();
  if (n == 0) {
    tree_roots_.push_back(~0);
    return true;
  }
  cluster(tree);
  is_root_[n - 1] = 1;
  const auto n_blocks = std::count(is_root_.begin(), is_root_.end(), 1);
  if (n_blocks > kMaxSlots) return false;
  if (static_cast<int64_t>(blocks_.size()) + n_blocks > kMaxSlots) end_group();
  block_of_.resize(n);
  for (int32_t i = 0; i < n; ++i) {
    if (is_root_[i] && !write_block(tree, i)) return false;
  }
  tree_roots_.push_back(block_of_[n - 1]);
  return true;
}

// Whatever is ready of one shape, also what becomes so meanwhile, before the shape that then has the most: a change of shape is a jump that
// the processor guesses wrong.
void BlockWriter::schedule() {
  const auto n = static_cast<int32_t>(blocks_.size());
  n_missing_.assign(n, 0);
  first_use_.assign(n, -1);
  uses_.clear();
  for (int32_t i = 0; i < n; ++i) {
    for (int c = 0; c <= kShapes[blocks_[i].shape].n_splits; ++c) {
      const int32_t child = blocks_[i].children[c];
      if (child < 0) continue;
      ++n_missing_[i];
      uses_.push_back({i, first_use_[child]});
      first_use_[child] = static_cast<int32_t>(uses_.size()) - 1;
    }
  }
  std::array<size_t, kShapeCount> n_taken{};
  for (auto& ready : ready_) ready.clear();
  for (int32_t i = 0; i < n; ++i) {
    if (n_missing_[i] == 0) ready_[blocks_[i].shape].push_back(i);
  }
  order_.clear();
  while (static_cast<int32_t>(order_.size()) < n) {
    int shape = 0;
    for (int i = 1; i < kShapeCount; ++i) {
      if (ready_[i].size() - n_taken[i] > ready_[shape].size() - n_taken[shape]) shape = i;
    }
    while (n_taken[shape] < ready_[shape].size()) {
      const int32_t block = ready_[shape][n_taken[shape]++];
      order_.push_back(block);
      for (int32_t use = first_use_[block]; use >= 0; use = uses_[use][1]) {
        const int32_t user = uses_[use][0];
        if (--n_missing_[user] == 0) ready_[blocks_[user].shape].push_back(user);
      }
    }
  }
}

void BlockWriter::end_group() {
  schedule();
  Group group;
  group.run_begin = static_cast<int32_t>(bins_.runs.size());
  group.code_begin = bins_.code.size();
  group.tree_begin = n_trees_;
  uint32_t slot = static_cast<uint32_t>(bins_.n_constants);
  const auto word_of = [&](int32_t child) { return child >= 0 ? blocks_[child].slot : static_cast<uint32_t>(~child) * kSlotWords; };
  for (const int32_t i : order_) {
    Block& block = blocks_[i];
    block.slot = slot++ * kSlotWords;
    if (static_cast<int32_t>(bins_.runs.size()) == group.run_begin || bins_.runs.back().shape != block.shape) {
      bins_.runs.push_back({block.shape, 0});
    }
    ++bins_.runs.back().n_blocks;
    const int n = kShapes[block.shape].n_splits;
    uint16_t words[2 * kMaxBlockSplits + 2];
    for (int s = 0; s < n; ++s) words[s] = block.lines[s];
    for (int c = 0; c <= n; ++c) words[n + c] = static_cast<uint16_t>(word_of(block.children[c]));
    words[2 * n + 1] = static_cast<uint16_t>(block.slot);
    const size_t at = bins_.code.size();
    bins_.code.resize(at + block_bytes(n));
    std::memcpy(&bins_.code[at], block.thresholds.data(), 4 * n);
    std::memcpy(&bins_.code[at + 4 * n], words, 2 * (2 * n + 2));
  }
  for (const int32_t root : tree_roots_) bins_.root_slots.push_back(word_of(root));
  n_trees_ += static_cast<int32_t>(tree_roots_.size());
  group.run_end = static_cast<int32_t>(bins_.runs.size());
  group.code_end = bins_.code.size();
  group.tree_end = n_trees_;
  bins_.groups.push_back(group);
  blocks_.clear();
  tree_roots_.clear();
}

void BlockWriter::finish() {
  end_group();
  constexpr size_t kVector = 16;  // tables are read by whole vectors
  for (Search& search : bins_.searches) {
    const size_t size = size_t{1} << search.n_levels;
    const double* values = cuts_.values.data() + cuts_.begin[search.column];
    const uint32_t count = cuts_.count(search.column);
    const auto write = [&](auto& tables) {
      using T = typename std::decay_t<decltype(tables)>::value_type;
      search.table = tables.size();
      tables.resize(tables.size() + std::max(size, kVector), std::numeric_limits<T>::infinity());
      for (int level = 0; level < search.n_levels; ++level) {
        for (size_t i = 0; i < size_t{1} << level; ++i) {
          const size_t rank = ((2 * i + 1) << (search.n_levels - 1 - level)) - 1;
          if (rank < count) tables[search.table + (size_t{1} << level) + i] = static_cast<T>(values[rank]);
        }
      }
    };
    if (trees_.is_double) {
      write(bins_.double_cuts);
    } else {
      write(bins_.float_cuts);
    }
  }
}

}  // namespace edgeonnx::kernels::forest
