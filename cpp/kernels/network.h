// Layers of matrix products with many results, in float.
#pragma once

#include <memory>
#include <vector>

#include "base/cpu.h"
#include "base/type.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// What becomes of a sum and its bias.
enum class Activation : int32_t { kNone, kRelu, kTanh, kSigmoid };

struct Layer {
  std::vector<float> weights;  ///< [outputs][inputs]
  std::vector<float> bias;     ///< one an output, or empty
  int32_t n_outputs = 0;
  Activation activation = Activation::kNone;
};

struct Network {
  struct Input {
    Register column = -1;
    Type type = Type::kFloat;  ///< or double, which is rounded to float
  };
  std::vector<Input> inputs;
  std::vector<Layer> layers;      ///< one at the least, each reading what the one before it makes
  std::vector<Register> outputs;  ///< of float
};

/// Whether the processor has the fused multiply-add in vectors that make_network needs.
bool has_network_kernel(Cpu level = cpu());

/// Each result of a layer is the sum of its products from 0 on, in the order of the inputs, each addition fused with its product and
/// rounded to float; then the bias. Tanh and sigmoid are quotients of
/// polynomials, near to a few units in the last place. So a row has the same bits wherever it stands, on every processor that has the
/// kernel. What lies between layers never leaves the cache. NaN and infinities go where IEEE 754 sends them. Throws Error(kInvalidArgument)
/// where lengths do not match, Error(kUnsupported) where there is no kernel.
std::unique_ptr<Step> make_network(const Network& network, Cpu level = cpu());

}  // namespace edgeonnx::kernels
