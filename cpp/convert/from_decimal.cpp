// Decimals to numbers: a block at a time in doubles where these are exact, else digit by digit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "convert/decimal.h"
#include "convert/decimals.h"
#include "convert/loop_table.h"

namespace edgeonnx::convert {
namespace {

constexpr int64_t kBlock = 256;
constexpr int64_t kMostExact = int64_t{1} << 53;  // whole numbers up to here are doubles
constexpr int kMostExactPower = 22;               // powers of ten up to here are doubles, and fives up to here too

template <class T>
T load(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

double double_power(double base, int exponent) {
  double power = 1;
  for (int i = 0; i < exponent; ++i) power *= base;
  return power;
}

/// Unscaled values that a double holds; false where the block has a larger one.
bool read_small(const void* from, Type type, int64_t n, int64_t* unscaled) {
  const auto* bytes = static_cast<const std::byte*>(from);
  uint64_t large = 0;
  const int64_t stride = size_of(type);
  for (int64_t i = 0; i < n; ++i) {
    const std::byte* at = bytes + i * stride;
    unscaled[i] = type == Type::kDecimal32 ? load<int32_t>(at) : load<int64_t>(at);
    const int64_t sign = unscaled[i] >> 63;
    for (int64_t limb = 8; limb < stride; limb += 8) large |= static_cast<uint64_t>(load<int64_t>(at + limb) ^ sign);
    // Half of what a double holds, so that the half which rounding adds still fits.
    large |= (static_cast<uint64_t>(unscaled[i]) + (kMostExact >> 1)) >> 53;
  }
  return large == 0;
}

template <class T>
Converted to_integer(Decimal value, bool rounds, T* target) {
  Converted done = rescale(value, 0, rounds);
  const uint64_t most = static_cast<uint64_t>(std::numeric_limits<T>::max());
  const uint64_t limit = !value.is_negative ? most : std::is_signed_v<T> ? most + 1 : 0;
  done.fits &= value.magnitude.is_short() && value.magnitude.low() <= limit;
  *target = done.fits ? static_cast<T>(value.is_negative ? 0 - value.magnitude.low() : value.magnitude.low()) : T{0};
  return done;
}

Converted to_bit(const Decimal& value, uint8_t* target) {
  *target = !value.magnitude.is_zero();
  const Wide& one = power_of_ten(value.scale < 0 ? 0 : value.scale);
  const bool is_one = value.scale >= 0 && !value.is_negative && !(value.magnitude < one) && !(one < value.magnitude);
  return {true, *target != 0 && !is_one};
}

struct Format {
  int precision;     // bits, the hidden one included
  int min_exponent;  // of the smallest normal number, as 2^e
  double most;
};

Format format_of(Type type) {
  switch (type) {
    case Type::kFloat16:
      return {11, -14, 65504};
    case Type::kBfloat16:
      return {8, -126, 0x1.fep127};
    case Type::kFloat:
      return {24, -126, 0x1.fffffep127};
    default:
      return {53, -1022, std::numeric_limits<double>::max()};
  }
}

/// The nearest value of the format, ties to even, as a double; rounded once.
Converted to_floating(const Decimal& value, const Format& format, double* target) {
  *target = value.is_negative ? -0.0 : 0.0;
  if (value.magnitude.is_zero()) return {};
  Wide quotient = value.magnitude;
  int exponent = 0;  // the value is quotient * 2^exponent, and a little more where is_cut
  bool is_cut = false;
  if (value.scale <= 0) {
    quotient.scale_up(-value.scale);
  } else {
    const int shift = 511 - quotient.bit_length();
    is_cut = quotient.shift_left(shift).scale_down(value.scale);
    exponent = -shift;
  }
  const int length = quotient.bit_length();
  // Bits that the format has for a number of this size: fewer for subnormals.
  const int top = length + exponent - 1;
  const int kept = format.precision - std::max(0, format.min_exponent - top);
  const int dropped = length - kept;
  if (kept < 0) return {true, true};
  Converted done;
  done.is_changed = is_cut;
  if (dropped > 0) {
    const bool half = quotient.bit(dropped - 1);
    is_cut |= quotient.any_below(dropped - 1);
    done.is_changed = half || is_cut;
    quotient.shift_right(dropped);
    exponent += dropped;
    if (half && (is_cut || (quotient.low() & 1))) quotient += 1;
  }
  const double magnitude = std::ldexp(static_cast<double>(quotient.low()), exponent);
  done.fits = magnitude <= format.most;
  *target = value.is_negative ? -magnitude : magnitude;
  return done;
}

/// Any decimal, exactly.
template <class T>
Converted convert_one(const Decimal& value, Type to, bool rounds, T* target) {
  if constexpr (std::is_same_v<T, bool>) {
    return to_bit(value, reinterpret_cast<uint8_t*>(target));
  } else if constexpr (std::is_integral_v<T>) {
    if (to != Type::kFloat16 && to != Type::kBfloat16) return to_integer(value, rounds, target);
  }
  double nearest = 0;
  const Converted done = to_floating(value, format_of(to), &nearest);
  *target = 0;
  if (done.fits) number_loop(Type::kDouble, to)({}, &nearest, target, 1, nullptr);  // exact: it has been rounded
  return done;
}

/// Values that a double holds over a power that a double holds: one division rounds correctly, and no quotient comes so close to a whole
/// number that it would become one. Nothing where such values need more care.
bool convert_small(const Conversion& conversion, const int64_t* unscaled, int64_t n, void* to, int64_t first, uint8_t* bad,
                   Outcome& outcome) {
  const int scale = conversion.from.scale;
  const Type target = conversion.to.type;
  const double power = double_power(10, scale);
  double quotients[kBlock];
  for (int64_t i = 0; i < n; ++i) quotients[i] = static_cast<double>(unscaled[i]) / power;
  int64_t n_changed = 0;
  if (conversion.rule == Rule::kNearest) {
    // The quotient is exact where the fives of the power go into the value; twos always do.
    const double fives = double_power(5, scale);
    const auto is_inexact = [&](int64_t i) {
      const double q = static_cast<double>(unscaled[i]) / fives;
      return (std::fabs(q) < 0x1p51) & ((q + 0x1.8p52) - 0x1.8p52 != q);
    };
    if (target == Type::kDouble) {
      for (int64_t i = 0; i < n; ++i) n_changed += is_inexact(i);
      std::memcpy(to, quotients, static_cast<size_t>(n) * sizeof(double));
      outcome.n_changed += n_changed;
      return true;
    }
    if (target != Type::kFloat) return false;
    auto* floats = static_cast<float*>(to);
    bool has_midpoint = false;
    for (int64_t i = 0; i < n; ++i) {
      // Between two floats the double may have lost which of them is nearer.
      has_midpoint |= (std::bit_cast<uint64_t>(quotients[i]) & 0x1fffffff) == 0x10000000;
      floats[i] = static_cast<float>(quotients[i]);
      n_changed += (static_cast<double>(floats[i]) != quotients[i]) | is_inexact(i);
    }
    if (has_midpoint) return false;
    outcome.n_changed += n_changed;
    return true;
  }
  if (conversion.rule == Rule::kRound) {
    const double half = power / 2;
    for (int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(unscaled[i]);
      const double exact = quotients[i];
      quotients[i] = std::trunc((x + (x < 0 ? -half : half)) / power);
      n_changed += quotients[i] != exact;
    }
  }
  const Outcome done = number_loop(Type::kDouble, target)(conversion, quotients, to, n, nullptr);
  if (done.first_bad >= 0) {
    if (!bad && outcome.first_bad < 0) outcome.first_bad = first + done.first_bad;
    return !bad;
  }
  outcome.n_changed += conversion.rule == Rule::kRound ? n_changed : done.n_changed;
  return true;
}

template <class T>
Outcome decimal_to_number(const Conversion& conversion, const void* from, void* to, int64_t n, uint8_t* bad) {
  Outcome outcome;
  const int64_t stride = size_of(conversion.from.type);
  const bool rounds = conversion.rule == Rule::kRound;
  int64_t unscaled[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    const auto* source = static_cast<const std::byte*>(from) + begin * stride;
    T* target = static_cast<T*>(to) + begin;
    const bool has_power = conversion.from.scale >= 0 && conversion.from.scale <= kMostExactPower;
    if (has_power && read_small(source, conversion.from.type, count, unscaled) &&
        convert_small(conversion, unscaled, count, target, begin, bad, outcome)) {
      continue;
    }
    for (int64_t i = 0; i < count; ++i) {
      const Converted done = convert_one(read_decimal(source + i * stride, conversion.from), conversion.to.type, rounds, target + i);
      if (done.fits) {
        outcome.n_changed += done.is_changed;
        continue;
      }
      if (outcome.first_bad < 0) outcome.first_bad = begin + i;
      if (bad) bad[begin + i] = 1;
    }
  }
  return outcome;
}

}  // namespace

Loop loop_from_decimal(Type to) {
  switch (to) {
    case Type::kBool:
      return decimal_to_number<bool>;
    case Type::kInt8:
      return decimal_to_number<int8_t>;
    case Type::kUint8:
      return decimal_to_number<uint8_t>;
    case Type::kInt16:
      return decimal_to_number<int16_t>;
    case Type::kUint16:
    case Type::kFloat16:
    case Type::kBfloat16:
      return decimal_to_number<uint16_t>;
    case Type::kInt32:
      return decimal_to_number<int32_t>;
    case Type::kUint32:
      return decimal_to_number<uint32_t>;
    case Type::kInt64:
      return decimal_to_number<int64_t>;
    case Type::kUint64:
      return decimal_to_number<uint64_t>;
    case Type::kFloat:
      return decimal_to_number<float>;
    case Type::kDouble:
      return decimal_to_number<double>;
    default:
      return nullptr;
  }
}

}  // namespace edgeonnx::convert
