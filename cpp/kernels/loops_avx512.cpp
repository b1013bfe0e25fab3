// The loops of the steps for AVX-512.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/classifier.h"
#include "kernels/constants.h"
#include "kernels/elementwise.h"
#include "kernels/encoder.h"
#include "kernels/loop_table.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define EDGEONNX_VARIANT avx512
#define EDGEONNX_LEVEL 2
#include "kernels/loops.h"
#pragma GCC pop_options
