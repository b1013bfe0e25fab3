// The loops of the steps for AVX2.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/instructions.h"
#include "kernels/classifier.h"
#include "kernels/constants.h"
#include "kernels/elementwise.h"
#include "kernels/encoder.h"
#include "kernels/loop_table.h"

EDGEONNX_BEGIN_INSTRUCTIONS("avx2,fma,f16c,popcnt")
#define EDGEONNX_VARIANT avx2
#define EDGEONNX_LEVEL 1
#include "kernels/loops.h"
EDGEONNX_END_INSTRUCTIONS
