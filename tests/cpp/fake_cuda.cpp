// A CUDA runtime without a GPU, as asynchronous as a real one: every stream is a thread with a queue, and what is asked of it happens some
// time later. Device memory is ordinary memory, filled with garbage, that copies know from the host's. It is stricter than CUDA: freed
// memory is gone at once, pinned or pageable memory is touched as late as CUDA may, and what CUDA leaves undefined is counted as misuse.
#include "fake_cuda.h"

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <random>

#include "fake_stream.h"

using namespace edgeonnx::ort;

namespace {

constexpr int kDevices = 2;
constexpr cudaError_t kInvalidValue = 1, kInvalidDevice = 101, kInvalidHandle = 400;

std::mutex mutex;  // of all that follows
std::map<std::string, long> n_calls;
std::map<std::string, std::pair<long, int>> failures;              // calls to go, error
std::map<const std::byte*, std::pair<size_t, int>> device_blocks;  // size, device
std::map<const std::byte*, size_t> pinned_blocks;
fake_cuda::Live live;
std::minstd_rand pageable;

std::atomic<long> n_misuses{0};
std::atomic<long> n_pageable{0};
thread_local int current_device = 0;
thread_local cudaError_t last_error = 0;

cudaError_t keep(cudaError_t error) {
  if (error != 0) last_error = error;
  return error;
}

cudaError_t misuse(cudaError_t error) {
  ++n_misuses;
  return keep(error);
}

/// Counts a call and says whether it is one that shall fail.
cudaError_t enter(const char* function) {
  const std::lock_guard lock(mutex);
  ++n_calls[function];
  const auto at = failures.find(function);
  if (at == failures.end() || --at->second.first > 0) return 0;
  const int error = at->second.second;
  failures.erase(at);
  return keep(error);
}

/// The size of what is left of the block that holds `data`, and its device; 0 where there is none.
std::pair<size_t, int> device_room(const void* data) {
  const auto* at = static_cast<const std::byte*>(data);
  auto next = device_blocks.upper_bound(at);
  if (next == device_blocks.begin()) return {0, -1};
  --next;
  const auto offset = static_cast<size_t>(at - next->first);
  return offset < next->second.first ? std::pair{next->second.first - offset, next->second.second} : std::pair{size_t{0}, -1};
}

bool is_pinned(const void* data) {
  const auto* at = static_cast<const std::byte*>(data);
  const auto next = pinned_blocks.upper_bound(at);
  return next != pinned_blocks.begin() && static_cast<size_t>(at - std::prev(next)->first) < std::prev(next)->second;
}

}  // namespace

#define FAKE extern "C" __attribute__((visibility("default")))

FAKE void fake_cuda_fail(const char* function, long n, int error) {
  const std::lock_guard lock(mutex);
  failures.erase(function);
  if (n > 0) failures[function] = {n, error};
}
FAKE long fake_cuda_n_calls(const char* function) {
  const std::lock_guard lock(mutex);
  return n_calls[function];
}
FAKE fake_cuda::Live fake_cuda_live() {
  const std::lock_guard lock(mutex);
  return live;
}
FAKE long fake_cuda_n_pageable() { return n_pageable.load(); }
FAKE long fake_cuda_n_misuses() { return n_misuses.load(); }
FAKE void fake_cuda_set_delay(int most_us, unsigned seed) { fake_cuda::most_delay_us = most_us, fake_cuda::next_seed = seed; }

FAKE cudaError_t cudaGetDeviceCount(int* n) {
  if (const cudaError_t error = enter("cudaGetDeviceCount")) return error;
  *n = kDevices;
  return 0;
}
FAKE cudaError_t cudaGetDevice(int* device) {
  if (const cudaError_t error = enter("cudaGetDevice")) return error;
  *device = current_device;
  return 0;
}
FAKE cudaError_t cudaSetDevice(int device) {
  if (const cudaError_t error = enter("cudaSetDevice")) return error;
  if (device < 0 || device >= kDevices) return misuse(kInvalidDevice);
  current_device = device;
  return 0;
}

