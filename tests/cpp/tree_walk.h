// Trees walked row by row and leaf by leaf: what a Forest must agree with.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/forest.h"
#include "kernels/forest_ending.h"

namespace tree_walk {

using namespace edgeonnx::kernels;

/// The leaf that the row reaches. NaN goes where the split says.
inline int32_t leaf_of(const Trees& trees, int32_t root, const std::vector<double>& row) {
  int32_t child = root;
  while (child >= 0) {
    const Split& split = trees.splits[child];
    const double value = row[split.feature];
    child = (std::isnan(value) ? split.nan_left : value <= split.threshold) ? split.left : split.right;
  }
  return ~child;
}

/// Columns of sums, and of the outputs that the ending makes of them.
template <class Sum, class Out>
struct Walk {
  std::vector<std::vector<Sum>> scores;
  std::vector<std::vector<uint8_t>> present;
  std::vector<Presence> presence;
  std::vector<std::vector<Out>> outputs;
  std::vector<int64_t> label;

  Walk(const Trees& trees, Aggregate aggregate, const std::vector<std::vector<double>>& rows) {
    const size_t n_targets = static_cast<size_t>(trees.n_targets);
    scores.assign(n_targets, std::vector<Sum>(rows.size()));
    present.assign(n_targets, std::vector<uint8_t>(rows.size()));
    outputs.assign(n_targets, std::vector<Out>(rows.size()));
    label.assign(rows.size(), -1);
    for (size_t i = 0; i < rows.size(); ++i) {
      for (const int32_t root : trees.roots) {
        const int32_t leaf = leaf_of(trees, root, rows[i]);
        for (uint32_t k = trees.leaf_begin[leaf]; k < trees.leaf_begin[leaf + 1]; ++k) {
          const size_t target = static_cast<size_t>(trees.weights[k].target);
          add(aggregate, scores[target][i], present[target][i], static_cast<Sum>(trees.weights[k].value));
        }
      }
    }
    for (const std::vector<uint8_t>& flags : present) {
      size_t n = 0;
      for (const uint8_t flag : flags) n += flag;
      presence.push_back(n == 0 ? Presence::kNever : n == flags.size() ? Presence::kAlways : Presence::kByRow);
    }
  }

  void end(const ForestEnding& ending) {
    std::vector<std::byte*> sums, outs;
    std::vector<const uint8_t*> flags;
    for (size_t target = 0; target < scores.size(); ++target) {
      sums.push_back(reinterpret_cast<std::byte*>(scores[target].data()));
      outs.push_back(reinterpret_cast<std::byte*>(outputs[target].data()));
      flags.push_back(presence[target] == Presence::kByRow ? present[target].data() : nullptr);
    }
    ending.run(sums.data(), flags.data(), presence.data(), static_cast<int64_t>(label.size()), outs.data(),
               ending.is_classifier ? label.data() : nullptr);
  }

 private:
  static void add(Aggregate aggregate, Sum& score, uint8_t& has_score, Sum value) {
    const bool is_better = aggregate == Aggregate::kMin ? value < score : value > score;
    score = aggregate == Aggregate::kSum ? score + value : !has_score || is_better ? value : score;
    has_score = 1;
  }
};

}  // namespace tree_walk
