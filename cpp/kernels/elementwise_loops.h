// The loops of elementwise.h, left to the compiler to make vector code of. Included like loops.h.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

template <class T>
inline constexpr bool kIsInteger = static_cast<T>(0.5) == T{};

/// As static_cast on x86.
template <class To, class From>
inline To cast_one(From x) {
  if constexpr (sizeof(To) == 1) {
    return x != From{};
  } else if constexpr (!kIsInteger<From> && kIsInteger<To>) {
    // One past the largest integer, a power of two.
    constexpr From above = sizeof(To) == 4 ? From{0x1p+31} : From{0x1p+63};
    constexpr To least = sizeof(To) == 4 ? To{-0x7fffffff - 1} : static_cast<To>(uint64_t{1} << 63);
    // Every value above -above - 1 fits; float and the wide types have none between that and -above.
    const bool fits = sizeof(To) == 4 && sizeof(From) == 8 ? (x > -above - 1) & (x < above) : (x >= -above) & (x < above);
    return fits ? static_cast<To>(fits ? x : From{}) : least;
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void cast(LoopCall& call) {
  const Packed<From>* __restrict x = input<From>(call, 0);
  Packed<To>* __restrict y = output<To>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) y[i].value = cast_one<To>(x[i].value);
}

template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<int32_t> {
  using type = uint32_t;
};
template <>
struct Wrapping<int64_t> {
  using type = uint64_t;
};

template <Unary kOperation, class T>
inline auto unary_one(T x) {
  using U = typename Wrapping<T>::type;
  if constexpr (kOperation == Unary::kNeg) {
    if constexpr (kIsInteger<T>) return static_cast<T>(U{} - static_cast<U>(x));
    return static_cast<T>(-x);
  }
  if constexpr (kOperation == Unary::kAbs) {
    if constexpr (kIsInteger<T>) return static_cast<T>(x < 0 ? U{} - static_cast<U>(x) : static_cast<U>(x));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_fabsf(static_cast<float>(x)));
    return static_cast<T>(__builtin_fabs(static_cast<double>(x)));
  }
  if constexpr (kOperation == Unary::kSign) return static_cast<T>(x > 0 ? T{1} : x < 0 ? T{-1} : x == 0 ? T{} : x);
  if constexpr (kOperation == Unary::kRelu) return static_cast<T>(x < 0 ? T{} : x);
  if constexpr (kOperation == Unary::kSqrt) return static_cast<T>(sizeof(T) == 4 ? T(__builtin_sqrtf(float(x))) : T(__builtin_sqrt(x)));
  if constexpr (kOperation == Unary::kFloor) return static_cast<T>(sizeof(T) == 4 ? T(__builtin_floorf(float(x))) : T(__builtin_floor(x)));
  if constexpr (kOperation == Unary::kCeil) return static_cast<T>(sizeof(T) == 4 ? T(__builtin_ceilf(float(x))) : T(__builtin_ceil(x)));
  if constexpr (kOperation == Unary::kReciprocal) return static_cast<T>(T{1} / x);
  if constexpr (kOperation == Unary::kIsNan) return static_cast<uint8_t>(x != x);
  if constexpr (kOperation == Unary::kNot) return static_cast<uint8_t>(x == 0);
}

template <Unary kOperation, class T>
void unary(LoopCall& call) {
  using To = decltype(unary_one<kOperation>(T{}));
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<To>* __restrict y = output<To>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) y[i].value = unary_one<kOperation, T>(x[i].value);
}

