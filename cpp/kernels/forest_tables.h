// What the exits of whole trees weigh, as tables that a vector's permutation reads.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/forest_compiled.h"
#include "kernels/forest_numbering.h"

namespace edgeonnx::kernels::forest {

/// Fills the tables and lookups of compiled.bins. The trees must be plain.
class TableWriter {
 public:
  TableWriter(const Trees& trees, Compiled& compiled, int32_t most_exits);

  /// Takes the next tree, which went to this group. False if the tables would take much more than the weights: then the writer is of no
  /// more use.
  bool add(const NumberedTree& tree, size_t group);
  /// When the groups are ended.
  void finish();

 private:
  void end_group();
  template <class T>
  bool add_tables(const NumberedTree& tree, std::vector<T>& tables);

  const Trees& trees_;
  Compiled& compiled_;
  size_t group_ = 0;
  uint32_t tree_ = 0;
  uint32_t n_tables_ = 0;
  std::vector<uint32_t> table_of_target_;
  std::vector<std::pair<int32_t, Lookup>> pending_;  ///< of the group: target, and tree for slot until the groups are ended
  std::vector<int32_t> touched_;
};

}  // namespace edgeonnx::kernels::forest
