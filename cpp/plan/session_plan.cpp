#include "plan/session_plan.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "onnx/rewrite.h"
#include "onnx/tree_ensemble.h"
#include "plan/division.h"
#include "plan/ports.h"
#include "plan/probe.h"

namespace edgeonnx::plan {
namespace {

constexpr int64_t kProbeRows = 5;

std::vector<std::byte> copy_of(onnx::Bytes bytes) { return {bytes.begin(), bytes.end()}; }

/// Session outputs that can be read into columns.
std::vector<size_t> readable_tensors(const ort::Session& session) {
  std::vector<size_t> tensors;
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    const ort::PortInfo& port = session.outputs()[i];
    if (output_refusal(port.type_text, port.is_tensor, port.type).empty()) tensors.push_back(i);
  }
  return tensors;
}

/// Whether the freed model answers like the original one. Throws where the original can't be run on made-up rows.
bool freed_batch_agrees(const ort::Session& original, const ort::Session& freed, const onnx::Model& model, const ort::Library& library,
                        const std::vector<ProbeValues>& categories, int64_t batch) {
  const auto inner = inner_sizes(input_ports(original, model));
  const std::vector<size_t> tensors = readable_tensors(original);
  if (!inner || tensors.empty()) return false;
  for (const uint32_t seed : {0u, 1u, 2u}) {
    const Probe probe(original, *inner, batch * kProbeRows, seed, categories);
    const auto expected = probe.run(original, library, tensors, batch);
    try {
      if (!agree(expected, probe.run(freed, library, tensors, batch * kProbeRows))) return false;
    } catch (const Error&) {
      return false;
    }
  }
  return true;
}

/// Where the model fixes its batch size, a session with a freed batch dimension takes the place of the plan's if it can be shown to answer
/// the same.
void free_batch(Plan& plan, const Recipe& recipe, onnx::Rewrite& request, const ort::Library& library) {
  const onnx::Model& model = recipe.model;
  const std::optional<int64_t> batch = onnx::fixed_batch(model);
  if (!batch) return;
  const std::string fixed = "the model fixes its batch size at " + std::to_string(*batch);
  std::string reason = "the answers change when it is freed";
  try {
    request.free_batch = true;
    auto freed = recipe.sessions.make(onnx::rewrite(recipe.bytes, model, request));
    if (freed_batch_agrees(*plan.session, *freed, model, library, plan.categories, *batch)) {
      plan.session = std::move(freed);
      plan.notes.push_back("batch: " + fixed + "; freed, since " + std::to_string(3 * kProbeRows * *batch) +
                           " probe rows were answered the same");
      return;
    }
  } catch (const Error& error) {
    reason = std::string("it can't be freed: ") + error.what();
  }
  request.free_batch = false;
  plan.batch_mode = BatchMode::kFixed;
  plan.fixed_batch = *batch;
  plan.notes.push_back("batch: " + fixed + " and " + reason + "; rows are scored " + std::to_string(*batch) + " at a time, which is slow");
}

/// What a declaration says of a tensor of one entry a row; nothing where it leaves sizes open.
std::optional<TensorShape> declared_shape(const Plan& plan, const std::vector<int64_t>& declared) {
  if (declared.empty() || std::any_of(declared.begin() + 1, declared.end(), [](int64_t size) { return size < 0; })) return std::nullopt;
  TensorShape shape{declared, std::accumulate(declared.begin() + 1, declared.end(), int64_t{1}, std::multiplies<>()), ""};
  shape.shape[0] = plan.batch_mode == BatchMode::kFree ? -1 : plan.fixed_batch;
  return shape;
}

/// Values that encoders of the model fail without. Told apart by the columns that they read, as native kernels would.
std::vector<ProbeValues> find_categories(const Recipe& recipe) {
  const auto& nodes = recipe.model.nodes;
  if (std::none_of(nodes.begin(), nodes.end(), [](const onnx::Node& node) { return node.op_type == "OneHotEncoder"; })) return {};
  try {
    return Division(recipe.model, output_tensors(recipe.model, recipe.zipmaps)).categories();
  } catch (const Error&) {
    return {};
  }
}

/// Fills in what the model leaves open about its outputs, where its inputs tell enough to run it.
void learn_tensors(Plan& plan, const ort::Library& library) {
  for (size_t i = 0; i < plan.session->outputs().size(); ++i) {
    const ort::PortInfo& port = plan.session->outputs()[i];
    plan.tensors.push_back({port.name, port.type_text, port.type, port.is_tensor, port.shape, {}, Part::kSession, i});
  }
  const auto inner = inner_sizes(plan.inputs);
  if (!inner) return;
  const std::vector<size_t> tensors = readable_tensors(*plan.session);
  try {
    std::vector<TensorShape> shapes = probe_shapes(plan, library, *inner, tensors);
    for (size_t i = 0; i < tensors.size(); ++i) plan.tensors[tensors[i]].shape = std::move(shapes[i]);
  } catch (const Error& error) {
    for (const size_t tensor : tensors) plan.tensors[tensor].shape = declared_shape(plan, plan.tensors[tensor].declared);
    plan.notes.push_back(std::string("outputs: a run over made-up rows failed, so shapes are as declared: ") + error.what());
  }
}

/// Which provider runs how many nodes, and which are left to the CPU.
void note_nodes(Plan& plan, const ort::Library& library) {
  if (plan.session->is_on_cpu()) return;
  if (library.minor_version() < ort::kFirstMinorThatAssigns) {
    plan.notes.push_back("providers: which of them runs which node is told by ONNX Runtime 1." +
                         std::to_string(ort::kFirstMinorThatAssigns) + " and newer");
    return;
  }
  std::map<std::string, std::vector<std::string>> nodes;
  for (const ort::AssignedNode& node : plan.session->nodes()) nodes[node.provider].push_back(node.text());
  for (const auto& [provider, names] : nodes) {
    const bool is_fallback = ort::is_cpu({provider, {}});
    plan.notes.push_back("providers: " + provider + " runs " + std::to_string(names.size()) + (names.size() == 1 ? " node" : " nodes") +
                         (is_fallback ? " that no other takes: " + ort::some_of(names) : ""));
  }
}

}  // namespace