template <Binary kOperation, class T>
inline auto binary_one(T a, T b) {
  using U = typename Wrapping<T>::type;
  if constexpr (kOperation == Binary::kAdd) return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  if constexpr (kOperation == Binary::kSub) return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
  if constexpr (kOperation == Binary::kMul) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  if constexpr (kOperation == Binary::kDiv) return static_cast<T>(a / b);
  if constexpr (kOperation == Binary::kMin) return static_cast<T>(((a < b) | (a != a)) ? a : b);
  if constexpr (kOperation == Binary::kMax) return static_cast<T>(((a > b) | (a != a)) ? a : b);
  if constexpr (kOperation == Binary::kLess) return static_cast<uint8_t>(a < b);
  if constexpr (kOperation == Binary::kLessOrEqual) return static_cast<uint8_t>(a <= b);
  if constexpr (kOperation == Binary::kGreater) return static_cast<uint8_t>(a > b);
  if constexpr (kOperation == Binary::kGreaterOrEqual) return static_cast<uint8_t>(a >= b);
  if constexpr (kOperation == Binary::kEqual) return static_cast<uint8_t>(a == b);
  if constexpr (kOperation == Binary::kAnd) return static_cast<uint8_t>(a & b);
  if constexpr (kOperation == Binary::kOr) return static_cast<uint8_t>(a | b);
  if constexpr (kOperation == Binary::kXor) return static_cast<uint8_t>(a ^ b);
}

template <Binary kOperation, class T, Constant kConstant>
void binary(LoopCall& call) {
  using To = decltype(binary_one<kOperation>(T{}, T{}));
  Packed<To>* __restrict y = output<To>(call, 0);
  const Packed<T>* __restrict a = input<T>(call, 0);
  if constexpr (kConstant == kNoConstant) {
    const Packed<T>* __restrict b = input<T>(call, 1);
    for (int64_t i = 0; i < call.n; ++i) y[i].value = binary_one<kOperation, T>(a[i].value, b[i].value);
  } else {
    const T c = constant_of<T>(static_cast<const BinaryConstants*>(call.constants)->value);
    // Of two zeros the constant is taken, on whichever side it stands.
    if constexpr (kConstant == kSecondConstant || kOperation == Binary::kMin || kOperation == Binary::kMax) {
      for (int64_t i = 0; i < call.n; ++i) y[i].value = binary_one<kOperation, T>(a[i].value, c);
    } else {
      for (int64_t i = 0; i < call.n; ++i) y[i].value = binary_one<kOperation, T>(c, a[i].value);
    }
  }
}

/// Inputs: the condition, then those of x and y that are no constants.
template <class T, Constant kConstant>
void where(LoopCall& call) {
  const auto& constants = *static_cast<const WhereConstants*>(call.constants);
  const T x = constant_of<T>(constants.x), y = constant_of<T>(constants.y);
  constexpr bool x_is_column = kConstant == kNoConstant || kConstant == kSecondConstant;
  constexpr bool y_is_column = kConstant == kNoConstant || kConstant == kFirstConstant;
  const Packed<uint8_t>* __restrict condition = input<uint8_t>(call, 0);
  const Packed<T>* __restrict xs = x_is_column ? input<T>(call, 1) : nullptr;
  const Packed<T>* __restrict ys = y_is_column ? input<T>(call, x_is_column ? 2 : 1) : nullptr;
  Packed<T>* __restrict z = output<T>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) {
    T chosen = x, other = y;
    if constexpr (x_is_column) chosen = xs[i].value;
    if constexpr (y_is_column) other = ys[i].value;
    z[i].value = condition[i].value ? (chosen == 0 ? T{} : chosen) : other;
  }
}

template <class T>
void clip(LoopCall& call) {
  const auto& constants = *static_cast<const ClipConstants*>(call.constants);
  const T low = constant_of<T>(constants.low), high = constant_of<T>(constants.high);
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<T>* __restrict y = output<T>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) {
    const T raised = x[i].value < low ? low : x[i].value;
    y[i].value = raised > high ? high : raised;
  }
}

template <class From>
constexpr void fill_casts(Loop (&row)[kElements]) {
  row[kFloatElement] = cast<From, float>;
  row[kDoubleElement] = cast<From, double>;
  row[kInt32Element] = cast<From, int32_t>;
  row[kInt64Element] = cast<From, int64_t>;
  row[kBoolElement] = cast<From, uint8_t>;
}

template <Unary kOperation>
constexpr void fill_floating_unary(LoopTable& table) {
  auto& row = table.unary[static_cast<int>(kOperation)];
  row[kFloatElement] = unary<kOperation, float>;
  row[kDoubleElement] = unary<kOperation, double>;
}

template <Unary kOperation>
constexpr void fill_unary(LoopTable& table) {
  fill_floating_unary<kOperation>(table);
  auto& row = table.unary[static_cast<int>(kOperation)];
  row[kInt32Element] = unary<kOperation, int32_t>;
  row[kInt64Element] = unary<kOperation, int64_t>;
}

