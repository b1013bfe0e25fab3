// Blocks over bins: every split of a block compares and selects for all rows of a tile. Included once per level of instructions, as
// convert/loops.h is: with EDGEONNX_VARIANT as the namespace and EDGEONNX_LEVEL as the Cpu, nothing from the standard library, no lambdas.

namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT {

#if EDGEONNX_LEVEL >= 2
using Bytes = __m512i;
using Mask = __mmask64;
inline Bytes load(const uint8_t* from) { return _mm512_loadu_si512(from); }
inline void store(uint8_t* to, Bytes value) { _mm512_storeu_si512(to, value); }
inline Bytes repeat(uint32_t word) { return _mm512_set1_epi32(static_cast<int32_t>(word)); }
inline Bytes choose(Mask mask, Bytes first, Bytes second) { return _mm512_mask_blend_epi8(mask, second, first); }
template <int bytes>
inline Mask is_less(const uint8_t* bins, Bytes threshold) {
  if constexpr (bytes == 1) {
    return _mm512_cmpgt_epi8_mask(threshold, load(bins));
  } else {
    return _mm512_kunpackd(_mm512_cmpgt_epi16_mask(threshold, load(bins + 64)), _mm512_cmpgt_epi16_mask(threshold, load(bins)));
  }
}
#elif EDGEONNX_LEVEL >= 1
using Bytes = __m256i;
using Mask = __m256i;
inline Bytes load(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
inline void store(uint8_t* to, Bytes value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value); }
inline Bytes repeat(uint32_t word) { return _mm256_set1_epi32(static_cast<int32_t>(word)); }
inline Bytes choose(Mask mask, Bytes first, Bytes second) { return _mm256_blendv_epi8(second, first, mask); }
template <int bytes>
inline Mask is_less(const uint8_t* bins, Bytes threshold) {
  if constexpr (bytes == 1) {
    return _mm256_cmpgt_epi8(threshold, load(bins));
  } else {
    // Packing goes by halves of a register; put_bins() has ordered the rows for it.
    return _mm256_packs_epi16(_mm256_cmpgt_epi16(threshold, load(bins)), _mm256_cmpgt_epi16(threshold, load(bins + 32)));
  }
}
#else
typedef int8_t Bytes __attribute__((vector_size(16)));
typedef int16_t Words __attribute__((vector_size(16)));
typedef uint32_t Quads __attribute__((vector_size(16)));
using Mask = Bytes;
inline Bytes load(const uint8_t* from) {
  Bytes value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
inline void store(uint8_t* to, Bytes value) { __builtin_memcpy(to, &value, sizeof value); }
inline Bytes repeat(uint32_t word) { return reinterpret_cast<Bytes>(Quads{word, word, word, word}); }
inline Bytes choose(Mask mask, Bytes first, Bytes second) { return (first & mask) | (second & ~mask); }
template <int bytes>
inline Mask is_less(const uint8_t* bins, Bytes threshold) {
  if constexpr (bytes == 1) {
    return threshold > load(bins);
  } else {
    const Words low = reinterpret_cast<Words>(threshold) > reinterpret_cast<Words>(load(bins));
    const Words high = reinterpret_cast<Words>(threshold) > reinterpret_cast<Words>(load(bins + 16));
    return __builtin_shufflevector(reinterpret_cast<Bytes>(low), reinterpret_cast<Bytes>(high), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22,
                                   24, 26, 28, 30);
  }
}
#endif

/// Where the subtree that stands at a position of a shape ends.
constexpr int end_of(ShapeCode shape, int position) {
  int n_open = 1;
  for (; n_open > 0; ++position) n_open += shape >> position & 1 ? 1 : -1;
  return position;
}

constexpr int splits_before(ShapeCode shape, int position) { return __builtin_popcount(shape & ((1u << position) - 1)); }

/// Vectors of rows that go through a block together, so that each offset and threshold is read once for them and needs no register for
/// long.
constexpr int kParts = 2;
constexpr int kPartBytes = static_cast<int>(sizeof(Bytes));

struct Parts {
  Bytes part[kParts];
};

struct Place {
  const uint8_t* code;
  const uint8_t* tile;
  const uint8_t* slots;
};

inline size_t offset_at(const uint8_t* code, int index) {
  uint16_t words;
  __builtin_memcpy(&words, code + 2 * index, 2);
  return size_t{kWord} * words;
}

template <int bytes, ShapeCode shape, int n, int position>
inline Parts evaluate(const Place& place) {
  constexpr int split = splits_before(shape, position);
  Parts result;
  if constexpr ((shape >> position & 1) == 0) {
    const uint8_t* child = place.slots + offset_at(place.code + 4 * n, n + position - split);
    for (int k = 0; k < kParts; ++k) result.part[k] = load(child + k * kPartBytes);
  } else {
    const Parts first = evaluate<bytes, shape, n, position + 1>(place);
    const Parts second = evaluate<bytes, shape, n, end_of(shape, position + 1)>(place);
    uint32_t word;
    __builtin_memcpy(&word, place.code + 4 * split, 4);
    const Bytes threshold = repeat(word);
    const uint8_t* bins = place.tile + offset_at(place.code + 4 * n, split);
    for (int k = 0; k < kParts; ++k) {
      result.part[k] = choose(is_less<bytes>(bins + k * kPartBytes * bytes, threshold), first.part[k], second.part[k]);
    }
  }
  return result;
}

template <int bytes, int index>
const uint8_t* select(const uint8_t* code, int32_t n_blocks, const uint8_t* tile, uint8_t* slots) {
  constexpr ShapeCode shape = kShapes[index].code;
  constexpr int n = kShapes[index].n_splits;
  for (int32_t i = 0; i < n_blocks; ++i, code += block_bytes(n)) {
    uint8_t* to = slots + offset_at(code + 4 * n, 2 * n + 1);
    for (int row = 0; row < kRows; row += kParts * kPartBytes) {
      const Parts result = evaluate<bytes, shape, n, 0>({code, tile + row * bytes, slots + row});
      for (int k = 0; k < kParts; ++k) store(to + row + k * kPartBytes, result.part[k]);
    }
  }
  return code;
}

template <int bytes, int... index>
constexpr void set_selects(Loops& loops, std::integer_sequence<int, index...>) {
  ((loops.select[bytes - 1][index] = select<bytes, index>), ...);
}

}  // namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT
