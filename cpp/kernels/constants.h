// What the loops are given beside the columns. Arrays belong to `owner`, which the step keeps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/network.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

using ConstantBytes = std::array<std::byte, 8>;

struct BinaryConstants {
  alignas(8) ConstantBytes value;
};

struct WhereConstants {
  alignas(8) ConstantBytes x;
  ConstantBytes y;
};

struct ClipConstants {
  alignas(8) ConstantBytes low;
  ConstantBytes high;
};

struct ScalerConstants {
  float offset;
  float scale;
};

struct ImputerConstants {
  alignas(8) ConstantBytes replaced;
  ConstantBytes imputed;
};

struct BinarizerConstants {
  float threshold;
};

struct OneHotConstants {
  const int64_t* categories;  ///< one an output
  int32_t n_outputs;
  std::shared_ptr<const void> owner;
};

struct CategoryConstants {
  const int64_t* categories;  ///< sorted
  int64_t n_categories;
  std::shared_ptr<const void> owner;
};

/// Keys and values are of the loop's types; defaults too.
struct LabelEncoderConstants {
  enum class Search { kEach, kDense, kHash };
  Search search = Search::kEach;
  int64_t n_keys = 0;
  const void* keys = nullptr;        ///< kEach: the keys; kHash: a table of 2^hash_bits slots
  const void* values = nullptr;      ///< kEach: beside the keys; kHash: beside the slots; kDense: of first, first + 1 ...
  const uint8_t* is_used = nullptr;  ///< kHash: whether a slot has a key
  int64_t first = 0;                 ///< kDense
  int64_t n_values = 0;              ///< kDense
  int hash_bits = 0;                 ///< kHash
  bool nan_is_key = false;
  alignas(8) ConstantBytes nan_value{};
  ConstantBytes default_value{};
  std::shared_ptr<const void> owner;
};

struct ColumnsConstants {
  int32_t n_columns;
};

struct LabelConstants {
  const int64_t* labels;
  int32_t n_columns;
  std::shared_ptr<const void> owner;
};

/// As LinearGroup::element, beside the numbers of Element: doubles that count as the nearest floats.
inline constexpr int kNarrowedElement = 100;

/// Columns of one type that stand side by side: they are added together.
struct LinearGroup {
  int32_t first;
  int32_t n_columns;  ///< 1, 2, 4, or where there is one output 8
  int element;
};

struct LinearConstants {
  const LinearGroup* groups;
  int32_t n_groups;
  int32_t n_columns;
  int32_t n_outputs;
  const double* weights;  ///< [n_outputs][n_columns]
  const double* bias;     ///< [n_outputs]
  int32_t block_rows;     ///< rows whose sums are kept in L1
  bool writes_float;
  std::shared_ptr<const void> owner;
};

/// Outputs of a layer whose sums are made together; what is left over comes in a two and a one.
inline constexpr int kNetworkGroup = 4;
/// Room for the rows that a network takes at a time, on any processor.
inline constexpr int kNetworkPanelRows = 64;

struct NetworkLayer {
  const float* weights;  ///< group after group; of a group [n_inputs][outputs of the group]
  const float* bias;     ///< [n_outputs], or null
  int32_t n_inputs;
  int32_t n_outputs;
  Activation activation;
};

struct NetworkConstants {
  const NetworkLayer* layers;
  const int32_t* inputs;  ///< Element of each
  int32_t n_layers;
  int32_t n_inputs;
  int32_t n_outputs;
  int64_t panel_bytes;
  std::shared_ptr<const void> owner;
};

}  // namespace edgeonnx::kernels
