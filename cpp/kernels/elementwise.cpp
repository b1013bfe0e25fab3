#include "kernels/elementwise.h"

#include <utility>
#include <vector>

#include "kernels/constants.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {

std::unique_ptr<Step> make_unary(Unary operation, Type type, Register x, Register y, Cpu level) {
  const Loop loop = loops_for(level).unary[static_cast<int>(operation)][element_of(type)];
  return std::make_unique<LoopStep<NoConstants>>(loop, std::vector{x}, std::vector{y});
}

std::unique_ptr<Step> make_binary(Binary operation, Type type, const Operand& a, const Operand& b, Register y, Cpu level) {
  const auto& loops = loops_for(level).binary[static_cast<int>(operation)][element_of(type)];
  if (a.column < 0 && b.column < 0) throw Error(Code::kInvalidArgument, "both operands are constants");
  if (a.column >= 0 && b.column >= 0) {
    return std::make_unique<LoopStep<NoConstants>>(loops[kNoConstant], std::vector{a.column, b.column}, std::vector{y});
  }
  const bool is_first = a.column < 0;
  return std::make_unique<LoopStep<BinaryConstants>>(loops[is_first ? kFirstConstant : kSecondConstant],
                                                     std::vector{is_first ? b.column : a.column}, std::vector{y},
                                                     BinaryConstants{is_first ? a.constant : b.constant});
}

std::unique_ptr<Step> make_where(Type type, Register condition, const Operand& x, const Operand& y, Register z, Cpu level) {
  std::vector<Register> inputs = {condition};
  if (x.column >= 0) inputs.push_back(x.column);
  if (y.column >= 0) inputs.push_back(y.column);
  const Constant constant = x.column < 0 ? (y.column < 0 ? kBothConstant : kFirstConstant) : y.column < 0 ? kSecondConstant : kNoConstant;
  return std::make_unique<LoopStep<WhereConstants>>(loops_for(level).where[element_of(type)][constant], std::move(inputs), std::vector{z},
                                                    WhereConstants{x.constant, y.constant});
}

std::unique_ptr<Step> make_clip(Type type, Register x, const Operand& low, const Operand& high, Register y, Cpu level) {
  if (low.column >= 0 || high.column >= 0) throw Error(Code::kInvalidArgument, "bounds of Clip are constants");
  return std::make_unique<LoopStep<ClipConstants>>(loops_for(level).clip[element_of(type)], std::vector{x}, std::vector{y},
                                                   ClipConstants{low.constant, high.constant});
}

std::unique_ptr<Step> make_cast(Type from, Type to, Register x, Register y, Cpu level) {
  return std::make_unique<LoopStep<NoConstants>>(loops_for(level).cast[element_of(from)][element_of(to)], std::vector{x}, std::vector{y});
}

}  // namespace edgeonnx::kernels
