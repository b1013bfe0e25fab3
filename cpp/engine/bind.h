// The two halves of binding. Both gather mistakes instead of throwing them.
#pragma once

#include "engine/binding.h"
#include "engine/names.h"

namespace edgeonnx::engine {

/// Chooses the columns of every input and the loops and NULL values that turn them into tensors.
void bind_inputs(Binding& binding, const BindingOptions& options, Mistakes& mistakes);

/// Chooses the outputs, learns their shapes where only a run can tell, and the loops that turn them into results. The inputs must have
/// been bound without a mistake. Throws what a run throws.
void bind_results(Binding& binding, const BindingOptions& options, Mistakes& mistakes);

}  // namespace edgeonnx::engine
