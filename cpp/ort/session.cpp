// A session's life: options, creation, what it says of itself, and runs without a heap allocation of ours.
#include "ort/session.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "ort/port.h"
#include "ort/provider_catalog.h"
#include "ort/provider_plugin.h"
#include "ort/provider_probe.h"
#include "ort/providers.h"
#include "ort/status.h"
#include "ort/value.h"

namespace edgeonnx::ort {
namespace {

OrtSession* session_of(void* session) { return static_cast<OrtSession*>(session); }

bool tells_nodes(const Library& library) { return library.minor_version() >= kFirstMinorThatAssigns; }

bool may_fall_back(const SessionOptions& options) {
  return options.fallback == Fallback::kCpu || (options.fallback == Fallback::kListed && has_cpu(options.providers));
}

/// The session's device, if it has one, for ONNX Runtime's calls: it makes the device the thread's current one and leaves it so, and
/// allocates.
std::optional<Device::Use> use_of(const Device* device) {
  return device ? std::optional<Device::Use>(std::in_place, *device) : std::nullopt;
}

DeviceChoice device_for(const Library& library, const SessionOptions& options) {
  if (options.make_device) return {options.make_device(library), ""};
  return options.probes ? DeviceChoice{} : choose_device(library, options.providers);
}

OwnedSessionOptions make_options(const Library& library, const SessionOptions& options, const Device* device) {
  const Api& api = library.api();
  OrtSessionOptions* raw = nullptr;
  const auto require = [&](OrtStatus* status) { check(api, status, Phase::kSetup, "set the options of a session"); };
  require(api.CreateSessionOptions(&raw));
  OwnedSessionOptions owner(raw, {&api});

  require(api.SetSessionGraphOptimizationLevel(raw, options.optimizes ? ORT_ENABLE_ALL : ORT_DISABLE_ALL));
  // Rows are split over our threads, so a session of its own threads would only compete with them and make sums depend on their number.
  require(api.SetIntraOpNumThreads(raw, 1));
  require(api.SetInterOpNumThreads(raw, 1));
  require(api.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", "0"));
  // Memory patterns are cached per distinct shape and never dropped: they would grow with every row count seen.
  require(api.DisableMemPattern(raw));
  if (!options.use_arena) require(api.DisableCpuMemArena(raw));

  if (!options.external_data_folder.empty()) {
    // An older runtime ignores the key and looks in the working directory, where another model's weights may lie.
    constexpr int kFirstMinor = 21;
    if (library.minor_version() < kFirstMinor) {
      throw Error(Code::kUnsupported, "the model keeps data outside its file, in " + in_quotes(options.external_data_folder) +
                                          "; reading them needs ONNX Runtime 1." + std::to_string(kFirstMinor) + " or newer, this is " +
                                          library.version());
    }
    require(api.AddSessionConfigEntry(raw, "session.model_external_initializers_file_folder_path", options.external_data_folder.c_str()));
  }
  append_providers(library, raw, device ? computing_on(*device, options.providers) : options.providers);
  if (are_cpu(options.providers)) return owner;
  if (tells_nodes(library)) {
    require(api.AddSessionConfigEntry(raw, "session.record_ep_graph_assignment_info", "1"));
  } else if (!may_fall_back(options)) {
    require(api.AddSessionConfigEntry(raw, "session.disable_cpu_ep_fallback", "1"));
  }
  return owner;
}

OwnedSession make_session(const Library& library, std::span<const std::byte> bytes, const OrtSessionOptions* options) {
  const Api& api = library.api();
  OrtSession* session = nullptr;
  const auto* environment = static_cast<const OrtEnv*>(library.environment());
  try {
    check(api, api.CreateSessionFromArray(environment, bytes.data(), bytes.size(), options, &session), Phase::kLoad, "load the model");
  } catch (const Error& error) {
    const std::string sentence = opset_sentence(error.what(), library.version());
    if (sentence.empty()) throw;
    throw Error(Code::kInvalidModel, sentence);
  }
  return OwnedSession(session, {&api});
}

/// The provider with the options that say where it runs, and not those that are about one model's inputs. A plugin keeps all: what they
/// mean is not known.
Provider for_any_model(const Provider& provider) {
  if (provider_kind(provider.name) == nullptr || is_of_plugin(provider)) return provider;
  Provider bare{provider.name, {}};
  for (const auto& option : provider.options) {
    if (option.first == "device_id" || option.first == "device_type") bare.options.push_back(option);
  }
  return bare;
}

/// A provider whose library is loaded may still find no device, which it tells when a session is made: not the model's fault.
[[noreturn]] void throw_of_providers(const Library& library, const SessionOptions& options, const Error& error) {
  for (const Provider& provider : options.providers) {
    if (is_cpu(provider)) continue;
    const std::string reason = options.probes ? bare_text(error.what()) : provider_failure(library, for_any_model(provider));
    if (reason.empty()) continue;
    throw Error(Code::kUnsupported, "execution provider " + in_quotes(provider.name) + " cannot be used: " + reason);
  }
  throw error;
}

using PortCount = OrtStatus* (*)(const OrtSession*, size_t*);
using PortName = OrtStatus* (*)(const OrtSession*, size_t, OrtAllocator*, char**);
using PortType = OrtStatus* (*)(const OrtSession*, size_t, OrtTypeInfo**);

std::vector<PortInfo> read_ports(const Api& api, const OrtSession* session, PortCount count, PortName name, PortType type) {
  const auto require = [&](OrtStatus* status) { check(api, status, Phase::kSetup, "describe its inputs and outputs"); };
  OrtAllocator* allocator = nullptr;  // ONNX Runtime's own, not ours to release
  require(api.GetAllocatorWithDefaultOptions(&allocator));
  const auto free_name = [&](char* text) {
    if (OrtStatus* status = api.AllocatorFree(allocator, text)) api.ReleaseStatus(status);
  };

  size_t n_ports = 0;
  require(count(session, &n_ports));
  std::vector<PortInfo> ports;
  ports.reserve(n_ports);
  for (size_t i = 0; i < n_ports; ++i) {
    OrtTypeInfo* info = nullptr;
    require(type(session, i, &info));
    const OwnedTypeInfo info_owner(info, {&api});
    char* text = nullptr;
    require(name(session, i, allocator, &text));
    const std::unique_ptr<char, decltype(free_name)> text_owner(text, free_name);
    ports.push_back(describe_type(api, info));
    ports.back().name = text;
  }
  return ports;
}

std::vector<const char*> names_of(const std::vector<PortInfo>& ports) {
  std::vector<const char*> names;
  for (const PortInfo& port : ports) names.push_back(port.name.c_str());
  return names;
}

/// `size` pointers, on the stack up to 64 of them: a run of one row must not pay for the heap.
template <class T>
class PointerArray {
 public:
  explicit PointerArray(size_t size) : heap_(size > kInline ? new T*[size] : nullptr), data_(heap_ ? heap_.get() : inline_.data()) {}
  PointerArray(const PointerArray&) = delete;
  PointerArray& operator=(const PointerArray&) = delete;

  T** data() { return data_; }
  T*& operator[](size_t i) { return data_[i]; }

 private:
  static constexpr size_t kInline = 64;
  std::array<T*, kInline> inline_;  // left uninitialised on purpose: whoever asks for `size` writes that many
  std::unique_ptr<T*[]> heap_;
  T** data_;
};

/// The OrtValues of one side of a run, released at its end whatever happens.
class Values {
 public:
  Values(const Api& api, size_t size) : api_(api), values_(size), size_(size) { std::fill_n(values_.data(), size, nullptr); }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  ~Values() {
    for (size_t i = 0; i < size_; ++i) {
      if (values_[i] != nullptr) api_.ReleaseValue(values_[i]);
    }
  }
  OrtValue** data() { return values_.data(); }
  OrtValue*& operator[](size_t i) { return values_[i]; }

 private:
  const Api& api_;
  PointerArray<OrtValue> values_;
  size_t size_;
};

}  // namespace

Session::Session(const Library& library, std::span<const std::byte> bytes, const SessionOptions& options)
    : library_(library),
      is_on_cpu_(are_cpu(options.providers)),
      captures_(captures_graphs(options.providers)),
      device_(device_for(library, options)) {
  const Api& api = library.api();
  refuse_single_graph(options.providers);
  const OwnedSessionOptions session_options = make_options(library, options, device());
  const auto use = use_of(device());
  OwnedSession session(nullptr, {&api});  // a failed one is released while the device is in use
  try {
    session = make_session(library, bytes, session_options.get());
  } catch (const Error& error) {
    if (is_on_cpu_) throw;
    throw_of_providers(library, options, error);
  }
  if (!is_on_cpu_ && tells_nodes(library)) {
    nodes_ = assigned_nodes(library, session.get());
    if (options.probes && has_fallen_back(nodes_)) throw Error(Code::kUnsupported, "it does not take an Add of real values");
    if (!may_fall_back(options)) refuse_fallback(nodes_);
  }
  inputs_ = read_ports(api, session.get(), api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo);
  outputs_ = read_ports(api, session.get(), api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo);
  input_names_ = names_of(inputs_);
  output_names_ = names_of(outputs_);
  session_ = session.release();
}

Session::~Session() {
  std::optional<Device::Use> use;
  try {
    if (device()) use.emplace(*device());
  } catch (const Error&) {
    // The session goes as it can.
  }
  library_.api().ReleaseSession(session_of(session_));
}

void Session::run(std::span<const TensorRef> inputs, std::span<const size_t> wanted, std::span<const TensorRef> outputs,
                  std::span<OwnedTensor> owned, const RunControl& control) const {
  const Api& api = library_.api();
  if (inputs.size() != inputs_.size() || wanted.size() != outputs.size()) [[unlikely]] {
    throw Error(Code::kInvalidArgument, "the model has " + std::to_string(inputs_.size()) + " inputs and " + std::to_string(wanted.size()) +
                                            " outputs are wanted; " + std::to_string(inputs.size()) + " and " +
                                            std::to_string(outputs.size()) + " tensors were given");
  }

  const auto use = use_of(device());
  Values input_values(api, inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) input_values[i] = borrow(library_, inputs[i], "input", inputs_[i]);

  Values output_values(api, wanted.size());
  PointerArray<const char> wanted_names(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= outputs_.size() || (outputs[i].data == nullptr && i >= owned.size())) [[unlikely]] {
      throw Error(Code::kInvalidArgument,
                  "output " + std::to_string(wanted[i]) + " of " + std::to_string(outputs_.size()) + " is wanted and nothing receives it");
    }
    const PortInfo& port = outputs_[wanted[i]];
    wanted_names[i] = output_names_[wanted[i]];
    if (!port.is_tensor || size_of(port.type) == 0) [[unlikely]] {
      throw_port(Code::kUnsupported, "output", port, port.type_text + " is not carried, only tensors of numbers are");
    }
    if (outputs[i].data != nullptr) output_values[i] = borrow(library_, outputs[i], "output", port);
  }

  if (captures_) {
    // Such a session would take all runs without a number for the same one, and replay it without looking at their tensors.
    check(api, api.AddRunConfigEntry(static_cast<OrtRunOptions*>(control.options()), "gpu_graph_id", "-1"), Phase::kSetup,
          "set the options of a run");
  }
  OrtStatus* status = api.Run(session_of(session_), static_cast<const OrtRunOptions*>(control.options()), input_names_.data(),
                              input_values.data(), inputs.size(), wanted_names.data(), wanted.size(), output_values.data());
  // ONNX Runtime has no code for a run that was told to stop; that we told it is what makes it one.
  check(api, status, control.is_terminated() ? Phase::kCancelledRun : Phase::kRun, "run the model");

  for (size_t i = 0; i < wanted.size(); ++i) {
    if (outputs[i].data == nullptr) owned[i] = OwnedTensor(&api, std::exchange(output_values[i], nullptr));
  }
}

}  // namespace edgeonnx::ort
