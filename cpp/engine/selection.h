// Selected rows of a batch, brought together in a lane's memory: a morsel at a time, so that they stay in a core's cache.
#pragma once

#include "engine/morsel.h"

namespace edgeonnx::engine {

/// The morsel over lane.selected, which gets the selected rows of all columns that the binding reads. Throws Error(kInvalidArgument) for a
/// row that the batch does not have.
Morsel gather_rows(const Binding& binding, const Morsel& morsel, Lane& lane);

/// Memory that gather_rows takes for so many rows.
int64_t selection_bytes(const Binding& binding, int64_t n_rows);

}  // namespace edgeonnx::engine
