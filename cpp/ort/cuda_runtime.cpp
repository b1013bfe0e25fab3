#include "ort/cuda_runtime.h"

#include <dlfcn.h>

#include "base/text.h"

namespace edgeonnx::ort {
namespace {

[[noreturn]] void throw_unusable(const std::string& name, const std::string& reason) {
  throw Error(Code::kUnsupported, "the CUDA runtime cannot be used from " + in_quotes(name) + ": " + reason);
}

std::string loader_reason() {
  const char* reason = dlerror();
  return reason != nullptr ? reason : "the loader gives no reason";
}

CudaRuntime read(void* library, const std::string& name) {
  CudaRuntime runtime;
  const auto find = [&](const char* function) {
    void* const symbol = dlsym(library, function);
    if (symbol == nullptr) throw_unusable(name, std::string("it has no ") + function);
    return symbol;
  };
#define EDGEONNX_CUDA_READ(returns, name, parameters) runtime.name = reinterpret_cast<returns(*) parameters>(find(#name));
  EDGEONNX_CUDA_FUNCTIONS(EDGEONNX_CUDA_READ)
#undef EDGEONNX_CUDA_READ
  return runtime;
}

std::string for_bytes(const char* doing, size_t n_bytes) { return doing + std::to_string(n_bytes) + " bytes"; }

}  // namespace

CudaRuntime CudaRuntime::open(const std::string& name) {
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (library == nullptr) library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw_unusable(name, loader_reason());
  return read(library, name);
}

void CudaRuntime::fail(cudaError_t error, std::string_view doing, Code code) const {
  (void)cudaGetLastError();
  const char* text = cudaGetErrorString(error);
  const bool is_memory = error == cudaErrorMemoryAllocation;
  throw Error(is_memory ? Code::kOutOfMemory : code, "CUDA could not " + std::string(doing) + ": " + (text ? text : "no text") +
                                                         " (CUDA error " + std::to_string(error) + ")" +
                                                         (is_memory ? "; set a lower morsel_rows, or use fewer threads" : ""));
}

OwnedStream make_stream(const CudaRuntime& runtime) {
  cudaStream_t stream = nullptr;
  runtime.check(runtime.cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make a stream");
  return OwnedStream(stream, {&runtime});
}

OwnedEvent make_event(const CudaRuntime& runtime) {
  cudaEvent_t event = nullptr;
  runtime.check(runtime.cudaEventCreateWithFlags(&event, cudaEventBlockingSync | cudaEventDisableTiming), "make an event");
  return OwnedEvent(event, {&runtime});
}

DeviceMemory allocate_on_device(const CudaRuntime& runtime, size_t n_bytes) {
  void* memory = nullptr;
  if (const cudaError_t error = runtime.cudaMalloc(&memory, n_bytes)) {
    runtime.fail(error, for_bytes("give a morsel device memory of ", n_bytes), Code::kInferenceFailed);
  }
  return DeviceMemory(static_cast<std::byte*>(memory), {&runtime});
}

PinnedMemory allocate_pinned(const CudaRuntime& runtime, size_t n_bytes) {
  void* memory = nullptr;
  // Portable: pinned for every device, whichever is current when a copy is asked for.
  if (const cudaError_t error = runtime.cudaHostAlloc(&memory, n_bytes, cudaHostAllocPortable)) {
    runtime.fail(error, for_bytes("give a morsel pinned memory of ", n_bytes), Code::kInferenceFailed);
  }
  return PinnedMemory(static_cast<std::byte*>(memory), {&runtime});
}

}  // namespace edgeonnx::ort
