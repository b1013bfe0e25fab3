#include "onnx/graph.h"

#include <algorithm>
#include <limits>

#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {

namespace {

constexpr int64_t kExternal = 1;  // TensorProto.DataLocation

/// Product of the dimensions, at most the largest int64: a shape is only a claim.
int64_t n_values(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  bool too_large = false;
  for (const int64_t size : shape) {
    if (size == 0) return 0;
    too_large = too_large || product > std::numeric_limits<int64_t>::max() / size;
    if (!too_large) product *= size;
  }
  return too_large ? std::numeric_limits<int64_t>::max() : product;
}

void read_external_data(Reader reader, Initializer& tensor) {
  std::string_view key, value;
  while (reader.next()) {
    if (reader.number() == field::key_value::kKey) key = reader.text();
    if (reader.number() == field::key_value::kValue) value = reader.text();
  }
  if (key == "location") tensor.external_path = value;
}

}  // namespace

Graph GraphReader::read_graph(Reader reader) {
  Graph graph;
  std::vector<std::string_view> initialized;
  while (reader.next()) {
    switch (reader.number()) {
      case field::graph::kName:
        graph.name = reader.text();
        break;
      case field::graph::kNode:
        graph.nodes.push_back(read_node(reader.message("NodeProto"), reader.bytes()));
        break;
      case field::graph::kInput:
        graph.inputs.push_back(read_value_info(reader.message("ValueInfoProto")));
        break;
      case field::graph::kOutput:
        graph.outputs.push_back(read_value_info(reader.message("ValueInfoProto")));
        break;
      case field::graph::kInitializer:
        graph.initializers.push_back(read_tensor(reader.message("TensorProto"), reader.bytes()));
        initialized.push_back(graph.initializers.back().name);
        break;
      case field::graph::kSparseInitializer:
        initialized.push_back(read_sparse_tensor(reader.message("SparseTensorProto")));
        break;
    }
  }
  // Before IR version 4 every initializer had to be declared as an input too; since then it may be, as a default.
  std::sort(initialized.begin(), initialized.end());
  std::erase_if(graph.inputs,
                [&](const ValueInfo& input) { return std::binary_search(initialized.begin(), initialized.end(), input.name); });
  return graph;
}

std::vector<Node> GraphReader::read_function(Reader reader) {
  std::vector<Node> nodes;
  Node declared;
  while (reader.next()) {
    if (reader.number() == field::function::kNode) nodes.push_back(read_node(reader.message("NodeProto"), reader.bytes()));
    if (reader.number() == field::function::kAttributeProto) {
      declared.attributes.push_back(read_attribute(reader.message("AttributeProto"), reader.bytes()));
    }
  }
  nodes.push_back(std::move(declared));
  return nodes;
}

Node GraphReader::read_node(Reader reader, Bytes bytes) {
  Node node;
  node.bytes = bytes;
  while (reader.next()) {
    switch (reader.number()) {
      case field::node::kInput:
        node.inputs.push_back(reader.text());
        break;
      case field::node::kOutput:
        node.outputs.push_back(reader.text());
        break;
      case field::node::kName:
        node.name = reader.text();
        break;
      case field::node::kOpType:
        node.op_type = reader.text();
        break;
      case field::node::kDomain:
        node.domain = reader.text();
        break;
      case field::node::kAttribute:
        node.attributes.push_back(read_attribute(reader.message("AttributeProto"), reader.bytes()));
        break;
    }
  }
  totals_.n_divisions += (node.op_type == "Div" || node.op_type == "Mod") && is_same_domain(node.domain, "");
  if (node.op_type == "Constant" && is_same_domain(node.domain, "")) {
    if (node.attribute("value_float") || node.attribute("value_int")) add_weights(1);
  }
  return node;
}

Attribute GraphReader::read_attribute(Reader reader, Bytes bytes) {
  Attribute attribute;
  attribute.bytes = bytes;
  while (reader.next()) {
    switch (reader.number()) {
      case field::attribute::kName:
        attribute.name = reader.text();
        break;
      case field::attribute::kType:
        attribute.type = static_cast<int32_t>(reader.integer());
        break;
      case field::attribute::kF:
        attribute.f = reader.real();
        break;
      case field::attribute::kI:
        attribute.i = reader.integer();
        break;
      case field::attribute::kS:
        attribute.s = reader.text();
        break;
      case field::attribute::kFloats:
        reader.each_real([&](float) { add_weights(1); });
        break;
      case field::attribute::kInts:
        reader.each_integer([&](int64_t) { add_weights(1); });
        break;
      case field::attribute::kStrings:
        reader.each_text([](std::string_view) {});
        break;
      case field::attribute::kT:
      case field::attribute::kTensors:
        read_tensor(reader.message("TensorProto"), reader.bytes());
        break;
      case field::attribute::kSparseTensor:
      case field::attribute::kSparseTensors:
        read_sparse_tensor(reader.message("SparseTensorProto"));
        break;
      case field::attribute::kG:
      case field::attribute::kGraphs:
        read_graph(reader.message("GraphProto"));
        break;
    }
  }
  return attribute;
}

Initializer GraphReader::read_tensor(Reader reader, Bytes bytes) {
  Initializer tensor;
  tensor.bytes = bytes;
  int64_t data_type = 0;
  while (reader.next()) {
    switch (reader.number()) {
      case field::tensor::kName:
        tensor.name = reader.text();
        break;
      case field::tensor::kDataType:
        data_type = reader.integer();
        break;
      case field::tensor::kDims:
        reader.each_integer([&](int64_t size) {
          if (size < 0) reader.fail("the dimension " + std::to_string(size));
          tensor.shape.push_back(size);
        });
        break;
      case field::tensor::kRawData:
        tensor.raw = reader.bytes();
        break;
      case field::tensor::kExternalData:
        read_external_data(reader.message("StringStringEntryProto"), tensor);
        break;
      case field::tensor::kDataLocation:
        tensor.is_external = reader.integer() == kExternal;
        break;
    }
  }
  tensor.type = element_type(data_type);
  if (tensor.is_external) {
    tensor.raw = {};
    totals_.external_paths.push_back(tensor.external_path);
  }
  if (tensor.type != Type::kString) add_weights(n_values(tensor.shape));
  return tensor;
}

std::string_view GraphReader::read_sparse_tensor(Reader reader) {
  std::string_view name;
  while (reader.next()) {
    if (reader.number() == field::sparse_tensor::kValues) name = read_tensor(reader.message("TensorProto"), reader.bytes()).name;
    if (reader.number() == field::sparse_tensor::kIndices) read_tensor(reader.message("TensorProto"), reader.bytes());
  }
  return name;
}

void GraphReader::add_weights(int64_t n) { totals_.n_weights += std::min(n, std::numeric_limits<int64_t>::max() - totals_.n_weights); }

}  // namespace edgeonnx::onnx
