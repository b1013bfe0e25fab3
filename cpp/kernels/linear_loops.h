// The loop of linear.h. Columns are gone through in groups of up to eight, over a block of rows whose sums stay in L1: few streams at a
// time, each read for long, so that the prefetcher follows and columns that lie alike in their pages do not drive each other out of the
// cache. Included like loops.h.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

inline constexpr int kBytesAhead = 4096;

/// Adds weights[m][c] * columns[c], columns in their order, to start[m], or where that is null to what sums[m] holds; rows [0, n).
template <class T, int kColumns, int kOutputs>
void add_columns(const Packed<T>* const* columns, const double* weights, int64_t weight_stride, Packed<double>* const* sums,
                 const double* start, int64_t n) {
  Doubles w[kOutputs][kColumns];
  const Packed<T>* x[kColumns];
  Packed<double>* y[kOutputs];
  for (int c = 0; c < kColumns; ++c) x[c] = columns[c];
  for (int m = 0; m < kOutputs; ++m) {
    y[m] = sums[m];
    for (int c = 0; c < kColumns; ++c) w[m][c] = splat(weights[m * weight_stride + c]);
  }
  int64_t i = 0;
  // Two vectors in flight hide the wait for each sum.
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    Doubles low[kColumns], high[kColumns];
    for (int c = 0; c < kColumns; ++c) {
      // The processor's own prefetching ends where a page does, and columns go on in the next one.
      const char* ahead = reinterpret_cast<const char*>(x[c] + i) + kBytesAhead;
      __builtin_prefetch(ahead);
      if (sizeof(T) * 2 * kLanes > 64) __builtin_prefetch(ahead + 64);
      low[c] = load(x[c] + i);
      high[c] = load(x[c] + i + kLanes);
    }
    for (int m = 0; m < kOutputs; ++m) {
      Doubles a = start ? splat(start[m]) : load(y[m] + i), b = start ? a : load(y[m] + i + kLanes);
      for (int c = 0; c < kColumns; ++c) {
        a += w[m][c] * low[c];
        b += w[m][c] * high[c];
      }
      store(a, y[m] + i);
      store(b, y[m] + i + kLanes);
    }
  }
  for (; i < n; i += kLanes) {
    for (int m = 0; m < kOutputs; ++m) {
      Doubles a = start ? splat(start[m]) : load_some(y[m] + i, n - i);
      for (int c = 0; c < kColumns; ++c) a += w[m][c] * load_some(x[c] + i, n - i);
      store_some(a, y[m] + i, n - i);
    }
  }
}

template <class T, int kColumns>
void add_to_outputs(const LinearConstants& linear, const LinearGroup& group, const Packed<T>* const* columns, Packed<double>* const* sums,
                    int64_t n) {
  const int64_t stride = linear.n_columns;
  for (int32_t m = 0; m < linear.n_outputs; m += 4) {
    const double* weights = linear.weights + m * stride + group.first;
    const double* start = group.first == 0 ? linear.bias + m : nullptr;
    switch (linear.n_outputs - m) {
      case 1:
        add_columns<T, kColumns, 1>(columns, weights, stride, sums + m, start, n);
        break;
      case 2:
        add_columns<T, kColumns, 2>(columns, weights, stride, sums + m, start, n);
        break;
      case 3:
        add_columns<T, kColumns, 3>(columns, weights, stride, sums + m, start, n);
        break;
      default:
        add_columns<T, kColumns, 4>(columns, weights, stride, sums + m, start, n);
    }
  }
}

template <class T>
void add_group(const LoopCall& call, const LinearConstants& linear, const LinearGroup& group, Packed<double>* const* sums, int64_t begin,
               int64_t n) {
  const Packed<T>* columns[8];
  for (int32_t c = 0; c < group.n_columns; ++c) columns[c] = input<T>(call, group.first + c) + begin;
  switch (group.n_columns) {
    case 8: {  // of one output alone
      const double* start = group.first == 0 ? linear.bias : nullptr;
      return add_columns<T, 8, 1>(columns, linear.weights + group.first, linear.n_columns, sums, start, n);
    }
    case 4:
      return add_to_outputs<T, 4>(linear, group, columns, sums, n);
    case 2:
      return add_to_outputs<T, 2>(linear, group, columns, sums, n);
    default:
      return add_to_outputs<T, 1>(linear, group, columns, sums, n);
  }
}

