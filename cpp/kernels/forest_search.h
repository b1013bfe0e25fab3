// Values to bins. Included once per level of instructions, as forest_select.h is.
//
// One step a level of the heap of cuts: position = 2 * position + !(value <= cut[position]). So NaN takes the second child everywhere, and
// the last position, less the number of cuts and one, is how many cuts are below the value.

namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT {

#if EDGEONNX_LEVEL == 1
/// Where row of a tile stands among bins of 16 bits: packing of masks goes by halves of a register.
constexpr int place_of_row(int row) { return (row & ~24) | (row & 8) << 1 | (row & 16) >> 1; }
#else
constexpr int place_of_row(int row) { return row; }
#endif

/// kRows positions in the heap, all of the last level, to lines.
inline void put_bins(const Search& search, int bytes, const int32_t* positions, const uint8_t* is_nan, uint8_t* tile) {
  const int32_t first = 1 << search.n_levels;
  for (int i = 0; i < 4; ++i) {
    if (search.lines[i] < 0) continue;
    uint8_t* line = tile + static_cast<size_t>(search.lines[i]) * kRows * static_cast<size_t>(bytes);
    const bool nan_left = i & 1;
    if (bytes == 1) {
      const int32_t flip = i & 2 ? 0x7f : 0x80;
      if (nan_left) {
        for (int row = 0; row < kRows; ++row) line[row] = static_cast<uint8_t>((is_nan[row] ? 0 : positions[row] - first) ^ flip);
      } else {
        for (int row = 0; row < kRows; ++row) line[row] = static_cast<uint8_t>((positions[row] - first) ^ flip);
      }
    } else {
      const int32_t flip = i & 2 ? 0x7fff : 0x8000;
      for (int row = 0; row < kRows; ++row) {
        const auto bin = static_cast<uint16_t>((nan_left && is_nan[row] ? 0 : positions[row] - first) ^ flip);
        __builtin_memcpy(line + 2 * place_of_row(row), &bin, 2);
      }
    }
  }
}

template <class T>
inline void find_nans(const Search& search, const T* values, uint8_t* is_nan) {
  if (search.lines[1] < 0 && search.lines[3] < 0) return;
  for (int row = 0; row < kRows; ++row) is_nan[row] = values[row] != values[row];
}

#if EDGEONNX_LEVEL == 0
template <class T>
inline void find_positions(const Search& search, const T* cuts, const T* values, int32_t* positions) {
  for (int row = 0; row < kRows; ++row) positions[row] = 1;
  for (int level = 0; level < search.n_levels; ++level) {
    for (int row = 0; row < kRows; ++row) positions[row] = 2 * positions[row] + !(values[row] <= cuts[positions[row]]);
  }
}
#elif EDGEONNX_LEVEL == 1
inline __m256i step(__m256i position, __m256 is_over) {
  return _mm256_sub_epi32(_mm256_add_epi32(position, position), _mm256_castps_si256(is_over));
}

inline void find_positions(const Search& search, const float* cuts, const float* values, int32_t* positions) {
  const int n = search.n_levels;
  const __m256 t0 = _mm256_loadu_ps(cuts), t1 = _mm256_loadu_ps(cuts + 8);
  const __m256 t2 = n > 4 ? _mm256_loadu_ps(cuts + 16) : t1, t3 = n > 4 ? _mm256_loadu_ps(cuts + 24) : t1;
  for (int row = 0; row < kRows; row += 8) {
    const __m256 x = _mm256_loadu_ps(values + row);
    __m256i i = _mm256_set1_epi32(1);
    const int n_first = n < 3 ? n : 3;
    for (int level = 0; level < n_first; ++level) i = step(i, _mm256_cmp_ps(x, _mm256_permutevar8x32_ps(t0, i), _CMP_NLE_UQ));
    if (n > 3) i = step(i, _mm256_cmp_ps(x, _mm256_permutevar8x32_ps(t1, i), _CMP_NLE_UQ));
    if (n > 4) {
      const __m256 which = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28));
      const __m256 cut = _mm256_blendv_ps(_mm256_permutevar8x32_ps(t2, i), _mm256_permutevar8x32_ps(t3, i), which);
      i = step(i, _mm256_cmp_ps(x, cut, _CMP_NLE_UQ));
    }
    for (int level = 5; level < n; ++level) i = step(i, _mm256_cmp_ps(x, _mm256_i32gather_ps(cuts, i, 4), _CMP_NLE_UQ));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + row), i);
  }
}

inline void find_positions(const Search& search, const double* cuts, const double* values, int32_t* positions) {
  for (int row = 0; row < kRows; row += 4) {
    const __m256d x = _mm256_loadu_pd(values + row);
    __m256i i = _mm256_set1_epi64x(1);
    for (int level = 0; level < search.n_levels; ++level) {
      const __m256d is_over = _mm256_cmp_pd(x, _mm256_i64gather_pd(cuts, i, 8), _CMP_NLE_UQ);
      i = _mm256_sub_epi64(_mm256_add_epi64(i, i), _mm256_castpd_si256(is_over));
    }
    const __m256i low = _mm256_permutevar8x32_epi32(i, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(positions + row), _mm256_castsi256_si128(low));
  }
}
#else
inline __m512i step(__m512i position, __mmask16 is_over) {
  const __m512i twice = _mm512_add_epi32(position, position);
  return _mm512_mask_add_epi32(twice, is_over, twice, _mm512_set1_epi32(1));
}

