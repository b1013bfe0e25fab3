// Validity bitmaps as Arrow lays them out: lowest bit first, 1 = valid.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace edgeonnx {

inline bool bit_at(const uint8_t* bits, int64_t index) { return (bits[index >> 3] >> (index & 7)) & 1; }

/// Bits set in [begin, begin + n).
inline int64_t count_bits(const uint8_t* bits, int64_t begin, int64_t n) {
  int64_t count = 0;
  int64_t i = begin;
  const int64_t end = begin + n;
  for (; i < end && (i & 7); ++i) count += bit_at(bits, i);
  for (; i + 64 <= end; i += 64) {
    uint64_t word;
    std::memcpy(&word, bits + (i >> 3), sizeof word);
    count += std::popcount(word);
  }
  for (; i < end; ++i) count += bit_at(bits, i);
  return count;
}

}  // namespace edgeonnx
