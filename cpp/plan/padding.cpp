#include "plan/padding.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "plan/ports.h"
#include "plan/trial.h"

namespace edgeonnx::plan {
namespace {

// Enough rows that a run is worth its cost, few enough that a single row does not pay for too many others.
constexpr int64_t kRows = 32;

/// The same rows, row r in the place of row n - 1 - r.
Probe reversed(const Probe& rows) {
  Probe result = rows;
  for (size_t i = 0; i < rows.n_inputs(); ++i) {
    const int64_t row_bytes = rows.width(i) * size_of(rows.type(i));
    for (int64_t r = 0; r < rows.n_rows(); ++r) {
      std::memcpy(result.values(i) + r * row_bytes, rows.values(i) + (rows.n_rows() - 1 - r) * row_bytes, static_cast<size_t>(row_bytes));
    }
  }
  return result;
}

bool is_reversed(const Probe::Answer& a, const Probe::Answer& b, int64_t n_rows) {
  if (a.values.size() != b.values.size()) return false;
  const auto row_bytes = static_cast<int64_t>(a.values.size()) / n_rows;
  for (int64_t r = 0; r < n_rows; ++r) {
    if (std::memcmp(a.values.data() + r * row_bytes, b.values.data() + (n_rows - 1 - r) * row_bytes, static_cast<size_t>(row_bytes)) != 0) {
      return false;
    }
  }
  return true;
}

bool place_matters(const Plan& plan, const ort::Library& library) {
  const auto inner = inner_sizes(plan.inputs);
  if (!inner) return true;  // nothing can be tried before a binding tells the sizes
  std::vector<Type> types;
  for (const Port& port : plan.inputs) types.push_back(port.type);
  for (const uint32_t seed : {1u, 2u}) {
    const Probe rows(types, *inner, kRows, seed, plan.categories);
    const auto forward = try_plan(plan, &library, rows);
    const auto backward = try_plan(plan, &library, reversed(rows));
    for (size_t i = 0; i < forward.size(); ++i) {
      if (!is_reversed(forward[i], backward[i], kRows)) return true;
    }
  }
  return false;
}

}  // namespace

void choose_padding(Plan& plan, const ort::Library& library) {
  if (plan.batch_mode == BatchMode::kFixed) {
    if (plan.fixed_batch > 1)
      plan.notes.push_back("deterministic: rows are scored as the model fixes them, and may depend on those beside them");
    return;
  }
  bool alone = true;
  try {
    alone = place_matters(plan, library);
  } catch (const Error&) {
    // Made-up rows do not suit the model; one row a run is right whatever it does.
  }
  plan.padded_rows = alone ? 1 : kRows;
  plan.notes.push_back(alone ? "deterministic: ONNX Runtime is run over one row at a time"
                             : "deterministic: ONNX Runtime is run over " + std::to_string(kRows) +
                                   " rows at a time, made up where there are fewer; random rows gave the same results in any place");
}

}  // namespace edgeonnx::plan
