// How many rows are scored at a time.
#pragma once

#include "plan/plan.h"

namespace edgeonnx::plan {

/// Sets morsel_rows and row_cost. `wanted`: rows that the user asked for, or 0.
void choose_morsel(Plan& plan, const onnx::Model& model, int64_t wanted);

}  // namespace edgeonnx::plan
