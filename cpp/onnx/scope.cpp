// Element types by operator. What is not listed is unknown, which costs a little time at load; a wrong line would cost the model.
#include "onnx/scope.h"

#include <algorithm>
#include <iterator>

#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {
namespace {

/// Operators whose first output has the type of the first input.
constexpr std::string_view kLikeFirst[] = {
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Ceil",
    "Clip",
    "Compress",
    "Concat",
    "Conv",
    "ConvTranspose",
    "CumSum",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Einsum",
    "Elu",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Sigmoid",
    "Sign",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Unique",
    "Unsqueeze",
};
constexpr std::string_view kBooleans[] = {"And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual",
                                          "Not", "Or",    "Xor"};
constexpr std::string_view kIndexes[] = {"ArgMax", "ArgMin", "NonZero", "Shape", "Size"};
/// Of ai.onnx.ml, whatever they are fed.
constexpr std::string_view kFloats[] = {"LinearRegressor", "Normalizer", "Scaler", "SVMRegressor", "TreeEnsembleRegressor"};

template <size_t kSize>
bool is_in(const std::string_view (&names)[kSize], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// The only `t` of the attribute: protobuf merges several.
std::optional<Tensor> only_tensor(const Attribute& attribute) {
  int n_tensors = 0;
  const Source source{"a constant", attribute.bytes.data()};
  for (Reader reader(attribute.bytes, source, "AttributeProto"); reader.next();) n_tensors += reader.number() == field::attribute::kT;
  return n_tensors == 1 ? read_tensor(attribute) : std::nullopt;
}

/// The element type of a `t`, even where its values can't be read.
Type tensor_type_of(const Attribute& attribute) {
  Type type = Type::kUndefined;
  const Source source{"a constant", attribute.bytes.data()};
  for (Reader reader(attribute.bytes, source, "AttributeProto"); reader.next();) {
    if (reader.number() != field::attribute::kT) continue;
    for (Reader tensor = reader.message("TensorProto"); tensor.next();) {
      if (tensor.number() == field::tensor::kDataType) type = element_type(tensor.integer());
    }
  }
  return type;
}

Type type_of_constant(const Node& node) {
  if (const Attribute* value = node.attribute("value")) return tensor_type_of(*value);
  if (node.attribute("value_int") || node.attribute("value_ints")) return Type::kInt64;
  if (node.attribute("value_float") || node.attribute("value_floats")) return Type::kFloat;
  return Type::kUndefined;
}

}  // namespace

void Scope::declare(std::string_view value, Type type) {
  if (value.empty()) return;
  Entry& entry = entries_[value];
  if (type == Type::kUndefined || entry.is_contradicted) return;
  entry.is_contradicted = entry.type != Type::kUndefined && entry.type != type;
  entry.type = entry.is_contradicted ? Type::kUndefined : type;
}

void Scope::add_initializer(const Initializer& initializer, bool is_fixed) {
  declare(initializer.name, initializer.type);
  Entry& entry = entries_[initializer.name];
  entry.is_fixed = is_fixed && entry.initializer == nullptr;
  entry.initializer = &initializer;
}

void Scope::add_node(const Node& node, const std::vector<Type>& inner) {
  const std::vector<Type> types = inner.empty() ? types_made_by(node) : inner;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    declare(node.outputs[i], i < types.size() ? types[i] : Type::kUndefined);
    if (!node.outputs[i].empty()) entries_[node.outputs[i]].is_fixed = false;
  }
  if (node.op_type != "Constant" || !is_same_domain(node.domain, "") || node.outputs.size() != 1 || node.attributes.size() != 1) return;
  Entry& entry = entries_[node.outputs[0]];
  if (entry.initializer || entry.attribute || node.attributes[0].name != "value") return;
  entry.attribute = &node.attributes[0];
  entry.is_fixed = true;
}

std::vector<Type> Scope::types_made_by(const Node& node) const {
  const std::string_view op = node.op_type;
  const auto like = [&](size_t input) { return input < node.inputs.size() ? type(node.inputs[input]) : Type::kUndefined; };
  const auto named = [&](const char* attribute, Type missing) {
    const Attribute* found = node.attribute(attribute);
    return found ? element_type(found->i) : missing;
  };
  if (is_same_domain(node.domain, "ai.onnx.ml")) {
    if (is_in(kFloats, op)) return {Type::kFloat};
    if (op == "ArrayFeatureExtractor" || op == "Binarizer" || op == "Imputer") return {like(0)};
    return {};
  }
  if (!is_same_domain(node.domain, "")) return {};
  if (op == "Split") return std::vector<Type>(node.outputs.size(), like(0));
  if (op == "TopK") return {like(0), Type::kInt64};
  if (is_in(kLikeFirst, op)) return {like(0)};
  if (is_in(kBooleans, op)) return {Type::kBool};
  if (is_in(kIndexes, op)) return {Type::kInt64};
  if (op == "Cast") return {named("to", Type::kUndefined)};
  if (op == "CastLike" || op == "Where" || op == "DequantizeLinear") return {like(1)};
  if (op == "OneHot") return {like(2)};
  if (op == "Constant") return {type_of_constant(node)};
  if (op == "ConstantOfShape") return {node.attribute("value") ? tensor_type_of(*node.attribute("value")) : Type::kFloat};
  return {};
}

const Scope::Entry* Scope::find(std::string_view value) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    const auto found = scope->entries_.find(value);
    if (found != scope->entries_.end()) return &found->second;
  }
  return nullptr;
}

Type Scope::type(std::string_view value) const {
  const Entry* entry = find(value);
  return entry ? entry->type : Type::kUndefined;
}

std::optional<Tensor> Scope::constant(std::string_view value) const {
  const Entry* entry = find(value);
  if (!entry || !entry->is_fixed) return std::nullopt;
  return entry->attribute ? only_tensor(*entry->attribute) : read_tensor(*entry->initializer);
}

}  // namespace edgeonnx::onnx
