#include "engine/run.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace edgeonnx::engine {
namespace {

using plan::NativePart;
using plan::Part;
using plan::Plan;

/// Gives every tensor of the session its shape for `n_rows` rows.
void set_shapes(const Binding& binding, int64_t n_rows, Lane& lane) {
  const Plan& plan = binding.scorer->plan();
  lane.input_shapes.resize(plan.session_inputs.size());
  for (size_t i = 0; i < plan.session_inputs.size(); ++i) {
    const plan::SessionInput& input = plan.session_inputs[i];
    lane.input_shapes[i] = input.is_front ? input.shape.shape : binding.inputs[input.index].shape;
    lane.input_shapes[i][0] = n_rows;
    lane.session_inputs[i].shape = lane.input_shapes[i];
  }
  lane.output_shapes.resize(binding.wanted.size());
  for (size_t i = 0; i < binding.wanted.size(); ++i) {
    lane.output_shapes[i] = binding.session_outputs[i].shape.shape;
    if (plan.batch_mode == plan::BatchMode::kFree) lane.output_shapes[i][0] = n_rows;
    lane.session_outputs[i].shape = lane.output_shapes[i];
  }
}

int64_t row_bytes_of(const Binding& binding, size_t session_input) {
  const plan::SessionInput& input = binding.scorer->plan().session_inputs[session_input];
  if (!input.is_front) return binding.inputs[input.index].row_bytes();
  return packed_stride(binding.scorer->plan().front->program.outputs()[input.index].type, input.shape.width);
}

void run_tensors(const Binding& binding, std::span<const ort::TensorRef> inputs, std::span<const ort::TensorRef> outputs, Lane& lane) {
  if (lane.device_run) return lane.device_run->run(inputs, binding.wanted, outputs, *lane.control);
  lane.session->run(inputs, binding.wanted, outputs, {}, *lane.control);
}

/// One row: the tensors of the last time again, for a few bytes copied in and out.
void run_one_row(const Binding& binding, Lane& lane) {
  if (lane.one_row_binding != binding.id) {
    lane.one_row_binding = -1;
    set_shapes(binding, 1, lane);
    lane.one_row = std::make_unique<ort::PreparedRun>(*lane.session, lane.session_inputs, binding.wanted, lane.session_outputs);
    lane.one_row_binding = binding.id;
  }
  for (size_t i = 0; i < lane.session_inputs.size(); ++i) {
    std::memcpy(lane.one_row->input(i), lane.session_inputs[i].data, static_cast<size_t>(row_bytes_of(binding, i)));
  }
  lane.one_row->run(*lane.control);
  for (size_t i = 0; i < lane.session_outputs.size(); ++i) {
    std::memcpy(lane.session_outputs[i].data, lane.one_row->output(i), static_cast<size_t>(binding.session_outputs[i].row_bytes()));
  }
}

/// A session that takes `n_run` rows and no others: one run after another over the same memory. n_rows is a multiple of n_run.
void run_fixed(const Binding& binding, int64_t n_rows, int64_t n_run, Lane& lane) {
  set_shapes(binding, n_run, lane);
  std::vector<ort::TensorRef> inputs = lane.session_inputs, outputs = lane.session_outputs;
  for (int64_t begin = 0; begin < n_rows; begin += n_run) {
    run_tensors(binding, inputs, outputs, lane);
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i].data = static_cast<std::byte*>(inputs[i].data) + n_run * row_bytes_of(binding, i);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      outputs[i].data = static_cast<std::byte*>(outputs[i].data) + n_run * binding.session_outputs[i].row_bytes();
    }
  }
}

/// As run_fixed; of a part of a run the last row is repeated until it is whole.
void run_padded(const Binding& binding, int64_t n_rows, int64_t n_run, Lane& lane) {
  const int64_t n_whole = n_rows / n_run * n_run;
  if (n_whole > 0) run_fixed(binding, n_whole, n_run, lane);
  const int64_t n_rest = n_rows - n_whole;
  if (n_rest == 0) return;
  int64_t n_bytes = 0;
  for (size_t i = 0; i < lane.session_inputs.size(); ++i) n_bytes += round_up(n_run * row_bytes_of(binding, i), 64);
  for (const BoundTensor& output : binding.session_outputs) n_bytes += round_up(n_run * output.row_bytes(), 64);
  std::byte* memory = lane.padding.reserve(static_cast<size_t>(n_bytes));
  const std::vector<ort::TensorRef> inputs = lane.session_inputs, outputs = lane.session_outputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const int64_t row_bytes = row_bytes_of(binding, i);
    const auto* rest = static_cast<const std::byte*>(inputs[i].data) + n_whole * row_bytes;
    std::memcpy(memory, rest, static_cast<size_t>(n_rest * row_bytes));
    for (int64_t r = n_rest; r < n_run; ++r) {
      std::memcpy(memory + r * row_bytes, rest + (n_rest - 1) * row_bytes, static_cast<size_t>(row_bytes));
    }
    lane.session_inputs[i].data = memory;
    memory += round_up(n_run * row_bytes, 64);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    lane.session_outputs[i].data = memory;
    memory += round_up(n_run * binding.session_outputs[i].row_bytes(), 64);
  }
  run_fixed(binding, n_run, n_run, lane);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t row_bytes = binding.session_outputs[i].row_bytes();
    std::memcpy(static_cast<std::byte*>(outputs[i].data) + n_whole * row_bytes, lane.session_outputs[i].data,
                static_cast<size_t>(n_rest * row_bytes));
  }
  lane.session_inputs = inputs;
  lane.session_outputs = outputs;
}

