// Plans with native parts.
#pragma once

#include <string>

#include "plan/recipe.h"

namespace edgeonnx::plan {

/// Fills the plan's ports, tensors and parts, and compares it with ONNX Runtime if that is asked for. Otherwise the reason why the model
/// must be left to ONNX Runtime, for explain(); the plan is then to be made anew.
std::string plan_native(Plan& plan, const Recipe& recipe);

}  // namespace edgeonnx::plan