/// Levels that permutations of registers look up; the rest is gathered.
template <int n>
inline void find_positions_in(const float* cuts, int n_levels, const float* values, int32_t* positions) {
  const __m512 t0 = _mm512_loadu_ps(cuts);
  [[maybe_unused]] __m512 t[16];
  if constexpr (n > 4) {
    for (int k = 1; k < 1 << (n - 4); ++k) t[k] = _mm512_loadu_ps(cuts + 16 * k);
  }
  for (int row = 0; row < kRows; row += 16) {
    const __m512 x = _mm512_loadu_ps(values + row);
    __m512i i = _mm512_set1_epi32(1);
    [[maybe_unused]] __mmask16 m0 = 0, m1 = 0;
    for (int level = 0; level < (n < 4 ? n : 4); ++level) {
      const __mmask16 m = _mm512_cmp_ps_mask(x, _mm512_permutexvar_ps(i, t0), _CMP_NLE_UQ);
      if (level == 0) m0 = m;
      if (level == 1) m1 = m;
      i = step(i, m);
    }
    if constexpr (n > 4) i = step(i, _mm512_cmp_ps_mask(x, _mm512_permutexvar_ps(i, t[1]), _CMP_NLE_UQ));
    if constexpr (n > 5) i = step(i, _mm512_cmp_ps_mask(x, _mm512_permutex2var_ps(t[2], i, t[3]), _CMP_NLE_UQ));
    // A position's bits are the decisions made so far, so that the first ones choose among registers.
    if constexpr (n > 6) {
      const __m512 cut = _mm512_mask_blend_ps(m0, _mm512_permutex2var_ps(t[4], i, t[5]), _mm512_permutex2var_ps(t[6], i, t[7]));
      i = step(i, _mm512_cmp_ps_mask(x, cut, _CMP_NLE_UQ));
    }
    if constexpr (n > 7) {
      const __m512 low = _mm512_mask_blend_ps(m1, _mm512_permutex2var_ps(t[8], i, t[9]), _mm512_permutex2var_ps(t[10], i, t[11]));
      const __m512 high = _mm512_mask_blend_ps(m1, _mm512_permutex2var_ps(t[12], i, t[13]), _mm512_permutex2var_ps(t[14], i, t[15]));
      i = step(i, _mm512_cmp_ps_mask(x, _mm512_mask_blend_ps(m0, low, high), _CMP_NLE_UQ));
    }
    for (int level = n; level < n_levels; ++level) i = step(i, _mm512_cmp_ps_mask(x, _mm512_i32gather_ps(i, cuts, 4), _CMP_NLE_UQ));
    _mm512_storeu_si512(positions + row, i);
  }
}

inline void find_positions(const Search& search, const float* cuts, const float* values, int32_t* positions) {
  switch (search.n_levels) {
    case 1:
      return find_positions_in<1>(cuts, 1, values, positions);
    case 2:
      return find_positions_in<2>(cuts, 2, values, positions);
    case 3:
      return find_positions_in<3>(cuts, 3, values, positions);
    case 4:
      return find_positions_in<4>(cuts, 4, values, positions);
    case 5:
      return find_positions_in<5>(cuts, 5, values, positions);
    case 6:
      return find_positions_in<6>(cuts, 6, values, positions);
    case 7:
      return find_positions_in<7>(cuts, 7, values, positions);
    default:
      return find_positions_in<8>(cuts, search.n_levels, values, positions);
  }
}

inline void find_positions(const Search& search, const double* cuts, const double* values, int32_t* positions) {
  const int n = search.n_levels;
  const __m512d t0 = _mm512_loadu_pd(cuts), t1 = _mm512_loadu_pd(cuts + 8);
  const __m512d t2 = n > 4 ? _mm512_loadu_pd(cuts + 16) : t0, t3 = n > 4 ? _mm512_loadu_pd(cuts + 24) : t0;
  const __m512i one = _mm512_set1_epi64(1);
  for (int row = 0; row < kRows; row += 8) {
    const __m512d x = _mm512_loadu_pd(values + row);
    __m512i i = one;
    for (int level = 0; level < n; ++level) {
      const __m512d cut = level < 3    ? _mm512_permutexvar_pd(i, t0)
                          : level == 3 ? _mm512_permutexvar_pd(i, t1)
                          : level == 4 ? _mm512_permutex2var_pd(t2, i, t3)
                                       : _mm512_i64gather_pd(i, cuts, 8);
      const __mmask8 is_over = _mm512_cmp_pd_mask(x, cut, _CMP_NLE_UQ);
      i = _mm512_add_epi64(i, i);
      i = _mm512_mask_add_epi64(i, is_over, i, one);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(positions + row), _mm512_cvtepi64_epi32(i));
  }
}
#endif

template <class T>
void search(const Search& one, int bytes, const T* cuts, const T* values, uint8_t* tile) {
  alignas(64) int32_t positions[kRows];
  uint8_t is_nan[kRows];
  find_positions(one, cuts + one.table, values, positions);
  find_nans(one, values, is_nan);
  put_bins(one, bytes, positions, is_nan, tile);
}

}  // namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT
