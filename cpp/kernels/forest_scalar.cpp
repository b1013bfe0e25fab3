// The loops of tree ensembles for every processor.
#include <utility>

#include "kernels/forest_loops.h"

#define EDGEONNX_VARIANT scalar
#define EDGEONNX_LEVEL 0
#include "kernels/forest_look_up.h"
#include "kernels/forest_search.h"
#include "kernels/forest_select.h"
#include "kernels/forest_variant.h"

namespace edgeonnx::kernels::forest {

const Loops& loops_of(Cpu cpu) {
#if defined(__x86_64__)
  if (cpu == Cpu::kAvx512) return avx512::kLoops;
  if (cpu == Cpu::kAvx2) return avx2::kLoops;
#endif
  (void)cpu;
  return scalar::kLoops;
}

}  // namespace edgeonnx::kernels::forest
