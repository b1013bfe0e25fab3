// How many rows are scored at a time.
#pragma once

#include "plan/plan.h"

namespace edgeonnx::plan {

/// What a run of ONNX Runtime on the CPU should touch at the most, so that it stays in a core's cache.
constexpr int64_t kSessionBytes = 5 << 18;

/// n_rows, or a little less: matrix kernels work on blocks of rows.
int64_t whole_blocks(int64_t n_rows);

/// Sets morsel_rows and row_cost. `wanted`: rows that the user asked for, or 0.
void choose_morsel(Plan& plan, const onnx::Model& model, int64_t wanted);

}  // namespace edgeonnx::plan
