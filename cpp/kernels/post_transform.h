// The post transforms of ai.onnx.ml over columns, in float32 whatever the type of the scores, as ONNX Runtime computes them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>

namespace edgeonnx::kernels {

/// Rows that are worked on at once: what is between two loops stays on the stack.
inline constexpr int64_t kEndingBlock = 256;

/// Values of a packed column that need not be aligned.
template <class T>
T value_at(const std::byte* column, int64_t row) {
  T value;
  std::memcpy(&value, column + row * static_cast<int64_t>(sizeof(T)), sizeof value);
  return value;
}
template <class T>
void set_value(std::byte* column, int64_t row, T value) {
  std::memcpy(column + row * static_cast<int64_t>(sizeof(T)), &value, sizeof value);
}

inline float probit(float value) {
  const float scaled = 2 * value - 1;
  const float sign = scaled < 0 ? -1.0F : 1.0F;
  const float log = std::log((1 - scaled) * (1 + scaled));
  const float first = 2 / (std::numbers::pi_v<float> * 0.147F) + 0.5F * log;
  const float second = 1 / 0.147F * log;
  return std::numbers::sqrt2_v<float> * (sign * std::sqrt(-first + std::sqrt(first * first - second)));
}

template <class Sum, class Out>
void copy_column(const std::byte* __restrict scores, std::byte* __restrict out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) set_value(out, i, static_cast<Out>(value_at<Sum>(scores, i)));
}

template <class Sum, class Out>
void probit_column(const std::byte* __restrict scores, std::byte* __restrict out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) set_value(out, i, static_cast<Out>(probit(static_cast<float>(value_at<Sum>(scores, i)))));
}

/// What the logistic function makes of the absolute values: at least 1/2. At most kEndingBlock rows.
template <class Sum>
void logistic_of_absolute(const std::byte* __restrict scores, float* __restrict values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) values[i] = -std::abs(static_cast<float>(value_at<Sum>(scores, i)));
  for (int64_t i = 0; i < n; ++i)
    values[i] = std::exp(values[i]);  // apart: a call in a loop keeps the rest of it from becoming vector code
  for (int64_t i = 0; i < n; ++i) values[i] = 1 / (1 + values[i]);
}

template <class Sum, class Out>
void logistic_column(const std::byte* __restrict scores, std::byte* __restrict out, int64_t n) {
  float values[kEndingBlock];
  logistic_of_absolute<Sum>(scores, values, n);
  for (int64_t i = 0; i < n; ++i) {
    set_value(out, i, static_cast<Out>(static_cast<float>(value_at<Sum>(scores, i)) < 0 ? 1 - values[i] : values[i]));
  }
}

/// Of a score both classes' probabilities: one exp serves the two.
template <class Sum, class Out>
void logistic_pair(const std::byte* __restrict scores, std::byte* __restrict negative, std::byte* __restrict positive, int64_t n) {
  float values[kEndingBlock];
  logistic_of_absolute<Sum>(scores, values, n);
  for (int64_t i = 0; i < n; ++i) {
    const float score = static_cast<float>(value_at<Sum>(scores, i));
    const float far = 1 - values[i];
    set_value(negative, i, static_cast<Out>(score > 0 ? far : values[i]));
    set_value(positive, i, static_cast<Out>(score < 0 ? far : values[i]));
  }
}

/// The largest score of every row, as a float, NaN left out. `scores`: n_targets columns, of which rows [begin, begin + n).
template <class Sum>
void largest_of_row(std::byte* const* scores, int32_t n_targets, int64_t begin, int64_t n, float* __restrict largest) {
  std::fill_n(largest, n, -std::numeric_limits<float>::max());
  for (int32_t target = 0; target < n_targets; ++target) {
    const std::byte* __restrict column = scores[target] + begin * static_cast<int64_t>(sizeof(Sum));
    for (int64_t i = 0; i < n; ++i) {
      const float score = static_cast<float>(value_at<Sum>(column, i));
      largest[i] = score > largest[i] ? score : largest[i];
    }
  }
}

/// Overwrites the scores, as does softmax_zero_columns. At most kEndingBlock rows.
template <class Sum, class Out>
void softmax_columns(std::byte* const* scores, std::byte* const* outputs, int32_t n_targets, int64_t begin, int64_t n) {
  float largest[kEndingBlock];
  float sum[kEndingBlock] = {};
  float powers[kEndingBlock];
  largest_of_row<Sum>(scores, n_targets, begin, n, largest);
  for (int32_t target = 0; target < n_targets; ++target) {
    std::byte* __restrict column = scores[target] + begin * static_cast<int64_t>(sizeof(Sum));
    for (int64_t i = 0; i < n; ++i) powers[i] = static_cast<float>(value_at<Sum>(column, i)) - largest[i];
    for (int64_t i = 0; i < n; ++i) powers[i] = std::exp(powers[i]);
    for (int64_t i = 0; i < n; ++i) sum[i] += powers[i];
    for (int64_t i = 0; i < n; ++i) set_value(column, i, static_cast<Sum>(powers[i]));
  }
  for (int32_t target = 0; target < n_targets; ++target) {
    const std::byte* __restrict column = scores[target] + begin * static_cast<int64_t>(sizeof(Sum));
    std::byte* __restrict out = outputs[target] + begin * static_cast<int64_t>(sizeof(Out));
    for (int64_t i = 0; i < n; ++i) set_value(out, i, static_cast<Out>(static_cast<float>(value_at<Sum>(column, i)) / sum[i]));
  }
}

/// Scores next to 0 are no part of the sum.
template <class Sum, class Out>
void softmax_zero_columns(std::byte* const* scores, std::byte* const* outputs, int32_t n_targets, int64_t begin, int64_t n) {
  constexpr float kNextToZero = 0.0000001F;
  float largest[kEndingBlock];
  float sum[kEndingBlock] = {};
  largest_of_row<Sum>(scores, n_targets, begin, n, largest);
  for (int32_t target = 0; target < n_targets; ++target) {
    std::byte* column = scores[target] + begin * static_cast<int64_t>(sizeof(Sum));
    for (int64_t i = 0; i < n; ++i) {
      const Sum score = value_at<Sum>(column, i);
      const float rounded = static_cast<float>(score);
      if (rounded > kNextToZero || rounded < -kNextToZero) {
        const float power = std::exp(rounded - largest[i]);
        sum[i] += power;
        set_value(column, i, static_cast<Sum>(power));
      } else {
        set_value(column, i, score * static_cast<Sum>(std::exp(-largest[i])));
      }
    }
  }
  for (int32_t target = 0; target < n_targets; ++target) {
    const std::byte* __restrict column = scores[target] + begin * static_cast<int64_t>(sizeof(Sum));
    std::byte* __restrict out = outputs[target] + begin * static_cast<int64_t>(sizeof(Out));
    for (int64_t i = 0; i < n; ++i) set_value(out, i, static_cast<Out>(value_at<Sum>(column, i) / static_cast<Sum>(sum[i])));
  }
}

}  // namespace edgeonnx::kernels
