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

// A sum in double costs a pass over the columns: more of them are made in float by a network's kernel, where the processor has it.
constexpr int64_t kFewSums = 4;
constexpr int64_t kMostSums = 16;
// What stays in a core's cache while rows pass by. A network is copied when it grows, so that it must not have any number of layers.
constexpr int64_t kMostWeights = 1 << 19;
constexpr size_t kMostLayers = 32;

std::vector<Register> registers_of(const Dataflow::Places& places) {
  std::vector<Register> registers;
  for (const auto& place : places) registers.push_back(place.at);
  return registers;
}

void demand_real(const Value& value) {
  if (value.type != Type::kFloat && value.type != Type::kDouble) throw Refusal("its input is not of floats");
}

/// Whether the product is a layer of a network: it has many results, or stands behind another layer.
bool is_layer(NodeContext& context, const Value& rows, int64_t n_outputs) {
  return kernels::has_network_kernel() && rows.type == Type::kFloat &&
         (n_outputs > kFewSums || context.flow().network(rows.columns) != nullptr);
}

/// Throws Refusal for a product that ONNX Runtime makes as fast.
void demand_product(NodeContext& context, const Value& rows, int64_t n_outputs) {
  if (n_outputs <= 0) throw Refusal("it has no results");
  if (!is_layer(context, rows, n_outputs)) {
    if (n_outputs <= kMostSums) return;
    throw Refusal("it has " + std::to_string(n_outputs) + " results, and a native product pays for " + std::to_string(kMostSums) +
                  " at most");
  }
  int64_t n_weights = 0;
  if (const Network* before = context.flow().network(rows.columns)) {
    if (before->layers.size() >= kMostLayers)
      throw Refusal("there are " + std::to_string(kMostLayers) + " layers before it, and a native network has no more");
    for (const kernels::Layer& layer : before->layers) n_weights += static_cast<int64_t>(layer.weights.size());
  }
  if (n_outputs > (kMostWeights - n_weights) / std::max<int64_t>(1, static_cast<int64_t>(rows.columns.size()))) {
    throw Refusal("it and the layers before it have more than " + std::to_string(kMostWeights) +
                  " weights, which native layers do not pay for");
  }
}

/// rows * weights + bias, where demand_product allows it. weights: [outputs][columns of rows]; bias: one an output, or empty.
Value product(NodeContext& context, const Value& rows, std::vector<double> weights, std::vector<double> bias, int64_t n_outputs) {
  Dataflow& flow = context.flow();
  Value result{rows.type, {n_outputs}, {}, {}};
  if (is_layer(context, rows, n_outputs)) {
    const Network* before = flow.network(rows.columns);
    Network network = before ? *before : Network{rows.columns, {}};
    network.layers.push_back({{weights.begin(), weights.end()}, {bias.begin(), bias.end()}, static_cast<int32_t>(n_outputs)});
    result.columns = flow.add_network(std::move(network));
  } else {
    bias.resize(static_cast<size_t>(n_outputs), 0.0);
    result.columns = flow.add_linear({rows.columns, std::move(weights), std::move(bias)}, rows.type);
  }
  return result;
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
  demand_product(context, rows, m);
  Value result = product(context, rows, is_vector ? reals_of(matrix) : transposed(matrix), {}, m);
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
  demand_product(context, rows, m);
  const double alpha = static_cast<double>(context.real("alpha", 1));
  const double beta = static_cast<double>(context.real("beta", 1));
  std::vector<double> weights = is_transposed ? reals_of(matrix) : transposed(matrix);
  for (double& weight : weights) weight *= alpha;
  std::vector<double> bias;
  if (context.has_input(2)) {
    const onnx::Tensor& added = context.constant(2);
    const bool is_row = added.shape.empty() || added.shape.size() == 1 || (added.shape.size() == 2 && added.shape[0] == 1);
    if (!is_row || (added.n_values() != 1 && added.n_values() != m)) throw Refusal("what it adds differs from row to row");
    for (int64_t i = 0; i < m; ++i) bias.push_back(beta * added.real(added.n_values() == 1 ? 0 : i));
  }
  context.output(0, product(context, rows, std::move(weights), std::move(bias), m));
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
  if (context.flow().is_wide_layer(scores.columns)) throw Refusal("it has more scores than pay in double");
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
  demand_product(context, rows, static_cast<int64_t>(n_scores));
  const std::vector<float> coefficients = context.reals("coefficients");
  const std::vector<float> intercepts = context.reals("intercepts");
  if (coefficients.size() != n_scores * rows.columns.size()) throw Refusal("its coefficients do not fit the rows");
  if (!intercepts.empty() && intercepts.size() != n_scores) throw Refusal("its intercepts do not fit its results");
  return product(context, rows, {coefficients.begin(), coefficients.end()}, {intercepts.begin(), intercepts.end()},
                 static_cast<int64_t>(n_scores));
}

void linear_regressor(NodeContext& context) {
  const auto n_targets = static_cast<size_t>(std::clamp<int64_t>(context.integer("targets", 1), 0, kMostColumns));
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
  Dataflow& flow = context.flow();
  Value scores = linear_scores(context, n_scores, true);
  if (flow.is_wide_layer(scores.columns)) throw Refusal("ONNX Runtime writes this many scores a row faster");
  const Linear* sums = flow.linear(scores.columns);
  const bool is_mirrored = sums && are_opposite(context.reals("coefficients"), context.reals("intercepts"));
  std::vector<ColumnId> deciding;
  if (is_mirrored) {
    // The greater of -x and x is x where it is above 0: the label of a single score.
    deciding = flow.add_linear(sums->output(1), Type::kFloat);
    const ColumnId mirrored = flow.add_one(deciding, Type::kFloat, true, [](const auto& from, const auto& to) {
      return kernels::make_unary(kernels::Unary::kNeg, Type::kDouble, from[0].at, to[0].at);
    });
    scores.columns = {mirrored, deciding[0]};
  } else {
    for (const ColumnId column : scores.columns) deciding.push_back(flow.to_double(column));
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
