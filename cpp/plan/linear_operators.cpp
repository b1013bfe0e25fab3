// Matrix products with few results, and what classifiers and regressors make of them.
#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/classifier.h"
#include "kernels/elementwise.h"
#include "plan/operators.h"

namespace edgeonnx::plan {
namespace {

using kernels::PostTransform;
using kernels::Register;

// Each result costs a pass in double over the columns; from about here on the float kernels of ONNX Runtime catch up.
constexpr int64_t kMostOutputs = 16;

std::vector<Register> registers_of(const Dataflow::Places& places) {
  std::vector<Register> registers;
  for (const auto& place : places) registers.push_back(place.at);
  return registers;
}

void demand_real(const Value& value) {
  if (value.type != Type::kFloat && value.type != Type::kDouble) throw Refusal("its input is not of floats");
}

void demand_few(int64_t n_outputs) {
  if (n_outputs <= 0 || n_outputs > kMostOutputs) {
    throw Refusal("it has " + std::to_string(n_outputs) + " results, and a native product pays for " + std::to_string(kMostOutputs) +
                  " at most");
  }
}

Value linear(NodeContext& context, const Value& rows, std::vector<double> weights, std::vector<double> bias, Type type) {
  const auto n_outputs = static_cast<int64_t>(bias.size());
  return {type, {n_outputs}, context.flow().add_linear({rows.columns, std::move(weights), std::move(bias)}, type), {}};
}

/// The transpose of a [k, m] matrix.
std::vector<double> transposed(const onnx::Tensor& matrix) {
  const int64_t k = matrix.shape[0];
  const int64_t m = matrix.shape[1];
  std::vector<double> result(static_cast<size_t>(k * m));
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < m; ++j) result[static_cast<size_t>(j * k + i)] = matrix.real(i * m + j);
  }
  return result;
}

std::vector<double> reals_of(const onnx::Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.n_values(); ++i) values.push_back(tensor.real(i));
  return values;
}

void mat_mul(NodeContext& context) {
  const Value& rows = context.matrix(0);
  const onnx::Tensor& matrix = context.constant(1);
  demand_real(rows);
  if (matrix.shape.empty() || matrix.shape.size() > 2 || matrix.shape[0] != rows.inner[0])
    throw Refusal("its constant is no matrix that fits");
  const bool is_vector = matrix.shape.size() == 1;
  const int64_t m = is_vector ? 1 : matrix.shape[1];
  demand_few(m);
  Value result =
      linear(context, rows, is_vector ? reals_of(matrix) : transposed(matrix), std::vector<double>(static_cast<size_t>(m), 0.0), rows.type);
  if (is_vector) result.inner.clear();
  context.output(0, std::move(result));
}

void gemm(NodeContext& context) {
  const Value& rows = context.matrix(0);
  const onnx::Tensor& matrix = context.constant(1);
  demand_real(rows);
  if (context.integer("transA", 0) != 0) throw Refusal("it transposes the rows");
  const bool is_transposed = context.integer("transB", 0) != 0;
  if (matrix.shape.size() != 2 || matrix.shape[is_transposed ? 1 : 0] != rows.inner[0])
    throw Refusal("its constant is no matrix that fits");
  const int64_t m = matrix.shape[is_transposed ? 0 : 1];
  demand_few(m);
  const double alpha = static_cast<double>(context.real("alpha", 1));
  const double beta = static_cast<double>(context.real("beta", 1));
  std::vector<double> weights = is_transposed ? reals_of(matrix) : transposed(matrix);
  for (double& weight : weights) weight *= alpha;
  std::vector<double> bias(static_cast<size_t>(m), 0.0);
  if (context.has_input(2)) {
    const onnx::Tensor& added = context.constant(2);
    const bool is_row = added.shape.empty() || added.shape.size() == 1 || (added.shape.size() == 2 && added.shape[0] == 1);
    if (!is_row || (added.n_values() != 1 && added.n_values() != m)) throw Refusal("what it adds differs from row to row");
    for (int64_t i = 0; i < m; ++i) bias[static_cast<size_t>(i)] = beta * added.real(added.n_values() == 1 ? 0 : i);
  }
  context.output(0, linear(context, rows, std::move(weights), std::move(bias), rows.type));
}

