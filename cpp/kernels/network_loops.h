// The loop of network.h. A panel of rows goes through all layers at once: each of its values is a few vectors of neighbouring rows, so that
// columns need not be turned into rows, and a group of outputs keeps its sums in registers while the inputs pass. Included like loops.h.

#if EDGEONNX_LEVEL >= 1
namespace edgeonnx::kernels::EDGEONNX_VARIANT {

typedef float Singles __attribute__((vector_size(8 * kLanes)));

inline Singles splat_single(float value) {
#if EDGEONNX_LEVEL >= 2
  return _mm512_set1_ps(value);
#else
  return _mm256_set1_ps(value);
#endif
}

inline Singles fused(Singles a, Singles b, Singles c) {
#if EDGEONNX_LEVEL >= 2
  return _mm512_fmadd_ps(a, b, c);
#else
  return _mm256_fmadd_ps(a, b, c);
#endif
}

/// c[0] + c[1] * x + ... + c[kCount - 1] * x^(kCount - 1)
template <int kCount>
Singles polynomial(const float (&c)[kCount], Singles x) {
  Singles sum = splat_single(c[kCount - 1]);
#pragma GCC unroll 8
  for (int i = kCount - 2; i >= 0; --i) sum = fused(sum, x, splat_single(c[i]));
  return sum;
}

/// x, or the bound that it lies beyond.
inline Singles bounded(Singles x, float low, float high) {
  x = x < low ? splat_single(low) : x;
  return x > high ? splat_single(high) : x;
}

// Quotients x * P(x^2) / Q(x^2), with the coefficients that Eigen and ONNX Runtime use.
inline Singles tanh_of(Singles x) {
  constexpr float kP[] = {4.89352455891786e-3F,   6.37261928875436e-4F,  1.48572235717979e-5F,  5.12229709037114e-8F,
                          -8.60467152213735e-11F, 2.00018790482477e-13F, -2.76076847742355e-16F};
  constexpr float kQ[] = {4.89352518554385e-3F, 2.26843463243900e-3F, 1.18534705686654e-4F, 1.19825839466702e-6F};
  x = bounded(x, -9, 9);
  const Singles square = x * x;
  return polynomial(kP, square) * x / polynomial(kQ, square);
}

inline Singles sigmoid_of(Singles x) {
  constexpr float kP[] = {2.48287947061529e-1F, 8.51377133304701e-3F, 6.08574864600143e-5F, 1.15627324459942e-7F, 4.37031012579801e-11F};
  constexpr float kQ[] = {9.93151921023180e-1F, 1.16817656904453e-1F, 1.70198817374094e-3F,
                          6.29106785017040e-6F, 5.76102136993427e-9F, 6.10247389755681e-13F};
  x = bounded(x, -18, 18);
  const Singles square = x * x;
  return bounded(polynomial(kP, square) * x / polynomial(kQ, square) + 0.5F, 0, 1);
}

template <Singles (*kFunction)(Singles)>
void apply(Singles* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) values[i] = kFunction(values[i]);
}

inline void activate(Activation activation, Singles* values, int64_t n) {
  switch (activation) {
    case Activation::kTanh:
      return apply<tanh_of>(values, n);
    case Activation::kSigmoid:
      return apply<sigmoid_of>(values, n);
    default:
      return;
  }
}

inline constexpr int64_t kSingleLanes = 2 * kLanes;
/// Vectors of a value of a panel: with a group of four outputs, as many sums as there are registers.
inline constexpr int kPanelVectors = EDGEONNX_LEVEL >= 2 ? 4 : 3;
static_assert(kPanelVectors * kSingleLanes <= kNetworkPanelRows);

/// sum + a * b, in the register where the sum is.
inline void add_product(Singles& sum, Singles a, Singles b) {
  sum = fused(a, b, sum);
#if defined(__clang__) && EDGEONNX_LEVEL == 1
  __asm__("" : "+x"(sum));  // or clang moves sums from register to register, runs out of all sixteen, and takes twice the time
#endif
}

