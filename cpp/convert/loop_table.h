// The loops between types of fixed size, one table per instruction set.
#pragma once

#include <array>

#include "base/type.h"
#include "convert/convert.h"

namespace edgeonnx::convert {

/// Rows and columns of a table.
inline constexpr std::array kNumberTypes = {Type::kBool,   Type::kUint8,   Type::kInt16,   Type::kInt32,  Type::kInt64,
                                            Type::kFloat,  Type::kDouble,  Type::kInt8,    Type::kUint16, Type::kUint32,
                                            Type::kUint64, Type::kFloat16, Type::kBfloat16};
using LoopTable = std::array<std::array<Loop, kNumberTypes.size()>, kNumberTypes.size()>;

namespace scalar {
extern const LoopTable kLoops;
}
namespace avx2 {
extern const LoopTable kLoops;
}
namespace avx512 {
extern const LoopTable kLoops;
}

/// The loop for two of kNumberTypes that suits the processor; null for other types.
Loop number_loop(Type from, Type to);

}  // namespace edgeonnx::convert
