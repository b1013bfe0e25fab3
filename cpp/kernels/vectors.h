// Vectors of doubles as wide as the processor's, for the loops: included like them, in a region that is compiled for one instruction set.
// Every operation rounds as the scalar one does, so that all instruction sets give the same bits.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

inline constexpr int kLanes = EDGEONNX_LEVEL >= 2 ? 8 : EDGEONNX_LEVEL >= 1 ? 4 : 2;

typedef double Doubles __attribute__((vector_size(8 * kLanes)));
typedef int64_t Longs __attribute__((vector_size(8 * kLanes)));
typedef uint64_t Bits __attribute__((vector_size(8 * kLanes)));  // where sums may wrap
typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));

/// A value that need not be aligned.
template <class T>
struct __attribute__((packed)) Packed {
  T value;
};

template <class T>
inline const Packed<T>* input(const LoopCall& call, int64_t i) {
  return reinterpret_cast<const Packed<T>*>(call.registers[call.inputs[i]]);
}

template <class T>
inline Packed<T>* output(const LoopCall& call, int64_t i) {
  return reinterpret_cast<Packed<T>*>(call.registers[call.outputs[i]]);
}

template <class T>
inline T constant_of(const ConstantBytes& bytes) {
  T value;
  __builtin_memcpy(&value, &bytes, sizeof value);
  return value;
}

inline Doubles splat(double value) { return Doubles{} + value; }

inline Doubles load(const Packed<double>* at) {
  Doubles values{};
  __builtin_memcpy(&values, at, sizeof values);
  return values;
}

inline Doubles load(const Packed<float>* at) {
  Floats values;
  __builtin_memcpy(&values, at, sizeof values);
  return __builtin_convertvector(values, Doubles);
}

/// A double that counts as the float nearest to it.
struct __attribute__((packed)) Narrowed {
  double value;
  explicit operator double() const { return static_cast<double>(static_cast<float>(value)); }
};

inline Doubles load(const Packed<Narrowed>* at) {
  Doubles values{};
  __builtin_memcpy(&values, at, sizeof values);
  return __builtin_convertvector(__builtin_convertvector(values, Floats), Doubles);
}

inline Doubles load(const Packed<int32_t>* at) {
  Ints values;
  __builtin_memcpy(&values, at, sizeof values);
  return __builtin_convertvector(values, Doubles);
}

inline Doubles load(const Packed<int64_t>* at) {
#if EDGEONNX_LEVEL >= 2
  Longs values;
  __builtin_memcpy(&values, at, sizeof values);
  return __builtin_convertvector(values, Doubles);
#else
  // Each half as the low bits of a double that is far larger; the halves, made exact, are then added with one rounding.
  constexpr int64_t kLow = 0x4330000000000000;   // 2^52
  constexpr int64_t kHigh = 0x4530000080000000;  // 2^84 + 2^63, which turns the sign about
  Bits values;
  __builtin_memcpy(&values, at, sizeof values);
  const Bits low = (values & 0xffffffff) | static_cast<uint64_t>(kLow), high = (values >> 32) ^ static_cast<uint64_t>(kHigh);
  Doubles low_part, high_part;
  __builtin_memcpy(&low_part, &low, sizeof low);
  __builtin_memcpy(&high_part, &high, sizeof high);
  return (high_part - 0x1.00000801p84) + low_part;  // 2^84 + 2^63 + 2^52
#endif
}

inline Doubles load(const Packed<uint8_t>* at) {
  Ints values{};
  for (int i = 0; i < kLanes; ++i) values[i] = at[i].value;
  return __builtin_convertvector(values, Doubles);
}

inline void store(Doubles values, Packed<double>* at) { __builtin_memcpy(at, &values, sizeof values); }

inline void store(Doubles values, Packed<float>* at) {
  const Floats rounded = __builtin_convertvector(values, Floats);
  __builtin_memcpy(at, &rounded, sizeof rounded);
}

/// The first `count` values, the rest 0.
template <class T>
inline Doubles load_some(const Packed<T>* at, int64_t count) {
  if (count >= kLanes) return load(at);
  Doubles values{};
  for (int i = 0; i < count; ++i) values[i] = static_cast<double>(at[i].value);
  return values;
}

template <class T>
inline void store_some(Doubles values, Packed<T>* at, int64_t count) {
  if (count >= kLanes) return store(values, at);
  for (int i = 0; i < count; ++i) at[i].value = static_cast<T>(values[i]);
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
