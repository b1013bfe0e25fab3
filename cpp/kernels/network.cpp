#include "kernels/network.h"

#include <algorithm>

#include "kernels/constants.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {
namespace {

struct Arrays {
  std::vector<NetworkLayer> layers;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> bias;
  std::vector<int32_t> inputs;
};

/// The weights in the order in which the loop meets them: outputs in groups, and of a group one input after the other.
std::vector<float> in_groups(const Layer& layer, size_t n_inputs) {
  std::vector<float> weights;
  weights.reserve(layer.weights.size());
  const auto n_outputs = static_cast<size_t>(layer.n_outputs);
  for (size_t first = 0; first < n_outputs;) {
    size_t n = kNetworkGroup;
    while (n > n_outputs - first) n /= 2;
    for (size_t k = 0; k < n_inputs; ++k) {
      for (size_t m = first; m < first + n; ++m) weights.push_back(layer.weights[m * n_inputs + k]);
    }
    first += n;
  }
  return weights;
}

}  // namespace

bool has_network_kernel(Cpu level) { return loops_for(level).network != nullptr; }

std::unique_ptr<Step> make_network(const Network& network, Cpu level) {
  auto arrays = std::make_shared<Arrays>();
  std::vector<Register> inputs;
  for (const Network::Input& each : network.inputs) {
    if (each.type != Type::kFloat && each.type != Type::kDouble) throw Error(Code::kUnsupported, "a network reads float or double");
    inputs.push_back(each.column);
    arrays->inputs.push_back(element_of(each.type));
  }
  size_t width = inputs.size(), widest = width;
  for (const Layer& layer : network.layers) {
    const auto n_outputs = static_cast<size_t>(layer.n_outputs);
    if (layer.weights.size() != width * n_outputs || (!layer.bias.empty() && layer.bias.size() != n_outputs)) {
      throw Error(Code::kInvalidArgument, "a layer of " + std::to_string(width) + " inputs and " + std::to_string(n_outputs) +
                                              " outputs has " + std::to_string(layer.weights.size()) + " weights and " +
                                              std::to_string(layer.bias.size()) + " biases");
    }
    const std::vector<float>& weights = arrays->weights.emplace_back(in_groups(layer, width));
    const std::vector<float>& bias = arrays->bias.emplace_back(layer.bias);
    arrays->layers.push_back(
        {weights.data(), bias.empty() ? nullptr : bias.data(), static_cast<int32_t>(width), layer.n_outputs, layer.activation});
    width = n_outputs;
    widest = std::max(widest, width);
  }
  if (network.layers.empty() || network.outputs.size() != width) {
    throw Error(Code::kInvalidArgument, "a network of " + std::to_string(network.layers.size()) + " layers and " + std::to_string(width) +
                                            " results has " + std::to_string(network.outputs.size()) + " outputs");
  }
  const size_t panel_bytes = widest * kNetworkPanelRows * sizeof(float);
  return std::make_unique<LoopStep<NetworkConstants>>(
      loops_for(level).network, std::move(inputs), network.outputs,
      NetworkConstants{arrays->layers.data(), arrays->inputs.data(), static_cast<int32_t>(arrays->layers.size()),
                       static_cast<int32_t>(arrays->inputs.size()), static_cast<int32_t>(network.outputs.size()),
                       static_cast<int64_t>(panel_bytes), arrays},
      Scratch{0, 2 * panel_bytes});
}

}  // namespace edgeonnx::kernels
