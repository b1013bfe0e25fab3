// edgeonnx_scorer_score_device: a shim over engine::score_on_device.
#include "capi/handles.h"
#include "engine/device_score.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

namespace {

std::vector<engine::DeviceTensor> tensors_of(std::span<const edgeonnx_device_tensor> given) {
  std::vector<engine::DeviceTensor> tensors;
  for (const edgeonnx_device_tensor& raw : given) {
    if (raw.rank < 0) throw Error(Code::kInvalidArgument, "a tensor has the rank " + std::to_string(raw.rank));
    const auto shape = items(raw.shape, static_cast<size_t>(raw.rank), "shape");
    tensors.push_back({text_or(raw.name, ""), raw.data, static_cast<Type>(raw.type), {shape.begin(), shape.end()}, raw.ready});
  }
  return tensors;
}

}  // namespace

edgeonnx_status edgeonnx_scorer_score_device(const edgeonnx_scorer* scorer, const edgeonnx_device_call* call, edgeonnx_error* error) {
  return guarded(error, [&] {
    const edgeonnx_device_call raw = read_struct(&needed(call, "call"));
    const auto inputs = tensors_of(items(raw.inputs, raw.n_inputs, "inputs"));
    const auto outputs = tensors_of(items(raw.outputs, raw.n_outputs, "outputs"));
    engine::DeviceCall wanted{inputs, outputs, raw.device_id, raw.outputs_are_on_host == 0, std::nullopt, raw.is_enqueued != 0};
    if (raw.has_stream) wanted.stream = raw.stream;
    engine::score_on_device(*needed(scorer, "scorer").scorer, wanted);
  });
}
