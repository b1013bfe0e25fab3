#include "plan/broadcast.h"

#include <algorithm>
#include <utility>

namespace edgeonnx::plan {
namespace {

/// Sizes of a value behind the rows, as broadcasting sees them; a constant must be the same for all rows.
std::vector<int64_t> sizes_of(const Value& value, size_t rank) {
  if (!value.is_constant()) {
    if (value.inner.size() != rank) throw Refusal("its inputs have different ranks, so rows would mix");
    return value.inner;
  }
  if (value.constant->n_values() == 0) throw Refusal("its constant is empty");
  std::vector<int64_t> sizes = value.constant->shape;
  if (sizes.size() > rank + 1 || (sizes.size() == rank + 1 && sizes[0] != 1)) throw Refusal("its constant differs from row to row");
  if (sizes.size() == rank + 1) sizes.erase(sizes.begin());
  sizes.insert(sizes.begin(), rank - sizes.size(), 1);
  return sizes;
}

}  // namespace

Broadcast::Broadcast(std::vector<const Value*> values) : values_(std::move(values)) {
  size_t rank = 0;
  for (const Value* value : values_) rank = std::max(rank, value->inner.size());
  inner_.assign(rank, 1);
  for (const Value* value : values_) {
    sizes_.push_back(sizes_of(*value, rank));
    for (size_t d = 0; d < rank; ++d) {
      const int64_t size = sizes_.back()[d];
      if (size != 1 && inner_[d] != 1 && size != inner_[d]) throw Refusal("its inputs have sizes that do not fit");
      inner_[d] = std::max(inner_[d], size);
    }
  }
  int64_t n = 1;
  for (const int64_t size : inner_) demand_width(n, size), n *= size;
}

int64_t Broadcast::at(size_t which, int64_t i) const {
  int64_t position = 0;
  int64_t step = 1;
  for (size_t d = inner_.size(); d-- > 0;) {
    const int64_t size = sizes_[which][d];
    position += (size == 1 ? 0 : i % inner_[d]) * step;
    step *= size;
    i /= inner_[d];
  }
  return position;
}

}  // namespace edgeonnx::plan
