#include "plan/native.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "onnx/subgraph.h"
#include "plan/division.h"
#include "plan/ports.h"
#include "plan/selfcheck.h"
#include "plan/session_plan.h"
#include "plan/trial.h"

namespace edgeonnx::plan {
namespace {

constexpr int64_t kTrialRows = 5;

std::string type_text(Type type) { return "tensor(" + std::string(onnx_name(type)) + ")"; }

TensorShape shape_of(const Value& value) {
  TensorShape shape{{-1}, static_cast<int64_t>(value.columns.size()), ""};
  shape.shape.insert(shape.shape.end(), value.inner.begin(), value.inner.end());
  return shape;
}

Tensor tensor_of(std::string_view name, const Value& value, Part part, size_t index) {
  TensorShape shape = shape_of(value);
  return {std::string(name), type_text(value.type), value.type, true, shape.shape, shape, part, index};
}

/// Gives the columns of both programs their places in plan.columns.
void place_columns(Plan& plan, std::optional<ColumnProgram> front, std::optional<ColumnProgram> tail) {
  for (const auto* program : {&front, &tail}) {
    if (!*program) continue;
    for (const SourceValue& source : (*program)->sources) {
      if (!source.is_tensor) plan.columns.push_back({source.index, source.value});
    }
  }
  std::sort(plan.columns.begin(), plan.columns.end());
  plan.columns.erase(std::unique(plan.columns.begin(), plan.columns.end()), plan.columns.end());
  const auto part_of = [&plan](ColumnProgram program) {
    std::vector<NativePart::Source> sources;
    for (const SourceValue& source : program.sources) {
      if (source.is_tensor) {
        sources.push_back({true, source.index, source.value});
      } else {
        const auto at = std::lower_bound(plan.columns.begin(), plan.columns.end(), InputValue{source.index, source.value});
        sources.push_back({false, static_cast<size_t>(at - plan.columns.begin()), 0});
      }
    }
    return NativePart{std::move(sources), std::move(program.program)};
  };
  if (front) plan.front.emplace(part_of(*std::move(front)));
  if (tail) plan.tail.emplace(part_of(*std::move(tail)));
}

/// The session of a divided plan and what it is fed; and the tail, if it can be made of what the session makes.
std::optional<ColumnProgram> make_session(Plan& plan, Division& division, const Recipe& recipe) {
  std::vector<Suspect> left = recipe.defects.in(recipe.library().version());
  std::erase_if(left, [&](const Suspect& suspect) { return !division.is_left(suspect.node); });
  warn_of(plan, recipe, left);
  const auto open = [&] {
    std::vector<std::byte> part = onnx::subgraph(recipe.bytes, recipe.model, division.session_graph());
    plan.session = recipe.sessions.make(part);
    keep_small_model(plan, recipe, std::move(part));
  };
  open();
  std::optional<ColumnProgram> tail;
  if (division.has_tail()) {
    std::vector<Type> types;
    std::vector<std::vector<int64_t>> inner;
    for (const ort::PortInfo& port : plan.session->outputs()) {
      const bool is_known =
          std::none_of(port.shape.begin() + (port.shape.empty() ? 0 : 1), port.shape.end(), [](int64_t size) { return size <= 0; }) &&
          !port.shape.empty() && port.shape[0] < 0;
      types.push_back(port.is_tensor && is_known ? port.type : Type::kUndefined);
      inner.emplace_back(port.shape.begin() + (port.shape.empty() ? 0 : 1), port.shape.end());
    }
    if (auto draft = division.make_tail(types, inner)) {
      for (size_t i = 0; i < draft->made.size(); ++i) {
        plan.tensors.push_back(tensor_of(division.tail_targets()[i], draft->made[i], Part::kTail, i));
      }
      for (const SourceValue& source : draft->program.sources) {
        if (source.is_tensor) plan.tail_tensors.push_back(source.index);
      }
      std::sort(plan.tail_tensors.begin(), plan.tail_tensors.end());
      plan.tail_tensors.erase(std::unique(plan.tail_tensors.begin(), plan.tail_tensors.end()), plan.tail_tensors.end());
      tail.emplace(std::move(draft->program));
    } else {
      open();  // the graph has grown
    }
  }
  const size_t n_front_targets = division.front_targets().size();
  for (const std::optional<size_t>& input : division.session_inputs()) {
    plan.session_inputs.push_back({false, *input, {}});
    plan.feeds_session[*input] = true;
  }
  for (size_t i = 0; i < division.front_cuts().size(); ++i) {
    plan.session_inputs.push_back({true, n_front_targets + i, shape_of(division.front().made[n_front_targets + i])});
  }
  return tail;
}

/// The session's outputs that nothing native reads are outputs of the model.
void add_session_tensors(Plan& plan, const std::vector<std::string_view>& targets) {
  for (size_t i = 0; i < plan.session->outputs().size(); ++i) {
    const ort::PortInfo& port = plan.session->outputs()[i];
    if (std::find(targets.begin(), targets.end(), port.name) == targets.end()) continue;
    plan.tensors.push_back({port.name, port.type_text, port.type, port.is_tensor, port.shape, {}, Part::kSession, i});
  }
}

/// Some rows of ones tell the shapes of what the session makes. Why they can't; empty if they can.
std::string learn_shapes(Plan& plan, const Recipe& recipe) {
  const auto inner = inner_sizes(plan.inputs);
  if (!inner) return "an input leaves its width open";
  std::vector<Type> types;
  for (const Port& port : plan.inputs) types.push_back(port.type);
  const auto answers = try_plan(plan, &recipe.library(), Probe(types, *inner, kTrialRows, 0, plan.categories));
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    Tensor& tensor = plan.tensors[i];
    if (tensor.part != Part::kSession || !output_refusal(tensor.onnx_type, tensor.is_tensor, tensor.type).empty()) continue;
    const std::vector<int64_t>& shape = answers[i].shape;
    if (shape.empty() || shape[0] != kTrialRows) return "output " + in_quotes(tensor.name) + " is not one result a row";
    const int64_t n = static_cast<int64_t>(answers[i].values.size()) / size_of(answers[i].type);
    tensor.shape = TensorShape{shape, n / kTrialRows, ""};
    tensor.shape->shape[0] = -1;
  }
  return "";
}

/// Why the plan may not be used; empty if it may. What this runtime is known to compute wrongly is no measure: it is left out, and told.
std::string self_check(Plan& plan, const Division& division, const Recipe& recipe) {
  const std::string& version = recipe.library().version();
  std::vector<Suspect> suspects = recipe.defects.in(version);
  std::erase_if(suspects, [&](const Suspect& suspect) { return division.is_left(suspect.node); });
  for (const Suspect& suspect : suspects) {
    plan.notes.push_back("self-check: what depends on a node is not compared: " + recipe.defects.sentence(suspect, version));
  }
  const auto wrong = recipe.defects.wrong_values(suspects);
  const auto is_wrong = [&](const Tensor& tensor) { return wrong.contains(tensor.name); };
  if (std::all_of(plan.tensors.begin(), plan.tensors.end(), is_wrong) ||
      std::any_of(suspects.begin(), suspects.end(), RuntimeDefects::hangs)) {
    return "";
  }
  std::vector<std::string> names;
  for (const Tensor& tensor : plan.tensors) names.push_back(tensor.name);
  const std::optional<int64_t> batch = onnx::fixed_batch(recipe.model);
  const CheckRows rows = check_rows(plan, division.probe_values(), batch.value_or(1));
  for (const Probe* probe : {&rows.plain, &rows.special}) {
    const bool is_special = probe == &rows.special;
    if (!is_special && !division.has_rough_targets() && !plan.session) continue;  // the special rows say all
    std::vector<Probe::Answer> theirs;
    try {
      theirs = ask_runtime(recipe.original.get(), recipe.library(), *probe, batch.value_or(probe->n_rows()), names);
    } catch (const Error& error) {
      if (is_special && error.code() == Code::kInferenceFailed) continue;  // a model that takes no NaN, for instance
      throw;
    }
    const auto ours = try_plan(plan, plan.session ? &recipe.library() : nullptr, *probe);
    for (size_t i = 0; i < ours.size(); ++i) {
      if (is_wrong(plan.tensors[i])) continue;
      // What infinities and the like become behind a matrix product is rounding as well.
      if (is_special && division.is_rough(names[i])) continue;
      // Sessions of other numbers of threads may round one matrix product in two ways.
      const bool is_rough = division.is_rough(names[i]) || plan.tensors[i].part == Part::kSession;
      if (const auto found = difference(ours[i], theirs[i], is_rough)) {
        return "self-check: output " + in_quotes(names[i]) + ": " + *found;
      }
    }
  }
  return "";
}

/// Why the division can't be made a plan; empty where it was.
std::string fill(Plan& plan, Division& division, const std::vector<std::string_view>& targets, const Recipe& recipe) {
  if (!division.is_native() && !division.has_front() && !division.has_tail()) return "no part of the model is worth taking out";
  if (!division.is_native() && onnx::fixed_batch(recipe.model)) return "the batch size is fixed, and not all nodes have native kernels";

  plan.inputs = input_ports(recipe.model);
  plan.categories = division.categories();
  plan.feeds_session.assign(plan.inputs.size(), false);
  std::optional<ColumnProgram> tail;
  if (!division.is_native()) tail = make_session(plan, division, recipe);
  if (!tail && !division.has_front()) return "no part of the model is worth taking out";
  std::optional<ColumnProgram> front;
  if (division.has_front()) {
    for (size_t i = 0; i < division.front_targets().size(); ++i) {
      plan.tensors.push_back(tensor_of(division.front_targets()[i], division.front().made[i], Part::kFront, i));
    }
    front.emplace(std::move(division.front().program));
  }
  place_columns(plan, std::move(front), std::move(tail));
  if (plan.session) add_session_tensors(plan, targets);
  for (const std::string_view target : targets) {
    const auto is_target = [target](const Tensor& tensor) { return tensor.name == target; };
    if (std::none_of(plan.tensors.begin(), plan.tensors.end(), is_target))
      return "output " + in_quotes(target) + " is made of constants alone";
  }
  if (plan.session) {
    if (const std::string reason = learn_shapes(plan, recipe); !reason.empty()) return reason;
    if (misdeclares(plan)) return "an output has other sizes than the model declares";
  }
  plan.branches = BranchCheck(recipe.model, plan.inputs);
  if (recipe.options.selfcheck) {
    if (std::string reason = self_check(plan, division, recipe); !reason.empty()) return reason;
  }
  plan.road = !plan.session             ? "native"
              : plan.front && plan.tail ? "native front + ONNX Runtime + native tail"
              : plan.tail               ? "ONNX Runtime + native tail"
                                        : "native front + ONNX Runtime";
  return "";
}

}  // namespace

std::string plan_native(Plan& plan, const Recipe& recipe) {
  const std::vector<std::string_view> targets = output_tensors(recipe.model, recipe.zipmaps);
  if (targets.empty()) return "no output can be read";
  Division division(recipe.model, targets);
  std::string reason = fill(plan, division, targets, recipe);
  if (!reason.empty()) {
    division.leave_all();
    plan.notes.clear();
  }
  const std::vector<std::string> lines = division.lines();
  plan.notes.insert(plan.notes.begin(), lines.begin(), lines.end());
  return reason;
}

}  // namespace edgeonnx::plan
