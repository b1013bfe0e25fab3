// The conversion loops for AVX-512.
#include <immintrin.h>

#include <limits>
#include <type_traits>

#include "base/instructions.h"
#include "convert/kinds.h"
#include "convert/loop_table.h"

// gcc 12 on registers that its own header leaves undefined on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
EDGEONNX_BEGIN_INSTRUCTIONS("avx2,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl" EDGEONNX_WIDEST_VECTORS)
#define EDGEONNX_VARIANT avx512
#define EDGEONNX_LEVEL 2
#include "convert/loops.h"
EDGEONNX_END_INSTRUCTIONS
