#include "ort/assignment.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ort/provider_catalog.h"
#include "ort/status.h"

namespace edgeonnx::ort {

std::vector<AssignedNode> assigned_nodes(const Library& library, const OrtSession* session) {
  const Api& api = library.api();
  const auto require = [&](OrtStatus* status) { check(api, status, Phase::kSetup, "tell which provider runs which node"); };
  const OrtEpAssignedSubgraph* const* parts = nullptr;
  size_t n_parts = 0;
  require(api.Session_GetEpGraphAssignmentInfo(session, &parts, &n_parts));
  std::vector<AssignedNode> assigned;
  for (size_t i = 0; i < n_parts; ++i) {
    const char* provider = "";
    require(api.EpAssignedSubgraph_GetEpName(parts[i], &provider));
    const OrtEpAssignedNode* const* nodes = nullptr;
    size_t n_nodes = 0;
    require(api.EpAssignedSubgraph_GetNodes(parts[i], &nodes, &n_nodes));
    for (size_t k = 0; k < n_nodes; ++k) {
      const char *name = "", *domain = "", *op_type = "";
      require(api.EpAssignedNode_GetName(nodes[k], &name));
      require(api.EpAssignedNode_GetDomain(nodes[k], &domain));
      require(api.EpAssignedNode_GetOperatorType(nodes[k], &op_type));
      assigned.push_back({provider, name, domain, op_type});
    }
  }
  return assigned;
}

bool has_fallen_back(const std::vector<AssignedNode>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [](const AssignedNode& node) { return short_name(node.provider) == "CPU"; });
}

std::string some_of(std::vector<std::string> names) {
  constexpr size_t kMostNamed = 20;
  const size_t n_names = names.size();
  if (n_names > kMostNamed) {
    names.resize(kMostNamed);
    names.push_back("and " + std::to_string(n_names - kMostNamed) + " more");
  }
  return join(names);
}

void refuse_fallback(const std::vector<AssignedNode>& nodes) {
  std::vector<std::string> fallen;
  bool is_tabular = false;
  for (const AssignedNode& node : nodes) {
    if (short_name(node.provider) != "CPU") continue;
    fallen.push_back(node.text());
    is_tabular = is_tabular || node.domain == "ai.onnx.ml";
  }
  if (fallen.empty()) return;
  throw Error(Code::kUnsupported,
              "the execution providers that were asked for leave " + std::to_string(fallen.size()) + " of " + std::to_string(nodes.size()) +
                  " nodes to the CPU: " + some_of(fallen) + "; list CPUExecutionProvider last, or fallback='cpu', to let them run there" +
                  (is_tabular ? "; trees and linear models are fastest without providers, on edgeonnx's own kernels" : ""));
}

}  // namespace edgeonnx::ort