void warn_of(Plan& plan, const Recipe& recipe, const std::vector<Suspect>& suspects) {
  for (const Suspect& suspect : suspects) {
    const std::string sentence = recipe.defects.sentence(suspect, recipe.library().version());
    if (RuntimeDefects::hangs(suspect)) {
      throw Error(Code::kUnsupported, recipe.options.model_name + ": " + sentence + ", and native kernels where they take the node");
    }
    plan.warnings.push_back(sentence + ", and native kernels where they take the node");
  }
}

bool has_trees(const onnx::Model& model) { return std::any_of(model.nodes.begin(), model.nodes.end(), onnx::is_tree_ensemble); }

bool misdeclares(const Plan& plan) {
  return std::any_of(plan.tensors.begin(), plan.tensors.end(), [](const Tensor& tensor) {
    if (tensor.part != Part::kSession || !tensor.shape || tensor.declared.empty()) return false;
    const std::vector<int64_t>& shape = tensor.shape->shape;
    if (shape.size() != tensor.declared.size()) return true;
    for (size_t i = 0; i < shape.size(); ++i) {
      const bool is_rows = i == 0 && shape[0] < 0;
      if (tensor.declared[i] >= 0 && (is_rows || tensor.declared[i] != shape[i])) return true;
    }
    return false;
  });
}

void keep_small_model(Plan& plan, const Recipe& recipe, std::vector<std::byte> bytes) {
  // Below this a second copy of a model's weights is nothing beside what a run touches anyway.
  constexpr size_t kSmallModelBytes = 1 << 20;
  if (bytes.size() > kSmallModelBytes || !recipe.model.external_paths.empty() || !plan.session->is_on_cpu() || plan.session->device())
    return;
  auto kept = std::make_shared<const std::vector<std::byte>>(recipe.sessions.guarded(std::move(bytes)));
  plan.another_session = [kept, &library = recipe.library(), options = recipe.session_options] {
    return std::make_unique<ort::Session>(library, *kept, options);
  };
}

Plan plan_session(const Recipe& recipe) {
  const onnx::Model& model = recipe.model;
  const ort::Library& library = recipe.library();
  Plan plan;
  plan.road = "ONNX Runtime";
  warn_of(plan, recipe, recipe.defects.in(library.version()));
  onnx::Rewrite request;
  request.cut_zipmaps = !recipe.zipmaps.empty();
  plan.session = recipe.original.take();
  plan.categories = find_categories(recipe);
  free_batch(plan, recipe, request, library);
  if (!has_trees(model))
    keep_small_model(plan, recipe, request.any() ? onnx::rewrite(recipe.bytes, model, request) : copy_of(recipe.bytes));
  plan.inputs = input_ports(*plan.session, model);
  for (size_t i = 0; i < plan.inputs.size(); ++i) plan.session_inputs.push_back({false, i, {}});
  plan.feeds_session.assign(plan.inputs.size(), true);
  plan.branches = BranchCheck(model, plan.inputs);
  learn_tensors(plan, library);
  if (misdeclares(plan)) {
    request.free_outputs = true;
    std::vector<std::byte> bytes = onnx::rewrite(recipe.bytes, model, request);
    plan.session = recipe.sessions.make(bytes);
    if (plan.another_session) keep_small_model(plan, recipe, std::move(bytes));
    plan.tensors.clear();
    learn_tensors(plan, library);
    plan.notes.push_back("outputs: the model declares sizes that it does not return; they are left open");
  }
  note_nodes(plan, library);
  return plan;
}

std::vector<TensorShape> probe_shapes(const Plan& plan, const ort::Library& library, const std::vector<std::vector<int64_t>>& inner,
                                      const std::vector<size_t>& tensors) {
  const bool is_free = plan.batch_mode == BatchMode::kFree;
  const int64_t n_rows = is_free ? kProbeRows : plan.fixed_batch;
  const auto answers = Probe(*plan.session, inner, n_rows, 0, plan.categories).run(*plan.session, library, tensors, n_rows);
  std::vector<TensorShape> shapes;
  for (const Probe::Answer& answer : answers) {
    TensorShape result{answer.shape, 0, ""};
    const int64_t n_values = std::accumulate(answer.shape.begin(), answer.shape.end(), int64_t{1}, std::multiplies<>());
    // With one row a run, whatever comes back belongs to that row.
    const bool one_a_row = n_rows == 1 || (!answer.shape.empty() && answer.shape[0] == n_rows);
    if (one_a_row) {
      result.width = n_values / n_rows;
      if (is_free) result.shape[0] = -1;
    } else {
      result.refusal =
          "has the shape " + shape_text(answer.shape) + " for " + std::to_string(n_rows) + " rows, so it is not one result a row";
    }
    shapes.push_back(std::move(result));
  }
  return shapes;
}

}  // namespace edgeonnx::plan
