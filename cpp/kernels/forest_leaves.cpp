#include "kernels/forest_leaves.h"

#include <algorithm>

namespace edgeonnx::kernels::forest {
namespace {

template <Aggregate aggregate, class T>
T take(T score, T weight) {
  if constexpr (aggregate == Aggregate::kSum) {
    return score + weight;
  } else if constexpr (aggregate == Aggregate::kMin) {
    return weight < score ? weight : score;
  } else {
    return weight > score ? weight : score;
  }
}

template <class T>
const T* values_of(const Walk& walk) {
  if constexpr (sizeof(T) == 4) {
    return walk.float_values.data();
  } else {
    return walk.double_values.data();
  }
}

template <Aggregate aggregate, class T, class Position>
void take_sparse(const Compiled& compiled, const T* values, const int32_t* leaves, const Position* positions, int64_t n_rows,
                 int64_t row_step, const Scores<T>& scores) {
  const Walk& walk = compiled.walk;
  const int64_t n_targets = compiled.n_targets;
  for (int64_t row = 0; row < n_rows; ++row) {
    const int32_t leaf = leaves[positions[row]];
    T* score = scores.values + row * row_step * n_targets;
    uint8_t* present = scores.present + row * row_step * n_targets;
    for (uint32_t w = walk.weight_begin[leaf]; w < walk.weight_begin[leaf + 1]; ++w) {
      const int32_t target = walk.weight_targets[w];
      const bool is_first = aggregate != Aggregate::kSum && !present[target];
      score[target] = is_first ? values[w] : take<aggregate>(score[target], values[w]);
      present[target] = 1;
    }
  }
}

template <Aggregate aggregate, class T, class Position>
void take_by(const Compiled& compiled, size_t begin, const Position* positions, int64_t n_rows, int64_t row_step, const Scores<T>& scores) {
  const Walk& walk = compiled.walk;
  const T* values = values_of<T>(walk);
  if (walk.weights == Weights::kValues) {
    values += begin;
    for (int64_t row = 0; row < n_rows; ++row) {
      T& score = scores.values[row * row_step];
      score = take<aggregate>(score, values[positions[row]]);
    }
    return;
  }
  const int32_t* leaves = walk.leaves.data() + begin;
  if (walk.weights == Weights::kSparse) return take_sparse<aggregate>(compiled, values, leaves, positions, n_rows, row_step, scores);
  const int64_t n = compiled.n_targets;
  for (int64_t row = 0; row < n_rows; ++row) {
    const T* weights = values + leaves[positions[row]] * n;
    T* score = scores.values + row * row_step * n;
    for (int64_t target = 0; target < n; ++target) score[target] = take<aggregate>(score[target], weights[target]);
  }
}

}  // namespace

template <class T>
void start(const Compiled& compiled, int64_t n_rows, const Scores<T>& scores) {
  const int64_t size = n_rows * compiled.n_targets;
  const bool is_sparse = compiled.walk.weights == Weights::kSparse;
  std::fill_n(scores.values, size, is_sparse ? T{0} : static_cast<T>(identity(compiled.aggregate)));
  if (is_sparse) std::fill_n(scores.present, size, uint8_t{0});
}

template <class T, class Position>
void take_leaves(const Compiled& compiled, size_t begin, const Position* positions, int64_t n_rows, int64_t row_step,
                 const Scores<T>& scores) {
  switch (compiled.aggregate) {
    case Aggregate::kSum:
      return take_by<Aggregate::kSum>(compiled, begin, positions, n_rows, row_step, scores);
    case Aggregate::kMin:
      return take_by<Aggregate::kMin>(compiled, begin, positions, n_rows, row_step, scores);
    case Aggregate::kMax:
      return take_by<Aggregate::kMax>(compiled, begin, positions, n_rows, row_step, scores);
  }
}

template void start(const Compiled&, int64_t, const Scores<float>&);
template void start(const Compiled&, int64_t, const Scores<double>&);
template void take_leaves(const Compiled&, size_t, const int32_t*, int64_t, int64_t, const Scores<float>&);
template void take_leaves(const Compiled&, size_t, const int32_t*, int64_t, int64_t, const Scores<double>&);
template void take_leaves(const Compiled&, size_t, const size_t*, int64_t, int64_t, const Scores<float>&);
template void take_leaves(const Compiled&, size_t, const size_t*, int64_t, int64_t, const Scores<double>&);

}  // namespace edgeonnx::kernels::forest
