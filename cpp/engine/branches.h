// Rows that rounding sends down another branch of a tree: found in the columns of a morsel, told in the report.
#pragma once

#include <string>

#include "engine/morsel.h"

namespace edgeonnx::engine {

/// Looks up, where `counts` is set, which values must be watched.
void prepare_branches(Binding& binding, bool counts);

/// A line for explain() where columns are rounded on their way to trees; empty otherwise.
std::string branch_warning(const Binding& binding);

/// After read_inputs: rows of the morsel that a tree would have sent another way had columns not been rounded to real.
int64_t count_branch_changes(const Binding& binding, const Morsel& morsel, Lane& lane);

}  // namespace edgeonnx::engine
