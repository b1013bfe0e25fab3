// Which nodes of a graph native kernels take, and which are left to ONNX Runtime.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/model.h"
#include "onnx/subgraph.h"
#include "plan/plan.h"
#include "plan/probe.h"
#include "plan/translation.h"

namespace edgeonnx::plan {

/// A program before the plan says where its columns lie.
struct Draft {
  ColumnProgram program;
  std::vector<Value> made;  ///< what it writes, in the order asked for
};

class Division {
 public:
  /// `targets`: the values that must come out. Tries to have all of them made by native kernels; where that fails, a front that takes all
  /// it can from the inputs on, exactly as ONNX Runtime would.
  Division(const onnx::Model& model, std::vector<std::string_view> targets);

  bool is_native() const { return is_native_; }
  bool has_front() const { return front_.has_value(); }
  bool has_tail() const { return has_tail_; }
  /// Whether the target is only near what ONNX Runtime computes.
  bool is_rough(std::string_view target) const { return rough_targets_.contains(target); }
  bool has_rough_targets() const { return !rough_targets_.empty(); }

  /// Of a native model: makes the targets. Of a front: makes `front_targets`, then the inputs of the session.
  Draft& front() { return *front_; }
  /// Targets that the front makes, and those left.
  const std::vector<std::string_view>& front_targets() const { return front_targets_; }
  /// What the session is fed by the front, behind front_targets().
  const std::vector<std::string_view>& front_cuts() const { return front_cuts_; }

  /// The graph of the session. With a tail it makes what the tail reads instead of what the tail makes.
  const onnx::Subgraph& session_graph() const { return session_graph_; }
  /// Inputs of the model that the session is fed, by index; the others are made by the front. One an input of session_graph().
  const std::vector<std::optional<size_t>>& session_inputs() const { return session_inputs_; }

  /// Whether the tail can be made of what the session makes: `types` and `inner` of each output of session_graph(). Without it the session
  /// must make everything: call drop_tail().
  std::optional<Draft> make_tail(std::span<const Type> types, std::span<const std::vector<int64_t>> inner);
  const std::vector<std::string_view>& tail_targets() const { return tail_targets_; }
  void drop_tail(const std::string& reason);

  const std::vector<ProbeValues>& probe_values() const { return probe_values_; }
  /// Values that the model fails without.
  const std::vector<ProbeValues>& categories() const { return categories_; }

  /// The plan is given up: every node goes to ONNX Runtime.
  void leave_all();

  /// Whether a session runs the node, of model.nodes.
  bool is_left(size_t node) const { return by_[node] == By::kSession; }

  /// One line a node, for explain().
  std::vector<std::string> lines() const;

 private:
  enum class By { kNobody, kFront, kSession, kTail };

  void find_needed();
  bool has_inner_graphs() const;
  /// As Translation::translate, and a reason where an output that somebody reads is left out.
  std::string translate(Translation& translation, const onnx::Node& node) const;
  void add_inputs(Translation& translation) const;
  bool try_native();
  void divide();
  /// Whether the front makes anything that is not an input of the model under another name.
  bool is_worth_a_front(const Translation& translation) const;
  void cut_session();
  /// Drafts what the front makes for results and for the session.
  void make_front();
  Draft draft(Translation& translation, const std::vector<std::string_view>& values);
  void keep_probe_values(Translation& translation);

  const onnx::Model& model_;
  std::vector<std::string_view> targets_;
  std::vector<bool> needed_;  ///< one a node: some target depends on it
  std::vector<By> by_;
  std::vector<std::string> reasons_;
  std::vector<bool> is_constant_;  ///< nodes that make constants: the session has them, and so has the tail
  bool is_native_ = false;
  bool has_tail_ = false;
  std::unordered_set<std::string_view> wanted_;  ///< values that needed nodes read, and targets
  std::unordered_set<std::string_view> rough_targets_;
  std::optional<Draft> front_;
  std::vector<std::string_view> front_targets_, front_cuts_, tail_targets_;
  std::unordered_map<std::string_view, onnx::SubgraphInput> front_values_;  ///< all that nodes of the front make
  onnx::Subgraph session_graph_;
  std::vector<std::optional<size_t>> session_inputs_;
  std::vector<ProbeValues> probe_values_;
  std::vector<ProbeValues> categories_;
};

}  // namespace edgeonnx::plan
