// Runs beside their copies: answers as the session's own, and slots that every failure leaves usable.
#include <chrono>
#include <cstring>
#include <thread>

#include "device_slots.h"

using namespace slots;

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

int main() { return scoring::run_with_runtime("test_device_run"); }
