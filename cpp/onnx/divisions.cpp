#include "onnx/divisions.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "onnx/field.h"
#include "onnx/graph.h"
#include "onnx/scope.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {
namespace {

bool is_division(const Node& node) {
  return (node.op_type == "Div" || node.op_type == "Mod") && is_same_domain(node.domain, "") && node.inputs.size() == 2 &&
         node.outputs.size() == 1;
}

Division unknown_division(const Node& node) {
  const std::string what = node.name.empty() ? "the node that makes " + in_quotes(node.outputs[0]) : "node " + in_quotes(node.name);
  return {node.bytes.data(), what + " (" + std::string(node.op_type) + ")"};
}

int64_t least(Type type) { return type == Type::kInt32 ? INT32_MIN : INT64_MIN; }

bool holds(const std::optional<Tensor>& tensor, int64_t number) {
  return !tensor || std::find(tensor->integers.begin(), tensor->integers.end(), number) != tensor->integers.end();
}

std::string_view name_of_sparse(Reader tensor) {
  std::string_view name;
  while (tensor.next()) {
    if (tensor.number() != field::sparse_tensor::kValues) continue;
    for (Reader values = tensor.message("TensorProto"); values.next();) {
      if (values.number() == field::tensor::kName) name = values.text();
    }
  }
  return name;
}

class Finder {
 public:
  explicit Finder(Source source) : source_(std::move(source)) {}

  /// Returns the types of the graph's outputs. `fed`: those of its inputs, where the node around it tells them.
  std::vector<Type> search_graph(const Reader& begin, const Scope* outer, const std::vector<Type>& fed);
  void search_function(const Reader& function) { add_unknown(GraphReader(totals_).read_function(function)); }

  std::vector<Division> found;

 private:
  /// Calls take(graph) for each graph in the attributes.
  template <class Take>
  void each_graph(const std::vector<Attribute>& attributes, Take&& take) const;
  std::vector<Type> search_inside(const Node& node, const Scope& scope);
  void add(const Node& node, const Scope& scope);
  void add_unknown(const std::vector<Node>& nodes);

  Source source_;
  Model totals_;  // of no interest
};

template <class Take>
void Finder::each_graph(const std::vector<Attribute>& attributes, Take&& take) const {
  for (const Attribute& attribute : attributes) {
    for (Reader reader(attribute.bytes, source_, "AttributeProto"); reader.next();) {
      if (reader.number() == field::attribute::kG || reader.number() == field::attribute::kGraphs) take(reader.message("GraphProto"));
    }
  }
}

std::vector<Type> Finder::search_inside(const Node& node, const Scope& scope) {
  const bool is_loop = node.op_type == "Loop";
  if (!is_same_domain(node.domain, "") || !(is_loop || node.op_type == "If" || node.op_type == "Scan")) {
    each_graph(node.attributes, [&](const Reader& graph) { add_unknown(GraphReader(totals_).read_graph(graph).nodes); });
    return {};
  }
  std::vector<Type> fed;
  if (is_loop) {
    fed = {Type::kInt64, Type::kBool};
    for (size_t i = 2; i < node.inputs.size(); ++i) fed.push_back(scope.type(node.inputs[i]));
  }
  std::vector<Type> made;
  bool is_first = true;
  each_graph(node.attributes, [&](const Reader& graph) {
    const std::vector<Type> outputs = search_graph(graph, &scope, fed);
    if (is_first) made = outputs;
    for (size_t i = 0; i < made.size(); ++i) {
      if (i >= outputs.size() || outputs[i] != made[i]) made[i] = Type::kUndefined;
    }
    is_first = false;
  });
  if (is_loop && !made.empty()) made.erase(made.begin());  // whether to go on
  return made;
}

std::vector<Type> Finder::search_graph(const Reader& begin, const Scope* outer, const std::vector<Type>& fed) {
  const Graph graph = GraphReader(totals_).read_graph(begin);
  Scope scope(outer);
  std::unordered_set<std::string_view> inputs;
  for (Reader reader = begin; reader.next();) {
    const uint32_t number = reader.number();
    if (number == field::graph::kSparseInitializer) scope.declare(name_of_sparse(reader.message("SparseTensorProto")), Type::kUndefined);
    if (number != field::graph::kInput && number != field::graph::kValueInfo) continue;
    const ValueInfo value = read_value_info(reader.message("ValueInfoProto"));
    if (number == field::graph::kInput) inputs.insert(value.name);
    scope.declare(value.name, value.type);
  }
  for (size_t i = 0; i < graph.inputs.size() && i < fed.size(); ++i) scope.declare(graph.inputs[i].name, fed[i]);
  // Nobody feeds the top graph another tensor than its own, but a node may feed the graph inside it one.
  for (const Initializer& each : graph.initializers) scope.add_initializer(each, outer == nullptr || !inputs.contains(each.name));
  for (const Node& node : graph.nodes) scope.add_node(node, search_inside(node, scope));
  for (const ValueInfo& output : graph.outputs) {
    if (scope.is_own(output.name)) scope.declare(output.name, output.type);  // it may be a value of the graph around
  }
  for (const Node& node : graph.nodes) {
    if (is_division(node)) add(node, scope);
  }
  std::vector<Type> outputs;
  for (const ValueInfo& output : graph.outputs) outputs.push_back(scope.type(output.name));
  return outputs;
}

void Finder::add(const Node& node, const Scope& scope) {
  Division division = unknown_division(node);
  bool is_contradicted = false;
  for (const std::string_view value : {node.inputs[0], node.inputs[1], node.outputs[0]}) {
    const Type type = scope.type(value);
    is_contradicted = is_contradicted || (type != Type::kUndefined && division.type != Type::kUndefined && type != division.type);
    if (division.type == Type::kUndefined) division.type = type;
  }
  if (is_contradicted) division.type = Type::kUndefined;
  if (division.type != Type::kUndefined && !is_guarded(division.type)) return;
  if (division.type != Type::kUndefined) {
    const std::optional<Tensor> divisor = scope.constant(node.inputs[1]);
    division.may_meet_zero = holds(divisor, 0);
    const bool is_wide = division.type == Type::kInt32 || division.type == Type::kInt64;
    const bool is_by_real = node.attribute("fmod") && node.attribute("fmod")->i != 0;  // ONNX Runtime then computes in double
    division.may_meet_least = is_wide && !is_by_real && holds(divisor, -1) && holds(scope.constant(node.inputs[0]), least(division.type));
    if (!division.may_meet_zero && !division.may_meet_least) return;
  }
  found.push_back(std::move(division));
}

void Finder::add_unknown(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    if (is_division(node)) found.push_back(unknown_division(node));
    each_graph(node.attributes, [&](const Reader& graph) { add_unknown(GraphReader(totals_).read_graph(graph).nodes); });
  }
}

}  // namespace

bool is_guarded(Type type) {
  switch (type) {
    case Type::kInt8:
    case Type::kUint8:
    case Type::kInt16:
    case Type::kUint16:
    case Type::kInt32:
    case Type::kUint32:
    case Type::kInt64:
    case Type::kUint64:
      return true;
    default:
      return false;
  }
}

std::vector<Division> find_divisions(Bytes bytes) {
  const Source source{"model", bytes.data()};
  Finder finder(source);
  for (Reader reader(bytes, source, "ModelProto"); reader.next();) {
    if (reader.number() == field::model::kGraph) finder.search_graph(reader.message("GraphProto"), nullptr, {});
    if (reader.number() == field::model::kFunctions) finder.search_function(reader.message("FunctionProto"));
  }
  return std::move(finder.found);
}

}  // namespace edgeonnx::onnx
