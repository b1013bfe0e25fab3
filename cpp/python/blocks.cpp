#include "blocks.h"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

namespace edgeonnx::python {
namespace {

namespace py = pybind11;

constexpr size_t kMostKeptBytes = size_t{64} << 20;
constexpr std::align_val_t kAlignment{4096};

struct Block {
  std::byte* data;
  size_t n_bytes;
};

void free_memory(const Block& block) { ::operator delete(block.data, kAlignment); }

/// Blocks that nobody uses, the one that was used last at the end. Guarded by the GIL.
struct Kept {
  std::vector<Block> blocks;
  size_t n_bytes = 0;

  Block take(size_t wanted) {
    // One that is much larger would be missed by a call that needs it.
    const auto fits = [wanted](const Block& each) { return each.n_bytes >= wanted && each.n_bytes <= wanted + wanted / 4; };
    const auto at = std::find_if(blocks.rbegin(), blocks.rend(), fits);
    if (at == blocks.rend()) return {nullptr, 0};
    const Block found = *at;
    blocks.erase(std::next(at).base());
    n_bytes -= found.n_bytes;
    return found;
  }

  void give(const Block& block) {
    if (block.n_bytes > kMostKeptBytes) return free_memory(block);
    while (n_bytes + block.n_bytes > kMostKeptBytes) {
      n_bytes -= blocks.front().n_bytes;
      free_memory(blocks.front());
      blocks.erase(blocks.begin());
    }
    blocks.push_back(block);
    n_bytes += block.n_bytes;
  }
};

/// Never destroyed: arrays may outlive whatever the interpreter takes down first.
Kept& kept() {
  static auto* const all = new Kept;
  return *all;
}

}  // namespace

py::object new_block(size_t n_bytes, void** data) {
  Block block = kept().take(n_bytes);
  if (!block.data) block = {static_cast<std::byte*>(::operator new(n_bytes, kAlignment)), n_bytes};
  *data = block.data;
  const auto give_back = [](Block* pointer) {
    kept().give(*pointer);
    delete pointer;
  };
  std::unique_ptr<Block, decltype(give_back)> owner(new Block(block), give_back);
  py::capsule capsule(owner.get(), [](void* pointer) {
    const std::unique_ptr<Block> given(static_cast<Block*>(pointer));
    kept().give(*given);
  });
  (void)owner.release();
  return capsule;
}

}  // namespace edgeonnx::python
