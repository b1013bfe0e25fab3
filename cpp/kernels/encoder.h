// The operators of ai.onnx.ml that prepare features, column by column, with the results of ONNX Runtime's CPU kernels to the bit (a NaN is
// a NaN, whatever its sign and payload). Unless said otherwise results are float.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/cpu.h"
#include "base/type.h"
#include "kernels/elementwise.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// (x - offset) * scale, both rounded: to float, for a column of double to double and then to float. Types: float, double, int32, int64.
std::unique_ptr<Step> make_scaler(Type type, Register x, float offset, float scale, Register y, Cpu level = cpu());

/// Values equal to `replaced`, or NaN if it is NaN, become `imputed`; constants of the column's type, which stays. Types: float, int64.
std::unique_ptr<Step> make_imputer(Type type, Register x, const Operand& replaced, const Operand& imputed, Register y, Cpu level = cpu());

/// 1 above the threshold, else 0. Floats. run() throws Error(kInferenceFailed) where a value is NaN: ONNX Runtime fails then too.
std::unique_ptr<Step> make_binarizer(Register x, float threshold, Register y, Cpu level = cpu());

struct OneHotColumn {
  int64_t category = 0;
  Register column = -1;
};

/// OneHotEncoder with zeros = 1: each output is 1 where the value, cast to int64, is its category. ONNX Runtime lets the last of equal
/// categories win; the columns of the others are never 1 and the caller's to make. Types: float, double, int32, int64.
std::unique_ptr<Step> make_one_hot(Type type, Register x, const std::vector<OneHotColumn>& outputs, Cpu level = cpu());

/// The value itself where it, cast to int64, is one of the categories. run() throws Error(kInferenceFailed) where it is none: a
/// OneHotEncoder with zeros = 0 fails then. Types: float, double, int32, int64.
std::unique_ptr<Step> make_category_check(Type type, Register x, std::vector<int64_t> categories, Register y, Cpu level = cpu());

/// Numbers by number. Keys and values: float, double or int64, as the types say, packed. Of equal keys the first counts, and 0 equals -0.
struct LabelTable {
  Type key_type = Type::kInt64;
  Type value_type = Type::kInt64;
  std::span<const std::byte> keys;    ///< n_keys of key_type
  std::span<const std::byte> values;  ///< n_keys of value_type
  size_t n_keys = 0;
  Operand default_value;        ///< a constant of value_type, for other numbers
  bool nan_equals_nan = false;  ///< as from ai.onnx.ml 4 on; before, a NaN is no key
};

/// Copies the table. Throws Error(kInvalidArgument) where the spans are too short.
std::unique_ptr<Step> make_label_encoder(const LabelTable& table, Register x, Register y, Cpu level = cpu());

enum class Norm { kMax, kL1, kL2 };

/// Each row divided by its norm, which is computed in float, in the order of the columns; a row whose norm is 0 stays. kMax takes no
/// magnitudes, and no NaN. Columns of one type (float, double, int32, int64), as many outputs as inputs.
std::unique_ptr<Step> make_normalizer(Norm norm, Type type, const std::vector<Register>& inputs, const std::vector<Register>& outputs,
                                      Cpu level = cpu());

}  // namespace edgeonnx::kernels
