// Working memory that only ever grows.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace edgeonnx {

/// Where a Buffer's bytes come from if not from the heap.
class Memory {
 public:
  virtual std::byte* allocate(size_t n_bytes) = 0;  ///< on a cache line boundary, or throws
  virtual void free(std::byte* data) noexcept = 0;

 protected:
  ~Memory() = default;
};

/// Bytes on a cache line boundary that only ever grow.
class Buffer {
 public:
  /// `memory`, null for the heap, must outlive the buffer.
  explicit Buffer(Memory* memory = nullptr) : data_(nullptr, Free{memory}) {}

  std::byte* reserve(size_t n_bytes) {
    if (n_bytes > capacity_) {
      data_.reset();  // before the new block is asked for
      capacity_ = 0;
      Memory* const memory = data_.get_deleter().memory;
      data_.reset(memory ? memory->allocate(n_bytes) : static_cast<std::byte*>(::operator new(n_bytes, kAlignment)));
      capacity_ = n_bytes;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    Memory* memory;
    void operator()(std::byte* data) const { memory ? memory->free(data) : ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t capacity_ = 0;
};

}  // namespace edgeonnx
