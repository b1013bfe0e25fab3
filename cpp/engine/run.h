// A morsel through the parts of its plan: native front, session, native tail.
#pragma once

#include "engine/binding.h"
#include "engine/lane.h"

namespace edgeonnx::engine {

/// From lane.columns_read and lane.input_refs to lane.output_refs, one a bound tensor. Throws what a session's run throws.
void run(const Binding& binding, int64_t n_rows, Lane& lane);

}  // namespace edgeonnx::engine
