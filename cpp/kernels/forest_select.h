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

template <int n>
struct Block {
  const uint8_t* code;
  const uint8_t* bins[n];
  const uint8_t* children[n + 1];
};

template <int bytes, ShapeCode shape, int n, int position>
inline Bytes evaluate(const Block<n>& block, int row) {
  constexpr int split = splits_before(shape, position);
  if constexpr ((shape >> position & 1) == 0) {
    return load(block.children[position - split] + row);
  } else {
    const Bytes first = evaluate<bytes, shape, n, position + 1>(block, row);
    const Bytes second = evaluate<bytes, shape, n, end_of(shape, position + 1)>(block, row);
    uint32_t threshold;
    __builtin_memcpy(&threshold, block.code + 4 * split, 4);
    return choose(is_less<bytes>(block.bins[split] + row * bytes, repeat(threshold)), first, second);
  }
}

template <int bytes, int index>
const uint8_t* select(const uint8_t* code, int32_t n_blocks, const uint8_t* tile, uint8_t* slots) {
  constexpr ShapeCode shape = kShapes[index].code;
  constexpr int n = kShapes[index].n_splits;
  for (int32_t i = 0; i < n_blocks; ++i, code += block_bytes(n)) {
    uint16_t words[2 * n + 2];
    __builtin_memcpy(words, code + 4 * n, sizeof words);
    Block<n> block;
    block.code = code;
    for (int s = 0; s < n; ++s) block.bins[s] = tile + size_t{kWord} * words[s];
    for (int c = 0; c <= n; ++c) block.children[c] = slots + size_t{kWord} * words[n + c];
    uint8_t* result = slots + size_t{kWord} * words[2 * n + 1];
    for (int row = 0; row < kRows; row += static_cast<int>(sizeof(Bytes))) store(result + row, evaluate<bytes, shape, n, 0>(block, row));
  }
  return code;
}

template <int bytes, int... index>
constexpr void set_selects(Loops& loops, std::integer_sequence<int, index...>) {
  ((loops.select[bytes - 1][index] = select<bytes, index>), ...);
}

}  // namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT
