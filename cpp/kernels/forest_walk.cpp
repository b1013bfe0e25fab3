#include "kernels/forest_walk.h"

#include <algorithm>
#include <limits>

namespace edgeonnx::kernels::forest {
namespace {

// A row of all targets a leaf, unless the rows take much more than the weights themselves.
bool fits_rows(const Trees& trees) {
  return static_cast<size_t>(trees.n_leaves()) * static_cast<size_t>(trees.n_targets) <= 4 * trees.weights.size() + 4096;
}

template <class T>
void write_weights(const Trees& trees, const Compiled& compiled, Walk& walk, std::vector<T>& values) {
  if (walk.weights == Weights::kSparse) {
    walk.weight_begin = trees.leaf_begin;
    for (const LeafWeight& weight : trees.weights) {
      walk.weight_targets.push_back(weight.target);
      values.push_back(static_cast<T>(weight.value));
    }
  } else if (walk.weights == Weights::kDense) {
    const auto n = static_cast<size_t>(trees.n_targets);
    values.assign(static_cast<size_t>(trees.n_leaves()) * n, static_cast<T>(identity(compiled.aggregate)));
    for (int32_t leaf = 0; leaf < trees.n_leaves(); ++leaf) {
      for (uint32_t w = trees.leaf_begin[leaf]; w < trees.leaf_begin[leaf + 1]; ++w) {
        values[static_cast<size_t>(leaf) * n + static_cast<size_t>(trees.weights[w].target)] = static_cast<T>(trees.weights[w].value);
      }
    }
  }
}

template <class Node>
Node make_node(double threshold, uint32_t line, uint32_t child) {
  if constexpr (sizeof(Node) == sizeof(SmallNode)) {
    return {static_cast<float>(threshold), child << kLineBits | line};
  } else {
    return {static_cast<decltype(Node::threshold)>(threshold), line, child};
  }
}

template <class Node, class T>
void write_nodes(const Trees& trees, std::span<const NumberedTree> whole, std::span<const int32_t> line_of_split, Compiled& compiled,
                 std::vector<Node>& nodes, std::vector<T>& values) {
  Walk& walk = compiled.walk;
  const bool has_values = walk.weights == Weights::kValues;
  size_t total = 0;
  for (const NumberedTree& tree : whole) total += 2 + 2 * tree.splits.size();
  nodes.reserve(total);
  for (size_t t = 0; t < trees.roots.size(); ++t) {
    const NumberedTree& tree = whole[t];
    const int32_t n = tree.size();
    const size_t begin = nodes.size();
    walk.trees[t].begin = begin;
    // Pairs on even places lie in one cache line.
    const size_t size = n == 0 ? 2 : 2 + 2 * static_cast<size_t>(n);
    nodes.resize(begin + size, make_node<Node>(std::numeric_limits<double>::infinity(), 0, 0));
    if (has_values) {
      values.resize(begin + size, static_cast<T>(identity(compiled.aggregate)));
    } else {
      walk.leaves.resize(begin + size);
    }
    const auto put = [&](int32_t position, int32_t child) {
      if (child >= 0) {
        const int32_t split = tree.splits[child];
        nodes[begin + position] = make_node<Node>(trees.splits[split].threshold, static_cast<uint32_t>(line_of_split[split]),
                                                  static_cast<uint32_t>(child_position(n, child, 0)));
        return;
      }
      const int32_t leaf = ~tree.exits[~child];
      nodes[begin + position] = make_node<Node>(std::numeric_limits<double>::infinity(), 0, static_cast<uint32_t>(position));
      if (!has_values) {
        walk.leaves[begin + position] = leaf;
      } else if (trees.leaf_begin[leaf] < trees.leaf_begin[leaf + 1]) {
        values[begin + position] = static_cast<T>(trees.weights[trees.leaf_begin[leaf]].value);
      }
    };
    put(0, n == 0 ? ~0 : n - 1);
    for (int32_t i = 0; i < n; ++i) {
      for (int side = 0; side < 2; ++side) put(child_position(n, i, side), tree.children[i][side]);
    }
  }
}

}  // namespace

std::vector<int32_t> find_heights(const Trees& trees, std::span<const NumberedTree> whole) {
  std::vector<int32_t> heights(trees.splits.size());
  for (const NumberedTree& tree : whole) {
    for (const int32_t split : tree.splits) {
      for (const int32_t child : {trees.splits[split].left, trees.splits[split].right}) {
        heights[split] = std::max(heights[split], 1 + (child >= 0 ? heights[child] : 0));
      }
    }
  }
  return heights;
}

void write_walk(const Trees& trees, std::span<const NumberedTree> whole, std::span<const int32_t> column_of_split, Compiled& compiled) {
  Walk& walk = compiled.walk;
  const bool has_rows = compiled.is_plain && (trees.n_targets == 1 || fits_rows(trees));
  walk.weights = !has_rows ? Weights::kSparse : trees.n_targets == 1 ? Weights::kValues : Weights::kDense;

  std::vector<int32_t> line_of(2 * compiled.features.size(), 0);
  std::vector<int32_t> line_of_split(trees.splits.size());
  for (size_t i = 0; i < trees.splits.size(); ++i) {
    int32_t& line = line_of[2 * static_cast<size_t>(column_of_split[i]) + trees.splits[i].nan_left];
    if (line == 0) {
      walk.lines.push_back({column_of_split[i], trees.splits[i].nan_left});
      line = static_cast<int32_t>(walk.lines.size());
    }
    line_of_split[i] = line;
  }

  const auto heights = find_heights(trees, whole);
  int32_t largest = 0;
  walk.trees.resize(trees.roots.size());
  for (size_t t = 0; t < trees.roots.size(); ++t) {
    const int32_t root = trees.roots[t];
    if (root < 0) continue;
    walk.trees[t].steps = heights[root];
    largest = std::max(largest, 2 + 2 * whole[t].size());
  }

  const bool is_small =
      !trees.is_double && !compiled.choice.wide_nodes && walk.n_lines() <= size_t{1} << kLineBits && largest <= 1 << (32 - kLineBits);
  if (trees.is_double) {
    write_nodes(trees, whole, line_of_split, compiled, walk.large_doubles, walk.double_values);
    write_weights(trees, compiled, walk, walk.double_values);
  } else {
    if (is_small) {
      write_nodes(trees, whole, line_of_split, compiled, walk.small, walk.float_values);
    } else {
      write_nodes(trees, whole, line_of_split, compiled, walk.large_floats, walk.float_values);
    }
    write_weights(trees, compiled, walk, walk.float_values);
  }
}

}  // namespace edgeonnx::kernels::forest