template <int kOutputs, int kVectors>
void add_products(const NetworkLayer& layer, int32_t first, const Singles* in, Singles* out) {
  const float* weights = layer.weights + static_cast<int64_t>(first) * layer.n_inputs;
  Singles sums[kOutputs][kVectors] = {};
  for (int32_t k = 0; k < layer.n_inputs; ++k, in += kVectors, weights += kOutputs) {
#pragma GCC unroll 4
    for (int m = 0; m < kOutputs; ++m) {
      const Singles weight = splat_single(weights[m]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) add_product(sums[m][v], in[v], weight);
    }
  }
  const Singles lowest = splat_single(layer.activation == Activation::kRelu ? 0 : -__builtin_inff());
  out += static_cast<int64_t>(first) * kVectors;
#pragma GCC unroll 4
  for (int m = 0; m < kOutputs; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      Singles sum = sums[m][v];
      if (layer.bias) sum += splat_single(layer.bias[first + m]);
      sum = sum < lowest ? lowest : sum;  // NaN stays
      *out++ = sum;
    }
  }
}

template <int kVectors>
void run_layer(const NetworkLayer& layer, const Singles* in, Singles* out) {
  static_assert(kNetworkGroup == 4);
  int32_t m = 0;
  for (; m + 4 <= layer.n_outputs; m += 4) add_products<4, kVectors>(layer, m, in, out);
  if (m + 2 <= layer.n_outputs) {
    add_products<2, kVectors>(layer, m, in, out);
    m += 2;
  }
  if (m < layer.n_outputs) add_products<1, kVectors>(layer, m, in, out);
  activate(layer.activation, out, int64_t{layer.n_outputs} * kVectors);
}

/// The first n values of a column; the panel's other rows are 0.
template <int64_t kRows, class T>
void fill_panel(const Packed<T>* column, int64_t n, Singles* panel) {
  float* const to = reinterpret_cast<float*>(panel);
  if (n == kRows) {
    const char* const ahead = reinterpret_cast<const char*>(column) + kBytesAhead;
    for (int64_t byte = 0; byte < kRows * static_cast<int64_t>(sizeof(T)); byte += 64) __builtin_prefetch(ahead + byte);
    for (int64_t i = 0; i < kRows; ++i) to[i] = static_cast<float>(column[i].value);
    return;
  }
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(column[i].value);
  for (int64_t i = n; i < kRows; ++i) to[i] = 0;
}

/// Rows [begin, begin + n), no more than a panel has.
template <int kVectors>
void run_panel(LoopCall& call, const NetworkConstants& network, int64_t begin, int64_t n) {
  auto* in = reinterpret_cast<Singles*>(call.scratch);
  auto* out = reinterpret_cast<Singles*>(call.scratch + network.panel_bytes);
  for (int32_t k = 0; k < network.n_inputs; ++k) {
    if (network.inputs[k] == kFloatElement) {
      fill_panel<kVectors * kSingleLanes>(input<float>(call, k) + begin, n, in + k * kVectors);
    } else {
      fill_panel<kVectors * kSingleLanes>(input<double>(call, k) + begin, n, in + k * kVectors);
    }
  }
  for (int32_t i = 0; i < network.n_layers; ++i) {
    run_layer<kVectors>(network.layers[i], in, out);
    Singles* const made = out;
    out = in;
    in = made;
  }
  for (int32_t m = 0; m < network.n_outputs; ++m) {
    __builtin_memcpy(output<float>(call, m) + begin, in + m * kVectors, static_cast<size_t>(n) * sizeof(float));
  }
}

/// Scratch: two panels, which layers read and write by turns.
inline void network(LoopCall& call) {
  const auto& network = *static_cast<const NetworkConstants*>(call.constants);
  constexpr int64_t kRows = kPanelVectors * kSingleLanes;
  for (int64_t begin = 0; begin < call.n; begin += kRows) {
    const int64_t n = call.n - begin < kRows ? call.n - begin : kRows;
    if (n <= kSingleLanes) {
      run_panel<1>(call, network, begin, n);
    } else {
      run_panel<kPanelVectors>(call, network, begin, n);
    }
  }
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
#endif
