// One decimal: its digits, and what they come to at another scale.
#pragma once

#include <string>

#include "base/type.h"
#include "convert/wide.h"

namespace edgeonnx::convert {

struct Decimal {
  Wide magnitude;
  bool is_negative = false;
  int scale = 0;
};

/// What became of one value.
struct Converted {
  bool fits = true;
  bool is_changed = false;
};

Decimal read_decimal(const void* at, const DataType& type);

/// Brings the value to another scale, cut or rounded half away from zero.
Converted rescale(Decimal& value, int scale, bool rounds);

/// As text, with exactly `scale` digits behind the point.
std::string decimal_text(const void* value, const DataType& type);

}  // namespace edgeonnx::convert
