// A session on the CPU that behaves as one on a CUDA device does: its runs are enqueued on the compute stream and happen when that is
// reached, by the stream's own thread. For this RunWithBinding of the open library's table is replaced.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "fake_cuda.h"
#include "ort/abi.h"
#include "ort/device.h"
#include "ort/library.h"
#include "tiny_model.h"

namespace stream_compute {

using namespace edgeonnx::ort;

constexpr int kDevice = 1;  // not the one that threads have anyway

constexpr int64_t kIn = 5, kOut = 3;

/// y [N, 3] = x [N, 5] times constants; twice [N, 1] = k + k
inline std::string two_ports() {
  using edgeonnx::Type;
  std::vector<float> weights;
  for (int i = 0; i < kIn * kOut; ++i) weights.push_back(0.37F * static_cast<float>(i) - 2);
  return tiny::model({.nodes = {tiny::node("MatMul", {"x", "w"}, {"y"}), tiny::node("Add", {"k", "k"}, {"twice"})},
                      .inputs = {tiny::tensor("x", Type::kFloat, {"N", kIn}), tiny::tensor("k", Type::kInt64, {"N", 1})},
                      .outputs = {tiny::tensor("y", Type::kFloat, {"N", kOut}), tiny::tensor("twice", Type::kInt64, {"N", 1})},
                      .initializers = {tiny::initializer("w", Type::kFloat, {kIn, kOut}, weights)}});
}

enum class Return {
  kAtOnce,    ///< as CUDA has it; a failure is found in n_failed
  kWhenDone,  ///< so that the run can fail
};

struct State {
  std::atomic<cudaStream_t> stream{nullptr};  ///< null: runs are ONNX Runtime's own
  std::atomic<Return> returns{Return::kAtOnce};
  std::atomic<long> n_runs{0};
  std::atomic<long> n_failed{0};
  std::atomic<int> n_inside{0};
  std::atomic<long> n_overlaps{0};   ///< runs enqueued while another one was
  std::atomic<long> n_elsewhere{0};  ///< runs by a thread whose current device is another
  decltype(Api::RunWithBinding) run = nullptr;
};

inline State& state() {
  static State all;
  return all;
}

struct Task {
  OrtSession* session;
  const OrtRunOptions* options;
  const OrtIoBinding* binding;
  std::promise<OrtStatus*> status;
};

inline OrtStatus* run_on_stream(OrtSession* session, const OrtRunOptions* options, const OrtIoBinding* binding) {
  State& all = state();
  const cudaStream_t stream = all.stream.load();
  if (stream == nullptr) return all.run(session, options, binding);
  ++all.n_runs;
  if (all.n_inside.fetch_add(1) > 0) ++all.n_overlaps;
  struct Leave {
    ~Leave() { --state().n_inside; }
  } leave;
  auto task = std::make_unique<Task>(Task{session, options, binding, {}});
  std::future<OrtStatus*> status = task->status.get_future();
  const auto work = [](void* data) {
    const std::unique_ptr<Task> owned(static_cast<Task*>(data));
    owned->status.set_value(state().run(owned->session, owned->options, owned->binding));
  };
  const auto work_alone = [](void* data) {
    const std::unique_ptr<Task> owned(static_cast<Task*>(data));
    if (OrtStatus* failure = state().run(owned->session, owned->options, owned->binding)) {
      ++state().n_failed;
      edgeonnx::ort::Library::open("").api().ReleaseStatus(failure);
    }
  };
  const bool waits = all.returns == Return::kWhenDone;
  if (fake_cuda::controls().launch(stream, waits ? +work : +work_alone, task.get()) != 0) {
    ++all.n_elsewhere;
    return nullptr;
  }
  (void)task.release();
  return waits ? status.get() : nullptr;
}

/// The table, to be changed.
inline Api& table(const Library& library) { return const_cast<Api&>(library.api()); }

inline void install(const Library& library) {
  if (state().run) return;
  state().run = library.api().RunWithBinding;
  table(library).RunWithBinding = run_on_stream;
}

/// A device whose memory is the CPU's to ONNX Runtime, on the runtime of fake_cuda.h. What the session binds computes there from now on.
inline std::unique_ptr<Device> make_device(const Library& library) {
  install(library);
  auto device = std::make_unique<Device>(library, CudaRuntime::open(fake_cuda::path()), kDevice, "Cpu");
  state().stream = device->compute_stream();
  return device;
}

}  // namespace stream_compute
