#include "ort/prepared_run.h"

#include "ort/value.h"

namespace edgeonnx::ort {

PreparedRun::PreparedRun(const Session& session, std::span<const TensorRef> inputs, std::span<const size_t> wanted,
                         std::span<const TensorRef> outputs)
    : session_(session), n_inputs_(inputs.size()) {
  constexpr size_t kAlignment = 16;
  const Api& api = session.library_.api();
  std::vector<TensorRef> tensors(inputs.begin(), inputs.end());
  tensors.insert(tensors.end(), outputs.begin(), outputs.end());
  size_t n_bytes = 0;
  for (const TensorRef& tensor : tensors) {
    offsets_.push_back(n_bytes);
    size_t size = static_cast<size_t>(size_of(tensor.type));
    for (const int64_t extent : tensor.shape) size *= static_cast<size_t>(extent);
    n_bytes += (size + kAlignment - 1) / kAlignment * kAlignment;
  }
  memory_.resize(n_bytes);
  const auto require = [&api](OrtStatus* status) { check(api, status, Phase::kSetup, "bind a tensor"); };
  OrtIoBinding* binding = nullptr;
  require(api.CreateIoBinding(static_cast<OrtSession*>(session.session_), &binding));
  binding_ = OwnedIoBinding(binding, {&api});
  for (size_t i = 0; i < tensors.size(); ++i) {
    const bool is_input = i < n_inputs_;
    tensors[i].data = memory_.data() + offsets_[i];
    const PortInfo& port = is_input ? session.inputs_[i] : session.outputs_[wanted[i - n_inputs_]];
    OrtValue* value = borrow(session.library_, tensors[i], is_input ? "input" : "output", port);
    OrtStatus* status = (is_input ? api.BindInput : api.BindOutput)(binding, port.name.c_str(), value);
    api.ReleaseValue(value);  // the binding holds a reference of its own
    require(status);
  }
}

void PreparedRun::run(const RunControl& control) {
  const Api& api = session_.library_.api();
  OrtStatus* status =
      api.RunWithBinding(static_cast<OrtSession*>(session_.session_), static_cast<const OrtRunOptions*>(control.options()), binding_.get());
  check(api, status, control.is_terminated() ? Phase::kCancelledRun : Phase::kRun, "run the model");
}

}  // namespace edgeonnx::ort
