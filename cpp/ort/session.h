// One ONNX Runtime session over model bytes, and runs over memory that the caller owns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/type.h"
#include "ort/assignment.h"
#include "ort/device_choice.h"
#include "ort/library.h"
#include "ort/providers.h"

namespace edgeonnx::ort {

/// Whether nodes that no provider takes may run on the CPU.
enum class Fallback {
  kListed,  ///< if CPU is one of the providers
  kCpu,
  kError,
};

struct SessionOptions {
  std::vector<Provider> providers;  ///< in order of preference; empty: CPU
  Fallback fallback = Fallback::kListed;
  std::string external_data_folder;  ///< where the model's external data lie; empty: it has none. Needs ONNX Runtime 1.21 or newer.
  bool use_arena = true;
  bool optimizes = true;   ///< without it nothing is computed ahead of the first run either
  MakeDevice make_device;  ///< for tests without a GPU; empty: the device is the providers'
  bool probes = false;     ///< the session is there to find out whether its providers work: it tells of their failure alone
};

/// What the session says of one of its inputs or outputs.
struct PortInfo {
  std::string name;
  std::string type_text;  ///< "tensor(float)", "seq(map(int64,tensor(float)))"
  bool is_tensor = false;
  Type type = Type::kUndefined;  ///< of tensors
  bool has_shape = false;        ///< false where the rank is unknown, and for scalars on ONNX Runtime older than 1.24
  std::vector<int64_t> shape;    ///< -1 where free
};

/// A tensor in the caller's memory, C-contiguous, of a type whose values have a fixed size: strings are not carried. For an output,
/// `data` null asks ONNX Runtime to allocate: see OwnedTensor; type and shape are then not read.
struct TensorRef {
  void* data = nullptr;
  Type type = Type::kUndefined;
  std::span<const int64_t> shape;
};

/// A tensor that ONNX Runtime allocated for an output.
class OwnedTensor {
 public:
  OwnedTensor() = default;
  OwnedTensor(const Api* api, void* value) : api_(api), value_(value) {}
  OwnedTensor(OwnedTensor&& other) noexcept : api_(other.api_), value_(std::exchange(other.value_, nullptr)) {}
  OwnedTensor& operator=(OwnedTensor&& other) noexcept { return std::swap(api_, other.api_), std::swap(value_, other.value_), *this; }
  ~OwnedTensor();

  explicit operator bool() const { return value_ != nullptr; }
  const void* data() const;  ///< lives as long as this object
  Type type() const;
  std::vector<int64_t> shape() const;

 private:
  const Api* api_ = nullptr;
  void* value_ = nullptr;
};

/// The switch of one run at a time: terminate() may be called from any thread while run() is under way and ends it between two nodes.
/// It holds for later runs too, until reset().
class RunControl {
 public:
  explicit RunControl(const Library& library);
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;
  void terminate();
  void reset();
  bool is_terminated() const { return is_terminated_.load(); }
  void* options() const { return options_; }  ///< OrtRunOptions*

 private:
  const Api* api_;
  void* options_;
  std::atomic<bool> is_terminated_ = false;
};

class Session {
 public:
  /// intra_op = inter_op = 1, sequential, memory patterns off, all graph optimisations. `bytes` are read during the call only.
  /// Throws Error: kInvalidModel (ONNX Runtime's text, and where the model's opset is newer than the runtime both numbers), kUnsupported
  /// (operator or type not implemented; a provider that cannot be used, with the loader's own reason; nodes that fall back to the CPU where
  /// they may not), kInvalidArgument (options that a provider does not have), kOutOfMemory.
  Session(const Library& library, std::span<const std::byte> bytes, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }
  /// Whether CPU is the only execution provider.
  bool is_on_cpu() const { return is_on_cpu_; }
  /// The CUDA device that DeviceRun can run the session on; null where there is none.
  const Device* device() const { return device_.device.get(); }
  /// Why there is none though the providers are on one; else empty.
  const std::string& why_no_device() const { return device_.reason; }
  /// Whether runs may be captured as CUDA graphs.
  bool captures() const { return captures_; }
  /// Which provider runs which node; empty on CPU, and on ONNX Runtime older than 1.24, which does not tell.
  const std::vector<AssignedNode>& nodes() const { return nodes_; }

  /// Runs over `inputs` (one per session input, in its order) for the outputs whose indexes stand in `wanted`. `outputs[i]` belongs to
  /// `wanted[i]`: where its data is null, `owned[i]` receives the tensor (`owned` may be empty where no data is). Safe to call from many
  /// threads at once, each with a RunControl of its own. Throws Error(kInferenceFailed) with ONNX Runtime's text and code, kCancelled
  /// after terminate(), kOutOfMemory, kUnsupported for strings and for outputs that are no tensors, kInvalidArgument where the spans
  /// do not fit the session.
  void run(std::span<const TensorRef> inputs, std::span<const size_t> wanted, std::span<const TensorRef> outputs,
           std::span<OwnedTensor> owned, const RunControl& control) const;

 private:
  friend class DeviceRun;
  friend class PreparedRun;

  const Library& library_;
  bool is_on_cpu_;
  bool captures_;
  DeviceChoice device_;
  void* session_ = nullptr;
  std::vector<AssignedNode> nodes_;
  std::vector<PortInfo> inputs_;
  std::vector<PortInfo> outputs_;
  std::vector<const char*> input_names_;   // into inputs_
  std::vector<const char*> output_names_;  // into outputs_
};

}  // namespace edgeonnx::ort
