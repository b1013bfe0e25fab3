#include "plan/division.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "onnx/tree_ensemble.h"

namespace edgeonnx::plan {
namespace {

bool is_native_type(Type type) {
  return type == Type::kFloat || type == Type::kDouble || type == Type::kInt32 || type == Type::kInt64 || type == Type::kBool;
}

/// Sizes of an input behind its rows; nothing where native columns can't be made of it.
std::optional<std::vector<int64_t>> native_inner(const onnx::ValueInfo& input) {
  if (input.kind != onnx::Kind::kTensor || !is_native_type(input.type) || input.shape.empty()) return std::nullopt;
  constexpr int64_t kMostValues = 1 << 14;  // wider rows are pictures and the like, no tables
  std::vector<int64_t> inner;
  int64_t n = 1;
  for (size_t i = 1; i < input.shape.size(); ++i) {
    const int64_t size = input.shape[i].value;
    if (size <= 0 || n > kMostValues / size) return std::nullopt;
    n *= size;
    inner.push_back(size);
  }
  return inner;
}

/// Operators that put values elsewhere without touching them, which a session does for nothing.
bool only_renames(const onnx::Node& node) {
  constexpr std::string_view kNames[] = {"Identity", "Constant", "Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  return std::find(std::begin(kNames), std::end(kNames), node.op_type) != std::end(kNames);
}

bool makes_only_constants(const Translation& translation, const onnx::Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](std::string_view output) {
    const Value* value = translation.find(output);
    return output.empty() || (value && value->is_constant());
  });
}

}  // namespace

Division::Division(const onnx::Model& model, std::vector<std::string_view> targets)
    : model_(model),
      targets_(std::move(targets)),
      by_(model.nodes.size(), By::kNobody),
      reasons_(model.nodes.size()),
      is_constant_(model.nodes.size(), false) {
  find_needed();
  is_native_ = try_native();
  if (!is_native_ && !has_inner_graphs()) divide();
}

bool Division::has_inner_graphs() const {
  // What such a graph takes from the one around it is no input of the node, so cuts would miss it.
  constexpr int32_t kGraph = 5, kGraphs = 10;  // AttributeProto.AttributeType
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    for (const onnx::Attribute& attribute : model_.nodes[i].attributes) {
      if (needed_[i] && (attribute.type == kGraph || attribute.type == kGraphs)) return true;
    }
  }
  return false;
}

void Division::find_needed() {
  std::unordered_set<std::string_view> wanted(targets_.begin(), targets_.end());
  needed_.assign(model_.nodes.size(), false);
  // Nodes stand behind those that make their inputs.
  for (size_t i = model_.nodes.size(); i-- > 0;) {
    const onnx::Node& node = model_.nodes[i];
    needed_[i] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](std::string_view output) { return wanted.contains(output); });
    if (needed_[i]) wanted.insert(node.inputs.begin(), node.inputs.end());
  }
  wanted_ = std::move(wanted);
}

std::string Division::translate(Translation& translation, const onnx::Node& node) const {
  std::string reason = translation.translate(node);
  const auto is_missing = [&](std::string_view output) { return !output.empty() && wanted_.contains(output) && !translation.find(output); };
  if (reason.empty() && std::any_of(node.outputs.begin(), node.outputs.end(), is_missing)) reason = "its text is wanted";
  const auto is_wide = [&](std::string_view output) {
    const Value* value = translation.find(output);
    return value && translation.flow().is_wide_layer(value->columns) &&
           std::find(targets_.begin(), targets_.end(), output) != targets_.end();
  };
  if (reason.empty() && std::any_of(node.outputs.begin(), node.outputs.end(), is_wide)) {
    reason = "ONNX Runtime writes this many results a row faster";
  }
  return reason;
}

void Division::add_inputs(Translation& translation) const {
  for (size_t i = 0; i < model_.inputs.size(); ++i) {
    if (const auto inner = native_inner(model_.inputs[i])) {
      translation.add_leaf(model_.inputs[i].name, model_.inputs[i].type, *inner, false, i);
    }
  }
}

bool Division::try_native() {
  Translation translation(model_, false);
  add_inputs(translation);
  bool all = true;
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    if (!needed_[i]) continue;
    reasons_[i] = translate(translation, model_.nodes[i]);
    by_[i] = reasons_[i].empty() ? By::kFront : By::kSession;
    all = all && reasons_[i].empty();
  }
  const auto is_made = [&](std::string_view target) {
    const Value* value = translation.find(target);
    return value && !value->is_constant();
  };
  if (!all || !std::all_of(targets_.begin(), targets_.end(), is_made)) return false;
  for (const std::string_view target : targets_) {
    const std::vector<ColumnId>& columns = translation.find(target)->columns;
    const auto is_rough = [&](ColumnId column) { return translation.flow()[column].is_rough; };
    if (std::any_of(columns.begin(), columns.end(), is_rough)) rough_targets_.insert(target);
  }
  front_targets_ = targets_;
  front_.emplace(draft(translation, targets_));
  keep_probe_values(translation);
  return true;
}

