// Runs of one size: what makes a session's results independent of how many rows a call has and of how they are cut.
#pragma once

#include "plan/plan.h"

namespace edgeonnx::plan {

/// Sets plan.padded_rows for a plan with a session. ONNX Runtime's matrix products choose their kernel, and with it the order of additions,
/// by the number of rows; runs of one size leave no choice. Whether the place of a row in such a run matters is tried on random rows; where
/// it does, every row is run alone.
void choose_padding(Plan& plan, const ort::Library& library);

}  // namespace edgeonnx::plan
