// The conversion loops for what every processor has.
#include <immintrin.h>

#include <limits>
#include <type_traits>

#include "convert/kinds.h"
#include "convert/loop_table.h"

#define EDGEONNX_VARIANT scalar
#define EDGEONNX_LEVEL 0
#include "convert/loops.h"
