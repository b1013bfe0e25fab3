#include "engine/morsel_choice.h"

#include <algorithm>

#include "plan/morsel_size.h"

namespace edgeonnx::engine {
namespace {

constexpr int64_t kEndless = int64_t{1} << 40;

/// How often a row is met by the weights: once for a line of values, at every pixel of an image and every step of a sequence. Which size is
/// that of channels is not told; it is taken for the smallest.
int64_t n_positions(const BoundInput& input, const plan::Port& port) {
  if (input.shape.size() > 2) {
    const int64_t smallest = *std::min_element(input.shape.begin() + 1, input.shape.end());
    return smallest > 0 ? input.width / smallest : 1;
  }
  // Whole numbers in a line of any length are tokens, other values are features.
  const bool is_sequence = port.shape.size() == 2 && port.shape[1] < 0 && !is_floating(port.type);
  return is_sequence ? input.width : 1;
}

}  // namespace

void choose_morsel(Binding& binding) {
  const plan::Plan& plan = binding.scorer->plan();
  binding.morsel_rows = plan.morsel_rows;
  binding.row_cost = plan.row_cost;
  if (!plan.session) return;
  int64_t most = 1, row_bytes = 0;
  for (const BoundInput& input : binding.inputs) {
    most = std::max(most, n_positions(input, plan.inputs[input.input]));
    row_bytes += input.row_bytes();
  }
  if (most == 1) return;
  binding.row_cost = std::min(plan.row_cost, kEndless / most) * most;
  const bool is_on_device = !plan.session->is_on_cpu();
  if (plan.is_morsel_asked || is_on_device || plan.batch_mode == plan::BatchMode::kFixed || plan.padded_rows > 0) return;
  for (const BoundTensor& output : binding.session_outputs) row_bytes += output.row_bytes();
  row_bytes += plan.hidden_bytes * most;
  const int64_t by_bytes = plan::whole_blocks(std::max<int64_t>(1, plan::kSessionBytes / std::max<int64_t>(1, row_bytes)));
  binding.morsel_rows = std::min(plan.morsel_rows, by_bytes);
}

}  // namespace edgeonnx::engine
