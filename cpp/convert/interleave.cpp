#include "convert/interleave.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace edgeonnx::convert {
namespace {

template <class T>
void copy_column(const void* column, int64_t begin, int64_t end, std::byte* target, int64_t target_stride) {
  const T* values = static_cast<const T*>(column);
  for (int64_t row = begin; row < end; ++row) std::memcpy(target + row * target_stride, values + row, sizeof(T));
}

#if defined(__SSE2__)
// The processor's own prefetching ends where a page does, and columns go on in the next one.
constexpr int64_t kBytesAhead = 2048;
constexpr int64_t kLineRows = 16;  // of 32-bit values

/// Four columns of 32-bit values: a 4 x 4 transpose in registers, so that every store writes 16 bytes of one row.
void copy_four(const void* const* columns, int64_t begin, int64_t end, std::byte* target, int64_t target_stride) {
  const auto at = [columns](int c, int64_t row) { return _mm_loadu_ps(static_cast<const float*>(columns[c]) + row); };
  int64_t row = begin;
  for (; row + 4 <= end; row += 4) {
    if (row % kLineRows == 0) {
      for (int c = 0; c < 4; ++c) __builtin_prefetch(static_cast<const char*>(columns[c]) + row * 4 + kBytesAhead);
    }
    __m128 a = at(0, row), b = at(1, row), c = at(2, row), d = at(3, row);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    const __m128 rows[4] = {a, b, c, d};
    for (int64_t r = 0; r < 4; ++r) _mm_storeu_ps(reinterpret_cast<float*>(target + (row + r) * target_stride), rows[r]);
  }
  for (int c = 0; c < 4; ++c) copy_column<uint32_t>(columns[c], row, end, target + 4 * c, target_stride);
}

/// Two such columns.
void copy_pair(const void* const* columns, int64_t begin, int64_t end, std::byte* target, int64_t target_stride) {
  const auto at = [columns](int c, int64_t row) { return _mm_loadu_ps(static_cast<const float*>(columns[c]) + row); };
  int64_t row = begin;
  for (; row + 4 <= end; row += 4) {
    const __m128 a = at(0, row), b = at(1, row);
    const __m128 rows[2] = {_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b)};
    for (int64_t r = 0; r < 4; r += 2) {
      std::byte* const to = target + (row + r) * target_stride;
      if (target_stride == 8) {
        _mm_storeu_ps(reinterpret_cast<float*>(to), rows[r / 2]);
      } else {
        // Unlike the stores of a double these need no alignment.
        _mm_storel_pi(reinterpret_cast<__m64*>(to), rows[r / 2]);
        _mm_storeh_pi(reinterpret_cast<__m64*>(to + target_stride), rows[r / 2]);
      }
    }
  }
  for (int c = 0; c < 2; ++c) copy_column<uint32_t>(columns[c], row, end, target + 4 * c, target_stride);
}

/// Two columns of 64-bit values, likewise.
void copy_two(const void* const* columns, int64_t begin, int64_t end, std::byte* target, int64_t target_stride) {
  int64_t row = begin;
  for (; row + 2 <= end; row += 2) {
    const __m128d a = _mm_loadu_pd(static_cast<const double*>(columns[0]) + row);
    const __m128d b = _mm_loadu_pd(static_cast<const double*>(columns[1]) + row);
    _mm_storeu_pd(reinterpret_cast<double*>(target + row * target_stride), _mm_unpacklo_pd(a, b));
    _mm_storeu_pd(reinterpret_cast<double*>(target + (row + 1) * target_stride), _mm_unpackhi_pd(a, b));
  }
  for (int c = 0; c < 2; ++c) copy_column<uint64_t>(columns[c], row, end, target + 8 * c, target_stride);
}
#endif

// Rows of the target that are in flight at once: small enough that they stay in L1 while all columns pass over them.
constexpr int64_t kBlockBytes = 8192;

}  // namespace

void interleave(std::span<const void* const> columns, int64_t value_size, int64_t n, void* target, int64_t target_stride) {
  auto* out = static_cast<std::byte*>(target);
  const int64_t block = std::max<int64_t>(16, kBlockBytes / std::max<int64_t>(1, target_stride) / 4 * 4);
  for (int64_t begin = 0; begin < n; begin += block) {
    const int64_t end = std::min(n, begin + block);
    size_t c = 0;
#if defined(__SSE2__)
    if (value_size == 4) {
      for (; c + 4 <= columns.size(); c += 4) copy_four(&columns[c], begin, end, out + 4 * static_cast<int64_t>(c), target_stride);
      for (; c + 2 <= columns.size(); c += 2) copy_pair(&columns[c], begin, end, out + 4 * static_cast<int64_t>(c), target_stride);
    } else if (value_size == 8) {
      for (; c + 2 <= columns.size(); c += 2) copy_two(&columns[c], begin, end, out + 8 * static_cast<int64_t>(c), target_stride);
    }
#endif
    for (; c < columns.size(); ++c) {
      std::byte* to = out + value_size * static_cast<int64_t>(c);
      switch (value_size) {
        case 1:
          copy_column<uint8_t>(columns[c], begin, end, to, target_stride);
          break;
        case 2:
          copy_column<uint16_t>(columns[c], begin, end, to, target_stride);
          break;
        case 4:
          copy_column<uint32_t>(columns[c], begin, end, to, target_stride);
          break;
        default:
          copy_column<uint64_t>(columns[c], begin, end, to, target_stride);
      }
    }
  }
}

}  // namespace edgeonnx::convert
