// What tests ask of the CUDA runtime that fake_cuda.cpp plays, beside the functions of CUDA itself.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "ort/cuda_runtime.h"

namespace fake_cuda {

/// Objects that have been made and not yet released.
struct Live {
  long device_blocks = 0;
  long pinned_blocks = 0;
  long streams = 0;
  long events = 0;
  long total() const { return device_blocks + pinned_blocks + streams + events; }
};

struct Controls {
  /// The n-th next call (from 1) of the function fails with `error`; n = 0: none does.
  void (*fail)(const char* function, long n, int error);
  long (*n_calls)(const char* function);
  Live (*live)();
  /// Calls that CUDA would not have refused in time, or at all: memory of the wrong side, past its end, streams of another device.
  long (*n_misuses)();
  /// Copies from or to host memory that is not pinned.
  long (*n_pageable)();
  /// What streams do comes late by up to so many microseconds, by chance of this seed.
  void (*set_delay)(int most_us, unsigned seed);
  /// cudaLaunchHostFunc: as CUDA has it, a function that is called when the stream reaches it.
  int (*launch)(edgeonnx::ort::cudaStream_t, void (*function)(void*), void* data);
};

/// Of the library that CudaRuntime::open() is given the path of.
inline const char* path() { return EDGEONNX_FAKE_CUDA; }

inline const Controls& controls() {
  static const Controls all = [] {
    void* const library = dlopen(path(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw std::runtime_error(dlerror());
    const auto find = [&](const char* name) {
      void* const symbol = dlsym(library, name);
      if (!symbol) throw std::runtime_error(std::string("no ") + name);
      return symbol;
    };
    Controls c;
    c.fail = reinterpret_cast<decltype(c.fail)>(find("fake_cuda_fail"));
    c.n_calls = reinterpret_cast<decltype(c.n_calls)>(find("fake_cuda_n_calls"));
    c.live = reinterpret_cast<decltype(c.live)>(find("fake_cuda_live"));
    c.n_misuses = reinterpret_cast<decltype(c.n_misuses)>(find("fake_cuda_n_misuses"));
    c.n_pageable = reinterpret_cast<decltype(c.n_pageable)>(find("fake_cuda_n_pageable"));
    c.set_delay = reinterpret_cast<decltype(c.set_delay)>(find("fake_cuda_set_delay"));
    c.launch = reinterpret_cast<decltype(c.launch)>(find("cudaLaunchHostFunc"));
    return c;
  }();
  return all;
}

}  // namespace fake_cuda
