#include "kernels/forest_numbering.h"

namespace edgeonnx::kernels::forest {

Numbering::Numbering(const Trees& trees)
    : trees_(trees),
      inside_(trees.splits.size()),
      number_(trees.splits.size()),
      split_exit_epoch_(trees.splits.size()),
      split_exit_(trees.splits.size()),
      leaf_epoch_(trees.leaf_begin.size()),
      leaf_exit_(trees.leaf_begin.size()) {}

int32_t Numbering::child(int32_t reference, NumberedTree& tree) {
  if (reference >= 0 && inside_[reference] == 2 * epoch_ + 1) return number_[reference];
  auto& epoch = reference >= 0 ? split_exit_epoch_[reference] : leaf_epoch_[~reference];
  auto& exit = reference >= 0 ? split_exit_[reference] : leaf_exit_[~reference];
  if (epoch != epoch_) {
    epoch = epoch_;
    exit = static_cast<int32_t>(tree.exits.size());
    tree.exits.push_back(reference);
  }
  return ~exit;
}

void Numbering::number(int32_t root, int32_t depth, NumberedTree& tree) {
  ++epoch_;
  tree.splits.clear();
  tree.exits.clear();
  tree.children.clear();
  // inside_: 2 * epoch where a split belongs to the top, one more where it has been met by the search below.
  const int32_t member = 2 * epoch_;
  const int32_t met = member + 1;
  const bool is_whole = depth == kWholeTree;
  if (root < 0 || depth <= 0) {
    child(root, tree);
    return;
  }
  if (!is_whole) {
    frontier_.assign(1, root);
    inside_[root] = member;
    for (int32_t level = 1; level < depth && !frontier_.empty(); ++level) {
      next_frontier_.clear();
      for (const int32_t split : frontier_) {
        for (const int32_t each : {trees_.splits[split].left, trees_.splits[split].right}) {
          if (each < 0 || inside_[each] == member) continue;
          inside_[each] = member;
          next_frontier_.push_back(each);
        }
      }
      frontier_.swap(next_frontier_);
    }
  }
  // Depth first, without recursion: chains of splits may be as long as memory allows.
  stack_.assign(1, {root, 0});
  inside_[root] = met;
  while (!stack_.empty()) {
    auto& [split, n_done] = stack_.back();
    if (n_done < 2) {
      const int32_t each = n_done++ == 0 ? trees_.splits[split].left : trees_.splits[split].right;
      if (each >= 0 && (is_whole ? inside_[each] < met : inside_[each] == member)) {
        inside_[each] = met;
        stack_.push_back({each, 0});
      }
      continue;
    }
    const int32_t left = child(trees_.splits[split].left, tree);
    const int32_t right = child(trees_.splits[split].right, tree);
    number_[split] = tree.size();
    tree.splits.push_back(split);
    tree.children.push_back({left, right});
    stack_.pop_back();
  }
}

}  // namespace edgeonnx::kernels::forest
