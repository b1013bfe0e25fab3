// CUDA, TensorRT and OpenVINO have calls of their own in OrtApi; the generic one refuses the first two and serves the rest.
#include "ort/providers.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

/// Options as OrtApi takes them: two arrays of C strings, which point into the provider.
struct OptionArrays {
  std::vector<const char*> keys;
  std::vector<const char*> values;

  explicit OptionArrays(const Provider& provider) {
    for (const auto& [key, value] : provider.options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
};

std::string_view short_name(std::string_view name) {
  constexpr std::string_view kSuffix = "ExecutionProvider";
  const bool is_long = name.size() > kSuffix.size() && equal_ignoring_case(name.substr(name.size() - kSuffix.size()), kSuffix);
  return is_long ? name.substr(0, name.size() - kSuffix.size()) : name;
}

bool is_cpu(const Provider& provider) { return equal_ignoring_case(short_name(provider.name), "CPU"); }

void append(const Api& api, OrtSessionOptions* session_options, const Provider& provider) {
  const std::string doing = "use execution provider " + in_quotes(provider.name);
  const auto require = [&](OrtStatus* status) { check(api, status, Phase::kProvider, doing); };
  const OptionArrays options(provider);
  const char* const* keys = options.keys.data();
  const char* const* values = options.values.data();
  const size_t n_options = options.keys.size();
  const std::string_view name = short_name(provider.name);

  // The update is called without options too: in a build with CUDA or TensorRT it is what loads the provider's library and gives the
  // loader's reason where that fails.
  if (equal_ignoring_case(name, "CUDA")) {
    OrtCUDAProviderOptionsV2* cuda = nullptr;
    require(api.CreateCUDAProviderOptions(&cuda));
    const Owner<OrtCUDAProviderOptionsV2, &Api::ReleaseCUDAProviderOptions> owner(cuda, {&api});
    require(api.UpdateCUDAProviderOptions(cuda, keys, values, n_options));
    require(api.SessionOptionsAppendExecutionProvider_CUDA_V2(session_options, cuda));
  } else if (equal_ignoring_case(name, "TensorRT")) {
    OrtTensorRTProviderOptionsV2* tensorrt = nullptr;
    require(api.CreateTensorRTProviderOptions(&tensorrt));
    const Owner<OrtTensorRTProviderOptionsV2, &Api::ReleaseTensorRTProviderOptions> owner(tensorrt, {&api});
    require(api.UpdateTensorRTProviderOptions(tensorrt, keys, values, n_options));
    require(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(session_options, tensorrt));
  } else if (equal_ignoring_case(name, "OpenVINO")) {
    require(api.SessionOptionsAppendExecutionProvider_OpenVINO_V2(session_options, keys, values, n_options));
  } else {
    require(api.SessionOptionsAppendExecutionProvider(session_options, provider.name.c_str(), keys, values, n_options));
  }
}

}  // namespace

bool are_cpu(const std::vector<Provider>& providers) { return std::all_of(providers.begin(), providers.end(), is_cpu); }

void append_providers(const Library& library, OrtSessionOptions* session_options, const std::vector<Provider>& providers) {
  const Api& api = library.api();
  bool has_cpu = providers.empty();
  for (const Provider& provider : providers) {
    if (has_cpu) {
      throw Error(Code::kInvalidArgument, "execution provider " + in_quotes(provider.name) +
                                              " stands after CPU, which runs every node: list CPU last or not at all");
    }
    if (!is_cpu(provider)) {
      append(api, session_options, provider);
      continue;
    }
    if (!provider.options.empty()) {
      throw Error(Code::kInvalidArgument, "execution provider " + in_quotes(provider.name) + " takes no options, but " +
                                              in_quotes(provider.options.front().first) + " was given");
    }
    has_cpu = true;
  }
  if (!has_cpu) {
    check(api, api.AddSessionConfigEntry(session_options, "session.disable_cpu_ep_fallback", "1"), Phase::kSetup,
          "be told to keep off the CPU");
  }
}

}  // namespace edgeonnx::ort
