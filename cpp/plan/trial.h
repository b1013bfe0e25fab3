// A plan run over made-up rows while it is being made: to learn what its session returns, and to compare it with ONNX Runtime.
#pragma once

#include <optional>
#include <vector>

#include "plan/plan.h"
#include "plan/probe.h"

namespace edgeonnx::plan {

/// All parts of the plan over the rows of a probe of the plan's inputs. Answers one a tensor of the plan. Throws what Session::run throws.
std::vector<Probe::Answer> try_plan(const Plan& plan, const ort::Library* library, const Probe& rows);

/// Where two answers differ by more than they may, or nothing. `is_rough`: results need only be near each other.
std::optional<std::string> difference(const Probe::Answer& ours, const Probe::Answer& theirs, bool is_rough);

}  // namespace edgeonnx::plan
