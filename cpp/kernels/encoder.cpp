#include "kernels/encoder.h"

#include <algorithm>
#include <utility>

#include "kernels/constants.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {

std::unique_ptr<Step> make_scaler(Type type, Register x, float offset, float scale, Register y, Cpu level) {
  return std::make_unique<LoopStep<ScalerConstants>>(loops_for(level).scaler[element_of(type)], std::vector{x}, std::vector{y},
                                                     ScalerConstants{offset, scale});
}

std::unique_ptr<Step> make_imputer(Type type, Register x, const Operand& replaced, const Operand& imputed, Register y, Cpu level) {
  return std::make_unique<LoopStep<ImputerConstants>>(loops_for(level).imputer[element_of(type)], std::vector{x}, std::vector{y},
                                                      ImputerConstants{replaced.constant, imputed.constant});
}

std::unique_ptr<Step> make_binarizer(Register x, float threshold, Register y, Cpu level) {
  return std::make_unique<LoopStep<BinarizerConstants>>(loops_for(level).binarizer, std::vector{x}, std::vector{y},
                                                        BinarizerConstants{threshold}, Scratch{}, "Binarizer: a value is NaN");
}

std::unique_ptr<Step> make_one_hot(Type type, Register x, const std::vector<OneHotColumn>& outputs, Cpu level) {
  const auto categories = std::make_shared<std::vector<int64_t>>();
  std::vector<Register> columns;
  for (const OneHotColumn& each : outputs) {
    categories->push_back(each.category);
    columns.push_back(each.column);
  }
  const auto n_outputs = static_cast<int32_t>(columns.size());
  return std::make_unique<LoopStep<OneHotConstants>>(loops_for(level).one_hot[element_of(type)], std::vector{x}, std::move(columns),
                                                     OneHotConstants{categories->data(), n_outputs, categories},
                                                     Scratch{sizeof(int64_t), 0});
}

std::unique_ptr<Step> make_category_check(Type type, Register x, std::vector<int64_t> categories, Register y, Cpu level) {
  std::sort(categories.begin(), categories.end());
  const auto sorted = std::make_shared<const std::vector<int64_t>>(std::move(categories));
  return std::make_unique<LoopStep<CategoryConstants>>(
      loops_for(level).category_check[element_of(type)], std::vector{x}, std::vector{y},
      CategoryConstants{sorted->data(), static_cast<int64_t>(sorted->size()), sorted}, Scratch{sizeof(int64_t) + 1, 0},
      "OneHotEncoder: a value is none of the categories that the model knows, and it was made to fail then (zeros = 0)");
}

std::unique_ptr<Step> make_normalizer(Norm norm, Type type, const std::vector<Register>& inputs, const std::vector<Register>& outputs,
                                      Cpu level) {
  if (inputs.size() != outputs.size()) throw Error(Code::kInvalidArgument, "a Normalizer has as many outputs as inputs");
  return std::make_unique<LoopStep<ColumnsConstants>>(loops_for(level).normalizer[static_cast<int>(norm)][element_of(type)], inputs,
                                                      outputs, ColumnsConstants{static_cast<int32_t>(inputs.size())},
                                                      Scratch{sizeof(float), 0});
}

}  // namespace edgeonnx::kernels
