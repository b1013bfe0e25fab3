// The loops from and to decimals and money.
#pragma once

#include "convert/convert.h"

namespace edgeonnx::convert {

/// From a decimal to a number; null where there is none.
Loop loop_from_decimal(Type to);

/// From a number or a decimal to Type::kDecimal128 or Type::kMoney; null for other targets.
Loop loop_to_decimal(Type from, Type to);

}  // namespace edgeonnx::convert
