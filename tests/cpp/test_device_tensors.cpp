// Runs over tensors that lie on the device, inputs that ONNX Runtime reads on the host, and graphs.
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "device_slots.h"

using namespace slots;

// ---- Tensors on the device ----

namespace {

/// The tensors of a morsel in device memory, filled and read by the test itself.
struct OnDevice {
  const CudaRuntime& cuda;
  std::array<DeviceMemory, 4> blocks;

  OnDevice(const Device& device, Morsel& morsel) : cuda(device.runtime()) {
    const Device::Use use(device);
    const std::array sizes{morsel.x.size() * 4, morsel.k.size() * 8, morsel.y.size() * 4, morsel.twice.size() * 8};
    for (size_t i = 0; i < 4; ++i) blocks[i] = allocate_on_device(cuda, sizes[i]);
  }
  std::array<TensorRef, 2> refs(std::array<TensorRef, 2> host, size_t first) const {
    host[0].data = blocks[first].get();
    host[1].data = blocks[first + 1].get();
    return host;
  }
  void copy_in(Morsel& morsel, cudaStream_t stream) const {
    cuda.cudaMemcpyAsync(blocks[0].get(), morsel.x.data(), morsel.x.size() * 4, cudaMemcpyHostToDevice, stream);
    cuda.cudaMemcpyAsync(blocks[1].get(), morsel.k.data(), morsel.k.size() * 8, cudaMemcpyHostToDevice, stream);
  }
  void copy_out(Morsel& morsel, cudaStream_t stream) const {
    cuda.cudaMemcpyAsync(morsel.y.data(), blocks[2].get(), morsel.y.size() * 4, cudaMemcpyDeviceToHost, stream);
    cuda.cudaMemcpyAsync(morsel.twice.data(), blocks[3].get(), morsel.twice.size() * 8, cudaMemcpyDeviceToHost, stream);
  }
};

}  // namespace

TEST(test_run_on_device_either_side_answers_as_the_session_does) {
  const Setup setup;
  Slot slot(setup);
  const CudaRuntime& cuda = setup.device->runtime();
  cuda.cudaSetDevice(stream_compute::kDevice);
  const OwnedStream stream = make_stream(cuda);
  for (int i = 0; i < 200; ++i) {
    Morsel morsel(rows_of(i), i);
    const OnDevice there(*setup.device, morsel);
    const bool in = i & 1, out = i & 2;
    there.copy_in(morsel, stream.get());
    cuda.cudaStreamSynchronize(stream.get());
    const auto inputs = in ? there.refs(morsel.inputs(), 0) : morsel.inputs();
    const auto outputs = out ? there.refs(morsel.outputs(), 2) : morsel.outputs();
    slot.run.run_on_device({inputs, in}, kBoth, {outputs, out}, slot.control);
    if (out) there.copy_out(morsel, stream.get());
    cuda.cudaStreamSynchronize(stream.get());
    CHECK(morsel == expected(setup.session, rows_of(i), i));
  }
  cuda.cudaSetDevice(0);
}

TEST(test_run_on_device_between_work_of_the_callers_stream) {
  const Setup setup(Return::kAtOnce, 300);
  Slot slot(setup);
  const CudaRuntime& cuda = setup.device->runtime();
  cuda.cudaSetDevice(stream_compute::kDevice);
  {
    const OwnedStream stream = make_stream(cuda);
    Morsel first(64, 0);
    const OnDevice there(*setup.device, first);
    constexpr int kRounds = 200;
    std::vector<std::unique_ptr<Morsel>> morsels;
    std::vector<std::unique_ptr<RunControl>> controls;  // of runs that are under way yet
    for (int i = 0; i < kRounds; ++i) {
      morsels.push_back(std::make_unique<Morsel>(64, i));
      controls.push_back(std::make_unique<RunControl>(library()));
      Morsel& morsel = *morsels.back();
      const bool in = i / 50 % 2 == 0;  // else from the host too: the slot's own memory is then still read by the last run
      const auto busy = [](void*) { std::this_thread::sleep_for(std::chrono::microseconds(500)); };
      fake_cuda::controls().launch(stream.get(), busy, nullptr);
      if (in) there.copy_in(morsel, stream.get());
      const auto inputs = in ? there.refs(morsel.inputs(), 0) : morsel.inputs();
      if (i % 50 == 0) cuda.cudaStreamSynchronize(stream.get());  // what is bound changes
      slot.run.run_on_device({inputs, in}, kBoth, {there.refs(morsel.outputs(), 2), true}, *controls.back(), stream.get());
      if (!in) std::fill(morsel.x.begin(), morsel.x.end(), -9.0F);  // nothing reads it any more
      there.copy_out(morsel, stream.get());
    }
    cuda.cudaStreamSynchronize(stream.get());
    for (int i = 0; i < kRounds; ++i) CHECK(*morsels[static_cast<size_t>(i)] == expected(setup.session, 64, i));
  }
  cuda.cudaSetDevice(0);
}

// ---- Inputs that ONNX Runtime reads on the host ----

