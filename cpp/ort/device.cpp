#include "ort/device.h"

#include "ort/capture_lock.h"

namespace edgeonnx::ort {

Device::Use::Lock::Lock(bool alone) : alone_(alone) {
  alone_ ? CaptureLock::shared().lock_alone() : CaptureLock::shared().lock_with_others();
}

Device::Use::Lock::~Lock() { alone_ ? CaptureLock::shared().unlock_alone() : CaptureLock::shared().unlock_with_others(); }

Device::Use::Use(const Device& device, bool alone) : runtime_(device.runtime()), id_(device.id()), lock_(alone) {
  constexpr const char* kDoing = "make the session's device the current one";
  runtime_.check(runtime_.cudaGetDevice(&before_), kDoing);
  if (before_ != id_) runtime_.check(runtime_.cudaSetDevice(id_), kDoing);
}

// The thread is the caller's, who may use another device. Not where it is the same one: from CUDA 12 on, to set a device is to make ready
// whatever it needs.
Device::Use::~Use() {
  if (before_ != id_ && runtime_.cudaSetDevice(before_) != 0) (void)runtime_.cudaGetLastError();
}

Device::Device(const Library& library, const CudaRuntime& runtime, int id, const char* memory_name, cudaStream_t compute_stream)
    : runtime_(runtime), id_(id), memory_name_(memory_name), compute_stream_(compute_stream) {
  int n_devices = 0;
  runtime_.check(runtime_.cudaGetDeviceCount(&n_devices), "count its devices", Code::kUnsupported);
  if (id < 0 || id >= n_devices) {
    throw Error(Code::kUnsupported, "CUDA has " + std::to_string(n_devices) + " devices, counted from 0, and no device " +
                                        std::to_string(id) + "; set the provider's device_id");
  }
  const Api& api = library.api();
  OrtMemoryInfo* memory = nullptr;
  check(api, api.CreateMemoryInfo(memory_name, OrtDeviceAllocator, id, OrtMemTypeDefault, &memory), Phase::kSetup,
        "describe device memory");
  memory_ = {memory, {&api}};
  if (compute_stream_ != nullptr) return;
  const Use use(*this);
  own_stream_ = make_stream(runtime_);
  compute_stream_ = own_stream_.get();
}

Device::~Device() {
  try {
    const Use use(*this);
    own_stream_.reset();
  } catch (const Error&) {
    // A device that is lost takes what lies on it along.
  }
}

std::byte* Device::Pinned::allocate(size_t n_bytes) {
  const Use use(device_);
  return allocate_pinned(device_.runtime_, n_bytes).release();
}

void Device::Pinned::free(std::byte* data) noexcept {
  PinnedMemory memory(data, {&device_.runtime_});
  try {
    const Use use(device_);
    memory.reset();
  } catch (const Error&) {
    // Freed at the end of the scope, whatever device is current.
  }
}

}  // namespace edgeonnx::ort
