// Random tree ensembles of every shape, rows that meet their thresholds, and what the rows score by definition.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "kernels/forest.h"

namespace random_trees {

using edgeonnx::kernels::Aggregate;
using edgeonnx::kernels::LeafWeight;
using edgeonnx::kernels::Presence;
using edgeonnx::kernels::Split;
using edgeonnx::kernels::Trees;

struct Recipe {
  bool is_double = false;
  int32_t n_targets = 1;
  int n_trees = 10;
  int n_splits = 30;  ///< of a tree
  int n_features = 5;
  int n_thresholds = 50;  ///< of a feature, about
  double chain = 0;       ///< how often the newest leaf is split, rather than any
  double nan_left = 0;    ///< how often a split sends NaN left
  double shared = 0;      ///< how often a child is a split that is there already
  double no_weight = 0;   ///< how often a leaf lacks a target's weight
  double twice = 0;       ///< how often a leaf has a target twice
  double nan_weight = 0;
  bool one_target_a_tree = false;
  bool has_odd_values = true;  ///< infinities, -0 and denormals as thresholds
};

inline double rounded(double value, bool is_double) { return is_double ? value : static_cast<double>(static_cast<float>(value)); }

class Maker {
 public:
  Maker(const Recipe& recipe, uint32_t seed) : recipe_(recipe), random_(seed) {}

  Trees make() {
    trees_ = {};
    trees_.is_double = recipe_.is_double;
    trees_.n_targets = recipe_.n_targets;
    trees_.leaf_begin = {0};
    for (int f = 0; f < recipe_.n_features; ++f) {
      auto& pool = pools_.emplace_back();
      for (int i = 0; i < recipe_.n_thresholds; ++i) pool.push_back(threshold());
    }
    for (int t = 0; t < recipe_.n_trees; ++t) add_tree(t);
    return trees_;
  }

  /// Values at thresholds, beside them, anywhere, and none.
  std::vector<std::vector<double>> rows(int64_t n) {
    std::vector<std::vector<double>> columns(static_cast<size_t>(recipe_.n_features));
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    for (size_t f = 0; f < columns.size(); ++f) {
      for (int64_t row = 0; row < n; ++row) {
        const double cut = pools_[f].empty() ? 0 : pools_[f][below(pools_[f].size())];
        double value = cut;
        switch (below(9)) {
          case 0:
            value = recipe_.is_double ? std::nextafter(cut, kInfinity) : std::nextafterf(static_cast<float>(cut), HUGE_VALF);
            break;
          case 1:
            value = recipe_.is_double ? std::nextafter(cut, -kInfinity) : std::nextafterf(static_cast<float>(cut), -HUGE_VALF);
            break;
          case 2:
            value = std::numeric_limits<double>::quiet_NaN();
            break;
          case 3:
            value = odd_value();
            break;
          case 4:
          case 5:
          case 6:
            value = normal_(random_);
            break;
        }
        columns[f].push_back(rounded(value, recipe_.is_double));
      }
    }
    return columns;
  }

 private:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool happens(double probability) { return std::uniform_real_distribution<double>(0, 1)(random_) < probability; }

  double odd_value() {
    const double odd[] = {0.0,
                          -0.0,
                          std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity(),
                          recipe_.is_double ? std::numeric_limits<double>::denorm_min() : std::numeric_limits<float>::denorm_min(),
                          recipe_.is_double ? -std::numeric_limits<double>::denorm_min() : -std::numeric_limits<float>::denorm_min(),
                          recipe_.is_double ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max()};
    return odd[below(std::size(odd))];
  }

  double threshold() { return rounded(recipe_.has_odd_values && happens(0.1) ? odd_value() : normal_(random_), recipe_.is_double); }

  int32_t add_leaf(int tree) {
    for (int32_t target = 0; target < recipe_.n_targets; ++target) {
      if (recipe_.one_target_a_tree && target != tree % recipe_.n_targets) continue;
      if (happens(recipe_.no_weight)) continue;
      for (int times = happens(recipe_.twice) ? 2 : 1; times > 0; --times) {
        double weight = happens(0.05) ? (happens(0.5) ? 0.0 : -0.0) : normal_(random_);
        if (happens(recipe_.nan_weight)) weight = std::numeric_limits<double>::quiet_NaN();
        trees_.weights.push_back({target, rounded(weight, recipe_.is_double)});
      }
    }
    trees_.leaf_begin.push_back(static_cast<uint32_t>(trees_.weights.size()));
    return ~(trees_.n_leaves() - 1);
  }

