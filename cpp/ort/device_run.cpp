#include "ort/device_run.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "ort/value.h"

namespace edgeonnx::ort {
namespace {

constexpr size_t kAlignment = 256;  // as cudaMalloc gives it, so that a part is as good as a block of its own
constexpr const char* kInput = "input";
constexpr const char* kOutput = "output";

/// A number for the calling thread that no other thread ever has: the system's own numbers are given again.
uint64_t thread_number() {
  static std::atomic<uint64_t> n_threads{0};
  thread_local const uint64_t number = n_threads.fetch_add(1);
  return number;
}

OrtSession* session_of(void* session) { return static_cast<OrtSession*>(session); }

}  // namespace

DeviceRun::DeviceRun(const Device& device, const Session& session, bool captures)
    : device_(device), cuda_(device.runtime()), session_(session), is_host_input_(session.inputs_.size(), true), captures_(captures) {
  // An input that a node on the CPU reads, or a kernel's host code, can't be bound where it lies on the device: ONNX Runtime would copy it
  // when it is bound, once. Where it can't be told, ONNX Runtime copies every input itself, each time.
  const Api& api = session.library_.api();
  std::vector<const OrtMemoryInfo*> memories(session.inputs_.size(), nullptr);
  if (api.SessionGetMemoryInfoForInputs != nullptr) {
    OrtStatus* status = api.SessionGetMemoryInfoForInputs(session_of(session.session_), memories.data(), memories.size());
    if (status != nullptr) {
      api.ReleaseStatus(status);
      std::fill(memories.begin(), memories.end(), nullptr);
    }
  }
  for (size_t i = 0; i < memories.size(); ++i) {
    if (memories[i] == nullptr) continue;
    const char* name = nullptr;
    check(api, api.MemoryInfoGetName(memories[i], &name), Phase::kSetup, "name an input's memory");
    is_host_input_[i] = name != device.memory_name();
  }
  has_host_input_ = std::find(is_host_input_.begin(), is_host_input_.end(), true) != is_host_input_.end();
  const Device::Use use(device);
  copy_in_ = make_stream(cuda_);
  copy_out_ = make_stream(cuda_);
  for (OwnedEvent* event : {&copied_in_, &computed_, &copied_out_, &called_}) *event = make_event(cuda_);
}

DeviceRun::~DeviceRun() {
  try {
    const Device::Use use(device_);
    if (is_open_) quiesce();
    binding_.reset();
    for (Block* block : {&in_, &out_}) block->memory.reset();
    for (OwnedStream* stream : {&copy_in_, &copy_out_}) stream->reset();
    for (OwnedEvent* event : {&copied_in_, &computed_, &copied_out_, &called_}) event->reset();
  } catch (const Error&) {
    // The members go as they can: a device that is lost takes what lies on it along.
  }
}

void DeviceRun::check_spans(const Side& inputs, std::span<const size_t> wanted, const Side& outputs) const {
  if (inputs.tensors.size() != session_.inputs_.size() || wanted.size() != outputs.tensors.size()) [[unlikely]] {
    throw Error(Code::kInvalidArgument, "the model has " + std::to_string(session_.inputs_.size()) + " inputs and " +
                                            std::to_string(wanted.size()) + " outputs are wanted; " +
                                            std::to_string(inputs.tensors.size()) + " and " + std::to_string(outputs.tensors.size()) +
                                            " tensors were given");
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= session_.outputs_.size() || outputs.tensors[i].data == nullptr) [[unlikely]] {
      throw Error(Code::kInvalidArgument, "output " + std::to_string(wanted[i]) + " of " + std::to_string(session_.outputs_.size()) +
                                              " is wanted and nothing receives it");
    }
    const PortInfo& port = session_.outputs_[wanted[i]];
    if (!port.is_tensor) [[unlikely]]
      throw_port(Code::kUnsupported, kOutput, port, port.type_text + " is not carried, only tensors of numbers are");
  }
}

void DeviceRun::place(const Side& side, std::vector<Part>& parts, Block& block) {
  const auto room_of = [](const Part& part) { return (part.n_bytes + kAlignment - 1) / kAlignment * kAlignment; };
  size_t n_bytes = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool is_host = &block == &in_ && is_host_input_[i];
    parts[i].data = is_host || !side.is_on_device ? nullptr : static_cast<std::byte*>(side.tensors[i].data);
    if (is_host) parts[i].n_bytes = 0;
    n_bytes += room_of(parts[i]);
  }
  if (side.is_on_device) return;
  if (n_bytes > block.capacity) {
    if (is_open_) quiesce();
    block.memory.reset();  // before the new block is asked for
    block.capacity = 0;
    graph_id_ = -1;  // it was of addresses that are gone
    block.memory = allocate_on_device(cuda_, n_bytes);
    block.capacity = n_bytes;
  }
  std::byte* next = block.memory.get();
  for (Part& part : parts) {
    if (part.n_bytes == 0) continue;
    part.data = next;
    next += room_of(part);
  }
}

