// The conversion loops for AVX2 and F16C.
#include <immintrin.h>

#include <limits>
#include <type_traits>

#include "base/instructions.h"
#include "convert/kinds.h"
#include "convert/loop_table.h"

EDGEONNX_BEGIN_INSTRUCTIONS("avx2,f16c,popcnt")
#define EDGEONNX_VARIANT avx2
#define EDGEONNX_LEVEL 1
#include "convert/loops.h"
EDGEONNX_END_INSTRUCTIONS
