// Runs beside their copies, over a CUDA runtime without a GPU (fake_cuda.cpp) and a real ONNX Runtime, whose CPU session plays the device's
// (stream_compute.h): all that differs from a GPU is who computes.
#include <stdlib.h>

#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "ort/device.h"
#include "ort/device_choice.h"
#include "ort/device_run.h"
#include "ort/session.h"
#include "stream_compute.h"
#include "tiny_model.h"

namespace {

using edgeonnx::Code;
using edgeonnx::Error;
using edgeonnx::Type;
using namespace edgeonnx::ort;
using stream_compute::Return;
using stream_compute::state;

using stream_compute::kIn;
using stream_compute::kOut;

const Library& library() { return Library::open(""); }

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
Morsel expected(const Session& session, int64_t n_rows, int seed) {
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

int64_t rows_of(int i) { return i % 5 == 4 ? 1 + (i * 37) % 63 : 64; }

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

bool contains(const std::string& text, std::string_view part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) std::cerr << "  missing: " << part << "\n  in: " << text << "\n";
  return found;
}

long n_calls(const char* function) { return fake_cuda::controls().n_calls(function); }

}  // namespace

// ---- The runtime and the device ----

TEST(test_runtime_missing_or_of_something_else_is_unsupported) {
  std::string message = message_of(Code::kUnsupported, [] { CudaRuntime::open("/nowhere/libcudart.so.13"); });
  CHECK(contains(message, "'/nowhere/libcudart.so.13'"));
  CHECK(contains(message, "No such file"));
  message = message_of(Code::kUnsupported, [] { CudaRuntime::open("libm.so.6"); });
  CHECK(contains(message, "it has no cudaGetDeviceCount"));
}

TEST(test_device_that_is_not_there_names_both_numbers) {
  const CudaRuntime runtime = CudaRuntime::open(fake_cuda::path());
  const std::string message = message_of(Code::kUnsupported, [&] { const Device device(library(), runtime, 7, "Cpu"); });
  CHECK(contains(message, "CUDA has 2 devices, counted from 0, and no device 7"));
  fake_cuda::controls().fail("cudaGetDeviceCount", 1, 100);
  CHECK(contains(message_of(Code::kUnsupported, [&] { const Device device(library(), runtime, 0, "Cpu"); }), "CUDA error 100"));
}

TEST(test_pinned_memory_serves_a_buffer) {
  const Setup setup;
  edgeonnx::Buffer buffer(&setup.device->pinned());
  const long before = fake_cuda::controls().live().pinned_blocks;
  std::memset(buffer.reserve(100), 1, 100);
  std::memset(buffer.reserve(1000), 2, 1000);
  CHECK_EQUAL(fake_cuda::controls().live().pinned_blocks, before + 1);
  fake_cuda::controls().fail("cudaHostAlloc", 1, cudaErrorMemoryAllocation);
  const std::string message = message_of(Code::kOutOfMemory, [&] { buffer.reserve(10000); });
  CHECK(contains(message, "pinned memory of 10000 bytes: out of memory (CUDA error 2); set a lower morsel_rows"));
  std::memset(buffer.reserve(20), 3, 20);
}

// ---- What providers' options say ----

namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

std::string why_none(const std::vector<Provider>& providers) {
  const DeviceChoice choice = choose_device(library(), providers);
  CHECK(choice.device == nullptr);
  return choice.reason;
}

}  // namespace

TEST(test_choice_of_providers_elsewhere_is_none_and_says_nothing) {
  CHECK_EQUAL(why_none({}), std::string());
  CHECK_EQUAL(why_none({{"CPU", {}}}), std::string());
  CHECK_EQUAL(why_none({{"OpenVINO", {}}, {"CPU", {}}}), std::string());
}

TEST(test_choice_that_cannot_be_says_why) {
  CHECK(contains(why_none({{"CUDAExecutionProvider", {{"has_user_compute_stream", "false"}}}}), "has_user_compute_stream is off"));
  CHECK(contains(why_none({{"TensorRT", {{"device_id", "1"}}}, {"CUDA", {}}}), "different devices"));
  CHECK(
      contains(why_none({{"TensorRT", {{"user_compute_stream", "16"}}}, {"CUDA", {{"user_compute_stream", "32"}}}}), "different streams"));
  CHECK(contains(why_none({{"CUDA", {{"gpu_external_alloc", "4096"}}}}), "gpu_external_alloc"));
  CHECK_ERROR(choose_device(library(), {{"CUDA", {{"device_di", "1"}}}}), Code::kInvalidArgument);
}

