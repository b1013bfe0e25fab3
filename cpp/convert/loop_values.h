// One value from a type of fixed size to another, for loops.h: included like it, in a region that is compiled for one instruction set.

namespace edgeonnx::convert::EDGEONNX_VARIANT {

struct Bool {};   // one byte a value, 0 or 1
struct Half {};   // IEEE binary16
struct Brain {};  // bfloat16: the upper half of a float

template <class T>
struct Stored {
  using type = T;
};
template <>
struct Stored<Bool> {
  using type = uint8_t;
};
template <>
struct Stored<Half> {
  using type = uint16_t;
};
template <>
struct Stored<Brain> {
  using type = uint16_t;
};
template <class T>
using StoredT = typename Stored<T>::type;

template <class T>
inline constexpr bool kIsShort = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, Bool>) return Type::kBool;
  if constexpr (std::is_same_v<T, Half>) return Type::kFloat16;
  if constexpr (std::is_same_v<T, Brain>) return Type::kBfloat16;
  if constexpr (std::is_same_v<T, int8_t>) return Type::kInt8;
  if constexpr (std::is_same_v<T, uint8_t>) return Type::kUint8;
  if constexpr (std::is_same_v<T, int16_t>) return Type::kInt16;
  if constexpr (std::is_same_v<T, uint16_t>) return Type::kUint16;
  if constexpr (std::is_same_v<T, int32_t>) return Type::kInt32;
  if constexpr (std::is_same_v<T, uint32_t>) return Type::kUint32;
  if constexpr (std::is_same_v<T, int64_t>) return Type::kInt64;
  if constexpr (std::is_same_v<T, uint64_t>) return Type::kUint64;
  if constexpr (std::is_same_v<T, float>) return Type::kFloat;
  if constexpr (std::is_same_v<T, double>) return Type::kDouble;
}

template <class From, class To>
inline constexpr Rule kRule = cell_of(kind_of(type_of<From>()), kind_of(type_of<To>())).rule;

/// Counts one block in lanes as wide as the values, where they are wide enough.
template <size_t kSize>
struct LaneOf {
  using type = int64_t;
};
template <>
struct LaneOf<1> {
  using type = uint16_t;
};
template <>
struct LaneOf<2> {
  using type = uint16_t;
};
template <>
struct LaneOf<4> {
  using type = uint32_t;
};
template <class T>
using Lane = typename LaneOf<sizeof(T)>::type;

/// Values of a block, which stay in L1 beside what they become. Nothing of one byte is counted in lanes.
inline constexpr int64_t kBlock = 1024;

template <class L>
struct Block {
  L bad = 0;      // non-zero: some value does not fit
  L changed = 0;  // how many were altered
};

