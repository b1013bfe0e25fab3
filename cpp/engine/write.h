// The way out: the tensors of a run become result columns in the caller's memory.
#pragma once

#include "engine/morsel.h"

namespace edgeonnx::engine {

/// True where the session can write tensor `index` straight into the output of the one result that reads it.
bool is_direct(const Binding& binding, size_t index, std::span<const Output> outputs, size_t* result);

/// Writes every result whose tensor lies in the lane's memory (lane.is_direct), and the masks of all. Throws Error for the first row that
/// does not fit.
void write_results(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane);

}  // namespace edgeonnx::engine