FAKE cudaError_t cudaMalloc(void** memory, size_t n_bytes) {
  if (const cudaError_t error = enter("cudaMalloc")) return error;
  if (n_bytes == 0) return misuse(kInvalidValue);
  auto* block = static_cast<std::byte*>(::operator new(n_bytes, std::align_val_t{256}));
  std::memset(block, 0xA5, n_bytes);
  const std::lock_guard lock(mutex);
  device_blocks[block] = {n_bytes, current_device};
  ++live.device_blocks;
  *memory = block;
  return 0;
}
FAKE cudaError_t cudaFree(void* memory) {
  if (const cudaError_t error = enter("cudaFree")) return error;
  if (memory == nullptr) return 0;
  {
    const std::lock_guard lock(mutex);
    if (device_blocks.erase(static_cast<std::byte*>(memory)) == 0) return misuse(kInvalidValue);
    --live.device_blocks;
  }
  ::operator delete(memory, std::align_val_t{256});
  return 0;
}
FAKE cudaError_t cudaHostAlloc(void** memory, size_t n_bytes, unsigned) {
  if (const cudaError_t error = enter("cudaHostAlloc")) return error;
  if (n_bytes == 0) return misuse(kInvalidValue);
  auto* block = static_cast<std::byte*>(::operator new(n_bytes, std::align_val_t{256}));
  const std::lock_guard lock(mutex);
  pinned_blocks[block] = n_bytes;
  ++live.pinned_blocks;
  *memory = block;
  return 0;
}
FAKE cudaError_t cudaFreeHost(void* memory) {
  if (const cudaError_t error = enter("cudaFreeHost")) return error;
  {
    const std::lock_guard lock(mutex);
    if (pinned_blocks.erase(static_cast<std::byte*>(memory)) == 0) return misuse(kInvalidValue);
    --live.pinned_blocks;
  }
  ::operator delete(memory, std::align_val_t{256});
  return 0;
}

FAKE cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (const cudaError_t error = enter("cudaMemcpyAsync")) return error;
  const bool is_in = kind == cudaMemcpyHostToDevice;
  const void* const on_device = is_in ? to : from;
  const void* const on_host = is_in ? from : to;
  bool blocks = false;
  {
    const std::lock_guard lock(mutex);
    const auto [room, device] = device_room(on_device);
    if (n_bytes > room || device_room(on_host).first > 0) return misuse(kInvalidValue);
    if (device != stream->device || current_device != stream->device) return misuse(kInvalidHandle);
    // CUDA may let a copy of pageable memory end before it returns, and need not.
    const bool is_pageable = !is_pinned(on_host);
    n_pageable += is_pageable;
    blocks = is_pageable && pageable() % 4 == 0;
  }
  stream->push([=] { std::memcpy(to, from, n_bytes); });
  if (blocks) stream->mark()->wait();
  return 0;
}

FAKE cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (const cudaError_t error = enter("cudaStreamCreateWithFlags")) return error;
  if (flags != cudaStreamNonBlocking) return misuse(kInvalidValue);
  *stream = new CUstream_st(current_device);
  const std::lock_guard lock(mutex);
  ++live.streams;
  return 0;
}
FAKE cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (const cudaError_t error = enter("cudaStreamDestroy")) return error;
  delete stream;  // its work is done first, as CUDA has it
  const std::lock_guard lock(mutex);
  --live.streams;
  return 0;
}
FAKE cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (const cudaError_t error = enter("cudaStreamSynchronize")) return error;
  stream->mark()->wait();
  return 0;
}
FAKE cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (const cudaError_t error = enter("cudaStreamWaitEvent")) return error;
  if (const auto mark = event->last()) stream->push([mark] { mark->wait(); });
  return 0;
}

FAKE cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (const cudaError_t error = enter("cudaEventCreateWithFlags")) return error;
  if ((flags & cudaEventDisableTiming) == 0) return misuse(kInvalidValue);
  *event = new CUevent_st;
  (*event)->device = current_device;
  const std::lock_guard lock(mutex);
  ++live.events;
  return 0;
}
FAKE cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (const cudaError_t error = enter("cudaEventDestroy")) return error;
  delete event;
  const std::lock_guard lock(mutex);
  --live.events;
  return 0;
}
FAKE cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const cudaError_t error = enter("cudaEventRecord")) return error;
  if (event->device != stream->device || current_device != stream->device) return misuse(kInvalidHandle);
  const std::lock_guard lock(event->mutex);
  event->mark = stream->mark();
  return 0;
}
FAKE cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (const cudaError_t error = enter("cudaEventSynchronize")) return error;
  if (const auto mark = event->last()) mark->wait();
  return 0;
}

FAKE cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* data) {
  if (current_device != stream->device) return misuse(kInvalidHandle);
  stream->push([=] { function(data); });
  return 0;
}

FAKE cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = 0;
  return error;
}
FAKE const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case kInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case kInvalidDevice:
      return "invalid device ordinal";
    case kInvalidHandle:
      return "invalid resource handle";
    default:
      return "unrecognized error code";
  }
}
