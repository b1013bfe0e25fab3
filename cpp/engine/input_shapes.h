// The sizes of the rows of bound inputs: the model's where it gives numbers, else those of the columns.
#pragma once

#include "engine/binding.h"
#include "engine/names.h"

namespace edgeonnx::engine {

/// Fills in `shape` of every bound input, whose fields and width are known. Sizes that the model leaves free are told by the rows of a
/// column, by the number of their values, or by another input where the model calls them the same; mistakes are added where they can't
/// be told, where rows have another shape than the input's, and where one name would stand for two sizes.
void resolve_shapes(Binding& binding, Mistakes& mistakes);

}  // namespace edgeonnx::engine
