#include "engine/morsel.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "engine/branches.h"
#include "engine/clock.h"
#include "engine/read.h"
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
    lane.is_direct[i] = is_direct(binding, i, outputs, &result);
    if (lane.is_direct[i]) {
      lane.output_refs[i] = {static_cast<std::byte*>(outputs[result].data) + morsel.first_row * outputs[result].stride, tensor.type, {}};
    } else {
      lane.output_refs[i] = {lane.outputs.reserve(static_cast<size_t>(n_bytes)) + offset, tensor.type, {}};
      offset += round_up(n_rows * tensor.row_bytes(), 64);
    }
  }
}

/// Gives every tensor its shape for `n_rows` rows.
void set_shapes(const Binding& binding, int64_t n_rows, Lane& lane) {
  lane.input_shapes.resize(binding.inputs.size());
  for (size_t i = 0; i < binding.inputs.size(); ++i) {
    lane.input_shapes[i] = binding.inputs[i].shape;
    lane.input_shapes[i][0] = n_rows;
    lane.input_refs[i].shape = lane.input_shapes[i];
  }
  const bool is_free = binding.scorer->plan().batch_mode == plan::BatchMode::kFree;
  lane.output_shapes.resize(binding.tensors.size());
  for (size_t i = 0; i < binding.tensors.size(); ++i) {
    lane.output_shapes[i] = binding.tensors[i].shape.shape;
    if (is_free) lane.output_shapes[i][0] = n_rows;
    lane.output_refs[i].shape = lane.output_shapes[i];
  }
}

/// One row: the tensors of the last time again, for a few bytes copied in and out.
void run_one_row(const Binding& binding, Lane& lane) {
  if (lane.one_row_binding != binding.id) {
    lane.one_row_binding = -1;
    set_shapes(binding, 1, lane);
    lane.one_row = std::make_unique<ort::PreparedRun>(lane.session, lane.input_refs, binding.wanted, lane.output_refs);
    lane.one_row_binding = binding.id;
  }
  for (size_t i = 0; i < binding.inputs.size(); ++i) {
    std::memcpy(lane.one_row->input(i), lane.input_refs[i].data, static_cast<size_t>(binding.inputs[i].row_bytes()));
  }
  lane.one_row->run(lane.control);
  for (size_t i = 0; i < binding.tensors.size(); ++i) {
    std::memcpy(lane.output_refs[i].data, lane.one_row->output(i), static_cast<size_t>(binding.tensors[i].row_bytes()));
  }
}

void run(const Binding& binding, int64_t n_rows, Lane& lane) {
  const plan::Plan& plan = binding.scorer->plan();
  if (plan.batch_mode == plan::BatchMode::kFree) {
    if (n_rows == 1 && lane.session.is_on_cpu()) return run_one_row(binding, lane);
    set_shapes(binding, n_rows, lane);
    lane.session.run(lane.input_refs, binding.wanted, lane.output_refs, {}, lane.control);
    return;
  }
  // The model takes a fixed number of rows: one run after another over the same memory.
  set_shapes(binding, plan.fixed_batch, lane);
  std::vector<ort::TensorRef> inputs = lane.input_refs, outputs = lane.output_refs;
  for (int64_t begin = 0; begin < n_rows; begin += plan.fixed_batch) {
    lane.session.run(inputs, binding.wanted, outputs, {}, lane.control);
    for (size_t i = 0; i < inputs.size(); ++i)
      inputs[i].data = static_cast<std::byte*>(inputs[i].data) + plan.fixed_batch * binding.inputs[i].row_bytes();
    for (size_t i = 0; i < outputs.size(); ++i)
      outputs[i].data = static_cast<std::byte*>(outputs[i].data) + plan.fixed_batch * binding.tensors[i].row_bytes();
  }
}

}  // namespace

void score_morsel(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane) {
  const int64_t start = now_ns();
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