template <class T>
inline T bits_as(const void* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

/// Whether x may be converted at all. Truncation comes first, then the range: any x strictly between min - 1 and max + 1 is legal.
template <class S, class T>
inline bool fits_truncated(S x) {
  // max + 1 is a power of two, exact in every floating type.
  constexpr S above = S{2} * static_cast<S>(uint64_t{1} << (std::numeric_limits<T>::digits - 1));
  if constexpr (std::is_unsigned_v<T>) {
    return (x > S{-1}) & (x < above);
  } else if constexpr (std::numeric_limits<T>::digits >= std::numeric_limits<S>::digits) {
    return (x >= -above) & (x < above);  // min - 1 is not a value of S
  } else {
    return (x > -above - 1) & (x < above);
  }
}

/// The first magnitude that rounds beyond the largest value of a floating type: halfway to the power of two behind it.
template <class To>
inline constexpr double kBeyond = std::is_same_v<To, Half>    ? 65520.0
                                  : std::is_same_v<To, Brain> ? 0x1.ffp127
                                                              : 0x1.ffffffp127;

/// Infinities and NaN are kept.
template <class To, class S>
inline bool fits_nearest(S x) {
  if constexpr (std::is_floating_point_v<S>) {
    if constexpr (sizeof(S) == 4 && !kIsShort<To>) return true;
    const S magnitude = x < 0 ? -x : x;
    return !(magnitude >= static_cast<S>(kBeyond<To>)) | (magnitude == std::numeric_limits<S>::infinity());
  } else if constexpr (std::is_same_v<To, Half>) {
    if constexpr (std::is_signed_v<S> && sizeof(S) > 2) return (x > S{-65520}) & (x < S{65520});
    if constexpr (std::is_unsigned_v<S> && sizeof(S) >= 2) return x < S{65520};
    return true;
  } else {
    return true;
  }
}

/// Whole numbers to whole numbers: x fits if (x + bias) >> shift, unsigned, is 0.
template <class S, class T>
struct Range {
  using U = std::make_unsigned_t<S>;
  static constexpr int digits = std::numeric_limits<T>::digits;
  static constexpr bool is_signed = std::is_signed_v<S> && std::is_signed_v<T>;
  static constexpr U bias = is_signed ? static_cast<U>(U{1} << digits) : U{0};
  static constexpr int width = std::numeric_limits<U>::digits;
  // An unsigned target at least as wide as a signed source only lacks the negative values.
  static constexpr int shift = is_signed ? digits + 1 : digits < width ? digits : width - 1;
  static U key(S x) { return static_cast<U>(static_cast<U>(x) + bias); }
  static bool is_bad(U key) { return (key >> shift) != 0; }
};

/// 64-bit integers in two halves that a double holds exactly: hi + lo == x, the sum rounded once.
struct Halves {
  double hi;
  double lo;
};
inline Halves halves_of(int64_t x) {
  return {static_cast<double>(static_cast<int32_t>(x >> 32)) * 0x1p32, static_cast<double>(static_cast<uint32_t>(x))};
}
inline Halves halves_of(uint64_t x) {
  return {static_cast<double>(static_cast<uint32_t>(x >> 32)) * 0x1p32, static_cast<double>(static_cast<uint32_t>(x))};
}

#if EDGEONNX_LEVEL >= 2
inline constexpr bool kHasWideConversions = true;  // between 64-bit integers, unsigned ones, and floats
#else
inline constexpr bool kHasWideConversions = false;
#endif

/// Whether y, a nearest value of x, is another one.
template <class S, class Y>
inline bool differs(S x, Y y) {
  if constexpr (std::is_floating_point_v<S>) {
    return (static_cast<double>(y) != static_cast<double>(x)) & (x == x);
  } else if constexpr (sizeof(S) <= 2) {
    return y != static_cast<Y>(x);
  } else if constexpr (kHasWideConversions || std::is_same_v<S, int32_t>) {
    // Back again. Only the largest values become what the integer can't hold, and none of those is 0.
    constexpr Y above = Y{2} * static_cast<Y>(uint64_t{1} << (std::numeric_limits<S>::digits - 1));
    const bool is_within = (y < above) & (y >= (std::is_signed_v<S> ? -above : Y{0}));  // a float16 may have become infinite
    return static_cast<S>(is_within ? y : Y{0}) != x;
  } else if constexpr (sizeof(S) == 8) {
    // The difference to hi is a whole number that a double holds.
    const Halves halves = halves_of(x);
    return static_cast<double>(y) - halves.hi != halves.lo;
  } else {
    return static_cast<double>(y) != static_cast<double>(x);
  }
}

/// A 64-bit integer as a double that rounds to any shorter format as the integer itself would: beyond 2^53 what falls off the end stays
/// as a sticky bit.
template <class S>
inline double sticky_double(S x) {
  if constexpr (sizeof(S) < 8 || std::is_floating_point_v<S>) {
    return static_cast<double>(x);
  } else {
    const uint64_t bits = static_cast<uint64_t>(x);
    const uint64_t sticky = (bits | ((bits & 0x7ff) + 0x7ff)) & ~uint64_t{0x7ff};
    bool is_big;
    if constexpr (std::is_signed_v<S>) {
      is_big = bits + (uint64_t{1} << 53) > uint64_t{1} << 54;
    } else {
      is_big = bits > uint64_t{1} << 53;
    }
    const Halves halves = halves_of(static_cast<S>(is_big ? sticky : bits));
    return halves.hi + halves.lo;
  }
}

/// A double as a float that rounds to any shorter format as the double itself would: cut, with the last bit set where something was cut.
inline float sticky_float(double x) {
  const float nearest = static_cast<float>(x);
  const double back = static_cast<double>(nearest);
  const bool is_inexact = (back != x) & (x == x);
  const bool is_away = (back < 0 ? -back : back) > (x < 0 ? -x : x);
  const uint32_t bits = bits_as<uint32_t>(&nearest) - (is_inexact & is_away);
  const uint32_t odd = bits | static_cast<uint32_t>(is_inexact);
  return bits_as<float>(&odd);
}

inline float float_of_brain(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  return bits_as<float>(&bits);
}

inline uint16_t brain_of_float(float x) {
  const uint32_t bits = bits_as<uint32_t>(&x);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<uint16_t>(x == x ? rounded : (bits >> 16) | 0x40);
}

inline float float_of_half(uint16_t x) {
#if EDGEONNX_LEVEL >= 1
  return _cvtsh_ss(x);
#else
  // The exponent is moved into place by a multiplication, which makes subnormals normal on the way.
  const uint32_t magnitude = static_cast<uint32_t>(x & 0x7fff) << 13;
  const float scaled = bits_as<float>(&magnitude) * 0x1p112f;
  uint32_t bits = bits_as<uint32_t>(&scaled);
  bits = (x & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000 | ((x & 0x3ff) ? 0x400000 : 0) : bits;
  bits |= static_cast<uint32_t>(x & 0x8000) << 16;
  return bits_as<float>(&bits);
#endif
}

inline uint16_t half_of_float(float x) {
#if EDGEONNX_LEVEL >= 1
  return static_cast<uint16_t>(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
#else
  const uint32_t all = bits_as<uint32_t>(&x);
  const uint32_t sign = (all >> 16) & 0x8000;
  const uint32_t bits = all & 0x7fffffff;
  const uint32_t normal = (bits - 0x38000000 + 0xfff + ((bits >> 13) & 1)) >> 13;
  // Adding 0.5 leaves the bits of a subnormal, rounded, at the end of the sum.
  const float sum = bits_as<float>(&bits) + 0.5f;
  const uint32_t subnormal = bits_as<uint32_t>(&sum) - 0x3f000000;
  const uint32_t nan = 0x7e00 | ((bits >> 13) & 0x3ff);
  uint32_t half = bits < 0x38800000 ? subnormal : normal;
  half = bits >= 0x47800000 ? 0x7c00 : half;
  half = bits > 0x7f800000 ? nan : half;
  return static_cast<uint16_t>(sign | half);
#endif
}

template <class To>
inline float float_of_short(uint16_t x) {
  if constexpr (std::is_same_v<To, Half>) return float_of_half(x);
  return float_of_brain(x);
}

template <class To>
inline uint16_t short_of_float(float x) {
  if constexpr (std::is_same_v<To, Half>) return half_of_float(x);
  return brain_of_float(x);
}

template <class From>
inline void lengthen(const uint16_t* from, float* to, int64_t n) {
  int64_t i = 0;
#if EDGEONNX_LEVEL >= 1
  if constexpr (std::is_same_v<From, Half>) {
    for (; i + 8 <= n; i += 8) {
      __m128i halves;
      __builtin_memcpy(&halves, from + i, sizeof halves);
      const __m256 floats = _mm256_cvtph_ps(halves);
      __builtin_memcpy(to + i, &floats, sizeof floats);
    }
  }
#endif
  for (; i < n; ++i) to[i] = float_of_short<From>(from[i]);
}

template <class To>
inline void shorten(const float* from, uint16_t* to, int64_t n) {
  int64_t i = 0;
#if EDGEONNX_LEVEL >= 1
  if constexpr (std::is_same_v<To, Half>) {
    for (; i + 8 <= n; i += 8) {
      __m256 floats;
      __builtin_memcpy(&floats, from + i, sizeof floats);
      const __m128i halves = _mm256_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT);
      __builtin_memcpy(to + i, &halves, sizeof halves);
    }
  }
#endif
  for (; i < n; ++i) to[i] = short_of_float<To>(from[i]);
}

template <class From, class To>
inline bool fits(StoredT<From> x) {
  constexpr Rule rule = kRule<From, To>;
  if constexpr (rule == Rule::kTruncate) {
    return fits_truncated<StoredT<From>, StoredT<To>>(x);
  } else if constexpr (rule == Rule::kChecked) {
    return !Range<StoredT<From>, StoredT<To>>::is_bad(Range<StoredT<From>, StoredT<To>>::key(x));
  } else if constexpr (rule == Rule::kNearest) {
    return fits_nearest<To>(x);
  } else {
    return true;
  }
}

/// A float that rounds to a short one as x itself would.
template <class From>
inline float float_before_short(StoredT<From> x) {
  if constexpr (std::is_same_v<From, Bool>) return x != 0 ? 1.0f : 0.0f;
  if constexpr (std::is_same_v<From, float> || sizeof(x) <= 2) return static_cast<float>(x);
  return sticky_float(sticky_double(x));
}

/// x fits T. As an integer that there are instructions for.
template <class T, class S>
inline auto truncate_one(S x) {
  return static_cast<std::conditional_t<(sizeof(T) < 4), int32_t, T>>(x);
}

/// x fits.
template <class From, class To>
inline StoredT<To> convert_one(StoredT<From> x) {
  using S = StoredT<From>;
  using T = StoredT<To>;
  if constexpr (std::is_same_v<From, Bool> && !kIsShort<To>) {
    return static_cast<T>(x != 0);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return x != 0;
  } else if constexpr (kIsShort<To>) {
    return short_of_float<To>(float_before_short<From>(x));
  } else if constexpr (kRule<From, To> == Rule::kTruncate) {
    return static_cast<T>(truncate_one<T>(x));
  } else if constexpr (kHasWideConversions) {
    return static_cast<T>(x);
  } else if constexpr (sizeof(S) == 8 && std::is_integral_v<S> && std::is_same_v<T, double>) {
    const Halves halves = halves_of(x);
    return halves.hi + halves.lo;
  } else if constexpr (sizeof(S) == 8 && std::is_integral_v<S> && std::is_same_v<T, float>) {
    return static_cast<float>(sticky_double(x));
  } else {
    return static_cast<T>(x);
  }
}

/// Whether y, which x became, is another value.
template <class From, class To>
inline bool is_changed(StoredT<From> x, StoredT<To> y) {
  constexpr Rule rule = kRule<From, To>;
  if constexpr (rule == Rule::kNonzero) {
    return (x != 0) & (x != 1);
  } else if constexpr (rule == Rule::kTruncate) {
    return static_cast<StoredT<From>>(y) != x;
  } else if constexpr (rule == Rule::kNearest && kIsShort<To>) {
    return differs(x, float_of_short<To>(y));
  } else if constexpr (rule == Rule::kNearest) {
    return differs(x, y);
  } else {
    return false;
  }
}

}  // namespace edgeonnx::convert::EDGEONNX_VARIANT