template <Binary kOperation, class T>
constexpr void fill_binary_type(LoopTable& table, Element element) {
  auto& row = table.binary[static_cast<int>(kOperation)][element];
  row[kNoConstant] = binary<kOperation, T, kNoConstant>;
  row[kSecondConstant] = binary<kOperation, T, kSecondConstant>;
  row[kFirstConstant] = binary<kOperation, T, kFirstConstant>;
}

template <Binary kOperation>
constexpr void fill_binary(LoopTable& table) {
  fill_binary_type<kOperation, float>(table, kFloatElement);
  fill_binary_type<kOperation, double>(table, kDoubleElement);
  if constexpr (kOperation != Binary::kDiv) {
    fill_binary_type<kOperation, int32_t>(table, kInt32Element);
    fill_binary_type<kOperation, int64_t>(table, kInt64Element);
  }
}

template <class T>
constexpr void fill_where_and_clip(LoopTable& table, Element element) {
  auto& row = table.where[element];
  row[kNoConstant] = where<T, kNoConstant>;
  row[kSecondConstant] = where<T, kSecondConstant>;
  row[kFirstConstant] = where<T, kFirstConstant>;
  row[kBothConstant] = where<T, kBothConstant>;
  table.clip[element] = clip<T>;
}

constexpr void fill_elementwise(LoopTable& table) {
  fill_casts<float>(table.cast[kFloatElement]);
  fill_casts<double>(table.cast[kDoubleElement]);
  fill_casts<int32_t>(table.cast[kInt32Element]);
  fill_casts<int64_t>(table.cast[kInt64Element]);
  fill_casts<uint8_t>(table.cast[kBoolElement]);
  fill_unary<Unary::kNeg>(table);
  fill_unary<Unary::kAbs>(table);
  fill_unary<Unary::kSign>(table);
  fill_floating_unary<Unary::kRelu>(table);
  table.unary[static_cast<int>(Unary::kRelu)][kInt32Element] = unary<Unary::kRelu, int32_t>;
  fill_floating_unary<Unary::kSqrt>(table);
  fill_floating_unary<Unary::kFloor>(table);
  fill_floating_unary<Unary::kCeil>(table);
  fill_floating_unary<Unary::kReciprocal>(table);
  fill_floating_unary<Unary::kIsNan>(table);
  table.unary[static_cast<int>(Unary::kNot)][kBoolElement] = unary<Unary::kNot, uint8_t>;
  table.unary[static_cast<int>(Unary::kExp)][kDoubleElement] = map_doubles<Exponential>;
  table.unary[static_cast<int>(Unary::kLog)][kDoubleElement] = map_doubles<Logarithm>;
  table.unary[static_cast<int>(Unary::kTanh)][kDoubleElement] = map_doubles<Tangent>;
  table.unary[static_cast<int>(Unary::kSigmoid)][kDoubleElement] = map_doubles<Logistic>;
  fill_binary<Binary::kAdd>(table);
  fill_binary<Binary::kSub>(table);
  fill_binary<Binary::kMul>(table);
  fill_binary<Binary::kDiv>(table);
  fill_binary<Binary::kMin>(table);
  fill_binary<Binary::kMax>(table);
  fill_binary<Binary::kLess>(table);
  fill_binary<Binary::kLessOrEqual>(table);
  fill_binary<Binary::kGreater>(table);
  fill_binary<Binary::kGreaterOrEqual>(table);
  fill_binary<Binary::kEqual>(table);
  fill_binary_type<Binary::kEqual, uint8_t>(table, kBoolElement);
  fill_binary_type<Binary::kAnd, uint8_t>(table, kBoolElement);
  fill_binary_type<Binary::kOr, uint8_t>(table, kBoolElement);
  fill_binary_type<Binary::kXor, uint8_t>(table, kBoolElement);
  fill_where_and_clip<float>(table, kFloatElement);
  fill_where_and_clip<double>(table, kDoubleElement);
  fill_where_and_clip<int32_t>(table, kInt32Element);
  fill_where_and_clip<int64_t>(table, kInt64Element);
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
