// The loops between types of fixed size, generated from the matrix. Included once per instruction set, inside a region that is compiled
// for it, with EDGEONNX_VARIANT as the namespace and EDGEONNX_LEVEL as the Cpu: 0 scalar, 1 AVX2, 2 AVX-512 (the compiler's own macros do
// not change inside such a region). No lambdas and nothing from the standard library that is not known at compile time: such code would be
// compiled for the baseline, or, worse, be shared with it.
//
// Good values take no branch: what is bad gathers in a flag, what changes in a count, both looked at once a block. Only a block with a bad
// value is gone through again, value by value.

#include "convert/loop_values.h"
#if EDGEONNX_LEVEL >= 2
#include "convert/loop_vectors.h"
#endif

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
    alignas(64) float floats[kBlock];
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
    if constexpr (sizeof(T) == 8) {
      i = truncate_long_vectors(from, to, n, block);
    } else {
      i = truncate_vectors(from, to, n, block);
    }
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
    int64_t i = 0;
#if EDGEONNX_LEVEL >= 2
    i = narrow_vectors(from, to, n, block);
#endif
    for (; i < n; ++i) {
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

/// How many of n values make a block: the first one is cut short, so that all others begin at a cache line. A load across two costs twice.
template <class S>
inline int64_t block_size(const S* from, int64_t n) {
  const int64_t most = kBlock - static_cast<int64_t>(reinterpret_cast<uintptr_t>(from) % 64 / sizeof(S));
  return n < most ? n : most;
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
  for (int64_t begin = 0, count; begin < n; begin += count) {
    count = block_size(from + begin, n - begin);
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
  alignas(64) float values[kBlock];
  for (int64_t begin = 0, count; begin < n; begin += count) {
    count = block_size(from + begin, n - begin);
    int64_t done = 0;
#if EDGEONNX_LEVEL >= 2
    if constexpr (std::is_same_v<From, Half> && kRule<From, To> == Rule::kTruncate && sizeof(StoredT<To>) <= 2) {
      done = truncate_halves(from + begin, to + begin, count, outcome.n_changed);
    }
#endif
    lengthen<From>(from + begin + done, values, count - done);
    convert_values<float, To>(values, to + begin + done, count - done, begin + done, bad, outcome);
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
