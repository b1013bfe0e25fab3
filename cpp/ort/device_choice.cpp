#include "ort/device_choice.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "ort/device_run.h"
#include "ort/needed_libraries.h"
#include "ort/provider_libraries.h"
#include "ort/provider_options.h"
#include "ort/provider_plugin.h"

namespace edgeonnx::ort {
namespace {

constexpr const char* kHasStream = "has_user_compute_stream";
constexpr const char* kStream = "user_compute_stream";

/// Null where the provider is neither CUDA's nor TensorRT's.
const ProviderKind* cuda_kind(const Provider& provider) {
  const ProviderKind* kind = provider_kind(provider.name);
  const bool is_cuda =
      kind != nullptr && !is_of_plugin(provider) && (kind->call == ProviderCall::kCuda || kind->call == ProviderCall::kTensorRt);
  return is_cuda ? kind : nullptr;
}

std::optional<std::string> value_of(const Options& options, std::string_view key) {
  const auto at = std::find_if(options.begin(), options.end(), [&](const auto& each) { return each.first == key; });
  if (at == options.end()) return std::nullopt;
  return at->second;
}

template <class Number>
Number number_of(const std::string& text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);  // checked_options() has seen it
  return number;
}

bool is_on(const Provider& provider, std::string_view key) {
  const auto value = value_of(provider.options, key);
  return value && (*value == "1" || equal_ignoring_case(*value, "true"));
}

/// What the providers' options say about the device, once they agree.
struct Wish {
  std::optional<int> id;
  std::optional<uintptr_t> stream;
  std::string reason;  ///< why no device can be had

  void read(const Options& options) {
    const auto given_id = value_of(options, "device_id");
    const int mine = given_id ? number_of<int>(*given_id) : 0;
    if (id && *id != mine) reason = "the providers name different devices by device_id";
    id = mine;
    if (value_of(options, kHasStream) == "0") reason = "has_user_compute_stream is off";
    if (value_of(options, "gpu_external_alloc").value_or("0") != "0")
      reason = "memory comes from gpu_external_alloc, which goes with no stream";
    const auto address = value_of(options, kStream);
    if (!address || *address == "0") return;
    const auto given = number_of<uintptr_t>(*address);
    if (stream && *stream != given) reason = "the providers are given different streams";
    stream = given;
  }
};

/// The runtime library that the provider's own library asks the loader for.
CudaRuntime runtime_of(const ProviderKind& kind, const Library& library) {
  open_needed_by(kind, library);
  const std::string file = provider_file(kind, library);
  const std::vector<std::string> needed = needed_libraries(file);
  const auto name = std::find_if(needed.begin(), needed.end(), [](const std::string& each) { return each.starts_with("libcudart.so"); });
  if (name == needed.end()) throw Error(Code::kUnsupported, in_quotes(kind.library) + " asks for no libcudart.so");
  return CudaRuntime::open(*name);
}

}  // namespace

DeviceChoice choose_device(const Library& library, const std::vector<Provider>& providers) {
  const ProviderKind* first = nullptr;
  Wish wish;
  for (const Provider& provider : providers) {
    const ProviderKind* kind = cuda_kind(provider);
    if (kind == nullptr) continue;
    if (first == nullptr) first = kind;
    wish.read(checked_options(*kind, provider.name, provider.options));
  }
  if (first == nullptr) return {};
  if (library.minor_version() < kFirstMinorThatTellsMemory) {
    wish.reason = "where the session reads its inputs is told by ONNX Runtime 1." + std::to_string(kFirstMinorThatTellsMemory) +
                  " and newer, this is " + library.version();
  }
  if (!wish.reason.empty()) return {nullptr, wish.reason};
  try {
    auto* const stream = reinterpret_cast<cudaStream_t>(wish.stream.value_or(0));
    return {std::make_unique<Device>(library, runtime_of(*first, library), *wish.id, "Cuda", stream), ""};
  } catch (const Error& error) {
    // The provider may work all the same; where it does not, it says so when the session is made.
    return {nullptr, error.what()};
  }
}

std::vector<Provider> computing_on(const Device& device, std::vector<Provider> providers) {
  const std::string address = std::to_string(reinterpret_cast<uintptr_t>(device.compute_stream()));
  for (Provider& provider : providers) {
    if (cuda_kind(provider) == nullptr) continue;
    if (!value_of(provider.options, kHasStream)) provider.options.emplace_back(kHasStream, "1");
    const auto given =
        std::find_if(provider.options.begin(), provider.options.end(), [](const auto& each) { return each.first == kStream; });
    if (given == provider.options.end())
      provider.options.emplace_back(kStream, address);
    else
      given->second = address;
  }
  return providers;
}

bool captures_graphs(const std::vector<Provider>& providers) {
  return std::any_of(providers.begin(), providers.end(),
                     [](const Provider& each) { return cuda_kind(each) != nullptr && is_on(each, "enable_cuda_graph"); });
}

void refuse_single_graph(const std::vector<Provider>& providers) {
  for (const Provider& each : providers) {
    if (cuda_kind(each) == nullptr || !is_on(each, "trt_cuda_graph_enable")) continue;
    throw Error(Code::kUnsupported, "execution provider " + in_quotes(each.name) +
                                        ": trt_cuda_graph_enable keeps one graph for all runs of a session, whatever their rows; leave it "
                                        "out, or give enable_cuda_graph to CUDA's provider instead");
  }
}

bool want_one_shape(const std::vector<Provider>& providers) {
  if (captures_graphs(providers)) return true;
  const ProviderKind* kind = providers.empty() ? nullptr : cuda_kind(providers.front());
  return kind != nullptr && kind->call == ProviderCall::kTensorRt;
}

}  // namespace edgeonnx::ort
