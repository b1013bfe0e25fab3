// The plan's morsel for the rows that a binding has: the plan was made before their sizes were known.
#pragma once

#include "engine/binding.h"

namespace edgeonnx::engine {

/// Sets morsel_rows and row_cost of a binding whose inputs and results are bound.
void choose_morsel(Binding& binding);

}  // namespace edgeonnx::engine
