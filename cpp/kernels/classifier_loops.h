// The loops of classifier.h. Included like loops.h.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

/// Scores, double -> the probabilities of both classes.
template <class To>
void write_logistic_pair(LoopCall& call) {
  const auto* x = input<double>(call, 0);
  auto* first = output<To>(call, 0);
  auto* second = output<To>(call, 1);
  for (int64_t i = 0; i < call.n; i += kLanes) {
    const LogisticPair pair = logistic_pair(load_some(x + i, call.n - i));
    store_some(pair.of_minus_x, first + i, call.n - i);
    store_some(pair.of_x, second + i, call.n - i);
  }
}

template <class To>
void write_complement(LoopCall& call) {
  const auto* x = input<double>(call, 0);
  auto* first = output<To>(call, 0);
  auto* second = output<To>(call, 1);
  for (int64_t i = 0; i < call.n; i += kLanes) {
    const Doubles score = load_some(x + i, call.n - i);
    store_some(1.0 - score, first + i, call.n - i);
    store_some(score, second + i, call.n - i);
  }
}

struct Same {
  static Doubles of(Doubles x) { return x; }
};

/// sqrt(2) * erfinv(2 x - 1), by Winitzki's formula.
struct Probit {
  static Doubles of(Doubles x) {
    const Doubles centred = x * 2.0 - 1.0;
    const Doubles log = logarithm((1.0 - centred) * (centred + 1.0));
    constexpr double kPi = 0x1.921fb54442d18p+1, kSqrt2 = 0x1.6a09e667f3bcdp+0;
    const Doubles v = log * 0.5 + 2.0 / (kPi * 0.147);
    const Doubles square = v * v - log * (1.0 / 0.147);
    Doubles root{}, inverse{};
    for (int i = 0; i < kLanes; ++i) root[i] = __builtin_sqrt(square[i]);
    const Doubles magnitude = root - v;
    for (int i = 0; i < kLanes; ++i) inverse[i] = __builtin_sqrt(magnitude[i]);
    return (centred < 0.0 ? -inverse : inverse) * kSqrt2;
  }
};

template <class Function, class To>
void map_columns(LoopCall& call) {
  const int32_t n_columns = static_cast<const ColumnsConstants*>(call.constants)->n_columns;
  for (int32_t c = 0; c < n_columns; ++c) {
    const auto* x = input<double>(call, c);
    auto* y = output<To>(call, c);
    for (int64_t i = 0; i < call.n; i += kLanes) store_some(Function::of(load_some(x + i, call.n - i)), y + i, call.n - i);
  }
}

/// NaN is passed over.
inline Doubles greatest(const LoopCall& call, int32_t n_columns, int64_t i) {
  Doubles most = splat(-__DBL_MAX__);
  for (int32_t c = 0; c < n_columns; ++c) {
    const Doubles x = load_some(input<double>(call, c) + i, call.n - i);
    most = x > most ? x : most;
  }
  return most;
}

/// Scratch: a vector a column, so that an exponential is computed once.
template <class To>
void softmax(LoopCall& call) {
  const int32_t n_columns = static_cast<const ColumnsConstants*>(call.constants)->n_columns;
  auto* const terms = reinterpret_cast<Packed<double>*>(call.scratch);
  for (int64_t i = 0; i < call.n; i += kLanes) {
    const Doubles most = greatest(call, n_columns, i);
    Doubles sum{};
    for (int32_t c = 0; c < n_columns; ++c) {
      const Doubles term = exponential(load_some(input<double>(call, c) + i, call.n - i) - most);
      store(term, terms + c * kLanes);
      sum += term;
    }
    for (int32_t c = 0; c < n_columns; ++c) {
      store_some(load(terms + c * kLanes) / sum, output<To>(call, c) + i, call.n - i);
    }
  }
}

