#include "ort/prepared_run.h"

#include "ort/status.h"
#include "ort/value.h"

namespace edgeonnx::ort {

PreparedRun::PreparedRun(const Session& session, std::span<const TensorRef> inputs, std::span<const size_t> wanted,
                         std::span<const TensorRef> outputs)
    : session_(session), n_inputs_(inputs.size()) {
  constexpr size_t kAlignment = 16;
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
  for (const size_t output : wanted) wanted_names_.push_back(session.output_names_[output]);
  values_.reserve(tensors.size());
  try {
    for (size_t i = 0; i < tensors.size(); ++i) {
      const bool is_input = i < n_inputs_;
      tensors[i].data = memory_.data() + offsets_[i];
      const PortInfo& port = is_input ? session.inputs_[i] : session.outputs_[wanted[i - n_inputs_]];
      values_.push_back(borrow(session.library_, tensors[i], is_input ? "input" : "output", port));
    }
  } catch (...) {
    for (void* value : values_) session.library_.api().ReleaseValue(static_cast<OrtValue*>(value));
    throw;
  }
}

PreparedRun::~PreparedRun() {
  for (void* value : values_) session_.library_.api().ReleaseValue(static_cast<OrtValue*>(value));
}

void PreparedRun::run(const RunControl& control) {
  const Api& api = session_.library_.api();
  auto** values = reinterpret_cast<OrtValue**>(values_.data());
  // Kept apart from check(), whose arguments are read in any order: the flag may go up while the model runs.
  OrtStatus* const status =
      api.Run(static_cast<OrtSession*>(session_.session_), static_cast<const OrtRunOptions*>(control.options()), session_.input_names_.data(),
              values, n_inputs_, wanted_names_.data(), wanted_names_.size(), values + n_inputs_);
  check(api, status, control.is_terminated() ? Phase::kCancelledRun : Phase::kRun, "run the model");
}

}  // namespace edgeonnx::ort
