// From a tree ensemble as the model lists it to the trees that the kernels know, with the answers that ONNX Runtime gives for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/type.h"
#include "kernels/forest.h"
#include "kernels/forest_ending.h"
#include "onnx/tree_ensemble.h"

namespace edgeonnx::plan {

struct ForestPlan {
  kernels::Trees trees;
  kernels::Aggregate aggregate = kernels::Aggregate::kSum;
  kernels::ForestEnding ending;
  int32_t n_features = 1;  ///< a row must have at least as many, or ONNX Runtime refuses it: tests that change nothing count too
};

/// The ensemble over rows of `input`: float, double, or for a classifier of ai.onnx.ml 1 or 3 also int32 and int64, whose values are
/// compared as the nearest floats. Nothing, and the reason in words ("it has ..."), where ONNX Runtime refuses the ensemble, or where its
/// answers depend on what happens to lie in memory.
std::optional<ForestPlan> plan_forest(const onnx::TreeEnsemble& ensemble, Type input, std::string& reason);

}  // namespace edgeonnx::plan
