#include "kernels/forest_cuts.h"

#include <algorithm>

namespace edgeonnx::kernels::forest {

uint32_t Cuts::max_count() const {
  uint32_t most = 0;
  for (size_t column = 0; column + 1 < begin.size(); ++column) most = std::max(most, count(column));
  return most;
}

Cuts find_cuts(const Trees& trees, std::span<const int32_t> splits, std::span<const int32_t> column_of_split, size_t n_columns) {
  struct Place {
    double threshold;
    int32_t split;
  };
  std::vector<uint32_t> ends(n_columns + 1);
  for (const int32_t split : splits) ++ends[column_of_split[split] + 1];
  for (size_t column = 0; column < n_columns; ++column) ends[column + 1] += ends[column];
  std::vector<Place> places(splits.size());
  for (const int32_t split : splits) {
    places[ends[column_of_split[split]]++] = {trees.splits[split].threshold, split};
  }

  Cuts cuts;
  cuts.of_split.resize(trees.splits.size());
  cuts.begin.push_back(0);
  size_t begin = 0;
  for (size_t column = 0; column < n_columns; ++column) {
    const auto first = places.begin() + begin;
    const auto last = places.begin() + ends[column];
    std::sort(first, last, [](const Place& a, const Place& b) { return a.threshold < b.threshold; });
    for (auto place = first; place != last; ++place) {
      if (place == first || place[-1].threshold != place->threshold) cuts.values.push_back(place->threshold);
      cuts.of_split[place->split] = static_cast<int32_t>(cuts.values.size() - cuts.begin.back()) - 1;
    }
    cuts.begin.push_back(static_cast<uint32_t>(cuts.values.size()));
    begin = ends[column];
  }
  return cuts;
}

}  // namespace edgeonnx::kernels::forest
