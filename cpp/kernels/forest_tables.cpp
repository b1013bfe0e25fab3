#include "kernels/forest_tables.h"

#include <algorithm>
#include <bit>

namespace edgeonnx::kernels::forest {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr int kNarrowest = 16;

}  // namespace

TableWriter::TableWriter(const Trees& trees, Compiled& compiled, int32_t most_exits)
    : trees_(trees), compiled_(compiled), table_of_target_(static_cast<size_t>(trees.n_targets), kNone) {
  const int width = static_cast<int>(std::bit_ceil(static_cast<uint32_t>(most_exits)));
  compiled.bins.table_width = std::max(width, kNarrowest);
}

template <class T>
bool TableWriter::add_tables(const NumberedTree& tree, std::vector<T>& tables) {
  const auto width = static_cast<size_t>(compiled_.bins.table_width);
  touched_.clear();
  const auto& exits = tree.exits;
  for (size_t exit = 0; exit < exits.size(); ++exit) {
    const auto leaf = static_cast<size_t>(~exits[exit]);
    for (uint32_t w = trees_.leaf_begin[leaf]; w < trees_.leaf_begin[leaf + 1]; ++w) {
      const LeafWeight& weight = trees_.weights[w];
      uint32_t& table = table_of_target_[weight.target];
      if (table == kNone) {
        table = n_tables_++;
        tables.resize(tables.size() + width, static_cast<T>(identity(compiled_.aggregate)));
        touched_.push_back(weight.target);
        pending_.push_back({weight.target, {tree_, table}});
      }
      tables[table * width + exit] = static_cast<T>(weight.value);
    }
  }
  for (const int32_t target : touched_) table_of_target_[target] = kNone;
  ++tree_;
  return tables.size() <= 64 * trees_.weights.size() + (size_t{1} << 20);
}

bool TableWriter::add(const NumberedTree& tree, size_t group) {
  while (group_ < group) end_group();
  return trees_.is_double ? add_tables(tree, compiled_.bins.double_tables) : add_tables(tree, compiled_.bins.float_tables);
}

void TableWriter::end_group() {
  Bins& bins = compiled_.bins;
  std::stable_sort(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  auto place = pending_.begin();
  for (int32_t target = 0; target < trees_.n_targets; ++target) {
    for (; place != pending_.end() && place->first == target; ++place) bins.lookups.push_back(place->second);
    bins.lookup_ends.push_back(static_cast<uint32_t>(bins.lookups.size()));
  }
  pending_.clear();
  ++group_;
}

void TableWriter::finish() {
  Bins& bins = compiled_.bins;
  while (group_ < bins.groups.size()) end_group();
  for (size_t group = 0; group < bins.groups.size(); ++group) {
    bins.groups[group].lookup_begin = group * static_cast<size_t>(trees_.n_targets);
  }
  for (Lookup& lookup : bins.lookups) lookup.slot = bins.root_slots[lookup.slot];
}

}  // namespace edgeonnx::kernels::forest
