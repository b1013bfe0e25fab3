// The loops between types of fixed size, generated from the matrix. Included once per instruction set, inside a region that is compiled
// for it, with EDGEONNX_VARIANT as the namespace and EDGEONNX_LEVEL as the Cpu: 0 scalar, 1 AVX2, 2 AVX-512 (the compiler's own macros do
// not change inside such a region). No lambdas and nothing from the standard library that is not known at compile time: such code would be
// compiled for the baseline, or, worse, be shared with it.
//
// Good values take no branch: what is bad gathers in a flag, what changes in a count, both looked at once a block. Only a block with a bad
// value is gone through again, value by value.

#include "convert/loop_values.h"

namespace edgeonnx::convert::EDGEONNX_VARIANT {

/// Bytes that are neither 0 nor 1. n is at most kBlock.
inline int64_t count_above_one(const uint8_t* values, int64_t n) {
  int64_t count = 0;
  int64_t i = 0;
#if EDGEONNX_LEVEL >= 2
  for (; i + 64 <= n; i += 64) {
    count += __builtin_popcountll(_mm512_cmpgt_epu8_mask(_mm512_loadu_si512(values + i), _mm512_set1_epi8(1)));
  }
#elif EDGEONNX_LEVEL >= 1
  const __m256i one = _mm256_set1_epi8(1);
  for (; i + 32 <= n; i += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + i));
    const __m256i small = _mm256_cmpeq_epi8(_mm256_min_epu8(x, one), x);
    count += 32 - __builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(small)));
  }
#endif
  for (; i < n; ++i) count += values[i] > 1;
  return count;
}

#if EDGEONNX_LEVEL >= 2
/// Sixteen floats cut to 32 bits; what does not fit becomes INT_MIN. Adds one to the lanes of those that are altered.
inline __m512i truncate_16(const float* from, __m512i& changed) {
  const __m512 x = _mm512_loadu_ps(from);
  const __m512i y = _mm512_cvttps_epi32(x);
  changed = _mm512_mask_add_epi32(changed, _mm512_cmp_ps_mask(_mm512_cvtepi32_ps(y), x, _CMP_NEQ_OQ), changed, _mm512_set1_epi32(1));
  return y;
}

inline __m512i truncate_16(const double* from, __m512i& changed) {
  const __m512d low = _mm512_loadu_pd(from), high = _mm512_loadu_pd(from + 8);
  const __m256i y_low = _mm512_cvttpd_epi32(low), y_high = _mm512_cvttpd_epi32(high);
  const __mmask8 low_differs = _mm512_cmp_pd_mask(_mm512_cvtepi32_pd(y_low), low, _CMP_NEQ_OQ);
  const __mmask8 high_differs = _mm512_cmp_pd_mask(_mm512_cvtepi32_pd(y_high), high, _CMP_NEQ_OQ);
  changed = _mm512_mask_add_epi32(changed, _mm512_kunpackb(high_differs, low_differs), changed, _mm512_set1_epi32(1));
  return _mm512_inserti64x4(_mm512_castsi256_si512(y_low), y_high, 1);
}

/// Floats to integers of 8 and 16 bits: cut to 32 bits in a register, whose range is then checked as that of any integer. Returns how many
/// were done; the rest is less than a vector.
template <class S, class T>
inline int64_t truncate_vectors(const S* from, T* to, int64_t n, Block<Lane<S>>& block) {
  __m512i keys = _mm512_setzero_si512(), changed = _mm512_setzero_si512();
  const __m512i bias = _mm512_set1_epi32(static_cast<int32_t>(Range<int32_t, T>::bias));
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512i y = truncate_16(from + i, changed);
    keys = _mm512_or_si512(keys, _mm512_add_epi32(y, bias));
    if constexpr (sizeof(T) == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm512_cvtepi32_epi8(y));
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi32_epi16(y));
    }
  }
  block.bad = Range<int32_t, T>::is_bad(static_cast<uint32_t>(_mm512_reduce_or_epi32(keys)));
  block.changed = static_cast<Lane<S>>(_mm512_reduce_add_epi32(changed));
  return i;
}

