#include "kernels/forest.h"

#include "kernels/forest_compiled.h"

namespace edgeonnx::kernels {

struct Forest::Compiled : forest::Compiled {};

Forest::Forest(const Trees& trees, Aggregate aggregate) : compiled_(new Compiled{forest::compile(trees, aggregate, {.cpu = cpu()})}) {}

Forest::~Forest() = default;

std::span<const int32_t> Forest::features() const { return compiled_->features; }
bool Forest::is_double() const { return compiled_->is_double; }
int32_t Forest::n_targets() const { return compiled_->n_targets; }
Presence Forest::presence(int32_t target) const { return compiled_->presence[target]; }
std::string Forest::description() const { return forest::describe(*compiled_); }
size_t Forest::scratch_bytes(int64_t n_rows) const { return forest::scratch_bytes(*compiled_, n_rows); }

void Forest::run(const std::byte* const* columns, int64_t n, std::byte* const* scores, uint8_t* const* present, std::byte* scratch) const {
  forest::run(*compiled_, columns, n, scores, present, scratch);
}

}  // namespace edgeonnx::kernels
