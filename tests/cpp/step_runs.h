// Steps run on columns of every awkward length, off their alignment, on every instruction set that the processor has.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/cpu.h"
#include "base/type.h"
#include "check.h"
#include "kernels/step.h"

namespace steps {

inline const std::vector<size_t> kLengths = {0, 1, 2, 15, 16, 17, 127, 129, 1000};

inline std::vector<edgeonnx::Cpu> levels() {
  std::vector<edgeonnx::Cpu> all;
  for (const edgeonnx::Cpu level : {edgeonnx::Cpu::kScalar, edgeonnx::Cpu::kAvx2, edgeonnx::Cpu::kAvx512}) {
    if (level <= edgeonnx::cpu()) all.push_back(level);
  }
  return all;
}

/// std::vector<bool> has no bytes.
template <class T>
using Values = std::vector<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>;

template <class T>
constexpr edgeonnx::Type type_of() {
  if constexpr (std::is_same_v<T, float>) return edgeonnx::Type::kFloat;
  if constexpr (std::is_same_v<T, double>) return edgeonnx::Type::kDouble;
  if constexpr (std::is_same_v<T, int32_t>) return edgeonnx::Type::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return edgeonnx::Type::kInt64;
  return edgeonnx::Type::kBool;
}

/// Registers, each one byte off its alignment and as long as its values.
class Tile {
 public:
  explicit Tile(size_t n) : n_(n) {}

  /// The first n of `values`, which are repeated where they are too few.
  template <class T>
  edgeonnx::kernels::Register add(const std::vector<T>& values) {
    memory_.emplace_back(1 + n_ * sizeof(T));
    for (size_t i = 0; i < n_; ++i) std::memcpy(memory_.back().data() + 1 + i * sizeof(T), &values[i % values.size()], sizeof(T));
    return static_cast<edgeonnx::kernels::Register>(memory_.size() - 1);
  }

  template <class T>
  edgeonnx::kernels::Register add_output() {
    memory_.emplace_back(1 + n_ * sizeof(T), std::byte{0xCD});
    return static_cast<edgeonnx::kernels::Register>(memory_.size() - 1);
  }

  void run(const edgeonnx::kernels::Step& step) {
    std::vector<std::byte*> registers;
    for (auto& each : memory_) registers.push_back(each.data() + 1);
    const size_t size = (step.scratch_bytes(static_cast<int64_t>(n_)) + 64) / 64 * 64;
    const std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, size), &std::free);
    step.run(registers.data(), static_cast<int64_t>(n_), static_cast<std::byte*>(scratch.get()));
  }

  template <class T>
  std::vector<T> values(edgeonnx::kernels::Register which) const {
    std::vector<T> values(n_);
    const std::byte* from = memory_[static_cast<size_t>(which)].data() + 1;
    if (n_) std::memcpy(values.data(), from, n_ * sizeof(T));
    return values;
  }

 private:
  size_t n_;
  std::vector<std::vector<std::byte>> memory_;
};

/// By the bit, save that a NaN is a NaN.
template <class T>
bool is_same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return a == b && std::signbit(a) == std::signbit(b);
  } else {
    return a == b;
  }
}

template <class T>
void expect(const std::string& what, const std::vector<T>& found, const std::vector<T>& expected) {
  for (size_t i = 0; i < found.size(); ++i) {
    if (is_same(found[i], expected[i])) continue;
    check::fail(what.c_str(), static_cast<int>(i), std::to_string(found[i]) + " where " + std::to_string(expected[i]) + " was expected");
    return;
  }
}

/// Values that kernels go wrong on, then ordinary ones.
template <class T>
std::vector<T> awkward() {
  std::vector<T> values;
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) {
    const T infinity = Limits::infinity(), nan = Limits::quiet_NaN();
    values = {nan,
              infinity,
              -infinity,
              T(0),
              T(-0.0),
              Limits::denorm_min(),
              -Limits::denorm_min(),
              Limits::min() / 2,
              Limits::max(),
              Limits::lowest(),
              T(0.5),
              T(-0.5),
              T(1),
              T(-1),
              T(2.5),
              T(-2.5),
              T(0x1p+31),
              T(-0x1p+31),
              T(2147483520),
              T(-0x1p+31 - 1),
              T(0x1p+63),
              T(-0x1p+63),
              T(1e19),
              T(-1e19),
              T(0.49999997)};
  } else {
    values = {Limits::min(), T(Limits::min() + 1), Limits::max(), T(Limits::max() - 1), 0, 1, T(-1), 2, T(-2), 100};
  }
  for (int i = 0; i < 111; ++i) values.push_back(static_cast<T>((i * 37 % 101 - 50) * 0.37));
  return values;
}

template <>
inline std::vector<uint8_t> awkward<uint8_t>() {
  return {0, 1, 1, 0, 1, 0, 0};
}

/// Starts at another value, so that pairs are of all kinds.
template <class T>
std::vector<T> turned(const std::vector<T>& values, size_t by) {
  std::vector<T> result;
  for (size_t i = 0; i < values.size(); ++i) result.push_back(values[(i * 7 + by) % values.size()]);
  return result;
}

}  // namespace steps
