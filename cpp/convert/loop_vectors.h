// Conversions of which compilers make too little, by hand in AVX-512, for loops.h: included like it. Each returns how many values of a
// block were done; the rest is less than a vector.

namespace edgeonnx::convert::EDGEONNX_VARIANT {

inline constexpr int kTowardZero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

/// Sixteen floats cut to 32 bits: what does not fit becomes INT_MIN or UINT_MAX. `cut` tells which were altered.
template <class Wide>
inline __m512i truncate_16(const float* from, __mmask16& cut) {
  const __m512 x = _mm512_loadu_ps(from);
  const __m512i y = std::is_signed_v<Wide> ? _mm512_cvttps_epi32(x) : _mm512_cvttps_epu32(x);
  cut = _mm512_cmp_ps_mask(_mm512_roundscale_ps(x, kTowardZero), x, _CMP_NEQ_OQ);
  return y;
}

template <class Wide>
inline __m256i truncate_8(const double* from, __mmask8& cut) {
  const __m512d x = _mm512_loadu_pd(from);
  const __m256i y = std::is_signed_v<Wide> ? _mm512_cvttpd_epi32(x) : _mm512_cvttpd_epu32(x);
  cut = _mm512_cmp_pd_mask(_mm512_roundscale_pd(x, kTowardZero), x, _CMP_NEQ_OQ);
  return y;
}

template <class Wide>
inline __m512i truncate_16(const double* from, __mmask16& cut) {
  __mmask8 low_cut, high_cut;
  const __m256i low = truncate_8<Wide>(from, low_cut), high = truncate_8<Wide>(from + 8, high_cut);
  cut = _mm512_kunpackb(high_cut, low_cut);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// Floats to integers of up to 32 bits: cut in a register, whose range is then checked as that of any integer. A 32-bit value that may be
/// right but is also what stands for wrong ones counts as bad.
template <class S, class T>
inline int64_t truncate_vectors(const S* from, T* to, int64_t n, Block<Lane<S>>& block) {
  using Wide = std::conditional_t<sizeof(T) == 4, T, int32_t>;
  constexpr bool is_wide = sizeof(T) == 4;
  constexpr uint32_t bias = is_wide ? (std::is_signed_v<T> ? 0x7fffffff : 0) : Range<int32_t, T>::bias;
  __m512i keys = _mm512_setzero_si512();
  int64_t changed = 0, i = 0;
  for (; i + 16 <= n; i += 16) {
    __mmask16 cut;
    const __m512i y = truncate_16<Wide>(from + i, cut);
    changed += __builtin_popcount(cut);
    keys = _mm512_max_epu32(keys, _mm512_add_epi32(y, _mm512_set1_epi32(static_cast<int32_t>(bias))));
    if constexpr (sizeof(T) == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm512_cvtepi32_epi8(y));
    } else if constexpr (sizeof(T) == 2) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi32_epi16(y));
    } else {
      _mm512_storeu_si512(to + i, y);
    }
  }
  const uint32_t key = _mm512_reduce_max_epu32(keys);
  if constexpr (is_wide) {
    block.bad = key == std::numeric_limits<uint32_t>::max();
  } else {
    block.bad = Range<int32_t, T>::is_bad(key);
  }
  block.changed = static_cast<Lane<S>>(changed);
  return i;
}

inline __m512d load_8(const double* from) { return _mm512_loadu_pd(from); }
inline __m512d load_8(const float* from) { return _mm512_cvtps_pd(_mm256_loadu_ps(from)); }

/// Floats to integers of 64 bits, with the same care for what stands for wrong values.
template <class S, class T>
inline int64_t truncate_long_vectors(const S* from, T* to, int64_t n, Block<Lane<S>>& block) {
  const __m512i bias = _mm512_set1_epi64(std::is_signed_v<T> ? std::numeric_limits<int64_t>::max() : 0);
  __m512i keys = _mm512_setzero_si512();
  int64_t changed = 0, i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m512d x = load_8(from + i);
    const __m512i y = std::is_signed_v<T> ? _mm512_cvttpd_epi64(x) : _mm512_cvttpd_epu64(x);
    changed += __builtin_popcount(_mm512_cmp_pd_mask(_mm512_roundscale_pd(x, kTowardZero), x, _CMP_NEQ_OQ));
    keys = _mm512_max_epu64(keys, _mm512_add_epi64(y, bias));
    _mm512_storeu_si512(to + i, y);
  }
  block.bad = _mm512_reduce_max_epu64(keys) == std::numeric_limits<uint64_t>::max();
  block.changed = static_cast<Lane<S>>(changed);
  return i;
}

inline __m256 narrow_8(const double* from, __mmask8& rounded) {
  const __m512d x = _mm512_loadu_pd(from);
  const __m256 y = _mm512_cvtpd_ps(x);
  rounded = _mm512_cmp_pd_mask(_mm512_cvtps_pd(y), x, _CMP_NEQ_OQ);
  return y;
}

/// Doubles to floats. What became infinite was so, or did not fit: it counts as bad.
inline int64_t narrow_vectors(const double* from, float* to, int64_t n, Block<Lane<double>>& block) {
  constexpr int kLargerMagnitude = 0b1011;  // of two numbers, without its sign; a NaN loses
  __m512 largest = _mm512_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __mmask8 low_rounded, high_rounded;
    const __m256 low = narrow_8(from + i, low_rounded), high = narrow_8(from + i + 8, high_rounded);
    const __m512 y = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    largest = _mm512_range_ps(largest, y, kLargerMagnitude);
    block.changed += __builtin_popcount(_mm512_kunpackb(high_rounded, low_rounded));
    _mm512_storeu_ps(to + i, y);
  }
  block.bad = _mm512_reduce_max_ps(largest) == std::numeric_limits<float>::infinity();
  return i;
}

/// Integers of 16 bits to float16, by way of a float that holds them.
template <class S>
inline int64_t halve_vectors(const S* from, uint16_t* to, int64_t n, Block<Lane<S>>& block) {
  __m256i largest = _mm256_setzero_si256();
  int64_t changed = 0, i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
    if constexpr (std::is_unsigned_v<S>) largest = _mm256_max_epu16(largest, x);
    const __m512 floats = _mm512_cvtepi32_ps(std::is_signed_v<S> ? _mm512_cvtepi16_epi32(x) : _mm512_cvtepu16_epi32(x));
    // Bits that a float16 has not.
    changed += __builtin_popcount(_mm512_test_epi32_mask(_mm512_castps_si512(floats), _mm512_set1_epi32(0x1fff)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT));
  }
  block.bad = _mm256_cmpgt_epu16_mask(largest, _mm256_set1_epi16(static_cast<int16_t>(65519))) != 0;
  block.changed = static_cast<Lane<S>>(changed);
  return i;
}

/// float16 to integers of 8 and 16 bits: the significand, its leading one at the top of 16 bits, is moved down by what the exponent lacks.
/// Returns 0 where a value does not fit.
template <class T>
inline int64_t truncate_halves(const uint16_t* from, T* to, int64_t n, int64_t& n_changed) {
  constexpr int32_t highest = ((15 + std::numeric_limits<T>::digits) << 10) - 1;                 // below max + 1
  constexpr int32_t lowest = std::is_unsigned_v<T> ? 0xbbff : sizeof(T) == 1 ? 0xd807 : 0xf800;  // above min - 1
  // Among signed numbers the bits of positive values are the largest, among unsigned ones those of negative values.
  __m512i positive = _mm512_setzero_si512(), negative = _mm512_setzero_si512();
  int64_t changed = 0, i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m512i x = _mm512_loadu_si512(from + i);
    positive = _mm512_max_epi16(positive, x);
    negative = _mm512_max_epu16(negative, x);
    const __m512i significand = _mm512_or_si512(_mm512_slli_epi16(x, 5), _mm512_set1_epi16(INT16_MIN));
    const __m512i exponent = _mm512_and_si512(_mm512_srli_epi16(x, 10), _mm512_set1_epi16(31));
    const __m512i lacks = _mm512_sub_epi16(_mm512_set1_epi16(30), exponent);
    const __m512i magnitude = _mm512_srlv_epi16(significand, lacks);
    const __mmask32 is_nonzero = _mm512_test_epi16_mask(x, _mm512_set1_epi16(INT16_MAX));
    changed += __builtin_popcount(_mm512_mask_cmpneq_epi16_mask(is_nonzero, _mm512_sllv_epi16(magnitude, lacks), significand));
    __m512i y = magnitude;
    if constexpr (std::is_signed_v<T>) y = _mm512_mask_sub_epi16(y, _mm512_movepi16_mask(x), _mm512_setzero_si512(), y);
    if constexpr (sizeof(T) == 1) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi16_epi8(y));
    } else {
      _mm512_storeu_si512(to + i, y);
    }
  }
  const bool is_bad = (_mm512_cmpgt_epi16_mask(positive, _mm512_set1_epi16(highest)) |
                       _mm512_cmpgt_epu16_mask(negative, _mm512_set1_epi16(static_cast<int16_t>(lowest)))) != 0;
  if (is_bad) return 0;
  n_changed += changed;
  return i;
}

}  // namespace edgeonnx::convert::EDGEONNX_VARIANT