/// Integers of 16 bits to float16, by way of a float that holds them; returns how many were done.
template <class S>
inline int64_t halve_vectors(const S* from, uint16_t* to, int64_t n, Block<Lane<S>>& block) {
  __m512i changed = _mm512_setzero_si512();
  __mmask16 bad = 0;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
    const __m512 floats = _mm512_cvtepi32_ps(std::is_signed_v<S> ? _mm512_cvtepi16_epi32(x) : _mm512_cvtepu16_epi32(x));
    const __m256i halves = _mm512_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT);
    const __m512 back = _mm512_cvtph_ps(halves);
    changed = _mm512_mask_add_epi32(changed, _mm512_cmp_ps_mask(back, floats, _CMP_NEQ_OQ), changed, _mm512_set1_epi32(1));
    bad |= _mm512_cmp_ps_mask(back, _mm512_set1_ps(std::numeric_limits<float>::infinity()), _CMP_EQ_OQ);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), halves);
  }
  block.bad = bad;
  block.changed = static_cast<Lane<S>>(_mm512_reduce_add_epi32(changed));
  return i;
}
#endif

template <class From, class To>
inline Block<Lane<StoredT<From>>> convert_block(const StoredT<From>* from, StoredT<To>* to, int64_t n) {
  using S = StoredT<From>;
  using T = StoredT<To>;
  using L = Lane<S>;
  constexpr Rule rule = kRule<From, To>;
  Block<L> block;
  if constexpr (kIsShort<To>) {
    int64_t begin = 0;
#if EDGEONNX_LEVEL >= 2
    if constexpr (std::is_same_v<To, Half> && std::is_integral_v<S> && sizeof(S) == 2) begin = halve_vectors(from, to, n, block);
#endif
    // Step by step over the whole block, since the middle step has instructions of its own.
    float floats[kBlock];
    for (int64_t i = begin; i < n; ++i) {
      block.bad |= static_cast<L>(!fits<From, To>(from[i]));
      floats[i] = float_before_short<From>(from[i]);
    }
    shorten<To>(floats + begin, to + begin, n - begin);
    if constexpr (rule != Rule::kNearest) return block;
    lengthen<To>(to + begin, floats + begin, n - begin);
    for (int64_t i = begin; i < n; ++i) {
      block.changed = static_cast<L>(block.changed + static_cast<L>(differs(from[i], floats[i])));
    }
  } else if constexpr (rule == Rule::kChecked) {
    typename Range<S, T>::U keys = 0;
    for (int64_t i = 0; i < n; ++i) {
      keys |= Range<S, T>::key(from[i]);
      to[i] = static_cast<T>(from[i]);
    }
    block.bad = Range<S, T>::is_bad(keys);
  } else if constexpr (rule == Rule::kTruncate) {
    int64_t i = 0;
#if EDGEONNX_LEVEL >= 2
    if constexpr (sizeof(T) < 4) i = truncate_vectors(from, to, n, block);
#endif
    for (; i < n; ++i) {
      // A conversion out of range is undefined, so that bad values become 0 before.
      const bool ok = fits<From, To>(from[i]);
      const S x = ok ? from[i] : S{0};
      const auto y = truncate_one<T>(x);
      block.bad |= static_cast<L>(!ok);
      block.changed = static_cast<L>(block.changed + static_cast<L>(static_cast<S>(y) != x));
      to[i] = static_cast<T>(y);
    }
  } else if constexpr (rule == Rule::kNonzero && sizeof(S) == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i] != 0;
    block.changed = static_cast<L>(count_above_one(reinterpret_cast<const uint8_t*>(from), n));
  } else if constexpr (std::is_same_v<S, double> && std::is_same_v<T, float>) {
    for (int64_t i = 0; i < n; ++i) {
      to[i] = static_cast<float>(from[i]);
      const double y = static_cast<double>(to[i]);
      // What became infinite was so, or did not fit; such blocks are rare, and looked at with care.
      block.bad |= static_cast<L>(__builtin_fabs(y) == std::numeric_limits<double>::infinity());
      block.changed = static_cast<L>(block.changed + static_cast<L>(__builtin_islessgreater(y, from[i])));
    }
  } else if constexpr (rule == Rule::kNearest || rule == Rule::kNonzero) {
    for (int64_t i = 0; i < n; ++i) {
      const S x = from[i];
      const T y = convert_one<From, To>(x);
      block.bad |= static_cast<L>(!fits<From, To>(x));
      block.changed = static_cast<L>(block.changed + static_cast<L>(is_changed<From, To>(x, y)));
      to[i] = y;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = convert_one<From, To>(from[i]);
  }
  return block;
}

