// Working memory that only ever grows.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace edgeonnx {

/// Bytes on a cache line boundary that only ever grow.
class Buffer {
 public:
  std::byte* reserve(size_t n_bytes) {
    if (n_bytes > capacity_) {
      data_.reset();  // before the new block is asked for
      capacity_ = 0;
      data_.reset(static_cast<std::byte*>(::operator new(n_bytes, kAlignment)));
      capacity_ = n_bytes;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t capacity_ = 0;
};

}  // namespace edgeonnx