TEST(test_providers_of_cuda_are_told_the_stream_once) {
  const Setup setup;
  const std::string address = std::to_string(reinterpret_cast<uintptr_t>(setup.device->compute_stream()));
  const Given filled{{"has_user_compute_stream", "1"}, {"user_compute_stream", address}};
  std::vector<Provider> told = computing_on(*setup.device, {{"TensorRT", {}}, {"CUDA", {}}, {"CPU", {}}});
  CHECK(told[0].options == filled);
  CHECK(told[1].options == filled);
  CHECK(told[2].options.empty());
  told = computing_on(*setup.device, {{"CUDA", {{"user_compute_stream", address}, {"has_user_compute_stream", "true"}}}});
  CHECK(told[0].options == Given({{"user_compute_stream", address}, {"has_user_compute_stream", "true"}}));
}

TEST(test_graphs_are_known_by_their_options) {
  const Provider plain{"CUDA", {{"enable_cuda_graph", "0"}}}, graphs{"CUDAExecutionProvider", {{"enable_cuda_graph", "True"}}};
  const Provider tensorrt{"TensorrtExecutionProvider", {}}, single{"TensorRT", {{"trt_cuda_graph_enable", "1"}}};
  CHECK(!captures_graphs({plain}) && !captures_graphs({}) && !captures_graphs({tensorrt, plain}));
  CHECK(captures_graphs({graphs}) && captures_graphs({tensorrt, graphs}));
  CHECK(want_one_shape({graphs}) && want_one_shape({tensorrt, plain}));
  CHECK(!want_one_shape({plain}) && !want_one_shape({}) && !want_one_shape({plain, tensorrt}));
  refuse_single_graph({tensorrt, graphs});
  CHECK(contains(message_of(Code::kUnsupported, [&] { refuse_single_graph({single}); }),
                 "'TensorRT': trt_cuda_graph_enable keeps one graph"));
}

// ---- Runs ----

TEST(test_run_one_slot_answers_as_the_session_does) {
  const Setup setup;
  Slot slot(setup);
  for (int i = 0; i < 2000; ++i) CHECK(slot.scores_right(setup.session, rows_of(i), i));
}

static void score_by_four_threads(const Setup& setup, int n_morsels) {
  std::atomic<int> n_wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Slot slot(setup);
      for (int i = 0; i < n_morsels; ++i) n_wrong += !slot.scores_right(setup.session, rows_of(i + t), i + 1000 * t);
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK_EQUAL(n_wrong.load(), 0);
}

TEST(test_run_four_slots_of_four_threads_answer_as_the_session_does) {
  score_by_four_threads(Setup(), 1000);
  score_by_four_threads(Setup(Return::kWhenDone), 200);
}

TEST(test_run_host_memory_pinned_or_not_is_safe) {
  const Setup setup;
  Slot slot(setup);
  edgeonnx::Buffer pinned(&setup.device->pinned());
  for (int i = 0; i < 200; ++i) {
    Morsel morsel(64, i);
    std::byte* memory = pinned.reserve(1 << 14);
    std::memcpy(memory, morsel.x.data(), morsel.x.size() * sizeof(float));
    auto inputs = morsel.inputs();
    auto outputs = morsel.outputs();
    inputs[0].data = memory;
    outputs[0].data = memory + (1 << 13);
    slot.run.run(inputs, kBoth, outputs, slot.control);
    std::memset(memory, 0, 64 * kIn * sizeof(float));  // nothing reads it any more
    std::memcpy(morsel.y.data(), outputs[0].data, morsel.y.size() * sizeof(float));
    CHECK(morsel == expected(setup.session, 64, i));
  }
}