/// The first `count` values of a column of any element, from row i on.
inline Doubles load_element(int element, const std::byte* column, int64_t i, int64_t count) {
  switch (element) {
    case kFloatElement:
      return load_some(reinterpret_cast<const Packed<float>*>(column) + i, count);
    case kDoubleElement:
      return load_some(reinterpret_cast<const Packed<double>*>(column) + i, count);
    case kNarrowedElement:
      return load_some(reinterpret_cast<const Packed<Narrowed>*>(column) + i, count);
    case kInt32Element:
      return load_some(reinterpret_cast<const Packed<int32_t>*>(column) + i, count);
    case kInt64Element:
      return load_some(reinterpret_cast<const Packed<int64_t>*>(column) + i, count);
    default:
      return load_some(reinterpret_cast<const Packed<uint8_t>*>(column) + i, count);
  }
}

inline constexpr int kMostMixed = 8;

/// One output of few columns of several types, which would make a group each: all at once, and the sum never leaves its register.
template <class Out>
void add_mixed(const LoopCall& call, const LinearConstants& linear) {
  const std::byte* x[kMostMixed];
  int element[kMostMixed];
  Doubles w[kMostMixed];
  for (int32_t g = 0; g < linear.n_groups; ++g) {
    const LinearGroup& group = linear.groups[g];
    for (int32_t c = group.first; c < group.first + group.n_columns; ++c) {
      x[c] = call.registers[call.inputs[c]];
      element[c] = group.element;
      w[c] = splat(linear.weights[c]);
    }
  }
  Packed<Out>* const to = output<Out>(call, 0);
  for (int64_t i = 0; i < call.n; i += kLanes) {
    Doubles sum = splat(linear.bias[0]);
    for (int32_t c = 0; c < linear.n_columns; ++c) {
      const int64_t bytes = element[c] == kFloatElement || element[c] == kInt32Element ? 4 : 8;
      __builtin_prefetch(x[c] + i * bytes + kBytesAhead);
      sum += w[c] * load_element(element[c], x[c], i, call.n - i);
    }
    store_some(sum, to + i, call.n - i);
  }
}

/// Scratch: a pointer an output, then for outputs of float the sums of a block.
inline void linear(LoopCall& call) {
  const auto& linear = *static_cast<const LinearConstants*>(call.constants);
  if (linear.n_outputs == 1 && linear.n_groups > 1 && linear.n_columns <= kMostMixed) {
    return linear.writes_float ? add_mixed<float>(call, linear) : add_mixed<double>(call, linear);
  }
  auto* const sums = reinterpret_cast<Packed<double>**>(call.scratch);
  auto* const memory = reinterpret_cast<Packed<double>*>(call.scratch + static_cast<size_t>(linear.n_outputs) * sizeof(*sums));
  for (int64_t begin = 0; begin < call.n; begin += linear.block_rows) {
    const int64_t n = call.n - begin < linear.block_rows ? call.n - begin : linear.block_rows;
    for (int32_t m = 0; m < linear.n_outputs; ++m) {
      sums[m] = linear.writes_float ? memory + m * static_cast<int64_t>(linear.block_rows) : output<double>(call, m) + begin;
      if (linear.n_groups) continue;
      for (int64_t i = 0; i < n; i += kLanes) store_some(splat(linear.bias[m]), sums[m] + i, n - i);
    }
    for (int32_t g = 0; g < linear.n_groups; ++g) {
      const LinearGroup& group = linear.groups[g];
      switch (group.element) {
        case kFloatElement:
          add_group<float>(call, linear, group, sums, begin, n);
          break;
        case kDoubleElement:
          add_group<double>(call, linear, group, sums, begin, n);
          break;
        case kNarrowedElement:
          add_group<Narrowed>(call, linear, group, sums, begin, n);
          break;
        case kInt32Element:
          add_group<int32_t>(call, linear, group, sums, begin, n);
          break;
        case kInt64Element:
          add_group<int64_t>(call, linear, group, sums, begin, n);
          break;
        default:
          add_group<uint8_t>(call, linear, group, sums, begin, n);
      }
    }
    if (!linear.writes_float) continue;
    for (int32_t m = 0; m < linear.n_outputs; ++m) {
      Packed<float>* to = output<float>(call, m) + begin;
      for (int64_t i = 0; i < n; i += kLanes) store_some(load_some(sums[m] + i, n - i), to + i, n - i);
    }
  }
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
