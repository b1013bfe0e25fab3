// From Trees to Compiled: what is known of the trees, and which kernel takes them.
#include <algorithm>
#include <numeric>
#include <optional>

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
Measures survey(const Trees& trees, Numbering& numbering, Compiled& compiled) {
  Measures measures;
  const auto n_targets = static_cast<size_t>(trees.n_targets);
  std::vector<uint8_t> is_sure(n_targets), is_possible(n_targets);
  std::vector<int32_t> n_leaves_with(n_targets), last_leaf(n_targets, -1), touched;
  std::vector<int32_t> depths;
  compiled.is_plain = true;
  int32_t n_visits = 0;
  for (const int32_t root : trees.roots) {
    numbering.number(root, kWholeTree);
    const auto n_exits = static_cast<int32_t>(numbering.exits().size());
    measures.most_exits = std::max(measures.most_exits, n_exits);
    measures.n_splits += numbering.size();
    depths.assign(static_cast<size_t>(numbering.size()), 0);
    double steps = 0, n_arrivals = 0;
    for (int32_t i = numbering.size() - 1; i >= 0; --i) {
      for (const int32_t child : numbering.children()[i]) {
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
    for (const int32_t exit : numbering.exits()) {
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

bool write_whole(const Trees& trees, std::span<const int32_t> column_of_split, const Cuts& cuts, const Measures& measures,
                 Numbering& numbering, Compiled& compiled) {
  Bins& bins = compiled.bins;
  bins = {};
  bins.bytes = cuts.max_count() > kMostCuts || compiled.choice.wide_bins ? 2 : 1;
  bins.n_constants = measures.most_exits;
  BlockWriter blocks(trees, cuts, column_of_split, bins);
  TableWriter tables(trees, compiled, measures.most_exits);
  for (const int32_t root : trees.roots) {
    numbering.number(root, kWholeTree);
    if (!blocks.add(numbering)) return false;
    if (!tables.add(numbering, blocks.group())) return false;
  }
  blocks.finish();
  tables.finish();
  return true;
}

// Cuts of the tops' splits.
Cuts find_top_cuts(const Trees& trees, std::span<const int32_t> column_of_split, size_t n_columns, int32_t depth, Numbering& numbering) {
  std::vector<uint8_t> is_listed(trees.splits.size());
  std::vector<int32_t> splits;
  for (const int32_t root : trees.roots) {
    numbering.number(root, depth);
    for (const int32_t split : numbering.splits()) {
      if (is_listed[split]) continue;
      is_listed[split] = 1;
      splits.push_back(split);
    }
  }
  return find_cuts(trees, splits, column_of_split, n_columns);
}

bool write_tops(const Trees& trees, std::span<const int32_t> column_of_split, Numbering& numbering, Compiled& compiled) {
  constexpr int32_t kDeepest = 6;
  constexpr int32_t kShallowest = 3;
  Bins& bins = compiled.bins;
  std::optional<Cuts> cuts;
  int32_t depth = kDeepest;
  for (; depth >= kShallowest; --depth) {
    cuts = find_top_cuts(trees, column_of_split, compiled.features.size(), depth, numbering);
    if (cuts->max_count() <= kMostCuts) break;
  }
  if (depth < kShallowest) {
    depth = 4;
    cuts = find_top_cuts(trees, column_of_split, compiled.features.size(), depth, numbering);
    if (cuts->max_count() > kMostWideCuts) return false;
  }
  bins = {};
  bins.depth = depth;
  bins.bytes = cuts->max_count() > kMostCuts || compiled.choice.wide_bins ? 2 : 1;
  bins.n_constants = 1 << depth;
  BlockWriter blocks(trees, *cuts, column_of_split, bins);
  const auto heights = find_heights(trees, numbering);
  Numbering whole(trees);
  for (size_t t = 0; t < trees.roots.size(); ++t) {
    numbering.number(trees.roots[t], depth);
    if (!blocks.add(numbering)) return false;
    whole.number(trees.roots[t], kWholeTree);
    bins.entry_begin.push_back(static_cast<uint32_t>(bins.entries.size()));
    bins.entries.resize(bins.entries.size() + numbering.exits().size());
    int32_t* entries = bins.entries.data() + bins.entry_begin.back();
    if (numbering.size() == 0) entries[0] = 0;
    for (int32_t i = 0; i < numbering.size(); ++i) {
      for (int side = 0; side < 2; ++side) {
        const int32_t child = numbering.children()[i][side];
        if (child >= 0) continue;
        entries[~child] = child_position(whole.size(), whole.number_of(numbering.splits()[i]), side);
      }
    }
    for (const int32_t exit : numbering.exits()) {
      if (exit >= 0) compiled.walk.trees[t].steps_below_top = std::max(compiled.walk.trees[t].steps_below_top, heights[exit]);
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
  const Measures measures = survey(trees, numbering, compiled);
  write_walk(trees, column_of_split, numbering, compiled);

  const Kernel wanted = choice.kernel;
  bool done = false;
  if (wanted == Kernel::kAny || wanted == Kernel::kBins) {
    const Cuts cuts = find_cuts(trees, all_splits(trees), column_of_split, compiled.features.size());
    const bool is_wide = cuts.max_count() > kMostCuts;
    const double cost = (is_wide ? kWideSplitCost : kSplitCost) * measures.n_splits;
    const bool can = compiled.is_plain && measures.most_exits <= kMaxExits && cuts.max_count() <= kMostWideCuts;
    if (can && (wanted == Kernel::kBins || cost <= kStepCost * measures.mean_steps)) {
      done = write_whole(trees, column_of_split, cuts, measures, numbering, compiled);
      if (done) compiled.kernel = Kernel::kBins;
    }
  }
  if (!done && (wanted == Kernel::kAny || wanted == Kernel::kTopBins)) {
    done = write_tops(trees, column_of_split, numbering, compiled);
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
