// From Trees to Compiled: what is known of the trees, and which kernel takes them.
#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "kernels/forest_blocks.h"
#include "kernels/forest_compiled.h"
#include "kernels/forest_cuts.h"
#include "kernels/forest_loops.h"
#include "kernels/forest_numbering.h"
#include "kernels/forest_tables.h"
#include "kernels/forest_walk.h"

namespace edgeonnx::kernels::forest {
namespace {

// What a row costs, in cycles of a processor with AVX-512: a split of a block, the same with 16 bits, a step of a walk.
constexpr double kSplitCost = 0.07;
constexpr double kWideSplitCost = 0.12;
constexpr double kStepCost = 2.5;

// Nodes of trees that are gone through with one tile only, in bytes: what stays in a second level cache.
constexpr size_t kCachedBytes = 512 * 1024;
constexpr int64_t kBatch = 1024;

std::vector<int32_t> find_features(const Trees& trees, std::vector<int32_t>& column_of_split) {
  std::vector<int32_t> features;
  column_of_split.resize(trees.splits.size());
  int32_t largest = -1;
  for (const Split& split : trees.splits) largest = std::max(largest, split.feature);
  constexpr int32_t kDense = 1 << 16;
  if (largest < kDense) {
    std::vector<int32_t> columns(static_cast<size_t>(largest + 1), -1);
    for (const Split& split : trees.splits) columns[split.feature] = 0;
    for (int32_t feature = 0; feature <= largest; ++feature) {
      if (columns[feature] < 0) continue;
      columns[feature] = static_cast<int32_t>(features.size());
      features.push_back(feature);
    }
    for (size_t i = 0; i < trees.splits.size(); ++i) column_of_split[i] = columns[trees.splits[i].feature];
    return features;
  }
  for (const Split& split : trees.splits) features.push_back(split.feature);
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  for (size_t i = 0; i < trees.splits.size(); ++i) {
    const auto place = std::lower_bound(features.begin(), features.end(), trees.splits[i].feature);
    column_of_split[i] = static_cast<int32_t>(place - features.begin());
  }
  return features;
}

struct Measures {
  int32_t most_exits = 1;
  double n_splits = 0;    ///< of all trees
  double mean_steps = 0;  ///< of all trees together, over the leaves of each
};

// Presence, plainness and measures.
Measures survey(const Trees& trees, std::span<const NumberedTree> whole, Compiled& compiled) {
  Measures measures;
  const auto n_targets = static_cast<size_t>(trees.n_targets);
  std::vector<uint8_t> is_sure(n_targets), is_possible(n_targets);
  std::vector<int32_t> n_leaves_with(n_targets), last_leaf(n_targets, -1), touched;
  std::vector<int32_t> depths;
  compiled.is_plain = true;
  int32_t n_visits = 0;
  for (const NumberedTree& tree : whole) {
    const auto n_exits = static_cast<int32_t>(tree.exits.size());
    measures.most_exits = std::max(measures.most_exits, n_exits);
    measures.n_splits += tree.size();
    depths.assign(static_cast<size_t>(tree.size()), 0);
    double steps = 0, n_arrivals = 0;
    for (int32_t i = tree.size() - 1; i >= 0; --i) {
      for (const int32_t child : tree.children[i]) {
        if (child >= 0) {
          depths[child] = std::max(depths[child], depths[i] + 1);
        } else {
          steps += depths[i] + 1;
          ++n_arrivals;
        }
      }
    }
    if (n_arrivals > 0) measures.mean_steps += steps / n_arrivals;

    touched.clear();
    for (const int32_t exit : tree.exits) {
      const int32_t leaf = ~exit;
      const int32_t visit = n_visits++;
      for (uint32_t w = trees.leaf_begin[leaf]; w < trees.leaf_begin[leaf + 1]; ++w) {
        const LeafWeight& weight = trees.weights[w];
        const auto target = static_cast<size_t>(weight.target);
        if (last_leaf[target] == visit) {
          compiled.is_plain = false;
          continue;
        }
        last_leaf[target] = visit;
        if (n_leaves_with[target]++ == 0) touched.push_back(weight.target);
        if (compiled.aggregate != Aggregate::kSum && weight.value != weight.value) compiled.is_plain = false;
      }
    }
    for (const int32_t target : touched) {
      is_possible[target] = 1;
      if (n_leaves_with[target] == n_exits) is_sure[target] = 1;
      n_leaves_with[target] = 0;
    }
  }
  compiled.presence.resize(n_targets);
  for (size_t target = 0; target < n_targets; ++target) {
    compiled.presence[target] = is_sure[target] ? Presence::kAlways : is_possible[target] ? Presence::kByRow : Presence::kNever;
    compiled.by_row |= compiled.presence[target] == Presence::kByRow;
  }
  compiled.is_plain &= !compiled.by_row;
  return measures;
}

std::vector<int32_t> all_splits(const Trees& trees) {
  std::vector<int32_t> splits(trees.splits.size());
  std::iota(splits.begin(), splits.end(), 0);
  return splits;
}

constexpr uint32_t kMostCuts = 255;
constexpr uint32_t kMostWideCuts = 65535;

bool write_whole(const Trees& trees, std::span<const NumberedTree> whole, std::span<const int32_t> column_of_split, const Cuts& cuts,
                 const Measures& measures, Compiled& compiled) {
  Bins& bins = compiled.bins;
  bins = {};
  bins.bytes = cuts.max_count() > kMostCuts || compiled.choice.wide_bins ? 2 : 1;
  bins.n_constants = measures.most_exits;
  BlockWriter blocks(trees, cuts, column_of_split, bins);
  TableWriter tables(trees, compiled, measures.most_exits);
  for (const NumberedTree& tree : whole) {
    if (!blocks.add(tree) || !tables.add(tree, blocks.group())) return false;
  }
  blocks.finish();
  tables.finish();
  return true;
}

// Cuts of the tops' splits.
Cuts find_top_cuts(const Trees& trees, std::span<const NumberedTree> tops, std::span<const int32_t> column_of_split, size_t n_columns) {
  std::vector<uint8_t> is_listed(trees.splits.size());
  std::vector<int32_t> splits;
  for (const NumberedTree& top : tops) {
    for (const int32_t split : top.splits) {
      if (is_listed[split]) continue;
      is_listed[split] = 1;
      splits.push_back(split);
    }
  }
  return find_cuts(trees, splits, column_of_split, n_columns);
}

// Tops as deep as bins of 8 bits allow, or else of 16.
int32_t number_tops(const Trees& trees, std::span<const int32_t> column_of_split, size_t n_columns, Numbering& numbering,
                    std::vector<NumberedTree>& tops, Cuts& cuts) {
  constexpr int32_t kDeepest = 6, kShallowest = 3, kWide = 4;
  tops.resize(trees.roots.size());
  const auto number = [&](int32_t depth) {
    for (size_t t = 0; t < tops.size(); ++t) numbering.number(trees.roots[t], depth, tops[t]);
    cuts = find_top_cuts(trees, tops, column_of_split, n_columns);
  };
  for (int32_t depth = kDeepest; depth >= kShallowest; --depth) {
    number(depth);
    if (cuts.max_count() <= kMostCuts) return depth;
  }
  number(kWide);
  return kWide;
}

bool write_tops(const Trees& trees, std::span<const NumberedTree> whole, std::span<const int32_t> column_of_split, Numbering& numbering,
                Compiled& compiled) {
  std::vector<NumberedTree> tops;
  Cuts cuts;
  const int32_t depth = number_tops(trees, column_of_split, compiled.features.size(), numbering, tops, cuts);
  if (cuts.max_count() > kMostWideCuts) return false;
  Bins& bins = compiled.bins;
  bins = {};
  bins.depth = depth;
  bins.bytes = cuts.max_count() > kMostCuts || compiled.choice.wide_bins ? 2 : 1;
  bins.n_constants = 1 << depth;
  BlockWriter blocks(trees, cuts, column_of_split, bins);
  const auto heights = find_heights(trees, whole);
  std::vector<int32_t> number_of(trees.splits.size());
  for (size_t t = 0; t < tops.size(); ++t) {
    const NumberedTree& top = tops[t];
    if (!blocks.add(top)) return false;
    for (int32_t i = 0; i < whole[t].size(); ++i) number_of[whole[t].splits[i]] = i;
    bins.entry_begin.push_back(static_cast<uint32_t>(bins.entries.size()));
    bins.entries.resize(bins.entries.size() + top.exits.size());
    int32_t* entries = bins.entries.data() + bins.entry_begin.back();
    if (top.size() == 0) entries[0] = 0;
    for (int32_t i = 0; i < top.size(); ++i) {
      for (int side = 0; side < 2; ++side) {
        const int32_t child = top.children[i][side];
        if (child < 0) entries[~child] = child_position(whole[t].size(), number_of[top.splits[i]], side);
      }
    }
    int32_t& steps = compiled.walk.trees[t].steps_below_top;
    for (const int32_t exit : top.exits) {
      if (exit >= 0) steps = std::max(steps, heights[exit]);
    }
  }
  blocks.finish();
  return true;
}

size_t node_bytes(const Walk& walk) {
  return walk.small.size() * sizeof(SmallNode) + walk.large_floats.size() * sizeof(LargeNode<float>) +
         walk.large_doubles.size() * sizeof(LargeNode<double>);
}

}  // namespace

Compiled compile(const Trees& trees, Aggregate aggregate, Choice choice) {
  Compiled compiled;
  compiled.is_double = trees.is_double;
  compiled.aggregate = aggregate;
  compiled.n_targets = trees.n_targets;
  compiled.choice = choice;
  compiled.loops = &loops_of(choice.cpu);
  constexpr size_t kMostSplits = size_t{1} << 29;
  if (trees.splits.size() > kMostSplits) throw Error(Code::kUnsupported, "trees of more than 2^29 splits");

  std::vector<int32_t> column_of_split;
  compiled.features = find_features(trees, column_of_split);
  Numbering numbering(trees);
  std::vector<NumberedTree> whole(trees.roots.size());
  for (size_t t = 0; t < whole.size(); ++t) numbering.number(trees.roots[t], kWholeTree, whole[t]);
  const Measures measures = survey(trees, whole, compiled);
  write_walk(trees, whole, column_of_split, compiled);

  const Kernel wanted = choice.kernel;
  bool done = false;
  if (wanted == Kernel::kAny || wanted == Kernel::kBins) {
    const Cuts cuts = find_cuts(trees, all_splits(trees), column_of_split, compiled.features.size());
    const bool is_wide = cuts.max_count() > kMostCuts;
    const double cost = (is_wide ? kWideSplitCost : kSplitCost) * measures.n_splits;
    const bool can = compiled.is_plain && measures.most_exits <= kMaxExits && cuts.max_count() <= kMostWideCuts;
    if (can && (wanted == Kernel::kBins || cost <= kStepCost * measures.mean_steps)) {
      done = write_whole(trees, whole, column_of_split, cuts, measures, compiled);
      if (done) compiled.kernel = Kernel::kBins;
    }
  }
  if (!done && (wanted == Kernel::kAny || wanted == Kernel::kTopBins)) {
    done = write_tops(trees, whole, column_of_split, numbering, compiled);
    if (done) compiled.kernel = Kernel::kTopBins;
  }
  if (!done) {
    compiled.bins = {};
    compiled.kernel = wanted == Kernel::kWalkByRow ? wanted : Kernel::kWalk;
    if (wanted == Kernel::kBins || wanted == Kernel::kTopBins) throw Error(Code::kUnsupported, "these trees have no such kernel");
  }

  if (wanted == Kernel::kWalkByRow) {
    compiled.few_rows = std::numeric_limits<int64_t>::max();
  } else if (wanted == Kernel::kAny) {
    const double row_cost = 1 + 2 * kStepCost * measures.mean_steps;
    const double tile_cost = compiled.kernel == Kernel::kBins ? kRows * kSplitCost * measures.n_splits : 0.5 * kRows * row_cost;
    compiled.few_rows = std::clamp<int64_t>(static_cast<int64_t>(tile_cost / row_cost), 2, 64);
  }
  const size_t bytes = compiled.kernel == Kernel::kBins
                           ? compiled.bins.code.size() + (compiled.bins.float_tables.size() + compiled.bins.double_tables.size() * 2) * 4
                           : node_bytes(compiled.walk) * 3 / 2;
  if (bytes > kCachedBytes) compiled.batch = kBatch;
  return compiled;
}

std::string describe(const Compiled& compiled) {
  const Bins& bins = compiled.bins;
  std::string text;
  switch (compiled.kernel) {
    case Kernel::kBins:
      text = "exact bins of " + std::to_string(8 * bins.bytes) + " bits";
      break;
    case Kernel::kTopBins:
      text = "exact bins of " + std::to_string(8 * bins.bytes) + " bits to depth " + std::to_string(bins.depth) + ", then walks";
      break;
    default:
      text = "walks";
  }
  text += ", " + std::to_string(compiled.walk.trees.size()) + " trees";
  if (compiled.kernel == Kernel::kBins) text += ", " + std::to_string(bins.n_constants) + " leaves at most";
  return text + ", " + cpu_name(compiled.choice.cpu);
}

}  // namespace edgeonnx::kernels::forest
