#include "engine/device_score.h"

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "ort/device_run.h"

namespace edgeonnx::engine {
namespace {

constexpr uintptr_t kAlignment = 256;  // what every allocator of device memory gives, and kernels rely on

std::string shape_text(std::span<const int64_t> shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(size < 0 ? "N" : std::to_string(size));
  return "[" + join(sizes) + "]";
}

/// The shape as the model has it: a column of N values feeds an input [N, 1].
std::vector<int64_t> with_rank_of(const std::vector<int64_t>& declared, std::vector<int64_t> shape) {
  if (declared.size() == 2 && shape.size() == 1 && (declared[1] == 1 || declared[1] < 0)) shape.push_back(1);
  return shape;
}

bool fits(const std::vector<int64_t>& declared, const std::vector<int64_t>& shape) {
  if (declared.size() != shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (declared[i] >= 0 && declared[i] != shape[i]) return false;
  }
  return true;
}

/// What is wrong with a tensor in the place of a port; "" where nothing is.
std::string mistake_in(const char* side, const DeviceTensor& tensor, Type type, const std::vector<int64_t>& declared, int64_t n_rows,
                       bool is_on_device) {
  const std::string who = std::string(side) + " " + in_quotes(tensor.name) + ": ";
  const std::vector<int64_t> shape = with_rank_of(declared, tensor.shape);
  if (tensor.type != type) {
    return who + "expected " + display_name(type) + ", the tensor is " + display_name(tensor.type) +
           "; nothing is converted on a device, cast it there";
  }
  if (!fits(declared, shape)) return who + "expected the shape " + shape_text(declared) + ", the tensor has " + shape_text(tensor.shape);
  if (shape.empty() || shape[0] != n_rows) {
    return who + "it has " + (shape.empty() ? "no rows" : std::to_string(shape[0]) + " rows") + ", others have " + std::to_string(n_rows);
  }
  if (is_on_device && reinterpret_cast<uintptr_t>(tensor.data) % kAlignment != 0) {
    return who + "its first value does not lie on a boundary of 256 bytes, as a part of a tensor may not; copy it";
  }
  return "";
}

/// One side of a run: which of the ports have which tensors.
class Side {
 public:
  Side(const char* name, std::span<const DeviceTensor> tensors, int64_t n_rows, bool is_on_device)
      : name_(name), tensors_(tensors), n_rows_(n_rows), is_on_device_(is_on_device) {}

  /// The tensor of a port, if it has one; what is wrong with it goes to `mistakes`.
  const DeviceTensor* take(const std::string& port, Type type, const std::vector<int64_t>& declared, std::vector<std::string>& mistakes) {
    const DeviceTensor* found = nullptr;
    for (const DeviceTensor& tensor : tensors_) {
      if (tensor.name != port) continue;
      if (found) mistakes.push_back(std::string(name_) + " " + in_quotes(port) + " is given twice");
      found = &tensor;
    }
    if (!found) return nullptr;
    shapes_.push_back(with_rank_of(declared, found->shape));
    refs_.push_back({found->data, found->type, {}});
    if (const std::string mistake = mistake_in(name_, *found, type, declared, n_rows_, is_on_device_); !mistake.empty()) {
      mistakes.push_back(mistake);
    }
    return found;
  }

  /// Names that no port has.
  void refuse_others(const std::vector<std::string>& ports, std::vector<std::string>& mistakes) const {
    for (const DeviceTensor& tensor : tensors_) {
      if (std::find(ports.begin(), ports.end(), tensor.name) != ports.end()) continue;
      mistakes.push_back("the model has no " + std::string(name_) + " " + in_quotes(tensor.name) + "; it has " + join(ports));
    }
  }

  std::span<const ort::TensorRef> refs() {
    for (size_t i = 0; i < refs_.size(); ++i) refs_[i].shape = shapes_[i];
    return refs_;
  }

