#include "kernels/classifier.h"

#include "kernels/constants.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {
namespace {

constexpr size_t kVectorBytes = 64;

int target_of(Type type) {
  if (type == Type::kFloat) return 0;
  if (type == Type::kDouble) return 1;
  throw Error(Code::kUnsupported, "scores are float or double");
}

int32_t count_of(const std::vector<Register>& columns) {
  if (columns.empty()) throw Error(Code::kInvalidArgument, "no columns");
  return static_cast<int32_t>(columns.size());
}

}  // namespace

std::unique_ptr<Step> make_post_transform(PostTransform transform, const std::vector<Register>& inputs,
                                          const std::vector<Register>& outputs, Type output_type, Cpu level) {
  if (inputs.size() != outputs.size()) throw Error(Code::kInvalidArgument, "a post transform has as many outputs as inputs");
  return std::make_unique<LoopStep<ColumnsConstants>>(loops_for(level).post_transform[static_cast<int>(transform)][target_of(output_type)],
                                                      inputs, outputs, ColumnsConstants{count_of(inputs)},
                                                      Scratch{0, kVectorBytes * inputs.size()});
}

std::unique_ptr<Step> make_logistic_pair(Register score, Register first, Register second, Type output_type, Cpu level) {
  return std::make_unique<LoopStep<NoConstants>>(loops_for(level).logistic_pair[target_of(output_type)], std::vector{score},
                                                 std::vector{first, second});
}

std::unique_ptr<Step> make_complement(Register score, Register first, Register second, Type output_type, Cpu level) {
  return std::make_unique<LoopStep<NoConstants>>(loops_for(level).complement[target_of(output_type)], std::vector{score},
                                                 std::vector{first, second});
}

std::unique_ptr<Step> make_label(const std::vector<Register>& scores, const std::vector<int64_t>& labels, Register label, Cpu level) {
  const int32_t n_columns = count_of(scores);
  const size_t n_labels = n_columns == 1 ? 2 : static_cast<size_t>(n_columns);
  if (labels.size() < n_labels) {
    throw Error(Code::kInvalidArgument, std::to_string(labels.size()) + " labels for " + std::to_string(n_labels) + " classes");
  }
  const LoopTable& loops = loops_for(level);
  const auto owner = std::make_shared<std::vector<int64_t>>(labels);
  return std::make_unique<LoopStep<LabelConstants>>(n_columns == 1 ? loops.binary_label : loops.multiclass_label, scores,
                                                    std::vector{label}, LabelConstants{owner->data(), n_columns, owner},
                                                    Scratch{n_columns == 1 ? 0 : sizeof(double), 0});
}

std::unique_ptr<Step> make_arg_max(Type type, const std::vector<Register>& inputs, Register output, Cpu level) {
  return std::make_unique<LoopStep<ColumnsConstants>>(loops_for(level).arg_max[element_of(type)], inputs, std::vector{output},
                                                      ColumnsConstants{count_of(inputs)}, Scratch{sizeof(double), 0});
}

}  // namespace edgeonnx::kernels
