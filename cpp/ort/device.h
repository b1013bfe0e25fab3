// The CUDA device that a session runs on, and what all threads that use the session there share.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "base/buffer.h"
#include "ort/abi.h"
#include "ort/cuda_runtime.h"
#include "ort/library.h"
#include "ort/status.h"

namespace edgeonnx::ort {

class Device {
 public:
  /// `id`: of the device, as CUDA counts. `memory_name`: what ONNX Runtime calls its memory. `compute_stream`: a stream of the caller's
  /// that outlives this; null: one is made. Throws Error(kUnsupported) where CUDA has no such device, or cannot use it.
  Device(const Library& library, const CudaRuntime& runtime, int id, const char* memory_name = "Cuda",
         cudaStream_t compute_stream = nullptr);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const CudaRuntime& runtime() const { return runtime_; }
  int id() const { return id_; }
  const std::string& memory_name() const { return memory_name_; }
  const OrtMemoryInfo* memory() const { return memory_.get(); }  ///< of device memory, for OrtValues over it

  /// Where the session computes: what ONNX Runtime is given as user_compute_stream.
  cudaStream_t compute_stream() const { return compute_stream_; }
  /// Held while a run is enqueued there together with what it waits for and what waits for it.
  std::mutex& compute_mutex() const { return compute_mutex_; }
  /// A number for a CUDA graph of this session, unlike all before.
  int next_graph_id() const { return next_graph_id_.fetch_add(1); }
  /// For Buffers; they must not outlive the device.
  Memory& pinned() const { return pinned_; }

  /// For the length of a scope the device is the calling thread's current one, and no other thread captures a graph. `alone`: no other
  /// thread is in such a scope at all, which a run that may capture needs. Scopes of one thread do not nest. Throws
  /// Error(kInferenceFailed).
  class Use {
   public:
    explicit Use(const Device& device, bool alone = false);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    class Lock {
     public:
      explicit Lock(bool alone);
      ~Lock();
      Lock(const Lock&) = delete;
      Lock& operator=(const Lock&) = delete;

     private:
      const bool alone_;
    };
    const CudaRuntime& runtime_;
    const int id_;
    const Lock lock_;
    int before_ = 0;
  };

 private:
  class Pinned final : public Memory {
   public:
    explicit Pinned(const Device& device) : device_(device) {}
    std::byte* allocate(size_t n_bytes) override;
    void free(std::byte* data) noexcept override;

   private:
    const Device& device_;
  };

  const CudaRuntime runtime_;
  const int id_;
  const std::string memory_name_;
  Owner<OrtMemoryInfo, &Api::ReleaseMemoryInfo> memory_;
  OwnedStream own_stream_;
  cudaStream_t compute_stream_;
  mutable std::mutex compute_mutex_;
  mutable std::atomic<int> next_graph_id_{1};  // 0 is the graph of runs that name none
  mutable Pinned pinned_{*this};
};

}  // namespace edgeonnx::ort