 private:
  const char* name_;
  std::span<const DeviceTensor> tensors_;
  int64_t n_rows_;
  bool is_on_device_;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<ort::TensorRef> refs_;
};

const ort::Device& device_of(const Scorer& scorer, int device_id) {
  const ort::Device* device = scorer.plan().session ? scorer.plan().session->device() : nullptr;
  if (device && device->id() == device_id) return *device;
  if (device) {
    throw Error(Code::kUnsupported, scorer.model_name() + " runs on device " + std::to_string(device->id()) +
                                        ", and the data lie on device " + std::to_string(device_id) +
                                        ": load it with the option device_id=" + std::to_string(device_id) + ", or move the data");
  }
  const bool has_reason = scorer.plan().session && !scorer.plan().session->why_no_device().empty();
  throw Error(Code::kUnsupported,
              has_reason ? scorer.model_name() + " takes data in memory of the CPU alone: " + scorer.plan().session->why_no_device()
                         : scorer.model_name() +
                               " does not run on a CUDA device, and the data lie on one: choose "
                               "providers=['CUDAExecutionProvider'], or bring the data to the CPU");
}

}  // namespace

void score_on_device(const Scorer& scorer, const DeviceCall& call) {
  scorer.check_usable();
  const ort::Device& device = device_of(scorer, call.device_id);
  const plan::Plan& plan = scorer.plan();
  if (call.inputs.empty()) throw Error(Code::kInvalidArgument, "there are no inputs");
  const int64_t n_rows = call.inputs[0].shape.empty() ? 0 : call.inputs[0].shape[0];
  const int64_t n_run = plan.batch_mode == plan::BatchMode::kFixed ? plan.fixed_batch : plan.padded_rows;
  std::vector<std::string> mistakes;
  if (n_run > 0 && n_rows != n_run) {
    mistakes.push_back("this session runs " + std::to_string(n_run) + " rows at a time, the tensors have " + std::to_string(n_rows) +
                       "; give it so many, or choose their number by morsel_rows");
  }

  Side in("input", call.inputs, n_rows, true);
  std::vector<std::string> names;
  std::vector<void*> events;
  for (const plan::Port& port : plan.inputs) {
    names.push_back(port.name);
    const DeviceTensor* tensor = in.take(port.name, port.type, port.shape, mistakes);
    if (!tensor) mistakes.push_back("input " + in_quotes(port.name) + " has no tensor");
    if (tensor && tensor->ready) events.push_back(tensor->ready);
  }
  in.refuse_others(names, mistakes);

  Side out("output", call.outputs, n_rows, call.outputs_are_on_device);
  names.clear();
  std::vector<size_t> wanted;
  for (const plan::OutputPort& output : plan.outputs) {
    names.push_back(output.port.name);
    const plan::Tensor& tensor = plan.tensors[output.tensor];
    const std::vector<int64_t>& declared = tensor.shape ? tensor.shape->shape : tensor.declared;
    if (!out.take(output.port.name, tensor.type, declared, mistakes)) continue;
    if (output.is_slice) mistakes.push_back("output " + in_quotes(output.port.name) + " is a value of a ZipMap; export the model without");
    wanted.push_back(tensor.index);
  }
  out.refuse_others(names, mistakes);
  if (wanted.empty()) mistakes.push_back("there are no outputs");
  if (!mistakes.empty()) throw Error(Code::kInvalidArgument, scorer.model_name() + ": " + join(mistakes, "; "));
  if (n_rows == 0) return;

  struct Loan {
    const Scorer& scorer;
    std::unique_ptr<Lane> lane = scorer.take_lane();
    ~Loan() { scorer.give_lane(std::move(lane)); }
  } loan{scorer};
  const auto wait = [&](const auto& waits, const char* doing) {
    const ort::Device::Use use(device);
    device.runtime().check(waits(device.runtime()), doing);
  };
  for (void* event : events) {
    wait([&](const ort::CudaRuntime& cuda) { return cuda.cudaEventSynchronize(static_cast<ort::cudaEvent_t>(event)); },
         "wait for the inputs");
  }
  const auto stream = call.stream ? std::optional(static_cast<ort::cudaStream_t>(*call.stream)) : std::nullopt;
  loan.lane->device_run->run_on_device({in.refs(), true}, wanted, {out.refs(), call.outputs_are_on_device}, *loan.lane->control, stream);
  if (stream && !call.is_enqueued) {
    wait([&](const ort::CudaRuntime& cuda) { return cuda.cudaStreamSynchronize(*stream); }, "wait for the outputs");
  }
}

}  // namespace edgeonnx::engine
