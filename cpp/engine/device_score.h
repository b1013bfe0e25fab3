// Scoring of tensors that lie on the device already: one run, nothing converted, nothing copied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/scorer.h"

namespace edgeonnx::engine {

/// A whole input or output of the model, C-contiguous.
struct DeviceTensor {
  std::string name;
  void* data = nullptr;
  Type type = Type::kUndefined;
  std::vector<int64_t> shape;
  void* ready = nullptr;  ///< of an input: a cudaEvent_t after which its values are there; null: they are
};

struct DeviceCall {
  std::span<const DeviceTensor> inputs;
  std::span<const DeviceTensor> outputs;
  int device_id = 0;
  bool outputs_are_on_device = true;
  std::optional<void*> stream;  ///< a cudaStream_t: the run comes after what was enqueued there, and before what is enqueued later
  bool is_enqueued = false;     ///< with a stream: the outputs need not be there when the call returns
};

/// Scores inputs that lie all on the device, into outputs that lie all there or all on the host. Throws Error: kUnsupported where
/// the scorer does not run on that device; for mistakes in names, types, shapes and addresses one that
/// lists all of them; what a run throws.
void score_on_device(const Scorer& scorer, const DeviceCall& call);

}  // namespace edgeonnx::engine
