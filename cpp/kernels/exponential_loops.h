// exp, log, tanh and the logistic function of doubles: polynomials in plain products and sums, without branches and without a library
// whose answers change. Included like loops.h.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

inline constexpr double kLog2OfE = 0x1.71547652b82fep+0;
// ln 2 in two parts, the first with so few bits that its products with exponents are exact.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
// Adding it leaves the nearest integer in the low bits.
inline constexpr double kRounder = 0x1.8p+52;

/// exp(x) = 2^exponent * (1 + fraction), fraction in about [-0.3, 0.42]. x must lie in [-746, 1420] or be NaN.
struct Powers {
  Bits exponent;  // in two's complement; of NaN anything
  Doubles fraction;
};

inline Powers powers(Doubles x) {
  const Doubles shifted = x * kLog2OfE + kRounder;
  Bits exponent;
  __builtin_memcpy(&exponent, &shifted, sizeof exponent);
  const double rounder = kRounder;
  uint64_t rounder_bits;
  __builtin_memcpy(&rounder_bits, &rounder, sizeof rounder_bits);
  exponent -= rounder_bits;
  const Doubles k = shifted - kRounder;
  const Doubles high = x - k * kLn2High;
  const Doubles low = k * kLn2Low;
  const Doubles r = high - low;
  const Doubles lost = (high - r) - low;
  // (exp(r) - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2], to 2^-56 of exp(r).
  Doubles q = splat(0x1.af38a9b0ec855p-26);
  q = q * r + 0x1.289185613a3d6p-22;
  q = q * r + 0x1.71de0dae63bb3p-19;
  q = q * r + 0x1.a019b90d2ae7ap-16;
  q = q * r + 0x1.a01a01a7c41d5p-13;
  q = q * r + 0x1.6c16c1788bd90p-10;
  q = q * r + 0x1.11111111109b3p-7;
  q = q * r + 0x1.5555555553d63p-5;
  q = q * r + 0x1.5555555555556p-3;
  q = q * r + 0x1.0000000000001p-1;
  return {exponent, r + (r * r * q + lost)};
}

/// 2^exponent; exponent in [-1022, 1023].
inline Doubles power_of_two(Bits exponent) {
  const Bits bits = (exponent + 1023) << 52;
  Doubles power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return power;
}

inline Doubles exponential(Doubles x) {
  // Beyond these lie 0 and infinity. A comparison with NaN keeps NaN.
  x = x < -746.0 ? splat(-746.0) : x;
  x = x > 710.0 ? splat(710.0) : x;
  const Powers p = powers(x);
  // In two steps, of which only the last can round: to a number below the normal ones, or to infinity.
  const Bits half = ((p.exponent + 2048) >> 1) - 1024;
  return (p.fraction + 1.0) * power_of_two(half) * power_of_two(p.exponent - half);
}

/// 1 / (1 + exp(-x)) in `of_x`, 1 / (1 + exp(x)) in `of_minus_x`: neither is 1 minus the other, so that small ones are exact too.
struct LogisticPair {
  Doubles of_minus_x;
  Doubles of_x;
};

inline LogisticPair logistic_pair(Doubles x) {
  const Doubles magnitude = x < 0.0 ? -x : x;
  const Doubles e = exponential(-magnitude);
  const Doubles near_one = 1.0 / (e + 1.0);
  const Doubles near_zero = e / (e + 1.0);
  return {x < 0.0 ? near_one : near_zero, x < 0.0 ? near_zero : near_one};
}

inline Doubles logistic(Doubles x) {
  const Doubles magnitude = x < 0.0 ? -x : x;
  const Doubles e = exponential(-magnitude);
  return (x < 0.0 ? e : splat(1.0)) / (e + 1.0);
}

inline Doubles hyperbolic_tangent(Doubles x) {
  const Doubles magnitude = x < 0.0 ? -x : x;
  const Doubles capped = magnitude > 25.0 ? splat(25.0) : magnitude;  // 1 to the last bit from 20 on
  const Powers p = powers(capped + capped);
  // exp(2 |x|) - 1: the power of two less 1 is exact up to 2^53, and beyond the 1 is lost in any case.
  const Doubles scale = power_of_two(p.exponent);
  const Doubles minus_one = scale * p.fraction + (scale - 1.0);
  const Doubles t = minus_one / (minus_one + 2.0);
  return x < 0.0 ? -t : x == 0.0 ? x : t;
}

inline Doubles logarithm(Doubles x) {
  // Numbers below the normal ones are raised first.
  const Doubles raised = x < 0x1p-1022 ? x * 0x1p+54 : x;
  Bits bits;
  __builtin_memcpy(&bits, &raised, sizeof bits);
  // The exponent that leaves a mantissa in [sqrt(1/2), sqrt(2)).
  const Bits offset = bits - 0x3fe6a09e667f3bcd;
  const Bits exponent = ((offset + (uint64_t{2048} << 52)) >> 52) - 2048;
  const Bits mantissa_bits = bits - (exponent << 52);
  Doubles mantissa;
  __builtin_memcpy(&mantissa, &mantissa_bits, sizeof mantissa);
  const Bits magic_bits = exponent + 0x4338000000000000;
  Doubles k;
  __builtin_memcpy(&k, &magic_bits, sizeof k);
  k = k - kRounder - (x < 0x1p-1022 ? splat(54.0) : Doubles{});
  const Doubles f = mantissa - 1.0;
  const Doubles s = f / (f + 2.0);
  const Doubles z = s * s;
  // (2 atanh(s) - 2 s) / s^3
  Doubles r = splat(0x1.2b5900de57b3bp-3);
  r = r * z + 0x1.39fe51a7c12d9p-3;
  r = r * z + 0x1.7462b51cb66eap-3;
  r = r * z + 0x1.c71c62e3f11e5p-3;
  r = r * z + 0x1.2492492df281ap-2;
  r = r * z + 0x1.99999999952d7p-2;
  r = r * z + 0x1.5555555555558p-1;
  r = r * z;
  // log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + r)
  const Doubles half_square = f * f * 0.5;
  const Doubles result = k * kLn2High - ((half_square - (s * (half_square + r) + k * kLn2Low)) - f);
  const double infinity = __builtin_inf();
  const double nan = __builtin_nan("");
  const Doubles of_zero_or_less = x == 0.0 ? splat(-infinity) : splat(nan);
  const Doubles of_good = x == infinity ? x : result;
  // NaN fails both comparisons and comes out as itself.
  return x > 0.0 ? of_good : x <= 0.0 ? of_zero_or_less : x;
}

struct Exponential {
  static Doubles of(Doubles x) { return exponential(x); }
};
struct Logarithm {
  static Doubles of(Doubles x) { return logarithm(x); }
};
struct Tangent {
  static Doubles of(Doubles x) { return hyperbolic_tangent(x); }
};
struct Logistic {
  static Doubles of(Doubles x) { return logistic(x); }
};

template <class Function>
void map_doubles(LoopCall& call) {
  const auto* x = input<double>(call, 0);
  auto* y = output<double>(call, 0);
  for (int64_t i = 0; i < call.n; i += kLanes) store_some(Function::of(load_some(x + i, call.n - i)), y + i, call.n - i);
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
