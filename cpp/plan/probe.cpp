#include "plan/probe.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>

#include "convert/convert.h"

namespace edgeonnx::plan {
namespace {

int64_t product(const std::vector<int64_t>& sizes) { return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>()); }

template <class T, class Draw>
void fill(std::vector<std::byte>& bytes, Draw draw) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    const T value = static_cast<T>(draw());
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

void convert_values(const std::vector<std::byte>& from, Type from_type, std::vector<std::byte>& to, Type to_type) {
  const int64_t n = static_cast<int64_t>(from.size()) / size_of(from_type);
  convert::run(convert::conversion({from_type}, {to_type}), {from.data(), size_of(from_type), 0}, to.data(), size_of(to_type), n, nullptr);
}

/// Floating values around 0 of very different sizes, whole numbers from 1 to 3: small enough to be valid indexes of most tables.
void fill_values(std::vector<std::byte>& bytes, Type type, std::mt19937* random) {
  std::normal_distribution<double> normal(0.0, 1.0);
  const auto real = [&] { return random ? normal(*random) * std::pow(10.0, static_cast<double>((*random)() % 4) - 1.0) : 1.0; };
  const auto whole = [&] { return random ? 1 + (*random)() % 3 : 1u; };
  const auto bit = [&] { return random ? (*random)() % 2 : 1u; };
  switch (type) {
    case Type::kFloat:
      return fill<float>(bytes, real);
    case Type::kDouble:
      return fill<double>(bytes, real);
    case Type::kBool:
      return fill<uint8_t>(bytes, bit);
    case Type::kInt8:
    case Type::kUint8:
      return fill<uint8_t>(bytes, whole);
    case Type::kInt16:
    case Type::kUint16:
      return fill<uint16_t>(bytes, whole);
    case Type::kInt32:
    case Type::kUint32:
      return fill<uint32_t>(bytes, whole);
    case Type::kInt64:
    case Type::kUint64:
      return fill<uint64_t>(bytes, whole);
    case Type::kFloat16:
    case Type::kBfloat16: {
      std::vector<std::byte> doubles(bytes.size() / 2 * sizeof(double));
      fill<double>(doubles, real);
      convert_values(doubles, Type::kDouble, bytes, type);
      return;
    }
    default:
      return;
  }
}

template <class T>
void put(std::byte* values, int64_t at, double number) {
  const T value = static_cast<T>(number);
  std::memcpy(values + at * static_cast<int64_t>(sizeof value), &value, sizeof value);
}

void put_number(std::byte* values, Type type, int64_t at, double number) {
  switch (type) {
    case Type::kFloat:
      return put<float>(values, at, number);
    case Type::kDouble:
      return put<double>(values, at, number);
    case Type::kInt32:
      return put<int32_t>(values, at, number);
    case Type::kInt64:
      return put<int64_t>(values, at, number);
    default:
      return;  // no encoder reads others
  }
}

template <class T>
bool close(const std::vector<std::byte>& a, const std::vector<std::byte>& b, double tolerance = 1e-5) {
  const size_t n = a.size() / sizeof(T);
  const auto at = [](const std::vector<std::byte>& bytes, size_t i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    return value;
  };
  double largest = 0;
  for (size_t i = 0; i < n; ++i) {
    if (std::isfinite(at(a, i))) largest = std::max(largest, std::fabs(static_cast<double>(at(a, i))));
  }
  for (size_t i = 0; i < n; ++i) {
    const T x = at(a, i), y = at(b, i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::fabs(static_cast<double>(x) - static_cast<double>(y)) <= tolerance * largest)) return false;
  }
  return true;
}

/// Two units in the last place of the largest: sums in another order may be rounded to the next one.
bool close_halves(const std::vector<std::byte>& a, const std::vector<std::byte>& b, Type type) {
  std::vector<std::byte> wide_a(2 * a.size()), wide_b(2 * b.size());
  convert_values(a, type, wide_a, Type::kFloat);
  convert_values(b, type, wide_b, Type::kFloat);
  return close<float>(wide_a, wide_b, type == Type::kFloat16 ? 0x1p-9 : 0x1p-6);
}

std::vector<Type> types_of(const ort::Session& session) {
  std::vector<Type> types;
  for (const ort::PortInfo& input : session.inputs()) types.push_back(input.type);
  return types;
}

}  // namespace

Probe::Probe(std::vector<Type> types, std::vector<std::vector<int64_t>> inner, int64_t n_rows, uint32_t seed,
             const std::vector<ProbeValues>& categories)
    : types_(std::move(types)), inner_(std::move(inner)), n_rows_(n_rows) {
  std::mt19937 random(seed);
  for (size_t i = 0; i < types_.size(); ++i) {
    values_.emplace_back(static_cast<size_t>(n_rows * width(i) * size_of(types_[i])));
    fill_values(values_[i], types_[i], seed != 0 ? &random : nullptr);
  }
  draw(categories, seed);
}

Probe::Probe(const ort::Session& session, std::vector<std::vector<int64_t>> inner, int64_t n_rows, uint32_t seed,
             const std::vector<ProbeValues>& categories)
    : Probe(types_of(session), std::move(inner), n_rows, seed, categories) {}

void Probe::draw(const std::vector<ProbeValues>& categories, uint32_t seed) {
  std::mt19937 random(seed);
  for (const ProbeValues& each : categories) {
    if (each.input >= types_.size() || each.value >= width(each.input) || each.values.empty()) continue;
    for (int64_t row = 0; row < n_rows_; ++row) {
      const double category = each.values[seed != 0 ? random() % each.values.size() : 0];
      put_number(values_[each.input].data(), types_[each.input], row * width(each.input) + each.value, category);
    }
  }
}

int64_t Probe::width(size_t input) const { return product(inner_[input]); }

std::vector<Probe::Answer> Probe::run(const ort::Session& session, const ort::Library& library, const std::vector<size_t>& wanted,
                                      int64_t batch) const {
  const ort::RunControl control(library);
  std::vector<Answer> answers(wanted.size());
  for (int64_t begin = 0; begin < n_rows_; begin += batch) {
    const int64_t n = std::min(batch, n_rows_ - begin);
    std::vector<std::vector<int64_t>> shapes;
    std::vector<ort::TensorRef> inputs;
    for (size_t i = 0; i < values_.size(); ++i) {
      shapes.push_back(inner_[i]);
      shapes.back().insert(shapes.back().begin(), n);
    }
    for (size_t i = 0; i < values_.size(); ++i) {
      const int64_t row_bytes = product(inner_[i]) * size_of(types_[i]);
      inputs.push_back({const_cast<std::byte*>(values_[i].data()) + begin * row_bytes, types_[i], shapes[i]});
    }
    const std::vector<ort::TensorRef> outputs(wanted.size());
    std::vector<ort::OwnedTensor> owned(wanted.size());
    session.run(inputs, wanted, outputs, owned, control);
    for (size_t i = 0; i < wanted.size(); ++i) {
      Answer& answer = answers[i];
      const std::vector<int64_t> shape = owned[i].shape();
      answer.type = owned[i].type();
      if (begin == 0) {
        answer.shape = shape;
      } else if (!shape.empty()) {
        answer.shape[0] += shape[0];
      }
      const auto* data = static_cast<const std::byte*>(owned[i].data());
      answer.values.insert(answer.values.end(), data, data + product(shape) * size_of(answer.type));
    }
  }
  return answers;
}

bool agree(const std::vector<Probe::Answer>& a, const std::vector<Probe::Answer>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type || a[i].shape != b[i].shape || a[i].values.size() != b[i].values.size()) return false;
    const bool same = a[i].type == Type::kFloat    ? close<float>(a[i].values, b[i].values)
                      : a[i].type == Type::kDouble ? close<double>(a[i].values, b[i].values)
                      : is_floating(a[i].type)     ? close_halves(a[i].values, b[i].values, a[i].type)
                                                   : a[i].values == b[i].values;
    if (!same) return false;
  }
  return true;
}

}  // namespace edgeonnx::plan
