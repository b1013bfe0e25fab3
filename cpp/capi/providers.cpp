// edgeonnx_providers_*: shims over ort::find_providers.
#include <memory>

#include "capi/handles.h"
#include "ort/provider_options.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

edgeonnx_status edgeonnx_providers_find(const char* ort_library, int32_t tries, edgeonnx_providers** out, edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    auto found = std::make_unique<edgeonnx_providers>();
    found->states = ort::find_providers(ort::Library::open(text_or(ort_library, "")), tries != 0);
    for (const ort::ProviderState& state : found->states) {
      const ort::ProviderKind* kind = ort::provider_kind(state.name);
      found->types.emplace_back();
      found->options.emplace_back();
      if (!kind) continue;
      for (const ort::ProviderOption& option : kind->options) found->types.back().push_back(ort::type_text(option));
      for (size_t i = 0; i < kind->options.size(); ++i) {
        const ort::ProviderOption& option = kind->options[i];
        found->options.back().push_back({option.key, found->types.back()[i].c_str(), option.default_value, option.meaning, {}});
      }
    }
    *out = found.release();
    ++live_objects;
  });
}

int64_t edgeonnx_providers_count(const edgeonnx_providers* providers) {
  return providers ? static_cast<int64_t>(providers->states.size()) : 0;
}

edgeonnx_status edgeonnx_providers_get(const edgeonnx_providers* providers, int64_t index, edgeonnx_provider_info* info) {
  return guarded(nullptr, [&] {
    const ort::ProviderState& state = item_at(needed(providers, "providers").states, index, "provider");
    const auto& options = providers->options[static_cast<size_t>(index)];
    needed(info, "info") = {state.name.c_str(), state.reason.c_str(), options.data(), options.size(), {}};
  });
}

void edgeonnx_providers_release(edgeonnx_providers* providers) {
  if (!providers) return;
  delete providers;
  --live_objects;
}