/// Scores near 0 stay out of the sum, and NaN too: neither is above or below the bounds.
template <class To>
void softmax_zero(LoopCall& call) {
  const int32_t n_columns = static_cast<const ColumnsConstants*>(call.constants)->n_columns;
  auto* const terms = reinterpret_cast<Packed<double>*>(call.scratch);
  constexpr double kNear = static_cast<double>(0.0000001f);
  for (int64_t i = 0; i < call.n; i += kLanes) {
    const Doubles most = greatest(call, n_columns, i);
    const Doubles scale = exponential(-most);
    Doubles sum{};
    for (int32_t c = 0; c < n_columns; ++c) {
      const Doubles x = load_some(input<double>(call, c) + i, call.n - i);
      const Doubles term = exponential(x - most);
      const Longs is_far = (x > kNear) | (x < -kNear);
      store(is_far ? term : x * scale, terms + c * kLanes);
      sum += is_far ? term : Doubles{};
    }
    for (int32_t c = 0; c < n_columns; ++c) {
      store_some(load(terms + c * kLanes) / sum, output<To>(call, c) + i, call.n - i);
    }
  }
}

inline void binary_label(LoopCall& call) {
  const int64_t* labels = static_cast<const LabelConstants*>(call.constants)->labels;
  const int64_t negative = labels[0], positive = labels[1];
  const Packed<double>* __restrict x = input<double>(call, 0);
  Packed<int64_t>* __restrict y = output<int64_t>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) y[i].value = x[i].value > 0 ? positive : negative;
}

/// The first column with the greatest value; what NaN is compared with stays.
template <class T>
inline void find_greatest(const LoopCall& call, int32_t n_columns, Packed<int64_t>* __restrict y, Packed<T>* __restrict most) {
  const Packed<T>* __restrict first = input<T>(call, 0);
  for (int64_t i = 0; i < call.n; ++i) {
    most[i].value = first[i].value;
    y[i].value = 0;
  }
  for (int32_t c = 1; c < n_columns; ++c) {
    const Packed<T>* __restrict x = input<T>(call, c);
    for (int64_t i = 0; i < call.n; ++i) {
      const bool is_greater = x[i].value > most[i].value;
      most[i].value = is_greater ? x[i].value : most[i].value;
      y[i].value = is_greater ? c : y[i].value;
    }
  }
}

/// Scratch: a value of T a row.
template <class T>
void arg_max(LoopCall& call) {
  const int32_t n_columns = static_cast<const ColumnsConstants*>(call.constants)->n_columns;
  find_greatest(call, n_columns, output<int64_t>(call, 0), reinterpret_cast<Packed<T>*>(call.scratch));
}

inline void multiclass_label(LoopCall& call) {
  const auto& constants = *static_cast<const LabelConstants*>(call.constants);
  Packed<int64_t>* y = output<int64_t>(call, 0);
  find_greatest(call, constants.n_columns, y, reinterpret_cast<Packed<double>*>(call.scratch));
  for (int64_t i = 0; i < call.n; ++i) y[i].value = constants.labels[y[i].value];
}

template <class To>
constexpr void fill_transforms(LoopTable& table, int target) {
  table.logistic_pair[target] = write_logistic_pair<To>;
  table.complement[target] = write_complement<To>;
  table.post_transform[static_cast<int>(PostTransform::kNone)][target] = map_columns<Same, To>;
  table.post_transform[static_cast<int>(PostTransform::kLogistic)][target] = map_columns<Logistic, To>;
  table.post_transform[static_cast<int>(PostTransform::kSoftmax)][target] = softmax<To>;
  table.post_transform[static_cast<int>(PostTransform::kSoftmaxZero)][target] = softmax_zero<To>;
  table.post_transform[static_cast<int>(PostTransform::kProbit)][target] = map_columns<Probit, To>;
}

constexpr void fill_classifier(LoopTable& table) {
  fill_transforms<float>(table, 0);
  fill_transforms<double>(table, 1);
  table.arg_max[kFloatElement] = arg_max<float>;
  table.arg_max[kDoubleElement] = arg_max<double>;
  table.arg_max[kInt32Element] = arg_max<int32_t>;
  table.arg_max[kInt64Element] = arg_max<int64_t>;
  table.binary_label = binary_label;
  table.multiclass_label = multiclass_label;
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
