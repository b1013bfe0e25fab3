// The loops of the steps for AVX-512.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/instructions.h"
#include "kernels/classifier.h"
#include "kernels/constants.h"
#include "kernels/elementwise.h"
#include "kernels/encoder.h"
#include "kernels/loop_table.h"

EDGEONNX_BEGIN_INSTRUCTIONS("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl" EDGEONNX_WIDEST_VECTORS)
#define EDGEONNX_VARIANT avx512
#define EDGEONNX_LEVEL 2
#include "kernels/loops.h"
EDGEONNX_END_INSTRUCTIONS
