// Exits to weights, and weights to scores. Included once per level of instructions, as forest_select.h is.

namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT {

/// A score takes a weight; minimum and maximum as vectors have them, too: the score where neither is less.
template <Aggregate aggregate, class T>
inline T take(T score, T weight) {
  if constexpr (aggregate == Aggregate::kSum) {
    return score + weight;
  } else if constexpr (aggregate == Aggregate::kMin) {
    return weight < score ? weight : score;
  } else {
    return weight > score ? weight : score;
  }
}

#if EDGEONNX_LEVEL == 1
template <Aggregate aggregate>
inline __m256 take(__m256 score, __m256 weight) {
  if constexpr (aggregate == Aggregate::kSum) {
    return _mm256_add_ps(score, weight);
  } else if constexpr (aggregate == Aggregate::kMin) {
    return _mm256_min_ps(weight, score);
  } else {
    return _mm256_max_ps(weight, score);
  }
}

template <int width>
inline __m256 weights_at(const float* table, const uint8_t* exits) {
  const __m256i i = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(exits)));
  if constexpr (width > 32) return _mm256_i32gather_ps(table, i, 4);
  const __m256 a = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), i), b = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), i);
  const __m256 bit_3 = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28));
  const __m256 low = _mm256_blendv_ps(a, b, bit_3);
  if constexpr (width == 16) return low;
  const __m256 c = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 16), i), d = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 24), i);
  return _mm256_blendv_ps(low, _mm256_blendv_ps(c, d, bit_3), _mm256_castsi256_ps(_mm256_slli_epi32(i, 27)));
}

template <Aggregate aggregate, int width>
void look_up(const Lookup* lookups, size_t n, const float* tables, const uint8_t* slots, float* sums) {
  constexpr int kParts = 4;
  for (int row = 0; row < kRows; row += 8 * kParts) {
    __m256 s[kParts];
    for (int k = 0; k < kParts; ++k) s[k] = _mm256_loadu_ps(sums + row + 8 * k);
    for (size_t j = 0; j < n; ++j) {
      const float* table = tables + size_t{lookups[j].table} * width;
      const uint8_t* exits = slots + size_t{lookups[j].slot} * kWord + row;
      for (int k = 0; k < kParts; ++k) s[k] = take<aggregate>(s[k], weights_at<width>(table, exits + 8 * k));
    }
    for (int k = 0; k < kParts; ++k) _mm256_storeu_ps(sums + row + 8 * k, s[k]);
  }
}
#elif EDGEONNX_LEVEL >= 2
template <Aggregate aggregate>
inline __m512 take(__m512 score, __m512 weight) {
  if constexpr (aggregate == Aggregate::kSum) {
    return _mm512_add_ps(score, weight);
  } else if constexpr (aggregate == Aggregate::kMin) {
    return _mm512_min_ps(weight, score);
  } else {
    return _mm512_max_ps(weight, score);
  }
}

/// Of a table that is in registers.
template <int width>
inline __m512 weights_at(const __m512* t, const float* table, __m512i i) {
  if constexpr (width == 16) {
    return _mm512_permutexvar_ps(i, t[0]);
  } else if constexpr (width == 32) {
    return _mm512_permutex2var_ps(t[0], i, t[1]);
  } else if constexpr (width == 64) {
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(i, _mm512_set1_epi32(32)), _mm512_permutex2var_ps(t[0], i, t[1]),
                                _mm512_permutex2var_ps(t[2], i, t[3]));
  } else if constexpr (width == 128) {
    const __mmask16 bit_5 = _mm512_test_epi32_mask(i, _mm512_set1_epi32(32));
    const __m512 low = _mm512_mask_blend_ps(bit_5, _mm512_permutex2var_ps(t[0], i, t[1]), _mm512_permutex2var_ps(t[2], i, t[3]));
    const __m512 high = _mm512_mask_blend_ps(bit_5, _mm512_permutex2var_ps(t[4], i, t[5]), _mm512_permutex2var_ps(t[6], i, t[7]));
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(i, _mm512_set1_epi32(64)), low, high);
  } else {
    return _mm512_i32gather_ps(i, table, 4);
  }
}

template <Aggregate aggregate, int width>
void look_up(const Lookup* lookups, size_t n, const float* tables, const uint8_t* slots, float* sums) {
  constexpr int kParts = kRows / 16;
  constexpr int kRegisters = width > 128 ? 0 : width / 16;
  __m512 s[kParts];
  for (int k = 0; k < kParts; ++k) s[k] = _mm512_load_ps(sums + 16 * k);
  for (size_t j = 0; j < n; ++j) {
    const float* table = tables + size_t{lookups[j].table} * width;
    const uint8_t* exits = slots + size_t{lookups[j].slot} * kWord;
    __m512 t[kRegisters + 1];
    for (int k = 0; k < kRegisters; ++k) t[k] = _mm512_loadu_ps(table + 16 * k);
    for (int k = 0; k < kParts; ++k) {
      const __m512i i = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(exits + 16 * k)));
      s[k] = take<aggregate>(s[k], weights_at<width>(t, table, i));
    }
  }
  for (int k = 0; k < kParts; ++k) _mm512_store_ps(sums + 16 * k, s[k]);
}
#endif

template <Aggregate aggregate, int width, class T>
void look_up_any(const Lookup* lookups, size_t n, const T* tables, const uint8_t* slots, T* sums) {
  for (size_t j = 0; j < n; ++j) {
    const T* table = tables + size_t{lookups[j].table} * width;
    const uint8_t* exits = slots + size_t{lookups[j].slot} * kWord;
    for (int row = 0; row < kRows; ++row) sums[row] = take<aggregate>(sums[row], table[exits[row]]);
  }
}

template <Aggregate aggregate, int... i, class T>
constexpr void set_look_ups(ValueLoops<T>& loops, std::integer_sequence<int, i...>) {
#if EDGEONNX_LEVEL >= 1
  if constexpr (sizeof(T) == 4) {
    ((loops.look_up[static_cast<int>(aggregate)][i] = look_up<aggregate, 16 << i>), ...);
  } else
#endif
  {
    ((loops.look_up[static_cast<int>(aggregate)][i] = look_up_any<aggregate, 16 << i, T>), ...);
  }
}

}  // namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT
