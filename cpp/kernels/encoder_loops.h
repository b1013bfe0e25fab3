// The loops of encoder.h. Included like loops.h.

namespace edgeonnx::kernels::EDGEONNX_VARIANT {

template <class T>
void scaler(LoopCall& call) {
  const auto& constants = *static_cast<const ScalerConstants*>(call.constants);
  const float offset = constants.offset, scale = constants.scale;
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<float>* __restrict y = output<float>(call, 0);
  // Integers become float before the difference, doubles stay double until the end.
  using Middle = decltype(T{} + 0.0f);
  for (int64_t i = 0; i < call.n; ++i) y[i].value = static_cast<float>((static_cast<Middle>(x[i].value) - offset) * scale);
}

template <class T>
void imputer(LoopCall& call) {
  const auto& constants = *static_cast<const ImputerConstants*>(call.constants);
  const T replaced = constant_of<T>(constants.replaced), imputed = constant_of<T>(constants.imputed);
  const bool is_nan = replaced != replaced;
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<T>* __restrict y = output<T>(call, 0);
  if (is_nan) {
    for (int64_t i = 0; i < call.n; ++i) y[i].value = x[i].value != x[i].value ? imputed : x[i].value;
  } else {
    for (int64_t i = 0; i < call.n; ++i) y[i].value = x[i].value == replaced ? imputed : x[i].value;
  }
}

inline void binarizer(LoopCall& call) {
  const float threshold = static_cast<const BinarizerConstants*>(call.constants)->threshold;
  const Packed<float>* __restrict x = input<float>(call, 0);
  Packed<float>* __restrict y = output<float>(call, 0);
  int32_t n_nan = 0;
  for (int64_t i = 0; i < call.n; ++i) {
    n_nan |= x[i].value != x[i].value;
    y[i].value = x[i].value > threshold ? 1.0f : 0.0f;
  }
  call.is_refused = n_nan != 0;
}

/// Scratch: an int64 a row.
template <class T>
void one_hot(LoopCall& call) {
  const auto& constants = *static_cast<const OneHotConstants*>(call.constants);
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<int64_t>* __restrict keys = reinterpret_cast<Packed<int64_t>*>(call.scratch);
  for (int64_t i = 0; i < call.n; ++i) keys[i].value = cast_one<int64_t>(x[i].value);
  for (int32_t c = 0; c < constants.n_outputs; ++c) {
    const int64_t category = constants.categories[c];
    Packed<float>* __restrict y = output<float>(call, c);
    for (int64_t i = 0; i < call.n; ++i) y[i].value = keys[i].value == category ? 1.0f : 0.0f;
  }
}

/// Scratch: an int64 and a byte a row.
template <class T>
void category_check(LoopCall& call) {
  constexpr int64_t kFewCategories = 64;
  const auto& constants = *static_cast<const CategoryConstants*>(call.constants);
  const Packed<T>* __restrict x = input<T>(call, 0);
  Packed<T>* __restrict y = output<T>(call, 0);
  Packed<int64_t>* __restrict keys = reinterpret_cast<Packed<int64_t>*>(call.scratch);
  uint8_t* __restrict is_known = reinterpret_cast<uint8_t*>(keys + call.n);
  for (int64_t i = 0; i < call.n; ++i) {
    keys[i].value = cast_one<int64_t>(x[i].value);
    y[i].value = x[i].value;
    is_known[i] = 0;
  }
  if (constants.n_categories <= kFewCategories) {
    for (int64_t c = 0; c < constants.n_categories; ++c) {
      const int64_t category = constants.categories[c];
      for (int64_t i = 0; i < call.n; ++i) is_known[i] |= keys[i].value == category;
    }
  } else {
    const int64_t* end = constants.categories + constants.n_categories;
    for (int64_t i = 0; i < call.n; ++i) {
      const int64_t* first = constants.categories;
      for (int64_t n = constants.n_categories; n > 0;) {
        const int64_t half = n / 2;
        const bool is_behind = first[half] < keys[i].value;
        first = is_behind ? first + half + 1 : first;
        n = is_behind ? n - half - 1 : half;
      }
      is_known[i] = first != end && *first == keys[i].value;
    }
  }
  uint8_t all = 1;
  for (int64_t i = 0; i < call.n; ++i) all &= is_known[i];
  call.is_refused = !all;
}

/// Where the search for a key begins: 0 and -0 begin at the same place.
template <class T>
inline uint64_t hash_of(T key, int bits) {
  uint64_t pattern = 0;
  if (key != 0) __builtin_memcpy(&pattern, &key, sizeof key);
  pattern *= 0x9e3779b97f4a7c15u;
  return (pattern ^ (pattern >> 32)) * 0x9e3779b97f4a7c15u >> (64 - bits);
}

template <class Key, class Value>
inline void encode_each(const LabelEncoderConstants& table, const Packed<Key>* __restrict x, Packed<Value>* __restrict y, int64_t n) {
  const Value other = constant_of<Value>(table.default_value), of_nan = constant_of<Value>(table.nan_value);
  for (int64_t i = 0; i < n; ++i) y[i].value = (table.nan_is_key & (x[i].value != x[i].value)) ? of_nan : other;
  for (int64_t k = 0; k < table.n_keys; ++k) {
    const Key key = static_cast<const Key*>(table.keys)[k];
    const Value value = static_cast<const Value*>(table.values)[k];
    for (int64_t i = 0; i < n; ++i) y[i].value = x[i].value == key ? value : y[i].value;
  }
}

template <class Key, class Value>
inline void encode_dense(const LabelEncoderConstants& table, const Packed<Key>* __restrict x, Packed<Value>* __restrict y, int64_t n) {
  const auto* values = static_cast<const Value*>(table.values);
  const Value other = constant_of<Value>(table.default_value), of_nan = constant_of<Value>(table.nan_value);
  for (int64_t i = 0; i < n; ++i) {
    const Key key = x[i].value;
    const int64_t whole = cast_one<int64_t>(key);
    const uint64_t at = static_cast<uint64_t>(whole) - static_cast<uint64_t>(table.first);
    const bool is_found = (at < static_cast<uint64_t>(table.n_values)) & (static_cast<Key>(whole) == key);
    y[i].value = is_found ? values[is_found ? at : 0] : (table.nan_is_key & (key != key)) ? of_nan : other;
  }
}

template <class Key, class Value>
inline void encode_hash(const LabelEncoderConstants& table, const Packed<Key>* __restrict x, Packed<Value>* __restrict y, int64_t n) {
  const auto* keys = static_cast<const Key*>(table.keys);
  const auto* values = static_cast<const Value*>(table.values);
  const Value other = constant_of<Value>(table.default_value), of_nan = constant_of<Value>(table.nan_value);
  const uint64_t mask = (uint64_t{1} << table.hash_bits) - 1;
  for (int64_t i = 0; i < n; ++i) {
    const Key key = x[i].value;
    Value found = (table.nan_is_key & (key != key)) ? of_nan : other;
    for (uint64_t at = hash_of(key, table.hash_bits); table.is_used[at]; at = (at + 1) & mask) {
      if (keys[at] != key) continue;
      found = values[at];
      break;
    }
    y[i].value = found;
  }
}

template <class Key, class Value>
void label_encoder(LoopCall& call) {
  const auto& table = *static_cast<const LabelEncoderConstants*>(call.constants);
  const Packed<Key>* x = input<Key>(call, 0);
  Packed<Value>* y = output<Value>(call, 0);
  switch (table.search) {
    case LabelEncoderConstants::Search::kEach:
      return encode_each(table, x, y, call.n);
    case LabelEncoderConstants::Search::kDense:
      return encode_dense(table, x, y, call.n);
    case LabelEncoderConstants::Search::kHash:
      return encode_hash(table, x, y, call.n);
  }
}

/// What the norm of a row is the sum, or the greatest, of.
template <Norm kNorm, class T>
inline float part_of_norm(T x) {
  if constexpr (kNorm == Norm::kMax) return static_cast<float>(x);
  if constexpr (kNorm == Norm::kL1) return static_cast<float>(unary_one<Unary::kAbs, T>(x));
  if constexpr (kNorm == Norm::kL2) return static_cast<float>(binary_one<Binary::kMul, T>(x, x));
}

template <Norm kNorm, class T>
inline float normalized(T x, float norm) {
  if (norm == 0.0f) return static_cast<float>(x);
  if constexpr (kNorm == Norm::kL2) {
    const float root = __builtin_sqrtf(part_of_norm<kNorm>(x) / norm);
    return x < 0 ? -root : root;
  }
  return static_cast<float>(x) / norm;
}

/// Scratch: a float a row.
template <Norm kNorm, class T>
void normalizer(LoopCall& call) {
  const int32_t n_columns = static_cast<const ColumnsConstants*>(call.constants)->n_columns;
  Packed<float>* __restrict norms = reinterpret_cast<Packed<float>*>(call.scratch);
  for (int64_t i = 0; i < call.n; ++i) norms[i].value = kNorm == Norm::kMax ? -__FLT_MAX__ : 0.0f;
  for (int32_t c = 0; c < n_columns; ++c) {
    const Packed<T>* __restrict x = input<T>(call, c);
    for (int64_t i = 0; i < call.n; ++i) {
      const float part = part_of_norm<kNorm>(x[i].value), norm = norms[i].value;
      norms[i].value = kNorm == Norm::kMax ? (norm < part ? part : norm) : norm + part;
    }
  }
  for (int32_t c = 0; c < n_columns; ++c) {
    const Packed<T>* __restrict x = input<T>(call, c);
    Packed<float>* __restrict y = output<float>(call, c);
    for (int64_t i = 0; i < call.n; ++i) y[i].value = normalized<kNorm>(x[i].value, norms[i].value);
  }
}

template <class Key>
constexpr void fill_label_encoders(Loop (&row)[kElements]) {
  row[kFloatElement] = label_encoder<Key, float>;
  row[kDoubleElement] = label_encoder<Key, double>;
  row[kInt64Element] = label_encoder<Key, int64_t>;
}

template <Norm kNorm>
constexpr void fill_normalizers(LoopTable& table) {
  auto& row = table.normalizer[static_cast<int>(kNorm)];
  row[kFloatElement] = normalizer<kNorm, float>;
  row[kDoubleElement] = normalizer<kNorm, double>;
  row[kInt32Element] = normalizer<kNorm, int32_t>;
  row[kInt64Element] = normalizer<kNorm, int64_t>;
}

constexpr void fill_encoders(LoopTable& table) {
  table.scaler[kFloatElement] = scaler<float>;
  table.scaler[kDoubleElement] = scaler<double>;
  table.scaler[kInt32Element] = scaler<int32_t>;
  table.scaler[kInt64Element] = scaler<int64_t>;
  table.imputer[kFloatElement] = imputer<float>;
  table.imputer[kInt64Element] = imputer<int64_t>;
  table.binarizer = binarizer;
  table.one_hot[kFloatElement] = one_hot<float>;
  table.one_hot[kDoubleElement] = one_hot<double>;
  table.one_hot[kInt32Element] = one_hot<int32_t>;
  table.one_hot[kInt64Element] = one_hot<int64_t>;
  table.category_check[kFloatElement] = category_check<float>;
  table.category_check[kDoubleElement] = category_check<double>;
  table.category_check[kInt32Element] = category_check<int32_t>;
  table.category_check[kInt64Element] = category_check<int64_t>;
  fill_label_encoders<float>(table.label_encoder[kFloatElement]);
  fill_label_encoders<double>(table.label_encoder[kDoubleElement]);
  fill_label_encoders<int64_t>(table.label_encoder[kInt64Element]);
  fill_normalizers<Norm::kMax>(table);
  fill_normalizers<Norm::kL1>(table);
  fill_normalizers<Norm::kL2>(table);
}

}  // namespace edgeonnx::kernels::EDGEONNX_VARIANT
