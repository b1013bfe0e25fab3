// edgeonnx_scorer_*: shims over engine::Scorer.
#include "base/file.h"
#include "capi/handles.h"
#include "capi/types.h"
#include "ort/provider_options.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

engine::ScorerOptions capi::scorer_options_of(const edgeonnx_scorer_options* given) {
  const edgeonnx_scorer_options raw = read_struct(given);
  engine::ScorerOptions options;
  options.ort_library = text_or(raw.ort_library, "");
  options.plan.model_name = text_or(raw.model_name, "model");
  options.plan.external_data_folder = text_or(raw.external_data_folder, "");
  if (raw.max_model_bytes < 0 || raw.morsel_rows < 0 || raw.n_threads < 0) {
    throw Error(Code::kInvalidArgument, "max_model_bytes, morsel_rows and n_threads must not be negative");
  }
  if (raw.max_model_bytes > 0) options.max_model_bytes = raw.max_model_bytes;
  options.plan.morsel_rows = raw.morsel_rows;
  options.n_threads = raw.n_threads;
  if (raw.native != EDGEONNX_NATIVE_AUTO && raw.native != EDGEONNX_NATIVE_OFF) {
    throw Error(Code::kInvalidArgument, "native has no value " + std::to_string(raw.native));
  }
  options.plan.native = raw.native == EDGEONNX_NATIVE_AUTO;
  options.plan.selfcheck = raw.skips_selfcheck == 0;
  options.plan.deterministic = raw.deterministic != 0;
  for (const edgeonnx_provider& from : items(raw.providers, raw.n_providers, "providers")) {
    ort::Provider provider{text_or(from.name, ""), {}};
    const auto keys = items(from.option_keys, from.n_options, "option_keys");
    const auto values = items(from.option_values, from.n_options, "option_values");
    for (size_t k = 0; k < from.n_options; ++k) provider.options.emplace_back(text_or(keys[k], ""), text_or(values[k], ""));
    if (ort::is_cpu(provider)) (void)ort::checked_options(*ort::provider_kind(provider.name), provider.name, provider.options);
    options.plan.providers.push_back(std::move(provider));
  }
  options.plan.fallback = enum_of<ort::Fallback>(raw.fallback, EDGEONNX_FALLBACK_ERROR, "fallback");
  options.on_score = raw.on_score;
  options.on_score_data = raw.on_score_data;
  return options;
}

edgeonnx_status edgeonnx_scorer_create(const void* model, size_t n_bytes, const edgeonnx_scorer_options* options, edgeonnx_scorer** out,
                                       edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    if (!model && n_bytes > 0) throw Error(Code::kInvalidArgument, "model is null");
    const onnx::Bytes bytes(static_cast<const std::byte*>(model), n_bytes);
    *out = new edgeonnx_scorer{std::make_shared<const engine::Scorer>(bytes, scorer_options_of(options)), {}, {}};
    ++live_objects;
  });
}

edgeonnx_status edgeonnx_scorer_load(const char* path, const edgeonnx_scorer_options* options, edgeonnx_scorer** out,
                                     edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(out, "out") = nullptr;
    engine::ScorerOptions chosen = scorer_options_of(options);
    const std::string name = &needed(path, "path");
    if (!read_struct(options).model_name) chosen.plan.model_name = name;
    const std::vector<std::byte> bytes = read_model_file(name, chosen.max_model_bytes);
    *out = new edgeonnx_scorer{std::make_shared<const engine::Scorer>(bytes, chosen), {}, {}};
    ++live_objects;
  });
}

void edgeonnx_scorer_release(edgeonnx_scorer* scorer) {
  if (!scorer) return;
  delete scorer;
  --live_objects;
}

int64_t edgeonnx_scorer_n_inputs(const edgeonnx_scorer* scorer) {
  return scorer ? static_cast<int64_t>(scorer->scorer->plan().inputs.size()) : 0;
}

int64_t edgeonnx_scorer_n_outputs(const edgeonnx_scorer* scorer) {
  return scorer ? static_cast<int64_t>(scorer->scorer->plan().outputs.size()) : 0;
}

edgeonnx_status edgeonnx_scorer_input(const edgeonnx_scorer* scorer, int64_t index, edgeonnx_port* port) {
  return guarded(nullptr, [&] {
    const plan::Port& input = item_at(needed(scorer, "scorer").scorer->plan().inputs, index, "input");
    needed(port, "port") = port_of(input, {input.type}, input.width(), false);
  });
}

edgeonnx_status edgeonnx_scorer_output(const edgeonnx_scorer* scorer, int64_t index, edgeonnx_port* port) {
  return guarded(nullptr, [&] {
    const plan::Port& output = item_at(needed(scorer, "scorer").scorer->plan().outputs, index, "output").port;
    needed(port, "port") = port_of(output, {output.type}, output.width(), false);
  });
}

const char* edgeonnx_scorer_explain(const edgeonnx_scorer* scorer) { return scorer ? scorer->scorer->explain().c_str() : ""; }

int64_t edgeonnx_scorer_n_metadata(const edgeonnx_scorer* scorer) {
  return scorer ? static_cast<int64_t>(scorer->scorer->plan().metadata.size()) : 0;
}

edgeonnx_status edgeonnx_scorer_metadata(const edgeonnx_scorer* scorer, int64_t index, const char** key, const char** value) {
  return guarded(nullptr, [&] {
    const auto& entry = item_at(needed(scorer, "scorer").scorer->plan().metadata, index, "metadata");
    needed(key, "key") = entry.first.c_str();
    needed(value, "value") = entry.second.c_str();
  });
}

int64_t edgeonnx_scorer_n_warnings(const edgeonnx_scorer* scorer) {
  return scorer ? static_cast<int64_t>(scorer->scorer->plan().warnings.size()) : 0;
}

const char* edgeonnx_scorer_warning(const edgeonnx_scorer* scorer, int64_t index) {
  if (index < 0 || index >= edgeonnx_scorer_n_warnings(scorer)) return "";
  return scorer->scorer->plan().warnings[static_cast<size_t>(index)].c_str();
}

const char* edgeonnx_scorer_runtime(const edgeonnx_scorer* scorer) { return scorer ? scorer->scorer->runtime_version() : ""; }

const char* edgeonnx_scorer_settings(const edgeonnx_scorer* scorer) { return scorer ? scorer->settings.c_str() : ""; }

const char* edgeonnx_scorer_digest(const edgeonnx_scorer* scorer) { return scorer ? scorer->digest.c_str() : ""; }