PostTransform post_transform_of(const NodeContext& context) {
  const std::string_view name = context.text("post_transform", "NONE");
  constexpr std::pair<std::string_view, PostTransform> kNames[] = {{"NONE", PostTransform::kNone},
                                                                   {"LOGISTIC", PostTransform::kLogistic},
                                                                   {"SOFTMAX", PostTransform::kSoftmax},
                                                                   {"SOFTMAX_ZERO", PostTransform::kSoftmaxZero},
                                                                   {"PROBIT", PostTransform::kProbit}};
  for (const auto& [each, transform] : kNames) {
    if (each == name) return transform;
  }
  throw Refusal("its post_transform is unknown");
}

Value transformed(NodeContext& context, const Value& scores, PostTransform transform) {
  if (transform == PostTransform::kNone) return scores;
  std::vector<ColumnId> inputs;
  for (const ColumnId column : scores.columns) inputs.push_back(context.flow().to_double(column));
  const std::vector<Column> outputs(inputs.size(), {scores.type, true, -1, {}});
  return {scores.type,
          scores.inner,
          context.flow().add(
              inputs, outputs,
              [transform](const auto& from, const auto& to) {
                return kernels::make_post_transform(transform, registers_of(from), registers_of(to), to[0].type);
              },
              true),
          {}};
}

/// coefficients and intercepts over rows of floats; what is no float becomes one first, as in ONNX Runtime.
Value linear_scores(NodeContext& context, size_t n_scores, bool casts) {
  demand_few(static_cast<int64_t>(n_scores));
  const Value& given = context.matrix(0);
  Value rows = given;
  if (given.type != Type::kFloat) {
    if (!casts) throw Refusal("its input is not of float");
    rows.type = Type::kFloat;
    for (ColumnId& column : rows.columns) {
      column = context.flow().add_one({column}, Type::kFloat, context.flow()[column].is_rough, [](const auto& from, const auto& to) {
        return kernels::make_cast(from[0].type, to[0].type, from[0].at, to[0].at);
      });
    }
  }
  const std::vector<float> coefficients = context.reals("coefficients");
  const std::vector<float> intercepts = context.reals("intercepts");
  if (coefficients.size() != n_scores * rows.columns.size()) throw Refusal("its coefficients do not fit the rows");
  if (!intercepts.empty() && intercepts.size() != n_scores) throw Refusal("its intercepts do not fit its results");
  std::vector<double> bias(intercepts.begin(), intercepts.end());
  bias.resize(n_scores, 0.0);
  return linear(context, rows, {coefficients.begin(), coefficients.end()}, std::move(bias), Type::kFloat);
}

void linear_regressor(NodeContext& context) {
  const auto n_targets = static_cast<size_t>(std::clamp<int64_t>(context.integer("targets", 1), 0, kMostOutputs + 1));
  const Value scores = linear_scores(context, n_targets, false);
  PostTransform transform = post_transform_of(context);
  // ONNX Runtime transforms a single score by PROBIT and by nothing else.
  if (n_targets == 1 && transform != PostTransform::kProbit) transform = PostTransform::kNone;
  context.output(0, transformed(context, scores, transform));
}

/// Two classes are often written as two scores, the one the other's negative.
bool are_opposite(const std::vector<float>& coefficients, const std::vector<float>& intercepts) {
  if (intercepts.size() != 2) return false;
  const size_t n = coefficients.size() / 2;
  for (size_t k = 0; k < n; ++k) {
    if (coefficients[k] != -coefficients[n + k]) return false;
  }
  return intercepts[0] == -intercepts[1];
}

