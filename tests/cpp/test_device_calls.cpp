// edgeonnx_scorer_score_device: tensors that lie on the device that stream_compute.h plays.
#include <algorithm>
#include <numeric>

#include "device_scorer.h"

namespace {

using namespace scoring;
using device_scorer::DeviceScorer;
using edgeonnx::ort::CudaRuntime;
using edgeonnx::ort::DeviceMemory;
using edgeonnx::ort::OwnedStream;
using stream_compute::kDevice;
using stream_compute::kIn;
using stream_compute::kOut;

constexpr int64_t kRows = 100;

/// Inputs and room for outputs on the device, filled and read by the test itself.
struct Tensors {
  const CudaRuntime& cuda;
  std::vector<float> x;
  std::vector<int64_t> k;
  std::vector<float> y;
  std::vector<int64_t> twice;
  DeviceMemory there[4];
  int64_t shapes[3][2] = {{kRows, kIn}, {kRows, 1}, {kRows, kOut}};

  explicit Tensors(const DeviceScorer& scorer, float first = 0.5F)
      : cuda(scorer.scorer().plan().session->device()->runtime()),
        x(static_cast<size_t>(kRows * kIn)),
        k(static_cast<size_t>(kRows)),
        y(static_cast<size_t>(kRows * kOut), -1),
        twice(static_cast<size_t>(kRows), -1) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = first + 0.25F * static_cast<float>(i % 37);
    std::iota(k.begin(), k.end(), 1000);
    cuda.cudaSetDevice(kDevice);
    const size_t sizes[] = {x.size() * 4, k.size() * 8, y.size() * 4, twice.size() * 8};
    for (size_t i = 0; i < 4; ++i) there[i] = edgeonnx::ort::allocate_on_device(cuda, sizes[i] + 256);
  }

  void copy_in(edgeonnx::ort::cudaStream_t stream) const {
    cuda.cudaMemcpyAsync(there[0].get(), x.data(), x.size() * 4, edgeonnx::ort::cudaMemcpyHostToDevice, stream);
    cuda.cudaMemcpyAsync(there[1].get(), k.data(), k.size() * 8, edgeonnx::ort::cudaMemcpyHostToDevice, stream);
  }
  void copy_out(edgeonnx::ort::cudaStream_t stream) {
    cuda.cudaMemcpyAsync(y.data(), there[2].get(), y.size() * 4, edgeonnx::ort::cudaMemcpyDeviceToHost, stream);
    cuda.cudaMemcpyAsync(twice.data(), there[3].get(), twice.size() * 8, edgeonnx::ort::cudaMemcpyDeviceToHost, stream);
  }

  std::vector<edgeonnx_device_tensor> inputs() const {
    return {{"x", there[0].get(), shapes[0], nullptr, 2, EDGEONNX_TYPE_FLOAT, {}},
            {"k", there[1].get(), shapes[1], nullptr, 1, EDGEONNX_TYPE_INT64, {}}};
  }
  std::vector<edgeonnx_device_tensor> outputs() const {
    return {{"twice", there[3].get(), shapes[1], nullptr, 1, EDGEONNX_TYPE_INT64, {}},
            {"y", there[2].get(), shapes[2], nullptr, 2, EDGEONNX_TYPE_FLOAT, {}}};
  }
  std::vector<edgeonnx_device_tensor> host_outputs() {
    auto tensors = outputs();
    tensors[0].data = twice.data();
    tensors[1].data = y.data();
    return tensors;
  }
};

edgeonnx_device_call call_of(const std::vector<edgeonnx_device_tensor>& inputs, const std::vector<edgeonnx_device_tensor>& outputs) {
  edgeonnx_device_call call{};
  call.struct_size = sizeof call;
  call.inputs = inputs.data();
  call.n_inputs = inputs.size();
  call.outputs = outputs.data();
  call.n_outputs = outputs.size();
  call.device_id = kDevice;
  return call;
}

void score_there(edgeonnx_scorer* scorer, const edgeonnx_device_call& call) {
  edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_scorer_score_device(scorer, &call, error); });
}

/// What the CPU answers to the tensors' values.
bool are_right(const Tensors& tensors) {
  static const Scorer cpu = load(stream_compute::two_ports(), {1, 0, false});
  Table table(kRows);
  table.add("x", tensors.x, kIn).add("k", tensors.k);
  const Results expected = score(cpu.bind(table.fields(), binding_options()), table);
  return expected.values<float>(0) == tensors.y && expected.values<int64_t>(1) == tensors.twice;
}

/// Code and text of the error of a call.
std::pair<int, std::string> refusal(edgeonnx_scorer* scorer, const edgeonnx_device_call& call) {
  try {
    score_there(scorer, call);
  } catch (const edgeonnx::StatusError& error) {
    return {error.code(), error.what()};
  }
  return {EDGEONNX_OK, ""};
}

}  // namespace

TEST(test_tensors_on_the_device_into_memory_of_either_side) {
  DeviceScorer scorer(stream_compute::two_ports(), {2, 64, false});
  for (const bool to_host : {false, true}) {
    Tensors tensors(scorer, to_host ? 1.5F : 2.5F);
    const OwnedStream stream = edgeonnx::ort::make_stream(tensors.cuda);
    tensors.copy_in(stream.get());
    tensors.cuda.cudaStreamSynchronize(stream.get());
    const auto inputs = tensors.inputs();
    const auto outputs = to_host ? tensors.host_outputs() : tensors.outputs();
    edgeonnx_device_call call = call_of(inputs, outputs);
    call.outputs_are_on_host = to_host;
    score_there(scorer.handle(), call);
    if (!to_host) {
      tensors.copy_out(stream.get());
      tensors.cuda.cudaStreamSynchronize(stream.get());
    }
    CHECK(are_right(tensors));
    tensors.cuda.cudaSetDevice(0);
  }
}

