#include "convert/decimal.h"

namespace edgeonnx::convert {

Decimal read_decimal(const void* at, const DataType& type) {
  Decimal value;
  value.magnitude = Wide::magnitude_of(at, static_cast<size_t>(size_of(type.type)), &value.is_negative);
  value.scale = type.scale;
  return value;
}

Converted rescale(Decimal& value, int scale, bool rounds) {
  Converted done;
  const int digits = value.scale - scale;
  value.scale = scale;
  if (digits <= 0) {
    done.fits = value.magnitude.scale_up(-digits);
    return done;
  }
  done.is_changed = value.magnitude.scale_down(digits - 1);
  Wide truncated = value.magnitude;
  done.is_changed |= truncated.scale_down(1);
  // The first digit behind decides: what is behind it can't make a half of less.
  if (rounds) (value.magnitude += 5).scale_down(1);
  if (!rounds) value.magnitude = truncated;
  return done;
}

std::string decimal_text(const void* value, const DataType& type) {
  const Decimal decimal = read_decimal(value, type);
  std::string digits = decimal.magnitude.text();
  if (type.scale < 0 && !decimal.magnitude.is_zero()) digits.append(static_cast<size_t>(-type.scale), '0');
  if (type.scale > 0) {
    const size_t behind = static_cast<size_t>(type.scale);
    if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
    digits.insert(digits.size() - behind, ".");
  }
  return (decimal.is_negative ? "-" : "") + digits;
}

}  // namespace edgeonnx::convert