TEST(test_run_input_read_on_the_host_is_not_bound_on_the_device) {
  const Setup setup;
  static OrtMemoryInfo* elsewhere = nullptr;
  Api& table = stream_compute::table(library());
  const auto real = table.SessionGetMemoryInfoForInputs;
  if (real == nullptr) return;
  (void)table.CreateMemoryInfo("CudaPinned", OrtDeviceAllocator, 0, OrtMemTypeDefault, &elsewhere);
  static decltype(real) before = real;
  table.SessionGetMemoryInfoForInputs = [](const OrtSession* session, const OrtMemoryInfo** memories, size_t n) {
    OrtStatus* status = before(session, memories, n);
    memories[1] = elsewhere;
    return status;
  };
  {
    Slot slot(setup);
    const long n_copies = n_calls("cudaMemcpyAsync");
    for (int i = 0; i < 200; ++i) CHECK(slot.scores_right(setup.session, rows_of(i), i));
    CHECK_EQUAL(n_calls("cudaMemcpyAsync") - n_copies, 200L * 3);
  }
  table.SessionGetMemoryInfoForInputs = nullptr;  // as before ONNX Runtime 1.23
  {
    Slot slot(setup);
    for (int i = 0; i < 50; ++i) CHECK(slot.scores_right(setup.session, rows_of(i), i));
  }
  table.SessionGetMemoryInfoForInputs = real;
  table.ReleaseMemoryInfo(elsewhere);
}

// ---- Graphs ----

namespace {

std::mutex graph_mutex;
std::map<std::string, int> graph_ids;  // runs by gpu_graph_id
decltype(Api::AddRunConfigEntry) add_entry = nullptr;

OrtStatus* note_graph(OrtRunOptions* options, const char* key, const char* value) {
  if (std::string(key) == "gpu_graph_id") {
    const std::lock_guard lock(graph_mutex);
    ++graph_ids[value];
  }
  return add_entry(options, key, value);
}

}  // namespace

TEST(test_run_of_one_shape_is_a_graph_and_others_are_none) {
  const Setup setup;
  Api& table = stream_compute::table(library());
  add_entry = table.AddRunConfigEntry;
  table.AddRunConfigEntry = note_graph;
  graph_ids.clear();
  {
    Slot first(setup, true), second(setup, true);
    for (int i = 0; i < 10; ++i) CHECK(first.scores_right(setup.session, 64, i));
    for (int i = 0; i < 3; ++i) CHECK(first.scores_right(setup.session, 7, i));
    for (int i = 0; i < 5; ++i) CHECK(second.scores_right(setup.session, 64, i));
    CHECK(first.scores_right(setup.session, 64, 1));
    CHECK_EQUAL(graph_ids["1"], 11);
    CHECK_EQUAL(graph_ids["-1"], 3);
    CHECK_EQUAL(graph_ids["2"], 5);
    CHECK(first.scores_right(setup.session, 640, 1));  // other addresses, so another graph
    CHECK(first.scores_right(setup.session, 64, 1));
    CHECK_EQUAL(graph_ids["3"], 1);
    CHECK_EQUAL(graph_ids["-1"], 4);
  }
  table.AddRunConfigEntry = add_entry;
}

namespace {

thread_local bool watches = false;  // of the thread whose first run captures
std::atomic<int> n_watched{0};
std::atomic<long> n_calls_beside{0};
decltype(Api::RunWithBinding) run_on = nullptr;

long n_calls_of_all() {
  long n = 0;
  for (const char* each : {"cudaMemcpyAsync", "cudaEventRecord", "cudaStreamWaitEvent", "cudaMalloc", "cudaEventSynchronize"}) {
    n += n_calls(each);
  }
  return n;
}

OrtStatus* watch(OrtSession* session, const OrtRunOptions* options, const OrtIoBinding* binding) {
  if (watches) {
    watches = false;
    ++n_watched;
    const long before = n_calls_of_all();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    n_calls_beside += n_calls_of_all() - before;
  }
  return run_on(session, options, binding);
}

}  // namespace

TEST(test_run_that_captures_is_alone_in_each_thread) {
  const Setup setup(Return::kAtOnce, 0);
  Api& table = stream_compute::table(library());
  run_on = table.RunWithBinding;
  table.RunWithBinding = watch;
  std::atomic<bool> goes_on{true};
  std::atomic<int> n_wrong{0};
  std::vector<std::thread> others;
  for (int t = 0; t < 3; ++t) {
    others.emplace_back([&, t] {
      Slot slot(setup);
      for (int i = 0; goes_on; ++i) n_wrong += !slot.scores_right(setup.session, 64, i + t);
    });
  }
  Slot slot(setup, true);
  for (int i = 0; i < 10; ++i) {
    std::thread([&] {
      watches = true;
      for (int k = 0; k < 5; ++k) n_wrong += !slot.scores_right(setup.session, 64, i + k);
    }).join();
  }
  goes_on = false;
  for (std::thread& each : others) each.join();
  table.RunWithBinding = run_on;
  CHECK_EQUAL(n_watched.load(), 10);
  CHECK_EQUAL(n_calls_beside.load(), 0L);
  CHECK_EQUAL(n_wrong.load(), 0);
}

int main() { return scoring::run_with_runtime("test_device_tensors"); }
