// An oracle for conversions between types of fixed size: every value as a long double, which holds all of them exactly.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/type.h"

namespace exact {

using edgeonnx::Type;

using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64, "the oracle must hold int64, uint64 and double exactly");

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr Type kTypes[] = {Type::kBool,  Type::kInt8,   Type::kUint8, Type::kInt16,  Type::kUint16,  Type::kInt32,   Type::kUint32,
                           Type::kInt64, Type::kUint64, Type::kFloat, Type::kDouble, Type::kFloat16, Type::kBfloat16};

/// A floating type: bits of its mantissa, the hidden one included, and the exponents of its smallest normal and its largest number.
struct Format {
  int precision, least, most;

  size_t n_bytes() const { return precision == 53 ? 8 : precision == 24 ? 4 : 2; }
  int n_bits() const { return static_cast<int>(8 * n_bytes()); }
  uint64_t exponent_mask() const { return (uint64_t{1} << (n_bits() - precision)) - 1; }
  Exact largest() const { return std::ldexp(2 - std::ldexp(Exact{1}, 1 - precision), most); }
};

inline Format format_of(Type type) {
  switch (type) {
    case Type::kFloat16:
      return {11, -14, 15};
    case Type::kBfloat16:
      return {8, -126, 127};
    case Type::kFloat:
      return {24, -126, 127};
    default:
      return {53, -1022, 1023};
  }
}

/// The nearest number of the format, ties to even, with an exponent as large as need be.
inline Exact round_to(const Format& format, Exact x) {
  if (x == 0 || std::isnan(x) || std::isinf(x)) return x;
  const int unit = std::max(std::ilogb(x), format.least) - format.precision + 1;
  return std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
}

inline Exact decode(const Format& format, uint64_t bits) {
  const int n_fraction = format.precision - 1;
  const uint64_t fraction = bits & ((uint64_t{1} << n_fraction) - 1), exponent = (bits >> n_fraction) & format.exponent_mask();
  const Exact sign = (bits >> (format.n_bits() - 1)) & 1 ? -1 : 1;
  if (exponent == format.exponent_mask()) return fraction ? std::copysign(Exact{kNan}, sign) : sign * kInfinity;
  const Exact mantissa = static_cast<Exact>(fraction) + (exponent ? std::ldexp(Exact{1}, n_fraction) : 0);
  return sign * std::ldexp(mantissa, std::max(static_cast<int>(exponent), 1) - format.most - n_fraction);
}

/// Of a value that the format holds.
inline uint64_t encode(const Format& format, Exact x) {
  const int n_fraction = format.precision - 1;
  const uint64_t sign = uint64_t{std::signbit(x)} << (format.n_bits() - 1);
  if (std::isnan(x)) return sign | format.exponent_mask() << n_fraction | uint64_t{1} << (n_fraction - 1);
  if (std::isinf(x)) return sign | format.exponent_mask() << n_fraction;
  if (x == 0) return sign;
  const int exponent = std::max(std::ilogb(x), format.least);
  // The hidden bit of a normal number counts one up in the exponent.
  const auto mantissa = static_cast<uint64_t>(std::ldexp(std::fabs(x), n_fraction - exponent));
  return sign | ((static_cast<uint64_t>(exponent - format.least) << n_fraction) + mantissa);
}

/// Calls body(T{}) with the C++ type of a whole number of `type`.
template <class Body>
auto with_integer(Type type, const Body& body) {
  switch (type) {
    case Type::kInt8:
      return body(int8_t{});
    case Type::kInt16:
      return body(int16_t{});
    case Type::kUint16:
      return body(uint16_t{});
    case Type::kInt32:
      return body(int32_t{});
    case Type::kUint32:
      return body(uint32_t{});
    case Type::kInt64:
      return body(int64_t{});
    case Type::kUint64:
      return body(uint64_t{});
    default:
      return body(uint8_t{});
  }
}

inline Exact load(Type type, const std::byte* at) {
  if (is_floating(type)) {
    uint64_t bits = 0;
    std::memcpy(&bits, at, format_of(type).n_bytes());
    return decode(format_of(type), bits);
  }
  return with_integer(type, [at]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<Exact>(value);
  });
}

