// The loops of tree ensembles for AVX2.
#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#include "base/instructions.h"
#include "kernels/forest_loops.h"

EDGEONNX_BEGIN_INSTRUCTIONS("avx2,f16c,popcnt")
#define EDGEONNX_VARIANT avx2
#define EDGEONNX_LEVEL 1
#include "kernels/forest_look_up.h"
#include "kernels/forest_search.h"
#include "kernels/forest_select.h"
#include "kernels/forest_variant.h"
EDGEONNX_END_INSTRUCTIONS
#endif