TEST(test_run_shapes_and_wanted_outputs_change_and_memory_grows) {
  const Setup setup;
  Slot slot(setup);
  CHECK(slot.scores_right(setup.session, 64, 1));
  const long n_mallocs = n_calls("cudaMalloc");
  for (const int64_t n : {64, 3, 64, 1}) CHECK(slot.scores_right(setup.session, n, 2));
  CHECK_EQUAL(n_calls("cudaMalloc"), n_mallocs);
  CHECK(slot.scores_right(setup.session, 6400, 3));
  CHECK_EQUAL(n_calls("cudaMalloc"), n_mallocs + 2);
  CHECK_EQUAL(fake_cuda::controls().live().device_blocks, setup.before.device_blocks + 2);

  Morsel morsel(64, 4);
  const Morsel right = expected(setup.session, 64, 4);
  const std::array<size_t, 1> second{1};
  const auto outputs = morsel.outputs();
  slot.run.run(morsel.inputs(), second, std::span(outputs).subspan(1), slot.control);
  CHECK(morsel.twice == right.twice && morsel.y[0] == -1);
  const std::array<size_t, 2> swapped{1, 0};
  const std::array reversed{outputs[1], outputs[0]};
  slot.run.run(morsel.inputs(), swapped, reversed, slot.control);
  CHECK(morsel == right);
}

TEST(test_run_without_rows_gives_none) {
  const Setup setup;
  Slot slot(setup);
  Morsel morsel(0, 0);
  float nothing = 0;
  auto outputs = morsel.outputs();
  for (TensorRef& output : outputs) output.data = &nothing;
  slot.run.run(morsel.inputs(), kBoth, outputs, slot.control);
  CHECK(slot.scores_right(setup.session, 64, 1));
}

TEST(test_run_leaves_the_callers_device_as_it_was) {
  const CudaRuntime runtime = CudaRuntime::open(fake_cuda::path());
  const Setup setup;
  Slot slot(setup);
  for (const int mine : {0, 1}) {
    runtime.cudaSetDevice(mine);
    CHECK(slot.scores_right(setup.session, 64, 1));
    int after = -1;
    runtime.cudaGetDevice(&after);
    CHECK_EQUAL(after, mine);
  }
  runtime.cudaSetDevice(0);
}

// ---- Failures ----

TEST(test_run_spans_that_do_not_fit_are_invalid_arguments) {
  const Setup setup(Return::kWhenDone);
  Slot slot(setup);
  Morsel morsel(2, 1);
  const std::array<size_t, 1> one{0}, beyond{7};
  const auto outputs = morsel.outputs();
  const auto inputs = morsel.inputs();
  CHECK_ERROR(slot.run.run({}, kBoth, outputs, slot.control), Code::kInvalidArgument);
  CHECK_ERROR(slot.run.run(inputs, one, outputs, slot.control), Code::kInvalidArgument);
  CHECK_ERROR(slot.run.run(inputs, beyond, std::span(outputs).first(1), slot.control), Code::kInvalidArgument);
  CHECK_ERROR(slot.run.run(inputs, one, std::array{TensorRef{}}, slot.control), Code::kInvalidArgument);
  const std::array without_data{TensorRef{nullptr, Type::kFloat, inputs[0].shape}, inputs[1]};
  CHECK_ERROR(slot.run.run(without_data, kBoth, outputs, slot.control), Code::kInvalidArgument);
  const std::array of_text{TensorRef{morsel.x.data(), Type::kString, inputs[0].shape}, inputs[1]};
  CHECK_ERROR(slot.run.run(of_text, kBoth, outputs, slot.control), Code::kUnsupported);
  CHECK(slot.scores_right(setup.session, 64, 1));
}

TEST(test_run_that_onnx_runtime_refuses_keeps_its_text) {
  const Setup setup(Return::kWhenDone);
  Slot slot(setup);
  Morsel morsel(4, 1);
  auto inputs = morsel.inputs();
  const std::array<int64_t, 2> wrong{4, 4};
  inputs[0].shape = wrong;
  CHECK(contains(message_of(Code::kInferenceFailed, [&] { slot.run.run(inputs, kBoth, morsel.outputs(), slot.control); }),
                 "Got: 4 Expected: 5"));
  CHECK(slot.scores_right(setup.session, 4, 1));
}