void Division::divide() {
  Translation translation(model_, true);
  add_inputs(translation);
  std::vector<bool> waits(model_.nodes.size(), false);  // the operator would do, were it not for an input that the session makes
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    if (!needed_[i]) continue;
    const onnx::Node& node = model_.nodes[i];
    const std::string reason = translate(translation, node);
    by_[i] = reason.empty() ? By::kFront : By::kSession;
    if (!reason.empty() && reasons_[i].empty()) reasons_[i] = reason;  // the first try's reason tells more, where it had one
    const Operator* found = find_operator(node);
    waits[i] =
        !reason.empty() && found && !found->is_rough && std::any_of(node.inputs.begin(), node.inputs.end(), [&](std::string_view input) {
          return !input.empty() && !translation.find(input) && !translation.is_constant(input);
        });
  }
  if (!is_worth_a_front(translation)) {
    for (By& by : by_) by = by == By::kFront ? By::kSession : by;
  }

  // The tail: what waits, and whose readers all belong to the tail too.
  std::unordered_set<std::string_view> read_by_session;
  bool has_trees = false;
  std::vector<size_t> tail;
  for (size_t i = model_.nodes.size(); i-- > 0;) {
    const onnx::Node& node = model_.nodes[i];
    if (by_[i] != By::kSession) continue;
    const auto is_read = [&](std::string_view output) { return read_by_session.contains(output); };
    if (waits[i] && std::none_of(node.outputs.begin(), node.outputs.end(), is_read)) {
      tail.push_back(i);
      has_trees |= onnx::is_tree_ensemble(node);
    } else {
      read_by_session.insert(node.inputs.begin(), node.inputs.end());
    }
  }
  if (has_trees) {
    for (const size_t i : tail) by_[i] = By::kTail;
    has_tail_ = true;
  }

  std::unordered_map<std::string_view, By> maker;
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    for (const std::string_view output : model_.nodes[i].outputs) maker[output] = by_[i];
  }
  const bool has_front = std::any_of(by_.begin(), by_.end(), [](By by) { return by == By::kFront; });
  for (const std::string_view target : targets_) {
    const Value* value = translation.find(target);
    const auto at = maker.find(target);
    const bool is_at_hand = at == maker.end() || at->second == By::kFront;
    if (has_front && is_at_hand && value && !value->is_constant()) front_targets_.push_back(target);
    if (at != maker.end() && at->second == By::kTail) tail_targets_.push_back(target);
  }
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    if (by_[i] != By::kFront) continue;
    for (const std::string_view output : model_.nodes[i].outputs) {
      const Value* value = translation.find(output);
      if (value && !value->is_constant()) front_values_.insert({output, {std::string(output), value->type, value->inner}});
    }
  }
  // Constants cost the session nothing, and whoever reads them there finds them.
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    is_constant_[i] = by_[i] == By::kFront && makes_only_constants(translation, model_.nodes[i]);
    if (is_constant_[i]) by_[i] = By::kSession;
  }
  cut_session();
  make_front();
}

void Division::make_front() {
  front_.reset();
  probe_values_.clear();
  categories_.clear();
  std::vector<std::string_view> wanted = front_targets_;
  wanted.insert(wanted.end(), front_cuts_.begin(), front_cuts_.end());
  if (wanted.empty()) return;
  Translation translation(model_, true);
  add_inputs(translation);
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    if (by_[i] == By::kFront || is_constant_[i]) (void)translation.translate(model_.nodes[i]);
  }
  front_.emplace(draft(translation, wanted));
  keep_probe_values(translation);
}

bool Division::is_worth_a_front(const Translation& translation) const {
  const auto is_input = [&](const Value& value) {
    return std::any_of(model_.inputs.begin(), model_.inputs.end(), [&](const onnx::ValueInfo& input) {
      const Value* whole = translation.find(input.name);
      return whole && whole->columns == value.columns;
    });
  };
  for (size_t i = 0; i < by_.size(); ++i) {
    if (by_[i] != By::kFront || only_renames(model_.nodes[i])) continue;
    for (const std::string_view output : model_.nodes[i].outputs) {
      const Value* value = translation.find(output);
      if (value && !value->is_constant() && !is_input(*value)) return true;
    }
  }
  return false;
}

