#include "engine/scorer.h"

#include <algorithm>

#include "base/cpu.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/names.h"
#include "engine/pool.h"
#include "engine/quota.h"

namespace edgeonnx::engine {
namespace {

onnx::Bytes checked_size(onnx::Bytes model, const ScorerOptions& options) {
  if (static_cast<int64_t>(model.size()) > options.max_model_bytes) {
    throw Error(Code::kInvalidModel, options.plan.model_name + " has " + std::to_string(model.size()) + " bytes, more than the " +
                                         std::to_string(options.max_model_bytes) + " that max_model_bytes allows");
  }
  return model;
}

/// While one thread waits for a device to copy its rows, the next computes and a third one converts.
int threads_for(const plan::Plan& plan) {
  constexpr int kFewestOnDevice = 3;
  const int n_threads = default_threads();
  return plan.session && plan.session->device() ? std::max(kFewestOnDevice, n_threads) : n_threads;
}

}  // namespace

Scorer::Scorer(onnx::Bytes model, const ScorerOptions& options)
    : ort_library_(options.ort_library),
      model_name_(options.plan.model_name),
      on_score_(options.on_score),
      on_score_data_(options.on_score_data),
      plan_(plan::make_plan(
          checked_size(model, options), [this]() -> const ort::Library& { return library(); }, options.plan)),
      n_threads_(options.n_threads > 0 ? options.n_threads : threads_for(plan_)),
      generation_(fork_generation()),
      explain_(explanation()) {
  (void)cpu();                   // a wrong EDGEONNX_CPU is told now
  lanes_.reserve(most_lanes());  // lanes are given back by destructors, which must not throw
}

Scorer::~Scorer() {
  if (generation_ == fork_generation()) return;
  (void)plan_.session.release();
  for (auto& lane : lanes_) (void)lane.release();
}

void Scorer::check_usable() const {
  if (generation_ != fork_generation()) {
    throw Error(Code::kInvalidState, model_name_ + " was loaded before fork(); load it again in the child process");
  }
}

size_t Scorer::most_lanes() const { return static_cast<size_t>(std::max(8, 2 * n_threads_)); }

std::unique_ptr<Lane> Scorer::take_lane() const {
  {
    const std::lock_guard lock(mutex_);
    if (!lanes_.empty()) {
      auto lane = std::move(lanes_.back());
      lanes_.pop_back();
      return lane;
    }
  }
  if (plan_.is_native()) return std::make_unique<Lane>();
  // The first lane runs on the plan's session, the others of one call on sessions of their own where that is cheap.
  const int n_made = n_lanes_made_.fetch_add(1);
  const bool has_own = plan_.another_session && n_made > 0 && n_made < n_threads_;
  return std::make_unique<Lane>(library(), *plan_.session, has_own ? plan_.another_session() : nullptr);
}

void Scorer::give_lane(std::unique_ptr<Lane> lane) const {
  const std::lock_guard lock(mutex_);
  // What a crowd of callers once needed is not kept forever.
  if (lanes_.size() < most_lanes()) lanes_.push_back(std::move(lane));
}

namespace {

/// What no node uses: whole inputs by name, of others the places of their unread values in a row.
std::string unread_text(const plan::Plan& plan) {
  std::vector<std::string> inputs;
  std::string text;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    if (plan.feeds_session[i]) continue;
    std::vector<bool> is_read(static_cast<size_t>(std::max<int64_t>(0, plan.inputs[i].width())), false);
    for (const plan::InputValue& column : plan.columns) {
      if (column.input == i) is_read[static_cast<size_t>(column.value)] = true;
    }
    std::vector<std::string> values;
    for (size_t v = 0; v < is_read.size(); ++v) {
      if (!is_read[v]) values.push_back("'" + std::to_string(v) + "'");
    }
    constexpr size_t kMostNamed = 200;
    const bool is_whole = values.size() == is_read.size();
    if (values.size() > kMostNamed) {
      const std::string n_more = std::to_string(values.size() - kMostNamed);
      values.resize(kMostNamed);
      values.push_back("and " + n_more + " more");
    }
    if (is_whole) {
      inputs.push_back(in_quotes(plan.inputs[i].name));
    } else if (!values.empty()) {
      text += "unread values of " + in_quotes(plan.inputs[i].name) + ", since no node uses them: " + join(values) + "\n";
    }
  }
  return inputs.empty() ? text : text + "unread inputs, since no node uses them: " + join(inputs) + "\n";
}

}  // namespace

std::string Scorer::explanation() const {
  const auto port_text = [](const plan::Port& port) {
    std::string shape = shape_text(port.shape, port.symbols);
    const bool is_fixed = !port.shape.empty() && port.shape[0] >= 0;
    if (is_fixed) shape.replace(1, 1, std::to_string(port.shape[0]));
    const std::string type = port.type == Type::kUndefined ? port.onnx_type : display_name(port.type);
    return in_quotes(port.name) + " " + type + " " + shape + (port.refusal.empty() ? "" : ": " + port.refusal) + "\n";
  };
  std::string text = "plan: " + plan_.road;
  if (plan_.session) {
    text += std::string(", ") + (plan_.another_session && n_threads_ > 1 ? "a session a thread" : "one session") +
            ", intra_op 1, version " + library().version();
  }
  text += "\n";
  for (const plan::Port& port : plan_.inputs) text += "input " + port_text(port);
  for (const plan::OutputPort& output : plan_.outputs) text += "output " + port_text(output.port);
  for (const std::string& warning : plan_.warnings) text += "warning: " + warning + "\n";
  for (const std::string& note : plan_.notes) text += note + "\n";
  text += unread_text(plan_);
  text += "morsel: " + std::to_string(plan_.morsel_rows) + " rows\n";
  text += "threads: up to " + std::to_string(n_threads_) + "\n";
  return text;
}

}  // namespace edgeonnx::engine
