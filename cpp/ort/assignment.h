// Which execution provider runs which node of a session.
#pragma once

#include <string>
#include <vector>

#include "ort/library.h"

namespace edgeonnx::ort {

struct OrtSession;

/// The first ONNX Runtime that tells, as 1.N.
inline constexpr int kFirstMinorThatAssigns = 24;

struct AssignedNode {
  std::string provider;  ///< ONNX Runtime's name
  std::string name;      ///< of the node; may be empty
  std::string domain;
  std::string op_type;

  /// "'scale' (Scaler)"
  std::string text() const { return name.empty() ? op_type : "'" + name + "' (" + op_type + ")"; }
};

/// All nodes after the basic optimisations, provider by provider as ONNX Runtime tells them. The session must have been made with the entry
/// session.record_ep_graph_assignment_info=1.
std::vector<AssignedNode> assigned_nodes(const Library& library, const OrtSession* session);

/// Whether the CPU runs any.
bool has_fallen_back(const std::vector<AssignedNode>& nodes);

/// The first names of a list, and how many more there are.
std::string some_of(std::vector<std::string> names);

/// Throws Error(kUnsupported) that names the nodes which fall to the CPU, if there are any.
void refuse_fallback(const std::vector<AssignedNode>& nodes);

}  // namespace edgeonnx::ort
