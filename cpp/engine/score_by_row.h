// Rows of one batch by different models.
#pragma once

#include <span>

#include "engine/score.h"

namespace edgeonnx::engine {

/// As edgeonnx_score_by_row has it.
Report score_by_row(std::span<const Binding* const> bindings, const int32_t* binding_of_row, const Batch& batch,
                    std::span<const Output> outputs, const CallOptions& options);

}  // namespace edgeonnx::engine