void linear_classifier(NodeContext& context) {
  const std::vector<int64_t> labels = context.integers("classlabels_ints");
  const bool has_text = context.has("classlabels_strings");
  const size_t n_scores = context.reals("intercepts").size();
  if (has_text && !labels.empty()) throw Refusal("it has two lists of labels");
  const size_t n_labels = has_text ? 2 : labels.size();
  if (n_scores == 1 ? n_labels != 2 : !has_text && n_labels < n_scores) throw Refusal("its labels do not fit its scores");
  const bool is_mirrored = are_opposite(context.reals("coefficients"), context.reals("intercepts"));
  Dataflow& flow = context.flow();
  Value scores = linear_scores(context, n_scores, true);
  // The greater of -x and x is x where it is above 0: the label of a single score.
  std::vector<ColumnId> deciding = scores.columns;
  if (is_mirrored) {
    deciding = flow.add_linear(flow.linear(scores.columns)->output(1), Type::kFloat);
    const ColumnId mirrored = flow.add_one(deciding, Type::kFloat, true, [](const auto& from, const auto& to) {
      return kernels::make_unary(kernels::Unary::kNeg, Type::kDouble, from[0].at, to[0].at);
    });
    scores.columns = {mirrored, deciding[0]};
  }
  if (!has_text) {
    const std::vector<int64_t> named(labels.begin(),
                                     labels.begin() + static_cast<int64_t>(std::min(labels.size(), std::max<size_t>(2, n_scores))));
    const ColumnId label = flow.add_one(deciding, Type::kInt64, true, [named](const auto& from, const auto& to) {
      return kernels::make_label(registers_of(from), named, to[0].at);
    });
    context.output(0, {Type::kInt64, {}, {label}, {}});
  }
  const PostTransform transform = post_transform_of(context);
  const bool is_logistic = transform == PostTransform::kLogistic;
  if (n_scores > 1 && !(is_mirrored && is_logistic)) return context.output(1, transformed(context, scores, transform));
  if (transform == PostTransform::kProbit) throw Refusal("PROBIT leaves a class without a score");
  const std::vector<Column> outputs(2, {Type::kFloat, true, -1, {}});
  std::vector<ColumnId> both = flow.add(
      deciding, outputs,
      [is_logistic](const auto& from, const auto& to) {
        return is_logistic ? kernels::make_logistic_pair(from[0].at, to[0].at, to[1].at, to[0].type)
                           : kernels::make_complement(from[0].at, to[0].at, to[1].at, to[0].type);
      },
      true);
  context.output(1, {Type::kFloat, {2}, std::move(both), {}});
}

void softmax(NodeContext& context) {
  const Value& value = context.matrix(0);
  demand_real(value);
  if (!context.is_rough(value)) throw Refusal("ONNX Runtime rounds this function in its own way, and its input is exact");
  const int64_t axis = context.integer("axis", context.opset() < 13 ? 1 : -1);
  if (axis != 1 && axis != -1) throw Refusal("it works across rows");
  context.output(0, transformed(context, value, PostTransform::kSoftmax));
}

void arg_max(NodeContext& context) {
  const Value& value = context.matrix(0);
  const int64_t axis = context.integer("axis", 0);
  if (axis != 1 && axis != -1) throw Refusal("it works across rows");
  if (context.integer("select_last_index", 0) != 0) throw Refusal("it selects the last of equal values");
  if (value.type == Type::kBool) throw Refusal("there is no native kernel for bool");
  const bool is_rough = context.is_rough(value);
  std::vector<ColumnId> inputs;
  for (const ColumnId column : value.columns) {
    inputs.push_back(is_rough && value.type == Type::kFloat ? context.flow().to_double(column) : column);
  }
  const ColumnId index = context.flow().add_one(std::move(inputs), Type::kInt64, is_rough, [](const auto& from, const auto& to) {
    return kernels::make_arg_max(from[0].type, registers_of(from), to[0].at);
  });
  context.flow().set_index_end(index, static_cast<int64_t>(value.columns.size()));
  Value result{Type::kInt64, {}, {index}, {}};
  if (context.integer("keepdims", 1) != 0) result.inner = {1};
  context.output(0, std::move(result));
}

constexpr NamedOperator kOperators[] = {
    {"MatMul", {mat_mul, true}},
    {"Gemm", {gemm, true}},
    {"Softmax", {softmax, true}},
    {"ArgMax", {arg_max}},
};

constexpr NamedOperator kMlOperators[] = {
    {"LinearRegressor", {linear_regressor, true}},
    {"LinearClassifier", {linear_classifier, true}},
};

}  // namespace

std::span<const NamedOperator> linear_operators() { return kOperators; }
std::span<const NamedOperator> linear_ml_operators() { return kMlOperators; }

}  // namespace edgeonnx::plan