void DeviceRun::lay_out(const Side& inputs, std::span<const size_t> wanted, const Side& outputs) {
  const auto describe = [](Part& part, const TensorRef& tensor, const char* side, const PortInfo& port) {
    part.type = tensor.type;
    part.shape.assign(tensor.shape.begin(), tensor.shape.end());
    part.n_bytes = size_in_bytes(tensor, side, port);
    if (part.n_bytes > 0 && tensor.data == nullptr) throw_port(Code::kInvalidArgument, side, port, "a tensor of values has no data");
  };
  next_.inputs.resize(inputs.tensors.size());
  for (size_t i = 0; i < next_.inputs.size(); ++i) describe(next_.inputs[i], inputs.tensors[i], kInput, session_.inputs_[i]);
  next_.outputs.resize(outputs.tensors.size());
  for (size_t i = 0; i < next_.outputs.size(); ++i) {
    describe(next_.outputs[i], outputs.tensors[i], kOutput, session_.outputs_[wanted[i]]);
  }
  next_.wanted.assign(wanted.begin(), wanted.end());
  place(inputs, next_.inputs, in_);
  place(outputs, next_.outputs, out_);
}

void DeviceRun::bind(bool is_input, size_t i, const OrtMemoryInfo* memory, const TensorRef& tensor) {
  const Api& api = session_.library_.api();
  const PortInfo& port = is_input ? session_.inputs_[i] : session_.outputs_[bound_.wanted[i]];
  OrtValue* value = borrow(session_.library_, memory, tensor, is_input ? kInput : kOutput, port);
  OrtStatus* status = (is_input ? api.BindInput : api.BindOutput)(binding_.get(), port.name.c_str(), value);
  api.ReleaseValue(value);  // the binding holds a reference of its own
  check(api, status, Phase::kRun, "bind a tensor");
}

void DeviceRun::bind_all() {
  if (binding_ && bound_ == next_) return;
  const Api& api = session_.library_.api();
  OrtIoBinding* binding = nullptr;
  binding_.reset();
  check(api, api.CreateIoBinding(session_of(session_.session_), &binding), Phase::kSetup, "bind tensors");
  binding_ = OwnedIoBinding(binding, {&api});
  std::swap(bound_, next_);
  try {
    for (size_t i = 0; i < bound_.inputs.size(); ++i) {
      const Part& part = bound_.inputs[i];
      if (!is_host_input_[i]) bind(true, i, device_.memory(), {part.data, part.type, part.shape});
    }
    for (size_t i = 0; i < bound_.outputs.size(); ++i) {
      const Part& part = bound_.outputs[i];
      bind(false, i, device_.memory(), {part.data, part.type, part.shape});
    }
  } catch (...) {
    binding_.reset();
    throw;
  }
}

bool DeviceRun::choose_graph() {
  // What ONNX Runtime reads on the host would be captured with the values of that run.
  if (!captures_ || has_host_input_) return false;
  if (graph_id_ < 0) {
    captured_ = bound_;
    graph_id_ = device_.next_graph_id();
    capturers_.clear();
  }
  return captured_ == bound_;
}

void DeviceRun::prepare(const RunControl& control, bool has_graph) {
  const Api& api = session_.library_.api();
  const auto set = [&](const char* key, const char* value) {
    OrtStatus* status = api.AddRunConfigEntry(static_cast<OrtRunOptions*>(control.options()), key, value);
    check(api, status, Phase::kSetup, "set the options of a run");
  };
  // Events tell when a run is done; ONNX Runtime would wait for the whole stream, others' runs included.
  set("disable_synchronize_execution_providers", "1");
  // A session that captures would, without a number, take every run for the same one; -1 is one that it does not capture.
  if (captures_) set("gpu_graph_id", has_graph ? std::to_string(graph_id_).c_str() : "-1");
}

bool DeviceRun::copy_in(const Side& inputs) {
  if (inputs.is_on_device) return false;
  constexpr const char* kDoing = "copy the inputs to the device";
  if (is_open_) cuda_.check(cuda_.cudaStreamWaitEvent(copy_in_.get(), computed_.get(), 0), kDoing);  // it reads the same block
  for (size_t i = 0; i < bound_.inputs.size(); ++i) {
    const Part& part = bound_.inputs[i];
    if (part.n_bytes == 0) continue;
    cuda_.check(cuda_.cudaMemcpyAsync(part.data, inputs.tensors[i].data, part.n_bytes, cudaMemcpyHostToDevice, copy_in_.get()), kDoing);
  }
  cuda_.check(cuda_.cudaEventRecord(copied_in_.get(), copy_in_.get()), kDoing);
  return true;
}

