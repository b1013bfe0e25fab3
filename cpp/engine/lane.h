// The working memory of one thread while it scores: kept from call to call, so that a prepared scorer allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ort/prepared_run.h"
#include "ort/session.h"

namespace edgeonnx::engine {

/// The next multiple of `to`.
constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

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

/// What one thread did; summed into the report of the call.
struct Tally {
  int64_t n_morsels = 0;
  int64_t bytes_copied = 0;
  int64_t bytes_borrowed = 0;
  int64_t ns_convert = 0;
  int64_t ns_run = 0;
  int64_t ns_write = 0;
};

struct Lane {
  /// `shared`: the session to run on, unless the lane is given one of its own.
  Lane(const ort::Library& library, const ort::Session& shared, std::unique_ptr<ort::Session> own)
      : control(library), own_session(std::move(own)), session(own_session ? *own_session : shared) {}

  ort::RunControl control;
  const std::unique_ptr<ort::Session> own_session;
  const ort::Session& session;
  Buffer inputs;                  ///< tensors that could not be borrowed, one behind the other
  Buffer outputs;                 ///< tensors that are not the caller's own memory
  Buffer block;                   ///< packed columns on their way into a matrix
  std::vector<uint8_t> bad;       ///< per value: 1 where it did not fit
  std::vector<uint8_t> row_null;  ///< per row of the morsel: 1 where the row is masked out
  bool any_row_null = false;
  std::vector<ort::TensorRef> input_refs;
  std::vector<ort::TensorRef> output_refs;
  std::vector<std::vector<int64_t>> input_shapes;
  std::vector<std::vector<int64_t>> output_shapes;
  std::vector<const void*> columns;
  std::vector<uint8_t> is_direct;             ///< per output tensor: 1 where it is the caller's own memory
  std::unique_ptr<ort::PreparedRun> one_row;  ///< of the binding that this lane last scored a single row for
  int64_t one_row_binding = -1;
  std::optional<Error> failure;  ///< the first bad row of the morsel so far
  Tally tally;

  void keep_first(Error error) {
    if (!failure || error.row() < failure->row()) failure = std::move(error);
  }
};

}  // namespace edgeonnx::engine
