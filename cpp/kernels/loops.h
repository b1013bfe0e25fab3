// All loops of the steps. Included once per instruction set, inside a region that is compiled for it, with EDGEONNX_VARIANT as the
// namespace and EDGEONNX_LEVEL as the Cpu: 0 scalar, 1 AVX2, 2 AVX-512. No lambdas and nothing from the standard library that is not known
// at compile time: such code would be compiled for the baseline, or, worse, be shared with it.

#include "kernels/vectors.h"
// The rest builds upon it, in this order.
#include "kernels/exponential_loops.h"
// clang-format off
#include "kernels/elementwise_loops.h"
#include "kernels/encoder_loops.h"
#include "kernels/classifier_loops.h"
#include "kernels/linear_loops.h"
#include "kernels/network_loops.h"
// clang-format on

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

constexpr LoopTable table_of_loops() {
  LoopTable table{};
  fill_elementwise(table);
  fill_encoders(table);
  fill_classifier(table);
  table.linear = linear;
#if EDGEONNX_LEVEL >= 1
  table.network = network;
#endif
  return table;
}

extern const LoopTable kLoops;
constinit const LoopTable kLoops = table_of_loops();

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
