#include "ort/providers.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "ort/provider_libraries.h"
#include "ort/provider_options.h"
#include "ort/provider_plugin.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

/// Throws for a failed call what ONNX Runtime and the loader say of the provider.
void require(const Library& library, const ProviderKind& kind, const Provider& provider, OrtStatus* status) {
  if (status == nullptr) return;
  const Owner<OrtStatus, &Api::ReleaseStatus> owner(status, {&library.api()});
  throw Error(Code::kUnsupported, "execution provider " + in_quotes(provider.name) +
                                      " cannot be used: " + provider_reason(kind, library, library.api().GetErrorMessage(status)));
}

void append(const Library& library, OrtSessionOptions* session_options, const ProviderKind& kind, const Provider& provider) {
  const Api& api = library.api();
  const OptionArrays options(checked_options(kind, provider.name, provider.options));
  const auto demand = [&](OrtStatus* status) { require(library, kind, provider, status); };
  require_only_runtime(kind, library);
  open_needed_by(kind, library);
  switch (kind.call) {
    case ProviderCall::kCuda: {
      OrtCUDAProviderOptionsV2* cuda = nullptr;
      demand(api.CreateCUDAProviderOptions(&cuda));
      const Owner<OrtCUDAProviderOptionsV2, &Api::ReleaseCUDAProviderOptions> owner(cuda, {&api});
      // The update is called without options too: it is what loads the provider's library and gives the loader's reason where it can't.
      demand(api.UpdateCUDAProviderOptions(cuda, options.keys(), options.values(), options.size()));
      return demand(api.SessionOptionsAppendExecutionProvider_CUDA_V2(session_options, cuda));
    }
    case ProviderCall::kTensorRt: {
      OrtTensorRTProviderOptionsV2* tensorrt = nullptr;
      demand(api.CreateTensorRTProviderOptions(&tensorrt));
      const Owner<OrtTensorRTProviderOptionsV2, &Api::ReleaseTensorRTProviderOptions> owner(tensorrt, {&api});
      demand(api.UpdateTensorRTProviderOptions(tensorrt, options.keys(), options.values(), options.size()));
      return demand(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(session_options, tensorrt));
    }
    case ProviderCall::kOpenVino:
      return demand(
          api.SessionOptionsAppendExecutionProvider_OpenVINO_V2(session_options, options.keys(), options.values(), options.size()));
    default:
      return demand(
          api.SessionOptionsAppendExecutionProvider(session_options, kind.word, options.keys(), options.values(), options.size()));
  }
}

/// One that the catalogue does not have: ONNX Runtime may know it.
void append_unknown(const Library& library, OrtSessionOptions* session_options, const Provider& provider) {
  const std::vector<std::string> built_in = available_providers(library);
  for (const std::string& name : built_in) {
    if (!equal_ignoring_case(short_name(name), short_name(provider.name))) continue;
    const std::string word(short_name(name));
    return append(library, session_options, {name.c_str(), word.c_str(), ProviderCall::kByName, "", "", {}}, provider);
  }
  std::vector<std::string> names;
  for (const ProviderKind& kind : provider_kinds()) names.insert(names.end(), {kind.word, kind.name});
  throw Error(Code::kInvalidArgument, "there is no execution provider " + in_quotes(provider.name) + nearest_hint(provider.name, names) +
                                          "; ONNX Runtime " + library.version() + " has " + join(built_in) +
                                          "; the provider of a plugin needs the option 'library', the path of the plugin");
}

}  // namespace

bool is_cpu(const Provider& provider) {
  const ProviderKind* kind = provider_kind(provider.name);
  return kind != nullptr && kind->call == ProviderCall::kCpu;
}

bool are_cpu(const std::vector<Provider>& providers) { return std::all_of(providers.begin(), providers.end(), is_cpu); }

bool has_cpu(const std::vector<Provider>& providers) {
  return providers.empty() || std::any_of(providers.begin(), providers.end(), is_cpu);
}

std::vector<std::string> available_providers(const Library& library) {
  const Api& api = library.api();
  char** names = nullptr;
  int n_names = 0;
  check(api, api.GetAvailableProviders(&names, &n_names), Phase::kSetup, "list its execution providers");
  const std::vector<std::string> found(names, names + n_names);
  check(api, api.ReleaseAvailableProviders(names, n_names), Phase::kSetup, "list its execution providers");
  return found;
}

void append_providers(const Library& library, OrtSessionOptions* session_options, const std::vector<Provider>& providers) {
  bool has_ended = false;
  for (const Provider& provider : providers) {
    if (has_ended) {
      throw Error(Code::kInvalidArgument, "execution provider " + in_quotes(provider.name) +
                                              " stands after CPU, which runs every node: list CPU last or not at all");
    }
    const ProviderKind* kind = provider_kind(provider.name);
    if (is_of_plugin(provider) && !is_cpu(provider)) {
      append_plugin(library, session_options, provider);
    } else if (kind == nullptr) {
      append_unknown(library, session_options, provider);
    } else if (kind->call == ProviderCall::kCpu) {
      (void)checked_options(*kind, provider.name, provider.options);
      has_ended = true;
    } else {
      append(library, session_options, *kind, provider);
    }
  }
}

}  // namespace edgeonnx::ort
