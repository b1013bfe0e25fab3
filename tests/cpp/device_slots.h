// Slots, morsels and a device for tests of runs on a device: over a CUDA runtime without a GPU (fake_cuda.cpp) and a real ONNX Runtime,
// whose CPU session plays the device's (stream_compute.h). All that differs from a GPU is who computes.
#pragma once

#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "ort/device.h"
#include "ort/device_run.h"
#include "ort/session.h"
#include "scoring.h"
#include "stream_compute.h"
#include "tiny_model.h"

namespace slots {

using edgeonnx::Code;
using edgeonnx::Error;
using edgeonnx::Type;
using namespace edgeonnx::ort;
using stream_compute::Return;
using stream_compute::state;

using stream_compute::kIn;
using stream_compute::kOut;

inline const Library& library() { return Library::open(""); }

/// Values of one morsel and room for its results.
struct Morsel {
  int64_t n;
  std::vector<float> x;
  std::vector<int64_t> k;
  std::vector<float> y;
  std::vector<int64_t> twice;
  std::array<std::array<int64_t, 2>, 3> shapes;

  Morsel(int64_t n_rows, int seed)
      : n(n_rows),
        x(static_cast<size_t>(n * kIn)),
        k(static_cast<size_t>(n)),
        y(static_cast<size_t>(n * kOut), -1),
        twice(static_cast<size_t>(n), -1),
        shapes{{{n, kIn}, {n, 1}, {n, kOut}}} {
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01F * static_cast<float>((static_cast<int>(i) * 31 + seed * 17) % 1009);
    for (size_t i = 0; i < k.size(); ++i) k[i] = static_cast<int64_t>(i) * 7 + seed;
  }
  std::array<TensorRef, 2> inputs() { return {TensorRef{x.data(), Type::kFloat, shapes[0]}, {k.data(), Type::kInt64, shapes[1]}}; }
  std::array<TensorRef, 2> outputs() { return {TensorRef{y.data(), Type::kFloat, shapes[2]}, {twice.data(), Type::kInt64, shapes[1]}}; }
  bool operator==(const Morsel& other) const { return y == other.y && twice == other.twice; }
};

constexpr std::array<size_t, 2> kBoth{0, 1};

/// The morsel as Session::run scores it.
inline Morsel expected(const Session& session, int64_t n_rows, int seed) {
  Morsel morsel(n_rows, seed);
  session.run(morsel.inputs(), kBoth, morsel.outputs(), {}, RunControl(library()));
  return morsel;
}

/// A device with a session for it; nothing may be left of it at its end.
struct Setup {
  fake_cuda::Live before = fake_cuda::controls().live();
  long misuses = fake_cuda::controls().n_misuses();
  std::unique_ptr<Device> device = stream_compute::make_device(library());
  Session session{library(), tiny::as_span(stream_compute::two_ports()), {}};

  explicit Setup(Return returns = Return::kAtOnce, int delay_us = 50) {
    state().returns = returns;
    state().n_failed = 0;
    state().n_overlaps = 0;
    state().n_elsewhere = 0;
    fake_cuda::controls().set_delay(delay_us, 1);
  }
  ~Setup() {
    state().stream = nullptr;
    device.reset();
    CHECK_EQUAL(fake_cuda::controls().live().total(), before.total());
    CHECK_EQUAL(fake_cuda::controls().n_misuses(), misuses);
    CHECK_EQUAL(state().n_failed.load(), 0L);
    CHECK_EQUAL(state().n_overlaps.load(), 0L);
    CHECK_EQUAL(state().n_elsewhere.load(), 0L);
  }
};

struct Slot {
  DeviceRun run;
  RunControl control{library()};

  explicit Slot(const Setup& setup, bool captures = false) : run(*setup.device, setup.session, captures) {}
  void score(Morsel& morsel) { run.run(morsel.inputs(), kBoth, morsel.outputs(), control); }
  bool scores_right(const Session& session, int64_t n_rows, int seed) {
    Morsel morsel(n_rows, seed);
    score(morsel);
    return morsel == expected(session, n_rows, seed);
  }
};

inline int64_t rows_of(int i) { return i % 5 == 4 ? 1 + (i * 37) % 63 : 64; }

template <class Body>
std::string message_of(Code code, Body body) {
  try {
    body();
  } catch (const Error& error) {
    CHECK_EQUAL(static_cast<int>(error.code()), static_cast<int>(code));
    return error.what();
  }
  check::fail(__FILE__, __LINE__, "no error");
  return "";
}

using scoring::contains;

inline long n_calls(const char* function) { return fake_cuda::controls().n_calls(function); }

}  // namespace slots