TEST(test_run_failure_of_any_call_leaves_the_slot_usable) {
  constexpr const char* kFunctions[] = {"cudaGetDevice",       "cudaSetDevice",   "cudaMalloc",          "cudaMemcpyAsync",
                                        "cudaStreamWaitEvent", "cudaEventRecord", "cudaEventSynchronize"};
  const CudaRuntime runtime = CudaRuntime::open(fake_cuda::path());
  for (const char* function : kFunctions) {
    for (long n = 1; n <= 5; ++n) {
      const Setup setup;
      Slot slot(setup);
      CHECK(slot.scores_right(setup.session, 8, 1));
      Morsel morsel(64, 2);  // needs more memory
      const long before = n_calls(function);
      const bool is_memory = std::string(function) == "cudaMalloc";
      fake_cuda::controls().fail(function, n, is_memory ? cudaErrorMemoryAllocation : 700);
      try {
        slot.score(morsel);
        // Where the caller's device can't be made current again, the run was right all the same.
        CHECK(n_calls(function) - before < n || std::string(function) == "cudaSetDevice");
        runtime.cudaSetDevice(0);
        CHECK(morsel == expected(setup.session, 64, 2));
      } catch (const Error& error) {
        CHECK_EQUAL(n_calls(function) - before >= n, true);
        CHECK_EQUAL(static_cast<int>(error.code()), static_cast<int>(is_memory ? Code::kOutOfMemory : Code::kInferenceFailed));
        CHECK(contains(error.what(), is_memory ? "(CUDA error 2); set a lower morsel_rows" : "(CUDA error 700)"));
        CHECK_EQUAL(runtime.cudaGetLastError(), 0);
      }
      fake_cuda::controls().fail(function, 0, 0);
      // The memory is ours again: whatever wrote into it now would be seen.
      morsel = Morsel(64, 2);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      CHECK(morsel.y == std::vector<float>(64 * kOut, -1));
      CHECK(slot.scores_right(setup.session, 64, 3));
    }
  }
}

TEST(test_slot_failure_while_it_is_made_leaks_nothing) {
  for (const char* function : {"cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaGetDevice", "cudaSetDevice"}) {
    for (long n = 1; n <= 4; ++n) {
      const Setup setup;
      fake_cuda::controls().fail(function, n, 700);
      try {
        Slot slot(setup);
      } catch (const Error& error) {
        CHECK(contains(error.what(), "(CUDA error 700)"));
      }
      fake_cuda::controls().fail(function, 0, 0);
    }
  }
}

TEST(test_run_terminated_is_cancelled_and_runs_again_after_reset) {
  const Setup setup(Return::kWhenDone);
  const Session endless(library(), tiny::as_span(tiny::counting_loop(int64_t{1} << 50)), {});
  DeviceRun run(*setup.device, endless, false);
  RunControl control(library());
  std::vector<float> x{1}, y(1, -1);
  const std::array<int64_t, 1> shape{1};
  const std::array<size_t, 1> wanted{0};
  const TensorRef input{x.data(), Type::kFloat, shape}, output{y.data(), Type::kFloat, shape};
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    control.terminate();
  });
  CHECK_ERROR(run.run({&input, 1}, wanted, {&output, 1}, control), Code::kCancelled);
  killer.join();
  CHECK_ERROR(run.run({&input, 1}, wanted, {&output, 1}, control), Code::kCancelled);  // still set
  CHECK_EQUAL(y[0], -1.0F);

  Slot slot(setup);
  slot.control.terminate();
  Morsel morsel(4, 1);
  CHECK_ERROR(slot.score(morsel), Code::kCancelled);
  slot.control.reset();
  CHECK(slot.scores_right(setup.session, 4, 1));
}

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

int main() {
  const char* variable = getenv("EDGEONNX_ORT_LIBRARY");
  if (variable == nullptr || *variable == '\0') {
    std::cerr << "test_device: set EDGEONNX_ORT_LIBRARY to an ONNX Runtime library, for instance onnxruntime/capi/libonnxruntime.so.* of "
                 "the onnxruntime wheel\n";
    return 1;
  }
  return check::run();
}
