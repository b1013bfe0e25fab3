// The loops of the steps for what every processor has.
#include <cstddef>
#include <cstdint>

#include "kernels/classifier.h"
#include "kernels/constants.h"
#include "kernels/elementwise.h"
#include "kernels/encoder.h"
#include "kernels/loop_table.h"

#define EDGEONNX_VARIANT scalar
#define EDGEONNX_LEVEL 0
#include "kernels/loops.h"
