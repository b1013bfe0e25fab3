#include "kernels/linear.h"

#include <algorithm>

#include "kernels/constants.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {
namespace {

// Sums of a block of rows, for all outputs: half of L1, since the columns pass through the rest.
constexpr int64_t kBlockBytes = 16384;
constexpr int64_t kLeastBlockRows = 128;

struct Arrays {
  std::vector<LinearGroup> groups;
  std::vector<double> weights;
  std::vector<double> bias;
};

/// Neighbours of one type, as many at a time as there are registers for weights; of the rest four, two, one.
std::vector<LinearGroup> grouped(const std::vector<LinearInput>& inputs, size_t n_outputs) {
  const size_t most = n_outputs == 1 ? 8 : 4;
  std::vector<LinearGroup> groups;
  for (size_t i = 0; i < inputs.size();) {
    size_t end = i;
    const auto is_alike = [&](const LinearInput& other) {
      return other.type == inputs[i].type && other.is_narrowed == inputs[i].is_narrowed;
    };
    while (end < inputs.size() && is_alike(inputs[end])) ++end;
    const int element = inputs[i].is_narrowed ? kNarrowedElement : element_of(inputs[i].type);
    while (i < end) {
      size_t n = most;
      while (n > end - i) n /= 2;
      groups.push_back({static_cast<int32_t>(i), static_cast<int32_t>(n), element});
      i += n;
    }
  }
  return groups;
}

}  // namespace

std::unique_ptr<Step> make_linear(const Linear& linear, Cpu level) {
  const size_t n_inputs = linear.inputs.size(), n_outputs = linear.outputs.size();
  if (linear.weights.size() != n_inputs * n_outputs || linear.bias.size() != n_outputs) {
    throw Error(Code::kInvalidArgument, "a linear step of " + std::to_string(n_inputs) + " inputs and " + std::to_string(n_outputs) +
                                            " outputs has " + std::to_string(linear.weights.size()) + " weights and " +
                                            std::to_string(linear.bias.size()) + " biases");
  }
  if (linear.output_type != Type::kFloat && linear.output_type != Type::kDouble) {
    throw Error(Code::kUnsupported, "a linear step writes float or double");
  }
  auto arrays = std::make_shared<Arrays>(Arrays{grouped(linear.inputs, n_outputs), linear.weights, linear.bias});
  const bool writes_float = linear.output_type == Type::kFloat;
  const int64_t block = std::max(kLeastBlockRows, kBlockBytes / 8 / static_cast<int64_t>(std::max<size_t>(n_outputs, 1)) / 64 * 64);
  std::vector<Register> inputs;
  for (const LinearInput& each : linear.inputs) inputs.push_back(each.column);
  const size_t scratch = n_outputs * (sizeof(void*) + (writes_float ? static_cast<size_t>(block) * sizeof(double) : 0));
  return std::make_unique<LoopStep<LinearConstants>>(
      loops_for(level).linear, std::move(inputs), linear.outputs,
      LinearConstants{arrays->groups.data(), static_cast<int32_t>(arrays->groups.size()), static_cast<int32_t>(n_inputs),
                      static_cast<int32_t>(n_outputs), arrays->weights.data(), arrays->bias.data(), static_cast<int32_t>(block),
                      writes_float, arrays},
      Scratch{0, scratch});
}

}  // namespace edgeonnx::kernels