TEST(test_run_comes_between_what_a_stream_does_before_and_after) {
  DeviceScorer scorer(stream_compute::two_ports(), {2, 64, false});
  fake_cuda::controls().set_delay(300, 1);
  for (const bool is_enqueued : {false, true}) {
    Tensors tensors(scorer, 3.5F);
    const OwnedStream stream = edgeonnx::ort::make_stream(tensors.cuda);
    tensors.copy_in(stream.get());
    const auto inputs = tensors.inputs(), outputs = tensors.outputs();
    edgeonnx_device_call call = call_of(inputs, outputs);
    call.stream = stream.get();
    call.has_stream = 1;
    call.is_enqueued = is_enqueued;
    score_there(scorer.handle(), call);
    if (is_enqueued) {
      tensors.copy_out(stream.get());
      tensors.cuda.cudaStreamSynchronize(stream.get());
    } else {  // they are there, whatever stream asks
      const OwnedStream other = edgeonnx::ort::make_stream(tensors.cuda);
      tensors.copy_out(other.get());
      tensors.cuda.cudaStreamSynchronize(other.get());
    }
    CHECK(are_right(tensors));
    tensors.cuda.cudaSetDevice(0);
  }
  fake_cuda::controls().set_delay(50, 1);
}

TEST(test_inputs_are_waited_for_by_their_events) {
  DeviceScorer scorer(stream_compute::two_ports(), {2, 64, false});
  fake_cuda::controls().set_delay(2000, 1);
  Tensors tensors(scorer, 4.5F);
  const OwnedStream stream = edgeonnx::ort::make_stream(tensors.cuda);
  const edgeonnx::ort::OwnedEvent event = edgeonnx::ort::make_event(tensors.cuda);
  tensors.copy_in(stream.get());
  tensors.cuda.cudaEventRecord(event.get(), stream.get());
  auto inputs = tensors.inputs();
  for (auto& input : inputs) input.ready = event.get();
  const auto outputs = tensors.host_outputs();
  edgeonnx_device_call call = call_of(inputs, outputs);
  call.outputs_are_on_host = 1;
  score_there(scorer.handle(), call);
  CHECK(are_right(tensors));
  tensors.cuda.cudaSetDevice(0);
  fake_cuda::controls().set_delay(50, 1);
}

TEST(test_all_mistakes_of_a_call_are_told_at_once) {
  DeviceScorer scorer(stream_compute::two_ports(), {2, 64, false});
  Tensors tensors(scorer);
  auto inputs = tensors.inputs();
  auto outputs = tensors.outputs();
  inputs[0].type = EDGEONNX_TYPE_DOUBLE;
  inputs[1].name = "q";
  const int64_t short_shape[] = {kRows - 1, kOut};
  outputs[1].shape = short_shape;
  outputs[0].data = static_cast<std::byte*>(outputs[0].data) + 8;
  const auto [code, text] = refusal(scorer.handle(), call_of(inputs, outputs));
  CHECK_EQUAL(code, static_cast<int>(EDGEONNX_INVALID_ARGUMENT));
  CHECK(contains(text, "input 'x': expected real, the tensor is float; nothing is converted on a device"));
  CHECK(contains(text, "input 'k' has no tensor"));
  CHECK(contains(text, "the model has no input 'q'; it has x, k"));
  CHECK(contains(text, "output 'y': it has 99 rows, others have 100"));
  CHECK(contains(text, "output 'twice': its first value does not lie on a boundary of 256 bytes"));

  const int64_t wide[] = {kRows, kIn + 1};
  inputs = tensors.inputs();
  inputs[0].shape = wide;
  const auto refused = refusal(scorer.handle(), call_of(inputs, {}));
  CHECK(contains(refused.second, "input 'x': expected the shape [N, 5], the tensor has [100, 6]"));
  CHECK(contains(refused.second, "there are no outputs"));
  tensors.cuda.cudaSetDevice(0);
}

TEST(test_tensors_elsewhere_than_the_scorer_are_unsupported) {
  DeviceScorer scorer(stream_compute::two_ports(), {2, 64, false});
  Tensors tensors(scorer);
  const auto inputs = tensors.inputs(), outputs = tensors.outputs();
  edgeonnx_device_call call = call_of(inputs, outputs);
  call.device_id = kDevice + 2;
  auto refused = refusal(scorer.handle(), call);
  CHECK_EQUAL(refused.first, static_cast<int>(EDGEONNX_UNSUPPORTED));
  CHECK(contains(refused.second, "runs on device 1, and the data lie on device 3"));

  const std::string model = tiny::identity(Type::kFloat, {"N", 1});
  const Scorer cpu = load(model);
  refused = refusal(cpu.get(), call_of(inputs, outputs));
  CHECK_EQUAL(refused.first, static_cast<int>(EDGEONNX_UNSUPPORTED));
  CHECK(contains(refused.second, "does not run on a CUDA device, and the data lie on one"));
  tensors.cuda.cudaSetDevice(0);
}

int main() { return scoring::run_with_runtime("test_device_calls"); }
