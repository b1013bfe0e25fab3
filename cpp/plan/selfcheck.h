// The comparison that a plan with native parts must pass before it is used.
#pragma once

#include <string>
#include <vector>

#include "plan/division.h"
#include "plan/plan.h"
#include "plan/probe.h"

namespace edgeonnx::plan {

/// Rows for a plan's inputs. `plain`: random ones; results behind a matrix product can be compared on those alone. `special`: with values
/// at which some tree or test changes its mind and right beside them, and with what is special about a type (NaN, infinities, the largest
/// and the smallest values).
struct CheckRows {
  Probe plain;
  Probe special;
};
/// `multiple`: the number of rows of each is a multiple of it.
CheckRows check_rows(const Plan& plan, const std::vector<ProbeValues>& values, int64_t multiple);

/// What the original model makes of the rows, through a session of its own: one answer a name.
std::vector<Probe::Answer> ask_runtime(const ort::Session& session, const ort::Library& library, const Probe& rows, int64_t batch,
                                       const std::vector<std::string>& names);

}  // namespace edgeonnx::plan