/// Stores a value that the type holds.
inline void store(Type type, Exact value, std::byte* at) {
  if (is_floating(type)) {
    const uint64_t bits = encode(format_of(type), value);
    std::memcpy(at, &bits, format_of(type).n_bytes());
    return;
  }
  with_integer(type, [&]<class T>(T typed) {
    typed = static_cast<T>(value);
    std::memcpy(at, &typed, sizeof typed);
  });
}

struct Range {
  Exact least, most;
};
inline Range range_of(Type type) {
  if (type == Type::kBool) return {0, 1};
  if (is_floating(type)) return {-format_of(type).largest(), format_of(type).largest()};
  return with_integer(type, []<class T>(T) { return Range{std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()}; });
}

/// Whether a value of `type` can be exactly x.
inline bool holds(Type type, Exact x) {
  const auto [least, most] = range_of(type);
  if (is_floating(type)) return std::isnan(x) || std::isinf(x) || (round_to(format_of(type), x) == x && x >= least && x <= most);
  return x >= least && x <= most && std::trunc(x) == x && !(x == 0 && std::signbit(x));
}

/// What T-SQL's assignment makes of x.
struct Converted {
  Exact value = 0;  ///< 0 where it does not fit
  bool fits = true;
  bool is_changed = false;
};
inline Converted convert(Type to, Exact x) {
  const auto [least, most] = range_of(to);
  Converted done;
  if (to == Type::kBool) {
    done.value = x != 0;
    done.is_changed = x != 0 && x != 1;
    return done;
  }
  if (is_floating(to)) {
    done.value = round_to(format_of(to), x);
    done.fits = std::isnan(x) || std::isinf(x) || (done.value >= least && done.value <= most);
  } else {
    done.value = std::trunc(x) + 0.0L;  // an integer zero has no sign
    done.fits = done.value >= least && done.value <= most;
  }
  done.is_changed = done.fits && done.value != x && !std::isnan(x);
  if (!done.fits) done.value = 0;
  return done;
}

inline bool same(Exact a, Exact b) { return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b)); }

/// Of the values that `from` holds: the limits of all types with their neighbours, halves, midpoints between floats of every length,
/// powers beyond the mantissas, and what is no number.
inline std::vector<Exact> interesting_values(Type from) {
  std::vector<Exact> all = {0.0L,    -0.0L,   0.4L,     -0.4L,        0.5L,         1.5L, 2.5L,      -0.9375L,  10.6L,
                            DBL_MAX, FLT_MAX, -DBL_MAX, DBL_TRUE_MIN, FLT_TRUE_MIN, kNan, kInfinity, -kInfinity};
  const auto add_around = [&](Exact x) {
    for (const Exact near : {x - 1, x, x + 1, x - 0.5L, x + 0.5L, x - 0.0625L}) all.push_back(near);
    for (const double towards : {-kInfinity, kInfinity}) {
      all.push_back(std::nextafter(static_cast<double>(x), towards));
      all.push_back(std::nextafter(static_cast<float>(x), static_cast<float>(towards)));
    }
  };
  for (const int power : {0, 4, 7, 8, 15, 16, 24, 31, 32, 53, 63, 64}) add_around(std::ldexp(Exact{1}, power));
  for (const Type type : {Type::kFloat16, Type::kBfloat16, Type::kFloat, Type::kDouble}) {
    const Format format = format_of(type);
    const Exact smallest = std::ldexp(Exact{1}, format.least - format.precision + 1);
    add_around(format.largest());
    add_around(std::ldexp(2 - std::ldexp(Exact{1}, -format.precision), format.most));  // halfway to the power behind it
    for (const Exact x : {smallest, smallest / 2, smallest * 1.5L, std::ldexp(Exact{1}, format.least)}) add_around(x);
    for (const Exact odd : {1.0L, 3.0L}) {
      for (const int power : {0, 5, 24, 30, 52, 62, 63, 100}) {
        // Halfway between two numbers of the format, and a little to both sides.
        const Exact middle = std::ldexp(1 + std::ldexp(odd, -format.precision), power);
        add_around(middle);
      }
    }
  }
  for (size_t i = all.size(); i-- > 0;) all.push_back(-all[i]);
  std::erase_if(all, [from](Exact x) { return !holds(from, x); });
  return all;
}

}  // namespace exact
