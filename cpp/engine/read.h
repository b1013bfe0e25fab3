// The way in: columns of a morsel become the tensors of a run, borrowed where they lie or converted into a lane's memory.
#pragma once

#include "engine/morsel.h"

namespace edgeonnx::engine {

/// Fills lane.input_refs. Bad rows are gathered in lane.failure, masked rows in lane.row_null.
void read_inputs(const Binding& binding, const Morsel& morsel, Lane& lane);

}  // namespace edgeonnx::engine
