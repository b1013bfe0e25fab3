// A run whose tensors are made and bound once and used again: for calls of one row, where making them costs as much as the inference.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ort/session.h"
#include "ort/status.h"

namespace edgeonnx::ort {

class PreparedRun {
 public:
  /// Tensors of the types and shapes of `inputs` (one per session input) and `outputs` (one per `wanted`), in memory of its own; their
  /// data pointers are not looked at. The session must outlive it and be on the CPU: for another device ONNX Runtime would copy the inputs
  /// when they are bound, and every run would see those.
  PreparedRun(const Session& session, std::span<const TensorRef> inputs, std::span<const size_t> wanted,
              std::span<const TensorRef> outputs);

  std::byte* input(size_t i) { return memory_.data() + offsets_[i]; }
  std::byte* output(size_t i) { return memory_.data() + offsets_[n_inputs_ + i]; }

  /// As Session::run, over input() into output().
  void run(const RunControl& control);

 private:
  const Session& session_;
  size_t n_inputs_;
  std::vector<std::byte> memory_;
  std::vector<size_t> offsets_;  ///< of inputs, then of outputs
  OwnedIoBinding binding_;
};

}  // namespace edgeonnx::ort
