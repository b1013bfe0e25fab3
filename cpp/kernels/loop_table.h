// The loops of all steps, one table per instruction set.
#pragma once

#include "base/cpu.h"
#include "kernels/loop.h"

namespace edgeonnx::kernels {

inline constexpr int kUnaryOperations = 14;   ///< of Unary
inline constexpr int kBinaryOperations = 14;  ///< of Binary
inline constexpr int kNorms = 3;              ///< of Norm
inline constexpr int kTransforms = 5;         ///< of PostTransform

/// Which of two operands is a constant.
enum Constant : int { kNoConstant, kSecondConstant, kFirstConstant, kBothConstant };

/// Null where an operator has no such type.
struct LoopTable {
  Loop cast[kElements][kElements];               ///< NoConstants
  Loop unary[kUnaryOperations][kElements];       ///< NoConstants
  Loop binary[kBinaryOperations][kElements][3];  ///< BinaryConstants
  Loop where[kElements][4];                      ///< WhereConstants
  Loop clip[kElements];                          ///< ClipConstants
  Loop scaler[kElements];                        ///< ScalerConstants
  Loop imputer[kElements];                       ///< ImputerConstants
  Loop binarizer;                                ///< BinarizerConstants
  Loop one_hot[kElements];                       ///< OneHotConstants
  Loop category_check[kElements];                ///< CategoryConstants
  Loop label_encoder[kElements][kElements];      ///< LabelEncoderConstants
  Loop normalizer[kNorms][kElements];            ///< ColumnsConstants
  Loop arg_max[kElements];                       ///< ColumnsConstants
  Loop linear;                                   ///< LinearConstants
  Loop network;                                  ///< NetworkConstants; null where there is no fused multiply-add
  Loop logistic_pair[2];                         ///< ClassifierConstants; writes float, double
  Loop post_transform[kTransforms][2];           ///< ColumnsConstants; writes float, double
  Loop complement[2];                            ///< NoConstants; 1 - x and x, writes float, double
  Loop binary_label;                             ///< LabelConstants
  Loop multiclass_label;                         ///< LabelConstants
};

namespace scalar {
extern const LoopTable kLoops;
}
namespace avx2 {
extern const LoopTable kLoops;
}
namespace avx512 {
extern const LoopTable kLoops;
}

inline const LoopTable& loops_for(Cpu level) {
  return level == Cpu::kAvx512 ? avx512::kLoops : level == Cpu::kAvx2 ? avx2::kLoops : scalar::kLoops;
}

}  // namespace edgeonnx::kernels
