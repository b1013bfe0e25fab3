// Rows through a forest: by tiles and parts of the trees, or one by one.
#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/forest_leaves.h"
#include "kernels/forest_loops.h"
#include "kernels/forest_steps.h"

namespace edgeonnx::kernels::forest {
namespace {

constexpr size_t kLine = 64;
constexpr size_t round_up(size_t size) { return (size + kLine - 1) / kLine * kLine; }

// Bytes of code that are gone through with all tiles of a batch, before the next ones.
constexpr size_t kPartBytes = 256 * 1024;

// Where things lie in the scratch, in this order.
struct Layout {
  size_t slots, tail, positions, bins, values, scores, present, row, total;
  size_t bins_of_tile, values_of_tile;
  bool has_bins;

  Layout(const Compiled& compiled, int64_t n_rows) {
    const size_t value = compiled.is_double ? 8 : 4;
    const bool by_row = n_rows < compiled.few_rows;
    const auto batch = static_cast<size_t>(by_row ? 1 : std::min<int64_t>(compiled.batch, (n_rows + kRows - 1) / kRows * kRows));
    const size_t n_tiles = by_row ? 0 : batch / kRows;
    has_bins = compiled.kernel == Kernel::kBins || compiled.kernel == Kernel::kTopBins;
    const bool has_values = compiled.kernel != Kernel::kBins;
    const auto n_scores = std::max<size_t>(batch, 1) * static_cast<size_t>(compiled.n_targets);
    bins_of_tile = has_bins ? round_up(compiled.bins.tile_bytes()) : 0;
    values_of_tile = has_values ? compiled.walk.n_lines() * kRows * value : 0;
    size_t end = 0;
    const auto place = [&](size_t size) {
      const size_t begin = end;
      end += round_up(size);
      return begin;
    };
    slots = place(n_tiles && has_bins ? static_cast<size_t>(compiled.bins.n_constants + kMaxSlots) * kRows : 0);
    tail = place(kRows * value);
    positions = place(kRows * sizeof(int32_t));
    bins = place(n_tiles * bins_of_tile);
    values = place(n_tiles * values_of_tile);
    scores = place(n_scores * value);
    present = place(compiled.walk.weights == Weights::kSparse ? n_scores : 0);
    row = place(compiled.walk.n_lines() * value);
    total = end;
  }
};

template <class T>
const ValueLoops<T>& loops_for(const Compiled& compiled) {
  if constexpr (sizeof(T) == 4) {
    return compiled.loops->floats;
  } else {
    return compiled.loops->doubles;
  }
}

// One call of run().
template <class T>
class Pass {
 public:
  Pass(const Compiled& compiled, const std::byte* const* columns, int64_t n, std::byte* const* scores, uint8_t* const* present,
       std::byte* scratch)
      : compiled_(compiled),
        bins_(compiled.bins),
        walk_(compiled.walk),
        layout_(compiled, n),
        columns_(columns),
        n_(n),
        scores_(scores),
        present_(present),
        scratch_(scratch) {}

  void run() {
    if (n_ < compiled_.few_rows) {
      for (int64_t row = 0; row < n_; ++row) run_row(row);
      return;
    }
    if (n_ > 0 && layout_.has_bins) {
      for (int i = 0; i < bins_.n_constants; ++i) std::memset(at<uint8_t>(layout_.slots) + i * kRows, i, kRows);
    }
    for (int64_t begin = 0; begin < n_; begin += compiled_.batch) run_batch(begin, std::min(compiled_.batch, n_ - begin));
  }

 private:
  template <class U>
  U* at(size_t offset) const {
    return reinterpret_cast<U*>(scratch_ + offset);
  }
  const T* column(int32_t index, int64_t row) const { return reinterpret_cast<const T*>(columns_[index] + row * int64_t{sizeof(T)}); }
  uint8_t* bins_tile(int64_t tile) const { return at<uint8_t>(layout_.bins + static_cast<size_t>(tile) * layout_.bins_of_tile); }
  const T* values_tile(int64_t tile) const { return at<T>(layout_.values + static_cast<size_t>(tile) * layout_.values_of_tile); }
  Scores<T> scores_from(int64_t row) const {
    const auto first = static_cast<size_t>(row * compiled_.n_targets);
    return {at<T>(layout_.scores) + first, at<uint8_t>(layout_.present) + first};
  }
  const T* tables() const {
    if constexpr (sizeof(T) == 4) {
      return bins_.float_tables.data();
    } else {
      return bins_.double_tables.data();
    }
  }
  const T* cuts() const {
    if constexpr (sizeof(T) == 4) {
      return bins_.float_cuts.data();
    } else {
      return bins_.double_cuts.data();
    }
  }