void run_session(const Binding& binding, int64_t n_rows, Lane& lane) {
  const Plan& plan = binding.scorer->plan();
  if (plan.batch_mode == plan::BatchMode::kFixed) return run_fixed(binding, n_rows, plan.fixed_batch, lane);
  if (plan.padded_rows > 0) return run_padded(binding, n_rows, plan.padded_rows, lane);
  if (n_rows == 1 && lane.session->is_on_cpu() && !lane.device_run) return run_one_row(binding, lane);
  set_shapes(binding, n_rows, lane);
  run_tensors(binding, lane.session_inputs, lane.session_outputs, lane);
}

/// Memory for what a part makes: a tensor's own place where a result reads it, else in lane.between from `offset` on.
class Places {
 public:
  Places(const Binding& binding, int64_t n_rows, Lane& lane) : binding_(binding), n_rows_(n_rows), lane_(lane) {}

  /// Where what the part makes as its `index` goes, if a result reads it.
  std::byte* of_result(Part part, size_t index) const {
    for (size_t i = 0; i < binding_.tensors.size(); ++i) {
      const plan::Tensor& tensor = binding_.scorer->plan().tensors[binding_.tensors[i].tensor];
      if (tensor.part == part && tensor.index == index) return static_cast<std::byte*>(lane_.output_refs[i].data);
    }
    return nullptr;
  }

  std::byte* between(int64_t row_bytes) {
    std::byte* at = lane_.between.reserve(static_cast<size_t>(binding_.between_bytes * n_rows_) + 64 * binding_.n_between) + offset_;
    offset_ += round_up(n_rows_ * row_bytes, 64);
    return at;
  }

 private:
  const Binding& binding_;
  int64_t n_rows_;
  Lane& lane_;
  int64_t offset_ = 0;
};

/// Runs a native part into lane.made.
void run_part(const NativePart& part, const Binding& binding, int64_t n_rows, kernels::Workspace& workspace, Lane& lane) {
  lane.views.clear();
  for (const NativePart::Source& source : part.sources) {
    if (!source.is_tensor) {
      lane.views.push_back(lane.columns_read[source.index]);
      continue;
    }
    const auto at = std::find(binding.wanted.begin(), binding.wanted.end(), source.index) - binding.wanted.begin();
    const BoundTensor& tensor = binding.session_outputs[static_cast<size_t>(at)];
    const auto* data = static_cast<const std::byte*>(lane.session_outputs[static_cast<size_t>(at)].data);
    lane.views.push_back({data + source.value * size_of(tensor.type), tensor.row_bytes()});
  }
  part.program.run(lane.views, n_rows, lane.made, workspace);
}

/// Runs the session over inputs of the plan and what the front made.
void ask_session(const Binding& binding, int64_t n_rows, Places& places, Lane& lane) {
  const Plan& plan = binding.scorer->plan();
  for (size_t i = 0; i < plan.session_inputs.size(); ++i) {
    if (!plan.session_inputs[i].is_front) lane.session_inputs[i] = lane.input_refs[plan.session_inputs[i].index];
  }
  lane.session_outputs.resize(binding.wanted.size());
  for (size_t i = 0; i < binding.wanted.size(); ++i) {
    std::byte* made = places.of_result(Part::kSession, binding.wanted[i]);
    lane.session_outputs[i] = {made ? made : places.between(binding.session_outputs[i].row_bytes()), binding.session_outputs[i].type, {}};
  }
  run_session(binding, n_rows, lane);
}

}  // namespace

void run(const Binding& binding, int64_t n_rows, Lane& lane) {
  const Plan& plan = binding.scorer->plan();
  Places places(binding, n_rows, lane);
  lane.session_inputs.resize(plan.session_inputs.size());
  if (plan.front) {
    lane.made.assign(plan.front->program.outputs().size(), nullptr);
    for (size_t i = 0; i < lane.made.size(); ++i) lane.made[i] = places.of_result(Part::kFront, i);
    for (size_t i = 0; i < plan.session_inputs.size(); ++i) {
      const plan::SessionInput& input = plan.session_inputs[i];
      if (!input.is_front || binding.wanted.empty()) continue;
      std::byte*& made = lane.made[input.index];
      if (!made) made = places.between(row_bytes_of(binding, i));
      lane.session_inputs[i] = {made, plan.front->program.outputs()[input.index].type, {}};
    }
    run_part(*plan.front, binding, n_rows, lane.front_workspace, lane);
  }
  if (!binding.wanted.empty()) ask_session(binding, n_rows, places, lane);
  if (!binding.runs_tail) return;
  lane.made.assign(plan.tail->program.outputs().size(), nullptr);
  for (size_t i = 0; i < lane.made.size(); ++i) lane.made[i] = places.of_result(Part::kTail, i);
  run_part(*plan.tail, binding, n_rows, lane.tail_workspace, lane);
}

}  // namespace edgeonnx::engine
