// NVIDIA's runtime library, as far as copies beside ONNX Runtime's own work need it: a table of its functions, found by name when a session
// runs on a CUDA device. No header of CUDA is needed to build; names and signatures are spelled as in cuda_runtime_api.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct CUstream_st;
struct CUevent_st;

namespace edgeonnx::ort {

using cudaError_t = int32_t;
using cudaStream_t = CUstream_st*;  ///< null is CUDA's default stream
using cudaEvent_t = CUevent_st*;
enum cudaMemcpyKind : int32_t { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };

inline constexpr cudaError_t cudaErrorMemoryAllocation = 2;
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventBlockingSync = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;
inline constexpr unsigned cudaHostAllocPortable = 1;

// X(returns, name, parameters)
#define EDGEONNX_CUDA_FUNCTIONS(X)                                                            \
  X(cudaError_t, cudaGetDeviceCount, (int*))                                                  \
  X(cudaError_t, cudaGetDevice, (int*))                                                       \
  X(cudaError_t, cudaSetDevice, (int))                                                        \
  X(cudaError_t, cudaMalloc, (void**, size_t))                                                \
  X(cudaError_t, cudaFree, (void*))                                                           \
  X(cudaError_t, cudaHostAlloc, (void**, size_t, unsigned))                                   \
  X(cudaError_t, cudaFreeHost, (void*))                                                       \
  X(cudaError_t, cudaMemcpyAsync, (void*, const void*, size_t, cudaMemcpyKind, cudaStream_t)) \
  X(cudaError_t, cudaStreamCreateWithFlags, (cudaStream_t*, unsigned))                        \
  X(cudaError_t, cudaStreamDestroy, (cudaStream_t))                                           \
  X(cudaError_t, cudaStreamSynchronize, (cudaStream_t))                                       \
  X(cudaError_t, cudaStreamWaitEvent, (cudaStream_t, cudaEvent_t, unsigned))                  \
  X(cudaError_t, cudaEventCreateWithFlags, (cudaEvent_t*, unsigned))                          \
  X(cudaError_t, cudaEventDestroy, (cudaEvent_t))                                             \
  X(cudaError_t, cudaEventRecord, (cudaEvent_t, cudaStream_t))                                \
  X(cudaError_t, cudaEventSynchronize, (cudaEvent_t))                                         \
  X(cudaError_t, cudaGetLastError, ())                                                        \
  X(const char*, cudaGetErrorString, (cudaError_t))

struct CudaRuntime {
#define EDGEONNX_CUDA_MEMBER(returns, name, parameters) returns(*name) parameters = nullptr;
  EDGEONNX_CUDA_FUNCTIONS(EDGEONNX_CUDA_MEMBER)
#undef EDGEONNX_CUDA_MEMBER

  /// The library of that name or path ("libcudart.so.13"): the one that the process has mapped already, as an execution provider's library
  /// does, or else one that the loader finds. It stays open until the process ends. Throws Error(kUnsupported) with the loader's reason, or
  /// with the name of a function that the library lacks.
  static CudaRuntime open(const std::string& name);

  /// Returns when `error` is 0. Otherwise throws an Error that says what was being done ("copy the inputs", after "CUDA could not"), CUDA's
  /// number and its text: kOutOfMemory where CUDA has no more memory to give, else `code`. CUDA then forgets the error, which the next to
  /// ask for the thread's last error, ONNX Runtime among them, would take for its own.
  void check(cudaError_t error, std::string_view doing, Code code = Code::kInferenceFailed) const {
    if (error != 0) [[unlikely]]
      fail(error, doing, code);
  }
  [[noreturn]] void fail(cudaError_t error, std::string_view doing, Code code) const;
};

template <auto Release>
struct CudaReleaser {
  const CudaRuntime* runtime = nullptr;
  template <class T>
  void operator()(T* object) const {
    (void)(runtime->*Release)(object);
  }
};
template <class T, auto Release>
using CudaOwner = std::unique_ptr<T, CudaReleaser<Release>>;

// Owners. The runtime, and the device that was current when the object was made, must be there still when it is released.
using OwnedStream = CudaOwner<CUstream_st, &CudaRuntime::cudaStreamDestroy>;
using OwnedEvent = CudaOwner<CUevent_st, &CudaRuntime::cudaEventDestroy>;
using DeviceMemory = CudaOwner<std::byte, &CudaRuntime::cudaFree>;
using PinnedMemory = CudaOwner<std::byte, &CudaRuntime::cudaFreeHost>;

/// A stream that waits for no other one, the default stream included.
OwnedStream make_stream(const CudaRuntime& runtime);
/// An event without a time. A thread that waits for it sleeps: others have morsels to convert meanwhile.
OwnedEvent make_event(const CudaRuntime& runtime);
/// `n_bytes` > 0 on the current device, on a boundary of at least 256 bytes.
DeviceMemory allocate_on_device(const CudaRuntime& runtime, size_t n_bytes);
/// `n_bytes` > 0 of host memory that is never paged out, so that a device copies it by itself.
PinnedMemory allocate_pinned(const CudaRuntime& runtime, size_t n_bytes);

}  // namespace edgeonnx::ort
