// Operators that compute each value of a row from the values beside it: elementwise arithmetic, comparisons, casts.
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

#include "kernels/elementwise.h"
#include "onnx/value_info.h"
#include "plan/broadcast.h"
#include "plan/operators.h"

namespace edgeonnx::plan {
namespace {

using kernels::Operand;

void demand_type(Type type, std::initializer_list<Type> types) {
  if (std::find(types.begin(), types.end(), type) == types.end())
    throw Refusal("there is no native kernel for " + std::string(onnx_name(type)));
}

bool is_real(Type type) { return type == Type::kFloat || type == Type::kDouble; }

/// The type in which an operator computes: double behind a matrix product. Throws Refusal where the doubles would be many.
Type computing_type(NodeContext& context, std::initializer_list<const Value*> values) {
  bool is_rough = false;
  for (const Value* value : values) {
    if (context.flow().is_wide_layer(value->columns)) {
      throw Refusal("ONNX Runtime does it faster to the " + std::to_string(value->columns.size()) + " results of a layer");
    }
    is_rough |= context.is_rough(*value);
  }
  const Type type = (*values.begin())->type;
  return is_rough && is_real(type) ? Type::kDouble : type;
}

Operand operand_of(const onnx::Tensor& tensor, int64_t i, Type type) {
  switch (type) {
    case Type::kFloat:
      return Operand::value(static_cast<float>(tensor.real(i)));
    case Type::kDouble:
      return Operand::value(tensor.real(i));
    case Type::kInt32:
      return Operand::value(static_cast<int32_t>(tensor.integers[static_cast<size_t>(i)]));
    case Type::kInt64:
      return Operand::value(tensor.integers[static_cast<size_t>(i)]);
    default:
      return Operand::value(static_cast<uint8_t>(tensor.integers[static_cast<size_t>(i)] != 0));
  }
}

/// The linear operation, scaled or shifted; nothing where it can't be.
std::optional<Linear> folded(const Linear& linear, kernels::Binary operation, const std::vector<double>& constants) {
  Linear result = linear;
  for (size_t m = 0; m < constants.size(); ++m) {
    const double c = constants[m];
    const auto row = std::span(result.weights).subspan(m * result.inputs.size(), result.inputs.size());
    switch (operation) {
      case kernels::Binary::kAdd:
        result.bias[m] += c;
        break;
      case kernels::Binary::kSub:
        result.bias[m] -= c;
        break;
      case kernels::Binary::kMul:
        result.bias[m] *= c;
        for (double& weight : row) weight *= c;
        break;
      default:
        return std::nullopt;
    }
  }
  return result;
}

/// The network with a bias in its last layer; nothing where it has one already.
std::optional<Network> folded(const Network& network, kernels::Binary operation, const std::vector<double>& constants) {
  const kernels::Layer& last = network.layers.back();
  if (operation != kernels::Binary::kAdd || last.activation != kernels::Activation::kNone || !last.bias.empty()) return std::nullopt;
  Network result = network;
  result.layers.back().bias.assign(constants.begin(), constants.end());
  return result;
}

/// Makes the operation part of the matrix product before it instead of adding one behind it.
bool fold_into_product(NodeContext& context, kernels::Binary operation, const Value& value, const Broadcast& shape) {
  Dataflow& flow = context.flow();
  const Linear* linear = flow.linear(value.columns);
  const Network* network = flow.network(value.columns);
  if ((!linear && !network) || shape.inner() != value.inner) return false;
  std::vector<double> constants;
  for (int64_t m = 0; m < shape.n(); ++m) constants.push_back(context.input(1).constant->real(shape.at(1, m)));
  Value result{value.type, value.inner, {}, {}};
  if (linear) {
    if (auto sums = folded(*linear, operation, constants)) result.columns = flow.add_linear(*std::move(sums), value.type);
  } else {
    if (auto layers = folded(*network, operation, constants)) result.columns = flow.add_network(*std::move(layers));
  }
  if (result.columns.empty()) return false;
  context.output(0, std::move(result));
  return true;
}

/// Makes the function part of the layer whose results it is applied to.
bool fold_into_layer(NodeContext& context, kernels::Activation activation) {
  const Value& value = context.columns(0);
  const Network* network = context.flow().network(value.columns);
  if (!network || network->layers.back().activation != kernels::Activation::kNone) return false;
  Network with_activation = *network;
  with_activation.layers.back().activation = activation;
  context.output(0, {value.type, value.inner, context.flow().add_network(std::move(with_activation)), {}});
  return true;
}

/// What is known of x OP c and c OP x for whoever may do it at once with something else.
std::optional<Affine> affine_of(kernels::Binary operation, ColumnId x, double c, bool constant_first) {
  switch (operation) {
    case kernels::Binary::kAdd:
      return Affine{x, 1, c};
    case kernels::Binary::kSub:
      return constant_first ? Affine{x, -1, c} : Affine{x, 1, -c};
    case kernels::Binary::kMul:
      return Affine{x, c, 0};
    case kernels::Binary::kDiv:
      if (constant_first || c == 0 || !std::isfinite(c)) return std::nullopt;
      return Affine{x, 1 / c, 0};
    default:
      return std::nullopt;
  }
}

template <kernels::Binary kOperation>
void binary(NodeContext& context) {
  using kernels::Binary;
  constexpr bool kCompares = kOperation == Binary::kLess || kOperation == Binary::kLessOrEqual || kOperation == Binary::kGreater ||
                             kOperation == Binary::kGreaterOrEqual || kOperation == Binary::kEqual;
  constexpr bool kIsLogic = kOperation == Binary::kAnd || kOperation == Binary::kOr || kOperation == Binary::kXor;
  if (context.n_inputs() != 2) throw Refusal("it does not have two inputs");
  const Value& a = context.input(0);
  const Value& b = context.input(1);
  if (a.is_constant() && b.is_constant()) throw Refusal("it computes a constant");
  if (a.type != b.type) throw Refusal("its inputs have different types");
  const Type type = a.type;
  if (kIsLogic) {
    demand_type(type, {Type::kBool});
  } else if (kOperation == Binary::kDiv) {
    demand_type(type, {Type::kFloat, Type::kDouble});
  } else if (kOperation != Binary::kEqual || type != Type::kBool) {
    demand_type(type, {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64});
  }
  if ((kOperation == Binary::kMin || kOperation == Binary::kMax) && (a.is_constant() || b.is_constant()) && a.is_constant()) {
    throw Refusal("its constant stands first");
  }
  const Broadcast shape({&a, &b});
  const bool is_rough = context.is_rough(a) || context.is_rough(b);
  if (is_rough && b.is_constant() && fold_into_product(context, kOperation, a, shape)) return;
  const Type in = computing_type(context, {&a, &b});
  Dataflow& flow = context.flow();
  Value result{kCompares ? Type::kBool : type, shape.inner(), {}, {}};
  for (int64_t i = 0; i < shape.n(); ++i) {
    std::vector<ColumnId> inputs;
    std::array<std::optional<Operand>, 2> constants;
    for (size_t which = 0; which < 2; ++which) {
      if (shape.is_constant(which)) {
        constants[which] = operand_of(*context.input(which).constant, shape.at(which, i), in);
      } else {
        const ColumnId column = shape.column(which, i);
        inputs.push_back(in == Type::kDouble ? flow.to_double(column) : column);
      }
    }
    const ColumnId made = flow.add_one(inputs, result.type, is_rough, [in, constants](const auto& from, const auto& to) {
      size_t next = 0;
      const Operand x = constants[0] ? *constants[0] : Operand::of(from[next++].at);
      const Operand y = constants[1] ? *constants[1] : Operand::of(from[next].at);
      return kernels::make_binary(kOperation, in, x, y, to[0].at);
    });
    if (inputs.size() == 1 && is_real(type)) {
      const size_t which = shape.is_constant(0) ? 0 : 1;
      const double c = context.input(which).constant->real(shape.at(which, i));
      if (const auto affine = affine_of(kOperation, inputs[0], c, which == 0)) flow.set_affine(made, *affine);
      if (kCompares) flow.note_cuts(inputs[0], {&c, 1});
    }
    result.columns.push_back(made);
  }
  context.output(0, std::move(result));
}

Value each(NodeContext& context, const Value& value, Type result_type, const Dataflow::Maker& make, bool in_double) {
  Value result{result_type, value.inner, {}, {}};
  const bool is_rough = context.is_rough(value);
  for (const ColumnId column : value.columns) {
    result.columns.push_back(context.flow().add_one({in_double ? context.flow().to_double(column) : column}, result_type, is_rough, make));
  }
  return result;
}

template <kernels::Unary kOperation>
void unary(NodeContext& context) {
  using kernels::Unary;
  const Value& value = context.columns(0);
  switch (kOperation) {
    case Unary::kNot:
      demand_type(value.type, {Type::kBool});
      break;
    case Unary::kNeg:
    case Unary::kAbs:
    case Unary::kSign:
      demand_type(value.type, {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64});
      break;
    case Unary::kRelu:
      demand_type(value.type, {Type::kFloat, Type::kDouble, Type::kInt32});
      break;
    default:
      demand_type(value.type, {Type::kFloat, Type::kDouble});
  }
  if (kOperation == Unary::kRelu && fold_into_layer(context, kernels::Activation::kRelu)) return;
  const Type in = computing_type(context, {&value});
  const auto make = [in](const auto& from, const auto& to) { return kernels::make_unary(kOperation, in, from[0].at, to[0].at); };
  const Type out = kOperation == Unary::kIsNan ? Type::kBool : value.type;
  context.output(0, each(context, value, out, make, in == Type::kDouble));
}

/// Functions that ONNX Runtime rounds in its own way: taken where the values are no longer its bits anyway.
template <kernels::Unary kOperation>
void rough_unary(NodeContext& context) {
  const Value& value = context.columns(0);
  demand_type(value.type, {Type::kFloat, Type::kDouble});
  if (!context.is_rough(value)) throw Refusal("ONNX Runtime rounds this function in its own way, and its input is exact");
  if (kOperation == kernels::Unary::kTanh && fold_into_layer(context, kernels::Activation::kTanh)) return;
  if (kOperation == kernels::Unary::kSigmoid && fold_into_layer(context, kernels::Activation::kSigmoid)) return;
  (void)computing_type(context, {&value});
  const auto make = [](const auto& from, const auto& to) { return kernels::make_unary(kOperation, Type::kDouble, from[0].at, to[0].at); };
  context.output(0, each(context, value, value.type, make, true));
}

void cast(NodeContext& context) {
  const Value& value = context.columns(0);
  const Type to = onnx::element_type(context.integer("to", 0));
  demand_type(to, {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64, Type::kBool});
  if (to == value.type) return context.output(0, value);
  Value result{to, value.inner, {}, {}};
  for (const ColumnId column : value.columns) {
    const bool is_rough = context.flow()[column].is_rough;
    // Behind a matrix product float and double are both kept in double, so that nothing is rounded twice.
    if (is_rough && is_real(to) && is_real(value.type)) {
      result.columns.push_back(context.flow().add_one({column}, to, true, [](const auto& from, const auto& target) {
        return kernels::make_cast(from[0].type, target[0].type, from[0].at, target[0].at);
      }));
      continue;
    }
    result.columns.push_back(context.flow().add_one({column}, to, is_rough, [](const auto& from, const auto& target) {
      return kernels::make_cast(from[0].type, target[0].type, from[0].at, target[0].at);
    }));
    if (is_rough) continue;
    context.flow().set_cast(result.columns.back(), column);
    if (is_real(to) && !is_real(value.type)) context.flow().set_affine(result.columns.back(), {column, 1, 0});
    if (to == Type::kFloat && value.type == Type::kDouble) context.flow().set_narrowed(result.columns.back(), column);
  }
  context.output(0, std::move(result));
}

void where(NodeContext& context) {
  const Value& condition = context.columns(0);
  demand_type(condition.type, {Type::kBool});
  const Value& x = context.input(1);
  const Value& y = context.input(2);
  if (x.type != y.type) throw Refusal("its inputs have different types");
  demand_type(x.type, {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64});
  const Broadcast shape({&condition, &x, &y});
  const bool is_rough = context.is_rough(condition) || context.is_rough(x) || context.is_rough(y);
  const Type in = computing_type(context, {&x, &y});
  Value result{x.type, shape.inner(), {}, {}};
  for (int64_t i = 0; i < shape.n(); ++i) {
    std::vector<ColumnId> inputs{shape.column(0, i)};
    std::array<std::optional<Operand>, 3> constants;
    for (size_t which = 1; which < 3; ++which) {
      if (shape.is_constant(which)) {
        constants[which] = operand_of(*context.input(which).constant, shape.at(which, i), in);
      } else {
        inputs.push_back(in == Type::kDouble ? context.flow().to_double(shape.column(which, i)) : shape.column(which, i));
      }
    }
    result.columns.push_back(context.flow().add_one(inputs, x.type, is_rough, [in, constants](const auto& from, const auto& to) {
      size_t next = 1;
      const Operand first = constants[1] ? *constants[1] : Operand::of(from[next++].at);
      const Operand second = constants[2] ? *constants[2] : Operand::of(from[next].at);
      return kernels::make_where(in, from[0].at, first, second, to[0].at);
    }));
  }
  context.output(0, std::move(result));
}

void clip(NodeContext& context) {
  const Value& value = context.columns(0);
  demand_type(value.type, {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64});
  const bool by_attributes = context.opset() < 11;
  if (by_attributes) demand_type(value.type, {Type::kFloat});
  const Type in = computing_type(context, {&value});
  // What is left open is bounded by what the type holds, infinities included.
  const auto limit = [&](bool is_high) -> onnx::Tensor {
    const auto of = [is_high](auto type) {
      using Limits = std::numeric_limits<decltype(type)>;
      return is_high ? Limits::max() : Limits::lowest();
    };
    if (value.type == Type::kFloat) return {value.type, {}, {static_cast<double>(of(float{}))}, {}};
    if (value.type == Type::kDouble) return {value.type, {}, {of(double{})}, {}};
    return {value.type, {}, {}, {value.type == Type::kInt32 ? int64_t{of(int32_t{})} : of(int64_t{})}};
  };
  const auto bound = [&](size_t i, const char* name, bool is_high) {
    if (context.has_input(i)) {
      const onnx::Tensor& given = context.constant(i);
      if (given.type != value.type || given.n_values() != 1) throw Refusal("its bounds are not of its input's type");
      return operand_of(given, 0, in);
    }
    if (by_attributes && context.has(name)) return operand_of({Type::kFloat, {}, {static_cast<double>(context.real(name, 0))}, {}}, 0, in);
    return operand_of(limit(is_high), 0, in);
  };
  const Operand low = bound(1, "min", false);
  const Operand high = bound(2, "max", true);
  const auto make = [=](const auto& from, const auto& to) { return kernels::make_clip(in, from[0].at, low, high, to[0].at); };
  context.output(0, each(context, value, value.type, make, in == Type::kDouble));
}

using kernels::Binary;
using kernels::Unary;
constexpr NamedOperator kOperators[] = {
    {"Add", {binary<Binary::kAdd>}},
    {"Sub", {binary<Binary::kSub>}},
    {"Mul", {binary<Binary::kMul>}},
    {"Div", {binary<Binary::kDiv>}},
    {"Min", {binary<Binary::kMin>}},
    {"Max", {binary<Binary::kMax>}},
    {"Less", {binary<Binary::kLess>}},
    {"LessOrEqual", {binary<Binary::kLessOrEqual>}},
    {"Greater", {binary<Binary::kGreater>}},
    {"GreaterOrEqual", {binary<Binary::kGreaterOrEqual>}},
    {"Equal", {binary<Binary::kEqual>}},
    {"And", {binary<Binary::kAnd>}},
    {"Or", {binary<Binary::kOr>}},
    {"Xor", {binary<Binary::kXor>}},
    {"Not", {unary<Unary::kNot>}},
    {"Neg", {unary<Unary::kNeg>}},
    {"Abs", {unary<Unary::kAbs>}},
    {"Sign", {unary<Unary::kSign>}},
    {"Relu", {unary<Unary::kRelu>}},
    {"Sqrt", {unary<Unary::kSqrt>}},
    {"Floor", {unary<Unary::kFloor>}},
    {"Ceil", {unary<Unary::kCeil>}},
    {"Reciprocal", {unary<Unary::kReciprocal>}},
    {"IsNaN", {unary<Unary::kIsNan>}},
    {"Exp", {rough_unary<Unary::kExp>, true}},
    {"Log", {rough_unary<Unary::kLog>, true}},
    {"Tanh", {rough_unary<Unary::kTanh>, true}},
    {"Sigmoid", {rough_unary<Unary::kSigmoid>, true}},
    {"Cast", {cast}},
    {"Where", {where}},
    {"Clip", {clip}},
};

}  // namespace

std::span<const NamedOperator> arithmetic_operators() { return kOperators; }

}  // namespace edgeonnx::plan
