// Plans that are one session of ONNX Runtime.
#pragma once

#include <cstddef>
#include <vector>

#include "plan/recipe.h"

namespace edgeonnx::plan {

/// A plan that is one session, whatever the model.
Plan plan_session(const Recipe& recipe);

/// Adds a warning for each of the nodes, which the session is to run. Throws Error(kUnsupported) for one that may never come back.
void warn_of(Plan& plan, const Recipe& recipe, const std::vector<Suspect>& suspects);

bool has_trees(const onnx::Model& model);

/// Whether the session returns something else than it declares: ONNX Runtime only warns of it, unless it is given memory of the right size.
bool misdeclares(const Plan& plan);

/// Small dense models run so fast that threads of one session slow each other down, in its shared arena by all appearances; measured at 5 %
/// for a 64-64 perceptron on two threads. They get a session a thread. `bytes`: what the plan's session was made from.
void keep_small_model(Plan& plan, const Recipe& recipe, std::vector<std::byte> bytes);

}  // namespace edgeonnx::plan
