#include "plan/plan.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "onnx/rewrite.h"
#include "plan/morsel_size.h"
#include "plan/native.h"
#include "plan/padding.h"
#include "plan/ports.h"
#include "plan/session_plan.h"

namespace edgeonnx::plan {
namespace {

/// Other files that a model may read are a hole: they are refused unless asked for, and must lie below the folder that was named.
void check_external_data(const onnx::Model& model, const Options& options) {
  for (const std::string& file : model.external_paths) {
    const std::string what = options.model_name + ": some of its weights lie in the file " + in_quotes(file);
    if (options.external_data_folder.empty()) {
      throw Error(Code::kUnsupported, what + "; load the model from its path with external_data=True, or save it as one file");
    }
    const std::filesystem::path path(file);
    const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
    if (path.is_absolute() || climbs) throw Error(Code::kInvalidModel, what + ", outside the folder of the model");
  }
}

std::string opset_note(const onnx::Model& model) {
  std::vector<std::string> opsets;
  for (const onnx::Opset& opset : model.opsets) {
    const std::string text = (opset.domain.empty() ? "ai.onnx" : std::string(opset.domain)) + " " + std::to_string(opset.version);
    if (std::find(opsets.begin(), opsets.end(), text) == opsets.end()) opsets.push_back(text);
  }
  return "opset: " + join(opsets);
}

/// How runs meet the device, if there is one.
void choose_device_runs(Plan& plan, const Options& options) {
  const ort::Device* device = plan.session->device();
  const std::string& reason = plan.session->why_no_device();
  if (device) {
    plan.notes.push_back("device: CUDA device " + std::to_string(device->id()) + "; a thread's copies go beside the runs of others");
  } else if (!reason.empty()) {
    plan.notes.push_back("device: ONNX Runtime copies rows to and from it, one run after the other, since " + reason +
                         (plan.session->captures() ? "; enable_cuda_graph then has no effect" : ""));
  }
  if (!ort::want_one_shape(options.providers) || plan.batch_mode == BatchMode::kFixed || plan.padded_rows > 0) return;
  plan.padded_rows = plan.morsel_rows;
  plan.notes.push_back("device: every run has " + std::to_string(plan.padded_rows) +
                       " rows, made up where there are fewer, since a run of another shape would be captured or built anew");
}

Plan plan_by_options(const Recipe& recipe) {
  std::string reason;
  if (!recipe.options.native) {
    reason = "native=False";
  } else if (!ort::are_cpu(recipe.options.providers)) {
    reason = "execution providers were asked for";
  } else {
    // A runtime that may hang is looked at before it is given the model.
    if (recipe.options.selfcheck && !recipe.defects.may_hang()) recipe.original.begin();
    Plan plan;
    try {
      reason = plan_native(plan, recipe);
      if (reason.empty()) return plan;
    } catch (const Error& error) {
      // The model itself may be at fault: on ONNX Runtime alone it will then say so in its own words.
      if (error.code() == Code::kRuntimeMissing || error.code() == Code::kOutOfMemory) throw;
      reason = error.what();
    }
    Plan fallback = plan_session(recipe);
    fallback.notes.insert(fallback.notes.begin(), plan.notes.begin(), plan.notes.end());
    fallback.notes.push_back("native kernels are not used: " + reason);
    return fallback;
  }
  Plan plan = plan_session(recipe);
  plan.notes.push_back("native kernels are not used: " + reason);
  return plan;
}

}  // namespace

Plan make_plan(onnx::Bytes bytes, const OpenLibrary& library, const Options& options) {
  const onnx::Model model = onnx::read_model(bytes, options.model_name);
  check_external_data(model, options);
  const std::vector<onnx::ZipMap> zipmaps = onnx::find_zipmaps(model);
  ort::SessionOptions session_options;
  session_options.providers = options.providers;
  session_options.fallback = options.fallback;
  session_options.make_device = options.make_device;
  if (!model.external_paths.empty()) session_options.external_data_folder = options.external_data_folder;
  const SessionMaker sessions(library, session_options, model.n_divisions > 0);
  Original original([&] {
    onnx::Rewrite request;
    request.cut_zipmaps = !zipmaps.empty();
    const std::vector<std::byte> rewritten = request.any() ? onnx::rewrite(bytes, model, request) : std::vector<std::byte>();
    return sessions.make(request.any() ? onnx::Bytes(rewritten) : bytes);
  });
  Plan plan = plan_by_options({bytes, model, zipmaps, library, options, session_options, sessions, original, RuntimeDefects(model)});
  plan.notes.insert(plan.notes.begin(), opset_note(model));
  for (const auto& [key, value] : model.metadata) plan.metadata.emplace_back(key, value);
  make_output_ports(plan, model, zipmaps);
  if (options.deterministic && plan.session) choose_padding(plan, library());
  choose_morsel(plan, model, options.morsel_rows);
  if (plan.session) choose_device_runs(plan, options);
  return plan;
}

}  // namespace edgeonnx::plan
