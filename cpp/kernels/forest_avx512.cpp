// The loops of tree ensembles for AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#include "base/instructions.h"
#include "kernels/forest_loops.h"

// gcc 12 on registers that its own header leaves undefined on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
EDGEONNX_BEGIN_INSTRUCTIONS("avx2,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl" EDGEONNX_WIDEST_VECTORS)
#define EDGEONNX_VARIANT avx512
#define EDGEONNX_LEVEL 2
#include "kernels/forest_look_up.h"
#include "kernels/forest_search.h"
#include "kernels/forest_select.h"
#include "kernels/forest_variant.h"
EDGEONNX_END_INSTRUCTIONS
#endif
