// edgeonnx_registry_*: shims over engine::Registry.
#include <optional>

#include "base/file.h"
#include "capi/handles.h"
#include "engine/settings.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

namespace {

std::optional<std::string> version_of(const char* version) { return version ? std::optional<std::string>(version) : std::nullopt; }

}  // namespace

edgeonnx_status edgeonnx_registry_create(const edgeonnx_registry_options* options, edgeonnx_registry** out, edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    const edgeonnx_registry_options raw = read_struct(options);
    if (raw.max_models < 0 || raw.max_bytes < 0) throw Error(Code::kInvalidArgument, "max_models and max_bytes must not be negative");
    engine::RegistryOptions chosen;
    if (raw.max_models > 0) chosen.max_models = raw.max_models;
    if (raw.max_bytes > 0) chosen.max_bytes = raw.max_bytes;
    chosen.scoring = scorer_options_of(raw.scoring);
    *out = new edgeonnx_registry{engine::Registry(std::move(chosen))};
    ++live_objects;
  });
}

void edgeonnx_registry_release(edgeonnx_registry* registry) {
  if (!registry) return;
  delete registry;
  --live_objects;
}

edgeonnx_status edgeonnx_registry_put(edgeonnx_registry* registry, const char* name, const char* version, const void* model, size_t n_bytes,
                                      const char* settings, edgeonnx_error* error) {
  return guarded(error, [&] {
    if (!model && n_bytes > 0) throw Error(Code::kInvalidArgument, "model is null");
    (void)engine::parse_settings(text_or(settings, ""));
    const onnx::Bytes bytes(static_cast<const std::byte*>(model), n_bytes);
    needed(registry, "registry").registry.put(&needed(name, "name"), text_or(version, ""), bytes, text_or(settings, ""));
  });
}

edgeonnx_status edgeonnx_registry_load(edgeonnx_registry* registry, const char* name, const char* version, const char* path,
                                       const char* settings, edgeonnx_error* error) {
  return guarded(error, [&] {
    engine::Registry& to = needed(registry, "registry").registry;
    (void)engine::parse_settings(text_or(settings, ""));
    const std::vector<std::byte> bytes = read_model_file(&needed(path, "path"), to.max_model_bytes());
    to.put(&needed(name, "name"), text_or(version, ""), bytes, text_or(settings, ""));
  });
}

edgeonnx_status edgeonnx_registry_get(edgeonnx_registry* registry, const char* name, const char* version, edgeonnx_scorer** out,
                                      edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    engine::RegisteredModel model = needed(registry, "registry").registry.get(&needed(name, "name"), version_of(version));
    *out = new edgeonnx_scorer{std::move(model.scorer), std::move(model.settings), std::move(model.digest)};
    ++live_objects;
  });
}

edgeonnx_status edgeonnx_registry_drop(edgeonnx_registry* registry, const char* name, const char* version, int64_t* n_dropped,
                                       edgeonnx_error* error) {
  return guarded(error, [&] {
    const int64_t n = needed(registry, "registry").registry.drop(&needed(name, "name"), version_of(version));
    if (n_dropped) *n_dropped = n;
  });
}

edgeonnx_status edgeonnx_registry_list(edgeonnx_registry* registry, int (*visit)(void* data, const edgeonnx_model_info* model), void* data,
                                       edgeonnx_error* error) {
  return guarded(error, [&] {
    if (!visit) throw Error(Code::kInvalidArgument, "visit is null");
    for (const engine::ModelInfo& each : needed(registry, "registry").registry.list()) {
      const edgeonnx_model_info info{each.name.c_str(),     each.version.c_str(), each.digest.c_str(),
                                     each.settings.c_str(), each.n_bytes,         each.n_uses};
      if (visit(data, &info) != 0) return;
    }
  });
}
