// Networks against plain loops, on every instruction set that has their kernel.
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "kernels/network.h"
#include "step_runs.h"

namespace {

using namespace edgeonnx;
using namespace edgeonnx::kernels;
using namespace steps;

std::vector<Cpu> able() {
  std::vector<Cpu> all;
  for (const Cpu level : levels()) {
    if (has_network_kernel(level)) all.push_back(level);
  }
  return all;
}

float wave(size_t i) { return static_cast<float>(std::sin(static_cast<double>(i) + 1) * 0.7); }

Layer layer(size_t n_inputs, size_t n_outputs, bool has_bias, Activation activation) {
  Layer made{{}, {}, static_cast<int32_t>(n_outputs), activation};
  for (size_t i = 0; i < n_inputs * n_outputs; ++i) made.weights.push_back(wave(i + n_outputs));
  for (size_t m = 0; has_bias && m < n_outputs; ++m) made.bias.push_back(wave(7 * m) * 3);
  return made;
}

/// Of one row.
std::vector<float> sums_of(const Layer& layer, const std::vector<float>& inputs) {
  std::vector<float> sums;
  for (size_t m = 0; m < static_cast<size_t>(layer.n_outputs); ++m) {
    float sum = 0;
    for (size_t k = 0; k < inputs.size(); ++k) sum = std::fma(layer.weights[m * inputs.size() + k], inputs[k], sum);
    if (!layer.bias.empty()) sum += layer.bias[m];
    if (layer.activation == Activation::kRelu) sum = sum < 0 ? 0 : sum;
    sums.push_back(sum);
  }
  return sums;
}

/// The network over n rows of awkward floats and doubles, one column a kind in turn; and every row's inputs.
struct Run {
  std::vector<std::vector<float>> inputs, outputs;
};

template <class T>
void add_column(Tile& tile, size_t c, const std::vector<T>& values, Network& network, std::vector<std::vector<float>>& rows) {
  std::vector<T> turned;
  for (size_t i = 0; i < values.size(); ++i) turned.push_back(values[(i + 3 * c) % values.size()]);
  const Register column = tile.add(turned);
  network.inputs.push_back({column, type_of<T>()});
  const std::vector<T> all = tile.values<T>(column);
  for (size_t i = 0; i < all.size(); ++i) rows[i].push_back(static_cast<float>(all[i]));
}

template <class T>
std::vector<T> tame() {
  std::vector<T> values;
  for (size_t i = 0; i < 97; ++i) values.push_back(static_cast<T>(std::sin(static_cast<double>(i) * 0.37) * 2.5));
  return values;
}

Run run(std::vector<Layer> layers, size_t n_inputs, size_t n, bool is_awkward, Cpu level) {
  Tile tile(n);
  Run result{std::vector<std::vector<float>>(n), std::vector<std::vector<float>>(n)};
  Network network{{}, std::move(layers), {}};
  for (size_t c = 0; c < n_inputs; ++c) {
    if (c % 3 == 2) {
      add_column<double>(tile, c, is_awkward ? awkward<double>() : tame<double>(), network, result.inputs);
    } else {
      add_column<float>(tile, c, is_awkward ? awkward<float>() : tame<float>(), network, result.inputs);
    }
  }
  for (int32_t m = 0; m < network.layers.back().n_outputs; ++m) network.outputs.push_back(tile.add_output<float>());
  tile.run(*make_network(network, level));
  for (const Register output : network.outputs) {
    const std::vector<float> values = tile.values<float>(output);
    for (size_t i = 0; i < n; ++i) result.outputs[i].push_back(values[i]);
  }
  return result;
}

TEST(test_layers_have_the_bits_of_fused_sums_in_order) {
  const std::vector<std::vector<size_t>> shapes = {{1, 1}, {3, 5}, {28, 64, 64, 1}, {5, 7, 6, 3}, {2, 17}, {61, 4, 2}, {1, 200, 1}};
  for (const Cpu level : able()) {
    for (const auto& shape : shapes) {
      for (const size_t n : kLengths) {
        for (const bool is_awkward : {false, true}) {
          std::vector<Layer> layers;
          for (size_t i = 1; i < shape.size(); ++i) {
            layers.push_back(layer(shape[i - 1], shape[i], i % 2 == 1, i + 1 < shape.size() ? Activation::kRelu : Activation::kNone));
          }
          const Run made = run(layers, shape[0], n, is_awkward, level);
          for (size_t i = 0; i < n; ++i) {
            std::vector<float> expected = made.inputs[i];
            for (const Layer& each : layers) expected = sums_of(each, expected);
            expect(std::string("network ") + cpu_name(level), made.outputs[i], expected);
          }
        }
      }
    }
  }
}

TEST(test_functions_of_layers_are_near_their_values) {
  Layer identity{{1}, {}, 1, Activation::kNone};
  for (const Cpu level : able()) {
    for (const Activation activation : {Activation::kTanh, Activation::kSigmoid}) {
      identity.activation = activation;
      for (const bool is_awkward : {false, true}) {
        const Run made = run({identity}, 1, 1000, is_awkward, level);
        for (size_t i = 0; i < made.inputs.size(); ++i) {
          const double x = static_cast<double>(made.inputs[i][0]), found = static_cast<double>(made.outputs[i][0]);
          const double expected = activation == Activation::kTanh ? std::tanh(x) : 1 / (1 + std::exp(-x));
          CHECK(std::isnan(x) ? std::isnan(found) : std::fabs(found - expected) <= 3e-7);
        }
      }
    }
  }
}

TEST(test_network_of_another_shape_is_refused) {
  for (const Cpu level : able()) {
    const Layer two = layer(1, 2, true, Activation::kNone);
    CHECK_ERROR(make_network({{{0, Type::kFloat}}, {}, {}}, level), Code::kInvalidArgument);
    CHECK_ERROR(make_network({{{0, Type::kFloat}}, {two}, {1}}, level), Code::kInvalidArgument);
    CHECK_ERROR(make_network({{{0, Type::kFloat}}, {two, two}, {1, 2}}, level), Code::kInvalidArgument);
    CHECK_ERROR(make_network({{{0, Type::kFloat}}, {{two.weights, {1}, 2}}, {1, 2}}, level), Code::kInvalidArgument);
    CHECK_ERROR(make_network({{{0, Type::kInt64}}, {two}, {1, 2}}, level), Code::kUnsupported);
  }
  CHECK(!has_network_kernel(Cpu::kScalar));
  CHECK_ERROR(make_network({{{0, Type::kFloat}}, {layer(1, 1, false, Activation::kNone)}, {1}}, Cpu::kScalar), Code::kUnsupported);
}

}  // namespace

int main() { return check::run(); }