  // Grows from the root: each new split takes the place of an open child; what stays open becomes a leaf, or some later split.
  void add_tree(int tree) {
    const int n_splits =
        recipe_.n_splits == 0 ? 0 : static_cast<int>(below(static_cast<size_t>(recipe_.n_splits) * 2)) + (happens(0.9) ? 1 : 0);
    if (n_splits == 0 || recipe_.n_features == 0) {
      trees_.roots.push_back(add_leaf(tree));
      return;
    }
    const auto first = static_cast<int32_t>(trees_.splits.size());
    std::vector<std::pair<int32_t, int>> open;
    for (int i = 0; i < n_splits; ++i) {
      const auto self = static_cast<int32_t>(trees_.splits.size());
      if (i > 0) {
        const size_t at = happens(recipe_.chain) ? open.size() - 1 : below(open.size());
        const auto [parent, side] = open[at];
        open[at] = open.back();
        open.pop_back();
        (side ? trees_.splits[parent].right : trees_.splits[parent].left) = self;
      }
      const size_t feature = below(static_cast<size_t>(recipe_.n_features));
      Split split;
      split.feature = static_cast<int32_t>(feature) * 3 + 1;
      split.threshold = pools_[feature][below(pools_[feature].size())];
      split.nan_left = happens(recipe_.nan_left);
      trees_.splits.push_back(split);
      open.push_back({self, 0});
      open.push_back({self, 1});
    }
    const auto last = static_cast<int32_t>(trees_.splits.size());
    for (const auto& [parent, side] : open) {
      // Later splits only, so that there is no cycle.
      const bool is_shared = parent + 1 < last && happens(recipe_.shared);
      const int32_t child = is_shared ? parent + 1 + static_cast<int32_t>(below(static_cast<size_t>(last - parent - 1))) : add_leaf(tree);
      (side ? trees_.splits[parent].right : trees_.splits[parent].left) = child;
    }
    trees_.roots.push_back(first);
  }

  const Recipe recipe_;
  std::mt19937 random_;
  std::normal_distribution<double> normal_;
  std::vector<std::vector<double>> pools_;
  Trees trees_;
};

struct Expected {
  std::vector<std::vector<double>> scores;
  std::vector<std::vector<uint8_t>> present;
};

/// By definition, a row and a tree at a time. columns: of feature 3 * i + 1 at i.
template <class T>
Expected score(const Trees& trees, Aggregate aggregate, const std::vector<std::vector<double>>& columns, int64_t n) {
  Expected expected;
  expected.scores.assign(static_cast<size_t>(trees.n_targets), std::vector<double>(static_cast<size_t>(n)));
  expected.present.assign(static_cast<size_t>(trees.n_targets), std::vector<uint8_t>(static_cast<size_t>(n)));
  for (int64_t row = 0; row < n; ++row) {
    std::vector<T> score(static_cast<size_t>(trees.n_targets));
    std::vector<uint8_t> present(score.size());
    for (int32_t at : trees.roots) {
      while (at >= 0) {
        const Split& split = trees.splits[at];
        const T value = static_cast<T>(columns[split.feature / 3][row]);
        const bool goes_left = std::isnan(value) ? split.nan_left : value <= static_cast<T>(split.threshold);
        at = goes_left ? split.left : split.right;
      }
      for (uint32_t w = trees.leaf_begin[~at]; w < trees.leaf_begin[~at + 1]; ++w) {
        const auto target = static_cast<size_t>(trees.weights[w].target);
        const T weight = static_cast<T>(trees.weights[w].value);
        if (aggregate == Aggregate::kSum) {
          score[target] += weight;
        } else if (!present[target] || (aggregate == Aggregate::kMin ? weight < score[target] : weight > score[target])) {
          score[target] = weight;
        }
        present[target] = 1;
      }
    }
    for (size_t target = 0; target < score.size(); ++target) {
      expected.scores[target][row] = static_cast<double>(score[target]);
      expected.present[target][row] = present[target];
    }
  }
  return expected;
}

}  // namespace random_trees