/// A block with a bad value in it.
template <class From, class To>
void convert_with_care(const StoredT<From>* from, StoredT<To>* to, int64_t n, int64_t first, uint8_t* bad, Outcome& outcome) {
  for (int64_t i = 0; i < n; ++i) {
    if (fits<From, To>(from[i])) {
      const StoredT<To> y = convert_one<From, To>(from[i]);
      outcome.n_changed += is_changed<From, To>(from[i], y);
      to[i] = y;
    } else {
      if (outcome.first_bad < 0) outcome.first_bad = first + i;
      if (bad) bad[first + i] = 1;
      to[i] = 0;
    }
  }
}

template <class From, class To>
void convert_values(const StoredT<From>* from, StoredT<To>* to, int64_t n, int64_t first, uint8_t* bad, Outcome& outcome) {
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = n - begin < kBlock ? n - begin : kBlock;
    const auto block = convert_block<From, To>(from + begin, to + begin, count);
    if (block.bad) {
      convert_with_care<From, To>(from + begin, to + begin, count, first + begin, bad, outcome);
    } else {
      outcome.n_changed += static_cast<int64_t>(block.changed);
    }
  }
}

/// Short floats are read as floats, a block at a time.
template <class From, class To>
void convert_short(const uint16_t* from, StoredT<To>* to, int64_t n, uint8_t* bad, Outcome& outcome) {
  float values[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = n - begin < kBlock ? n - begin : kBlock;
    lengthen<From>(from + begin, values, count);
    convert_values<float, To>(values, to + begin, count, begin, bad, outcome);
  }
}

template <class From, class To>
Outcome loop(const Conversion&, const void* from, void* to, int64_t n, uint8_t* bad) {
  Outcome outcome;
  const auto* source = static_cast<const StoredT<From>*>(from);
  auto* target = static_cast<StoredT<To>*>(to);
  if constexpr (std::is_same_v<From, To> && !std::is_same_v<From, Bool>) {
    __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(StoredT<From>));
  } else if constexpr (kIsShort<From>) {
    convert_short<From, To>(source, target, n, bad, outcome);
  } else {
    convert_values<From, To>(source, target, n, 0, bad, outcome);
  }
  return outcome;
}

template <class From>
constexpr std::array<Loop, kNumberTypes.size()> row_of() {
  return {loop<From, Bool>,     loop<From, uint8_t>, loop<From, int16_t>, loop<From, int32_t>,  loop<From, int64_t>,
          loop<From, float>,    loop<From, double>,  loop<From, int8_t>,  loop<From, uint16_t>, loop<From, uint32_t>,
          loop<From, uint64_t>, loop<From, Half>,    loop<From, Brain>};
}

/// In the order of kNumberTypes.
extern const LoopTable kLoops;
constinit const LoopTable kLoops = {row_of<Bool>(),     row_of<uint8_t>(), row_of<int16_t>(), row_of<int32_t>(),  row_of<int64_t>(),
                                    row_of<float>(),    row_of<double>(),  row_of<int8_t>(),  row_of<uint16_t>(), row_of<uint32_t>(),
                                    row_of<uint64_t>(), row_of<Half>(),    row_of<Brain>()};

}  // namespace edgeonnx::convert::EDGEONNX_VARIANT
