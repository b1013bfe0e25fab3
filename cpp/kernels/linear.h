// Weighted sums of columns, in double.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/cpu.h"
#include "base/type.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

struct LinearInput {
  Register column = -1;
  Type type = Type::kFloat;  ///< float, double, int32, int64 or bool
  bool is_narrowed = false;  ///< a double that counts as the float nearest to it
};

struct Linear {
  std::vector<LinearInput> inputs;
  std::vector<double> weights;  ///< [outputs][inputs]
  std::vector<double> bias;     ///< one an output
  std::vector<Register> outputs;
  Type output_type = Type::kDouble;  ///< or float: rounded once, from the double sum
};

/// Each output is its bias, to which the products are added in the order of the inputs, each product and each sum rounded to double: the
/// same bits on every processor and however rows are cut into tiles. NaN and infinities go where IEEE 754 sends them. An input may stand
/// more than once. Tiles of 1024 rows and more stream best. Throws Error(kInvalidArgument) where lengths do not match.
std::unique_ptr<Step> make_linear(const Linear& linear, Cpu level = cpu());

}  // namespace edgeonnx::kernels