void Division::cut_session() {
  session_graph_ = {};
  session_graph_.keeps_node.assign(model_.nodes.size(), false);
  session_inputs_.clear();
  front_cuts_.clear();
  std::unordered_map<std::string_view, By> maker;
  std::unordered_set<std::string_view> session_reads, tail_reads;
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    const onnx::Node& node = model_.nodes[i];
    for (const std::string_view output : node.outputs) maker[output] = by_[i];
    if (by_[i] == By::kSession) session_reads.insert(node.inputs.begin(), node.inputs.end());
    if (by_[i] == By::kTail) tail_reads.insert(node.inputs.begin(), node.inputs.end());
    session_graph_.keeps_node[i] = by_[i] == By::kSession;
  }
  for (size_t i = 0; i < model_.inputs.size(); ++i) {
    if (!session_reads.contains(model_.inputs[i].name)) continue;
    session_graph_.inputs.push_back({std::string(model_.inputs[i].name), model_.inputs[i].type, {}});
    session_inputs_.emplace_back(i);
  }
  const std::unordered_set<std::string_view> targets(targets_.begin(), targets_.end());
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    for (const std::string_view output : model_.nodes[i].outputs) {
      if (output.empty() || is_constant_[i]) continue;
      if (by_[i] == By::kFront && session_reads.contains(output)) front_cuts_.push_back(output);
      const bool is_wanted =
          tail_reads.contains(output) ||
          (targets.contains(output) && std::find(front_targets_.begin(), front_targets_.end(), output) == front_targets_.end());
      if (by_[i] == By::kSession && is_wanted) session_graph_.outputs.emplace_back(output);
    }
  }
  for (const std::string_view cut : front_cuts_) {
    const auto at = front_values_.find(cut);
    if (at == front_values_.end()) throw Error(Code::kUnsupported, "the value " + in_quotes(cut) + " is made in two places");
    session_graph_.inputs.push_back(at->second);
  }
}

Draft Division::draft(Translation& translation, const std::vector<std::string_view>& values) {
  std::vector<Target> targets;
  std::vector<Value> made;
  for (const std::string_view name : values) {
    const Value* value = translation.find(name);
    if (!value || value->is_constant()) throw Error(Code::kUnsupported, "the value " + in_quotes(name) + " is made in two places");
    made.push_back(*value);
    targets.push_back({made.back().type, made.back().columns});
  }
  return {translation.flow().compile(std::move(targets)), std::move(made)};
}

void Division::keep_probe_values(Translation& translation) {
  for (const auto& [source, values] : translation.flow().cuts()) {
    if (!source.is_tensor) probe_values_.push_back({source.index, source.value, values});
  }
  for (const auto& [source, values] : translation.flow().categories()) {
    if (!source.is_tensor) categories_.push_back({source.index, source.value, values});
  }
}

std::optional<Draft> Division::make_tail(std::span<const Type> types, std::span<const std::vector<int64_t>> inner) {
  Translation translation(model_, true);
  add_inputs(translation);
  for (size_t i = 0; i < session_graph_.outputs.size(); ++i) {
    if (is_native_type(types[i])) translation.add_leaf(session_graph_.outputs[i], types[i], inner[i], true, i);
  }
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    if (by_[i] == By::kFront || is_constant_[i]) (void)translation.translate(model_.nodes[i]);
    if (by_[i] != By::kTail) continue;
    if (const std::string reason = translation.translate(model_.nodes[i]); !reason.empty()) {
      drop_tail(reason);
      return std::nullopt;
    }
  }
  return draft(translation, tail_targets_);
}

void Division::drop_tail(const std::string& reason) {
  has_tail_ = false;
  for (size_t i = 0; i < by_.size(); ++i) {
    if (by_[i] != By::kTail) continue;
    by_[i] = By::kSession;
    reasons_[i] = reason;
  }
  tail_targets_.clear();
  cut_session();
  make_front();
}

void Division::leave_all() {
  for (By& by : by_) by = by == By::kNobody ? by : By::kSession;
}

std::vector<std::string> Division::lines() const {
  constexpr size_t kMostLines = 200;
  std::vector<std::string> lines;
  size_t n_more = 0;
  for (size_t i = 0; i < model_.nodes.size(); ++i) {
    const onnx::Node& node = model_.nodes[i];
    if (!needed_[i] && node.op_type == "ZipMap") continue;  // told on its own
    if (lines.size() == kMostLines) {
      ++n_more;
      continue;
    }
    const std::string name = "node " + std::string(node.op_type) + (node.name.empty() ? "" : " " + in_quotes(node.name)) + ": ";
    switch (by_[i]) {
      case By::kNobody:
        lines.push_back(name + "left out, no output needs it");
        break;
      case By::kFront:
        lines.push_back(name + "native");
        break;
      case By::kTail:
        lines.push_back(name + "native, behind ONNX Runtime");
        break;
      case By::kSession:
        lines.push_back(name + "ONNX Runtime" + (reasons_[i].empty() ? "" : ", " + reasons_[i]));
        break;
    }
  }
  if (n_more > 0) lines.push_back("and " + std::to_string(n_more) + " more nodes");
  return lines;
}

}  // namespace edgeonnx::plan
