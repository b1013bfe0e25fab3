// From scores in double to what LinearClassifier, LinearRegressor and Softmax return.
#pragma once

#include <memory>
#include <vector>

#include "base/cpu.h"
#include "base/type.h"
#include "kernels/forest_ending.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// One function of all columns, from double to output_type (float, rounded once, or double); as many outputs as inputs. kLogistic and
/// kProbit go value by value; kSoftmax and kSoftmaxZero row by row, over the columns.
std::unique_ptr<Step> make_post_transform(PostTransform transform, const std::vector<Register>& inputs,
                                          const std::vector<Register>& outputs, Type output_type, Cpu level = cpu());

/// The two classes of one score: logistic(-x) and logistic(x).
std::unique_ptr<Step> make_logistic_pair(Register score, Register first, Register second, Type output_type, Cpu level = cpu());

/// The two classes of one score without a logistic function: 1 - x and x.
std::unique_ptr<Step> make_complement(Register score, Register first, Register second, Type output_type, Cpu level = cpu());

/// The class as LinearClassifier chooses it, whatever the post transform: of one score labels[1] if it is above 0, else labels[0]; of more
/// the label of the first that none exceeds. scores: double. label: int64. Throws Error(kInvalidArgument) for too few labels.
std::unique_ptr<Step> make_label(const std::vector<Register>& scores, const std::vector<int64_t>& labels, Register label,
                                 Cpu level = cpu());

/// ArgMax over columns of one type (float, double, int32, int64), the first of equal values, into int64. NaN never exceeds, nor is it
/// exceeded: it is chosen only where it comes first.
std::unique_ptr<Step> make_arg_max(Type type, const std::vector<Register>& inputs, Register output, Cpu level = cpu());

}  // namespace edgeonnx::kernels
