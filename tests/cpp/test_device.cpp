// CUDA's runtime, a device on it, and what the options of providers say of one.
#include <cstring>

#include "device_slots.h"
#include "ort/device_choice.h"

using namespace slots;

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

int main() { return scoring::run_with_runtime("test_device"); }
