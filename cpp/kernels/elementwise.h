// Operators that compute each value of a column from the values beside it, as ONNX Runtime's CPU kernels do: for every type but double,
// and for double too where not said otherwise, the results are the same to the bit. A NaN is a NaN, whatever its sign and payload.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/cpu.h"
#include "base/type.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

enum class Unary {
  kNeg,         ///< float, double, int32, int64; integers wrap
  kAbs,         ///< likewise
  kSign,        ///< likewise; NaN stays, -0 becomes 0
  kRelu,        ///< float, double, int32; NaN and -0 stay
  kSqrt,        ///< float, double
  kFloor,       ///< float, double
  kCeil,        ///< float, double
  kReciprocal,  ///< float, double
  kIsNan,       ///< float, double -> bool
  kNot,         ///< bool
  // Double alone, within 2 ulp of the true value. ONNX Runtime's own differ by more: these serve values behind a linear step.
  kExp,
  kLog,
  kTanh,
  kSigmoid,
};

enum class Binary {
  kAdd,  ///< float, double, int32, int64; integers wrap
  kSub,  ///< likewise
  kMul,  ///< likewise
  kDiv,  ///< float, double: a division of integers by 0 is the runtime's to deal with
  kMin,  ///< float, double, int32, int64; NaN if either is; of two zeros the second, or the constant
  kMax,  ///< likewise
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kEqual,  ///< comparisons: float, double, int32, int64 -> bool, kEqual also of bool
  kAnd,    ///< bool
  kOr,
  kXor,
};

/// A register, or a constant of the operator's type.
struct Operand {
  Register column = -1;  ///< -1: the constant
  alignas(8) std::array<std::byte, 8> constant{};

  static Operand of(Register column) { return {column, {}}; }
  template <class T>
  static Operand value(T value) {
    Operand operand;
    std::memcpy(operand.constant.data(), &value, sizeof value);
    return operand;
  }
};

/// `type` is that of the inputs. Throws Error(kUnsupported) for an operator that has no such type.
std::unique_ptr<Step> make_unary(Unary operation, Type type, Register x, Register y, Cpu level = cpu());

/// At most one of the operands is a constant; Error(kInvalidArgument) else. `type` is theirs.
std::unique_ptr<Step> make_binary(Binary operation, Type type, const Operand& a, const Operand& b, Register y, Cpu level = cpu());

/// Where(condition, x, y). Types: float, double, int32, int64. A -0 that comes from x is written as 0, as ONNX Runtime does.
std::unique_ptr<Step> make_where(Type type, Register condition, const Operand& x, const Operand& y, Register z, Cpu level = cpu());

/// max(x, low), then min(that, high): NaN stays, a NaN bound binds nothing, of two zeros the value's own stays. `low` and `high` are
/// constants. Types: float, double, int32, int64.
std::unique_ptr<Step> make_clip(Type type, Register x, const Operand& low, const Operand& high, Register y, Cpu level = cpu());

/// As static_cast on x86: fractions are cut, what an integer cannot hold becomes its least value, anything but 0 is true (NaN too).
/// All pairs of float, double, int32, int64 and bool; a type to itself copies.
std::unique_ptr<Step> make_cast(Type from, Type to, Register x, Register y, Cpu level = cpu());

}  // namespace edgeonnx::kernels
