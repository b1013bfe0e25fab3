// A tree ensemble as a step: from the columns of its features to scores and labels.
#pragma once

#include <memory>
#include <vector>

#include "kernels/forest.h"
#include "kernels/forest_ending.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// features: one register a feature that some split of `trees` tests, ascending, of float or double as trees.is_double. scores:
/// ending.n_outputs() registers of float or double as ending.writes_double. label: a register of int64, or -1 for none.
std::unique_ptr<Step> make_forest(const Trees& trees, Aggregate aggregate, ForestEnding ending, std::vector<Register> features,
                                  std::vector<Register> scores, Register label);

}  // namespace edgeonnx::kernels
