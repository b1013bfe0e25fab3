// Pairs of an ONNX Runtime release and an operator that are known to give wrong answers, each found again by experiment before it was
// listed, and what a plan makes of them: native kernels are not measured by a runtime that is wrong, and who uses one is told.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::plan {

struct RuntimeDefect;

/// A node that one release or another computes wrongly.
struct Suspect {
  size_t node = 0;  ///< index into Model::nodes
  const RuntimeDefect* defect = nullptr;
};

class RuntimeDefects {
 public:
  explicit RuntimeDefects(const onnx::Model& model) : model_(model) {}

  /// Whether there is a release that may never come back from an operator of the model.
  bool may_hang() const;
  /// Nodes that this release computes wrongly; `version` as "1.26.0". Nothing is looked at where the release has no known defect.
  std::vector<Suspect> in(const std::string& version) const;

  /// "node TreeEnsembleClassifier 'trees': ONNX Runtime 1.26.0 gives wrong labels ...; 1.25.1 and older and 1.28.0 and newer are right"
  std::string sentence(const Suspect& suspect, const std::string& version) const;
  static bool hangs(const Suspect& suspect);

  /// Values of the graph that come out wrong: what the nodes make of the defects, and all that is made of it.
  std::unordered_set<std::string_view> wrong_values(const std::vector<Suspect>& suspects) const;

 private:
  const onnx::Model& model_;
};

}  // namespace edgeonnx::plan
