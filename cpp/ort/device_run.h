// Runs of a session on a CUDA device, copies and computation side by side: one slot of a ring of as many as there are threads that score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ort/device.h"
#include "ort/session.h"

namespace edgeonnx::ort {

/// Device memory, streams and bindings of one thread at a time. While this slot waits for its copies, others compute: what they enqueue on
/// the device's compute stream is kept apart, and events keep each run behind its inputs and its outputs behind the run. A run of the same
/// shapes as the last one allocates and binds nothing.
class DeviceRun {
 public:
  /// `captures`: the session was told to capture CUDA graphs. A run of the shapes that were met first is then captured, and from then on
  /// replayed, by each thread once; runs of other shapes are not. The device and the session must outlive the slot.
  DeviceRun(const Device& device, const Session& session, bool captures);
  ~DeviceRun();
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;

  /// As Session::run over host memory, pinned or not; every output has memory. Once it returns or throws, nothing touches that memory, and
  /// the slot can be used again. `control` is for runs on devices from then on. Throws what Session::run throws, kInferenceFailed with
  /// CUDA's number and text, kOutOfMemory where the device has no room.
  void run(std::span<const TensorRef> inputs, std::span<const size_t> wanted, std::span<const TensorRef> outputs,
           const RunControl& control);

  /// Tensors of one side of a run. Those on the device are bound where they lie, on a boundary of at least 256 bytes.
  struct Side {
    std::span<const TensorRef> tensors;
    bool is_on_device = false;
  };
  /// As run(), of tensors on the device or on the host. With `stream`, a stream of the caller's on the same device, the run begins after
  /// what has been enqueued there, and what is enqueued there from then on begins after the run: the call then waits only for copies from
  /// or to the host, and device memory must stay until the run is over.
  void run_on_device(const Side& inputs, std::span<const size_t> wanted, const Side& outputs, const RunControl& control,
                     std::optional<cudaStream_t> stream = std::nullopt);

 private:
  /// What lies where on the device.
  struct Part {
    Type type = Type::kUndefined;
    std::vector<int64_t> shape;
    size_t n_bytes = 0;
    std::byte* data = nullptr;  ///< on the device; null for an input that ONNX Runtime reads on the host
    bool operator==(const Part&) const = default;
  };
  /// A run's tensors; runs of equal forms need no new bindings.
  struct Form {
    std::vector<Part> inputs;
    std::vector<Part> outputs;
    std::vector<size_t> wanted;
    bool operator==(const Form&) const = default;
  };
  struct Block {
    DeviceMemory memory;
    size_t capacity = 0;
  };

  void check_spans(const Side& inputs, std::span<const size_t> wanted, const Side& outputs) const;
  /// Sets next_, for which the blocks grow.
  void lay_out(const Side& inputs, std::span<const size_t> wanted, const Side& outputs);
  void place(const Side& side, std::vector<Part>& parts, Block& block);
  /// Makes next_ what is bound.
  void bind_all();
  void bind(bool is_input, size_t i, const OrtMemoryInfo* memory, const TensorRef& tensor);
  /// Whether the run is one that is captured, or was.
  bool choose_graph();
  void prepare(const RunControl& control, bool has_graph);

  bool copy_in(const Side& inputs);
  void compute(const Side& inputs, bool has_copies, const RunControl& control, std::optional<cudaStream_t> stream);
  void copy_out(const Side& outputs);
  /// Waits for all that the slot has enqueued, whatever became of it.
  void quiesce() noexcept;

  const Device& device_;
  const CudaRuntime& cuda_;
  const Session& session_;
  std::vector<bool> is_host_input_;  ///< inputs that ONNX Runtime reads on the host
  bool has_host_input_ = false;

  Block in_;
  Block out_;
  OwnedStream copy_in_;
  OwnedStream copy_out_;
  OwnedEvent copied_in_;
  OwnedEvent computed_;
  OwnedEvent copied_out_;
  OwnedEvent called_;     ///< what the caller's stream had to do before
  bool is_open_ = false;  ///< the last run may be under way yet, for which the caller's stream waits

  Form bound_;
  Form next_;
  OwnedIoBinding binding_;  ///< of bound_; null where there is none

  const bool captures_;
  int graph_id_ = -1;  ///< of captured_; -1: there is none, and none is to be made of this run
  Form captured_;
  std::vector<uint64_t> capturers_;  ///< threads that have captured it: ONNX Runtime keeps a graph for each
};

}  // namespace edgeonnx::ort
