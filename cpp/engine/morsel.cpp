#include "engine/morsel.h"

#include <algorithm>

#include "base/error.h"
#include "engine/branches.h"
#include "engine/clock.h"
#include "engine/read.h"
#include "engine/run.h"
#include "engine/selection.h"
#include "engine/write.h"

namespace edgeonnx::engine {
namespace {

/// Where each output tensor of the run goes: the caller's memory, or the lane's.
void place_outputs(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane) {
  const int64_t n_rows = morsel.n_rows;
  lane.output_refs.resize(binding.tensors.size());
  lane.is_direct.resize(binding.tensors.size());
  int64_t n_bytes = 0;
  for (const BoundTensor& tensor : binding.tensors) n_bytes += round_up(n_rows * tensor.row_bytes(), 64);
  int64_t offset = 0;
  for (size_t i = 0; i < binding.tensors.size(); ++i) {
    const BoundTensor& tensor = binding.tensors[i];
    size_t result = 0;
    // What a device returns goes through pinned memory.
    const bool is_of_device = lane.device_run && binding.scorer->plan().tensors[tensor.tensor].part == plan::Part::kSession;
    lane.is_direct[i] = !is_of_device && is_direct(binding, i, outputs, &result);
    if (lane.is_direct[i]) {
      lane.output_refs[i] = {static_cast<std::byte*>(outputs[result].data) + morsel.first_row * outputs[result].stride, tensor.type, {}};
    } else {
      lane.output_refs[i] = {lane.outputs.reserve(static_cast<size_t>(n_bytes)) + offset, tensor.type, {}};
      offset += round_up(n_rows * tensor.row_bytes(), 64);
    }
  }
}

}  // namespace

void score_morsel(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane) {
  const int64_t start = now_ns();
  if (morsel.rows) {
    const Morsel gathered = gather_rows(binding, morsel, lane);
    lane.tally.ns_convert += now_ns() - start;
    return score_morsel(binding, gathered, outputs, lane);
  }
  read_inputs(binding, morsel, lane);
  if (lane.failure) {
    // A row before this one may yet fail on its way out, and would then be the first.
    const Error failure = *lane.failure;
    const int64_t fixed = std::max<int64_t>(1, binding.scorer->plan().fixed_batch);
    Morsel before = morsel;
    before.n_rows = (failure.row() - morsel.error_row(0)) / fixed * fixed;
    if (before.n_rows > 0) score_morsel(binding, before, outputs, lane);
    throw failure;
  }
  if (binding.counts_branches) lane.tally.n_branch_changes += count_branch_changes(binding, morsel, lane);
  place_outputs(binding, morsel, outputs, lane);
  // A single row is over before it would be worth telling its phases apart: all of it counts as the run.
  const bool tells_phases = morsel.n_rows > 1;
  const int64_t converted = tells_phases ? now_ns() : start;
  run(binding, morsel.n_rows, lane);
  const int64_t ran = tells_phases ? now_ns() : start;
  write_results(binding, morsel, outputs, lane);
  ++lane.tally.n_morsels;
  lane.tally.ns_convert += converted - start;
  const int64_t done = now_ns();
  lane.tally.ns_run += tells_phases ? ran - converted : done - start;
  lane.tally.ns_write += tells_phases ? done - ran : 0;
}

}  // namespace edgeonnx::engine