  void run_batch(int64_t begin, int64_t n) {
    const int64_t n_tiles = (n + kRows - 1) / kRows;
    for (int64_t tile = 0; tile < n_tiles; ++tile) {
      const int64_t n_rows = std::min<int64_t>(kRows, n - tile * kRows);
      if (layout_.has_bins) read_bins(begin + tile * kRows, n_rows, bins_tile(tile));
      if (layout_.values_of_tile) read_values(begin + tile * kRows, n_rows, tile);
    }
    if (compiled_.kernel == Kernel::kBins) {
      // Scores stand by target here, a tile after the other.
      std::fill_n(at<T>(layout_.scores), n_tiles * kRows * compiled_.n_targets, static_cast<T>(identity(compiled_.aggregate)));
      for (size_t group = 0; group < bins_.groups.size();) {
        size_t end = group + 1;
        while (end < bins_.groups.size() && bins_.groups[end].code_end - bins_.groups[group].code_begin <= kPartBytes) ++end;
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          for (size_t each = group; each < end; ++each) look_up_group(each, tile);
        }
        group = end;
      }
      for (int64_t tile = 0; tile < n_tiles; ++tile) {
        const int64_t n_rows = std::min<int64_t>(kRows, n - tile * kRows);
        for (int32_t target = 0; target < compiled_.n_targets; ++target) {
          put_scores(target, begin + tile * kRows, n_rows, at<T>(layout_.scores) + (tile * compiled_.n_targets + target) * kRows, 1);
        }
      }
      return;
    }
    start(compiled_, n_tiles * kRows, scores_from(0));
    if (compiled_.kernel == Kernel::kTopBins) {
      for (size_t group = 0; group < bins_.groups.size(); ++group) walk_group(bins_.groups[group], n_tiles);
    } else {
      for (size_t tree = 0; tree < walk_.trees.size(); ++tree) {
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          std::fill_n(at<int32_t>(layout_.positions), kRows, 0);
          walk_tree(tree, tile, walk_.trees[tree].steps);
        }
      }
    }
    put_rows(begin, n);
  }

  const T* whole_tile(const T* values, int64_t n_rows) const {
    if (n_rows == kRows && reinterpret_cast<uintptr_t>(values) % alignof(T) == 0) return values;
    T* tail = at<T>(layout_.tail);
    std::memcpy(tail, values, static_cast<size_t>(n_rows) * sizeof(T));
    std::fill(tail + n_rows, tail + kRows, T{0});
    return tail;
  }

  void read_bins(int64_t row, int64_t n_rows, uint8_t* tile) const {
    const auto search = loops_for<T>(compiled_).search;
    for (const Search& each : bins_.searches) search(each, bins_.bytes, cuts(), whole_tile(column(each.column, row), n_rows), tile);
  }

  void read_values(int64_t row, int64_t n_rows, int64_t tile) const {
    T* line = at<T>(layout_.values + static_cast<size_t>(tile) * layout_.values_of_tile);
    std::fill_n(line, kRows, T{0});
    for (const WalkLine& each : walk_.lines) {
      line += kRows;
      const T* values = column(each.column, row);
      std::memcpy(line, values, static_cast<size_t>(n_rows) * sizeof(T));
      std::fill(line + n_rows, line + kRows, T{0});
      if (!each.nan_left) continue;
      for (int i = 0; i < kRows; ++i) line[i] = line[i] == line[i] ? line[i] : -std::numeric_limits<T>::infinity();
    }
  }

  void select_group(const Group& group, const uint8_t* tile) const {
    const uint8_t* code = bins_.code.data() + group.code_begin;
    for (int32_t run = group.run_begin; run < group.run_end; ++run) {
      const Run& each = bins_.runs[run];
      code = compiled_.loops->select[bins_.bytes - 1][each.shape](code, each.n_blocks, tile, at<uint8_t>(layout_.slots));
    }
  }

  void look_up_group(size_t index, int64_t tile) const {
    const Group& group = bins_.groups[index];
    select_group(group, bins_tile(tile));
    const int width = std::countr_zero(static_cast<unsigned>(bins_.table_width)) - 4;
    const auto look_up = loops_for<T>(compiled_).look_up[static_cast<int>(compiled_.aggregate)][width];
    const uint32_t* ends = bins_.lookup_ends.data() + group.lookup_begin;
    uint32_t first = group.lookup_begin ? ends[-1] : 0;
    for (int32_t target = 0; target < compiled_.n_targets; ++target) {
      T* sums = at<T>(layout_.scores) + (tile * compiled_.n_targets + target) * kRows;
      if (ends[target] > first) look_up(&bins_.lookups[first], ends[target] - first, tables(), at<uint8_t>(layout_.slots), sums);
      first = ends[target];
    }
  }

