// What Forest holds: trees in the two forms that its loops read, blocks over bins and nodes to walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/forest.h"
#include "kernels/forest_shapes.h"

namespace edgeonnx::kernels::forest {

/// Rows that are located together.
inline constexpr int kRows = 128;
/// Offsets inside a tile of bins and inside the slots are counted in words of 8 bytes, which an address scales for nothing.
inline constexpr int kWord = 8;
inline constexpr int kSlotWords = kRows / kWord;
/// Results of blocks that are kept at a time.
inline constexpr int kMaxSlots = 192;
/// What a slot can name.
inline constexpr int kMaxExits = 256;
inline constexpr int kSlotAreaBytes = (kMaxExits + kMaxSlots) * kRows;
/// Trees that one row walks side by side.
inline constexpr int kLanes = 16;
/// Bits of a small node's word that name the line; the others name the child.
inline constexpr int kLineBits = 12;

/// Which kernel is taken where the measures of the trees allow it; a test asks for each.
enum class Kernel {
  kAny,
  kBins,       ///< whole trees by blocks over bins
  kTopBins,    ///< the tops of trees by blocks over bins, the rest walked
  kWalk,       ///< all walked, by tiles
  kWalkByRow,  ///< all walked, one row after the other
};

struct Choice {
  Cpu cpu = Cpu::kScalar;
  Kernel kernel = Kernel::kAny;
  bool wide_bins = false;   ///< 16 bits even where 8 do
  bool wide_nodes = false;  ///< the large form of nodes even where the small one does
};

/// How one feature's values become bins. The cuts stand in heap order behind an unused value: level j in [2^j, 2^(j+1)), padded to a full
/// tree by +inf, so that the search needs no bound and its path is the number of cuts below the value. NaN takes the last place, larger
/// than every cut's, or the first one in the lines where NaN goes left.
struct Search {
  int32_t column = 0;
  int32_t n_levels = 0;
  size_t table = 0;  ///< in Bins::cuts
  /// Lines of the tile, or -1: bins; the same, with NaN left; both once more complemented, for splits whose children are swapped.
  int32_t lines[4] = {-1, -1, -1, -1};
};

struct Run {
  int32_t shape = 0;
  int32_t n_blocks = 0;
};

/// One weight table of one tree, read at the tree's root slot.
struct Lookup {
  uint32_t slot = 0;   ///< in words
  uint32_t table = 0;  ///< in tables, of Bins::table_width values each
};

/// Trees that are located together, since their results fit the slots.
struct Group {
  int32_t run_begin = 0, run_end = 0;
  size_t code_begin = 0, code_end = 0;
  int32_t tree_begin = 0, tree_end = 0;
  size_t lookup_begin = 0;  ///< in Bins::lookup_ends: one a target
};

/// A block in Bins::code: for its n splits uint32_t thresholds[n] (a bin repeated over the word; less than it goes to the first child) and
/// uint16_t lines[n], then uint16_t children[n + 1] and uint16_t result, in words of the slots.
constexpr size_t block_bytes(int n_splits) { return static_cast<size_t>(8 * n_splits + 4); }

struct Bins {
  int bytes = 1;  ///< of a bin
  int depth = 0;  ///< of the tops, or 0 for whole trees
  std::vector<Search> searches;
  std::vector<float> float_cuts;
  std::vector<double> double_cuts;
  int32_t n_lines = 0;
  int32_t n_constants = 1;  ///< constant slots in front: exits
  std::vector<Group> groups;
  std::vector<Run> runs;
  std::vector<uint8_t> code;
  std::vector<uint32_t> root_slots;  ///< of each tree, in words

  // Whole trees: for each group and target the lookups in the order of the trees.
  int table_width = 0;  ///< 16, 32, 64, 128 or 256
  std::vector<Lookup> lookups;
  std::vector<uint32_t> lookup_ends;
  std::vector<float> float_tables;
  std::vector<double> double_tables;

  // Tops: where in the tree's nodes each exit goes on.
  std::vector<uint32_t> entry_begin;
  std::vector<int32_t> entries;

  size_t tile_bytes() const { return static_cast<size_t>(n_lines) * kRows * bytes; }
};

/// 8 bytes: the word holds the first child's position in the tree and the line.
struct SmallNode {
  float threshold = 0;
  uint32_t word = 0;

  uint32_t line() const { return word & ((1u << kLineBits) - 1); }
  uint32_t child() const { return word >> kLineBits; }
};

template <class T>
struct LargeNode {
  T threshold = 0;
  uint32_t line_ = 0;
  uint32_t child_ = 0;

  uint32_t line() const { return line_; }
  uint32_t child() const { return child_; }
};

struct WalkLine {
  int32_t column = 0;
  bool nan_left = false;  ///< NaN becomes -inf, which no threshold is below
};

struct WalkTree {
  size_t begin = 0;   ///< its root
  int32_t steps = 0;  ///< from the root to the farthest leaf
  int32_t steps_below_top = 0;
};

enum class Weights {
  kValues,  ///< one target: a value a node
  kDense,   ///< a row of all targets a leaf
  kSparse,  ///< as Trees has them, with presence
};

/// Children of a split stand side by side; leaves lead to themselves by way of line 0, which is all zeros.
struct Walk {
  std::vector<SmallNode> small;
  std::vector<LargeNode<float>> large_floats;
  std::vector<LargeNode<double>> large_doubles;
  std::vector<WalkLine> lines;  ///< line i + 1 of a tile
  std::vector<WalkTree> trees;
  Weights weights = Weights::kValues;
  std::vector<int32_t> leaves;  ///< of each node that is one; empty for kValues
  std::vector<float> float_values;
  std::vector<double> double_values;

  std::vector<uint32_t> weight_begin;  ///< kSparse
  std::vector<int32_t> weight_targets;

  template <class Node>
  const Node* nodes() const {
    if constexpr (sizeof(Node) == sizeof(SmallNode)) {
      return small.data();
    } else if constexpr (sizeof(Node) == sizeof(LargeNode<float>)) {
      return large_floats.data();
    } else {
      return large_doubles.data();
    }
  }
  size_t n_lines() const { return lines.size() + 1; }
};

struct Loops;

/// Everything that is known of the trees as given.
struct Compiled {
  bool is_double = false;
  Aggregate aggregate = Aggregate::kSum;
  int32_t n_targets = 1;
  std::vector<int32_t> features;
  std::vector<Presence> presence;
  bool by_row = false;  ///< some target's presence
  bool is_plain =
      false;  ///< no presence by row, no leaf has two weights of a target, and no NaN is compared: absent weights may be identities
  Choice choice;
  Kernel kernel = Kernel::kWalk;
  int64_t few_rows = 0;   ///< fewer go one by one
  int64_t batch = kRows;  ///< rows that go through a part of the trees before the next part
  Bins bins;
  Walk walk;
  const Loops* loops = nullptr;
};

/// What changes no score: no sum ever is -0, and weights that are compared are no NaN.
inline double identity(Aggregate aggregate) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return aggregate == Aggregate::kSum ? 0.0 : aggregate == Aggregate::kMin ? kInfinity : -kInfinity;
}

/// Throws Error(kUnsupported) if no kernel takes the trees, or not the one that is asked for.
Compiled compile(const Trees& trees, Aggregate aggregate, Choice choice);

std::string describe(const Compiled& compiled);
size_t scratch_bytes(const Compiled& compiled, int64_t n_rows);
void run(const Compiled& compiled, const std::byte* const* columns, int64_t n, std::byte* const* scores, uint8_t* const* present,
         std::byte* scratch);

}  // namespace edgeonnx::kernels::forest