void DeviceRun::compute(const Side& inputs, bool has_copies, const RunControl& control, std::optional<cudaStream_t> stream) {
  constexpr const char* kDoing = "order the run on the device";
  const Api& api = session_.library_.api();
  const cudaStream_t compute_stream = device_.compute_stream();
  if (stream) cuda_.check(cuda_.cudaEventRecord(called_.get(), *stream), kDoing);
  const std::lock_guard lock(device_.compute_mutex());
  if (has_copies) cuda_.check(cuda_.cudaStreamWaitEvent(compute_stream, copied_in_.get(), 0), kDoing);
  if (stream) cuda_.check(cuda_.cudaStreamWaitEvent(compute_stream, called_.get(), 0), kDoing);
  for (size_t i = 0; i < is_host_input_.size(); ++i) {
    if (!is_host_input_[i]) continue;
    const auto* host = static_cast<const OrtMemoryInfo*>(session_.library_.cpu_memory());
    bind(true, i, inputs.is_on_device ? device_.memory() : host, inputs.tensors[i]);
  }
  OrtStatus* status =
      api.RunWithBinding(session_of(session_.session_), static_cast<const OrtRunOptions*>(control.options()), binding_.get());
  check(api, status, control.is_terminated() ? Phase::kCancelledRun : Phase::kRun, "run the model");
  cuda_.check(cuda_.cudaEventRecord(computed_.get(), compute_stream), kDoing);
}

void DeviceRun::copy_out(const Side& outputs) {
  constexpr const char* kDoing = "copy the outputs to the host";
  cuda_.check(cuda_.cudaStreamWaitEvent(copy_out_.get(), computed_.get(), 0), kDoing);
  for (size_t i = 0; i < bound_.outputs.size(); ++i) {
    const Part& part = bound_.outputs[i];
    if (part.n_bytes == 0) continue;
    cuda_.check(cuda_.cudaMemcpyAsync(outputs.tensors[i].data, part.data, part.n_bytes, cudaMemcpyDeviceToHost, copy_out_.get()), kDoing);
  }
  cuda_.check(cuda_.cudaEventRecord(copied_out_.get(), copy_out_.get()), kDoing);
  cuda_.check(cuda_.cudaEventSynchronize(copied_out_.get()), kDoing);
}

void DeviceRun::quiesce() noexcept {
  for (const cudaStream_t stream : {copy_in_.get(), device_.compute_stream(), copy_out_.get()}) (void)cuda_.cudaStreamSynchronize(stream);
  (void)cuda_.cudaGetLastError();
  is_open_ = false;
}

void DeviceRun::run(std::span<const TensorRef> inputs, std::span<const size_t> wanted, std::span<const TensorRef> outputs,
                    const RunControl& control) {
  run_on_device({inputs, false}, wanted, {outputs, false}, control);
}

void DeviceRun::run_on_device(const Side& inputs, std::span<const size_t> wanted, const Side& outputs, const RunControl& control,
                              std::optional<cudaStream_t> stream) {
  check_spans(inputs, wanted, outputs);
  if (control.is_terminated()) throw Error(Code::kCancelled, "the run was told to stop before it began");
  bool has_graph = false;
  {
    const Device::Use use(device_);
    lay_out(inputs, wanted, outputs);
    bind_all();
    has_graph = choose_graph();
  }
  const bool is_capture = has_graph && std::find(capturers_.begin(), capturers_.end(), thread_number()) == capturers_.end();
  prepare(control, has_graph);

  const Device::Use use(device_, is_capture);
  try {
    const bool has_copies = copy_in(inputs);
    compute(inputs, has_copies, control, stream);
    if (!outputs.is_on_device) {
      copy_out(outputs);
    } else if (!stream || has_host_input_) {
      cuda_.check(cuda_.cudaEventSynchronize(computed_.get()), "wait for a run");
    } else {
      cuda_.check(cuda_.cudaStreamWaitEvent(*stream, computed_.get(), 0), "order the caller's stream behind a run");
      if (has_copies) cuda_.check(cuda_.cudaEventSynchronize(copied_in_.get()), "wait for the inputs to be copied");
    }
    is_open_ = outputs.is_on_device && stream && !has_host_input_;
  } catch (...) {
    quiesce();
    throw;
  }
  if (is_capture) capturers_.push_back(thread_number());
}

}  // namespace edgeonnx::ort