  void walk_group(const Group& group, int64_t n_tiles) const {
    for (int64_t tile = 0; tile < n_tiles; ++tile) {
      select_group(group, bins_tile(tile));
      for (int32_t tree = group.tree_begin; tree < group.tree_end; ++tree) {
        const int32_t* entries = bins_.entries.data() + bins_.entry_begin[tree];
        const uint8_t* exits = at<uint8_t>(layout_.slots) + size_t{kWord} * bins_.root_slots[tree];
        int32_t* positions = at<int32_t>(layout_.positions);
        for (int row = 0; row < kRows; ++row) positions[row] = entries[exits[row]];
        walk_tree(static_cast<size_t>(tree), tile, walk_.trees[tree].steps_below_top);
      }
    }
  }

  void walk_tree(size_t tree, int64_t tile, int32_t steps) const {
    const size_t begin = walk_.trees[tree].begin;
    int32_t* positions = at<int32_t>(layout_.positions);
    if constexpr (sizeof(T) == 8) {
      walk_rows(walk_.large_doubles.data() + begin, values_tile(tile), steps, positions);
    } else if (!walk_.small.empty()) {
      walk_rows(walk_.small.data() + begin, values_tile(tile), steps, positions);
    } else {
      walk_rows(walk_.large_floats.data() + begin, values_tile(tile), steps, positions);
    }
    take_leaves(compiled_, begin, positions, kRows, 1, scores_from(tile * kRows));
  }

  void run_row(int64_t row) {
    T* values = at<T>(layout_.row);
    *values = 0;
    for (const WalkLine& each : walk_.lines) {
      T value;
      std::memcpy(&value, column(each.column, row), sizeof value);
      *++values = each.nan_left && value != value ? -std::numeric_limits<T>::infinity() : value;
    }
    values = at<T>(layout_.row);
    start(compiled_, 1, scores_from(0));
    size_t positions[kLanes];
    for (size_t tree = 0; tree < walk_.trees.size(); tree += kLanes) {
      const int n = static_cast<int>(std::min<size_t>(kLanes, walk_.trees.size() - tree));
      const WalkTree* trees = &walk_.trees[tree];
      if constexpr (sizeof(T) == 8) {
        walk_trees(walk_.large_doubles.data(), trees, n, values, positions);
      } else if (!walk_.small.empty()) {
        walk_trees(walk_.small.data(), trees, n, values, positions);
      } else {
        walk_trees(walk_.large_floats.data(), trees, n, values, positions);
      }
      take_leaves(compiled_, 0, positions, n, 0, scores_from(0));
    }
    put_rows(row, 1);
  }

  // From scores by row.
  void put_rows(int64_t begin, int64_t n) const {
    const int64_t n_targets = compiled_.n_targets;
    for (int32_t target = 0; target < n_targets; ++target) {
      put_scores(target, begin, n, at<T>(layout_.scores) + target, n_targets);
      if (compiled_.presence[target] != Presence::kByRow) continue;
      const uint8_t* from = at<uint8_t>(layout_.present) + target;
      for (int64_t row = 0; row < n; ++row) present_[target][begin + row] = from[row * n_targets];
    }
  }

  void put_scores(int32_t target, int64_t begin, int64_t n, const T* from, int64_t step) const {
    std::byte* to = scores_[target] + begin * int64_t{sizeof(T)};
    if (compiled_.presence[target] == Presence::kNever) {
      std::memset(to, 0, static_cast<size_t>(n) * sizeof(T));
    } else if (step == 1) {
      std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
    } else {
      for (int64_t row = 0; row < n; ++row) std::memcpy(to + row * int64_t{sizeof(T)}, from + row * step, sizeof(T));
    }
  }

  const Compiled& compiled_;
  const Bins& bins_;
  const Walk& walk_;
  const Layout layout_;
  const std::byte* const* columns_;
  const int64_t n_;
  std::byte* const* scores_;
  uint8_t* const* present_;
  std::byte* scratch_;
};

}  // namespace

size_t scratch_bytes(const Compiled& compiled, int64_t n_rows) {
  // A call with fewer rows may go another way.
  const size_t few = Layout(compiled, std::min(n_rows, compiled.few_rows - 1)).total;
  return std::max(few, Layout(compiled, n_rows).total);
}

void run(const Compiled& compiled, const std::byte* const* columns, int64_t n, std::byte* const* scores, uint8_t* const* present,
         std::byte* scratch) {
  if (compiled.is_double) {
    Pass<double>(compiled, columns, n, scores, present, scratch).run();
  } else {
    Pass<float>(compiled, columns, n, scores, present, scratch).run();
  }
}

}  // namespace edgeonnx::kernels::forest
