// Builds small ONNX models field by field, so that the tests of the model room need no files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onnx/field.h"
#include "onnx/model.h"

namespace messages {

using namespace edgeonnx::onnx;

constexpr uint32_t kUnknownField = 1234;
constexpr int64_t kFree = -1;

inline Writer tensor_type(int64_t element, const std::vector<int64_t>& dimensions) {
  Writer shape, tensor, type;
  for (const int64_t size : dimensions) {
    Writer dimension;
    if (size == kFree) {
      dimension.text(field::dimension::kParameter, "N");
    } else {
      dimension.integer(field::dimension::kValue, size);
    }
    shape.message(field::shape::kDimension, dimension);
  }
  tensor.integer(field::tensor_type::kElementType, element);
  tensor.message(field::tensor_type::kShape, shape);
  type.message(field::type::kTensor, tensor);
  return type;
}

inline Writer wrapped_type(uint32_t kind, const Writer& element) {
  Writer inner, type;
  inner.message(field::element::kType, element);
  type.message(kind, inner);
  return type;
}

inline Writer map_type(int64_t key, const Writer& value) {
  Writer map, type;
  map.message(field::map::kValueType, value);
  map.integer(field::map::kKeyType, key);
  type.message(field::type::kMap, map);
  return type;
}

inline Writer value_info(std::string_view name, const Writer& type) {
  Writer info;
  info.text(field::value_info::kName, name);
  info.message(field::value_info::kType, type);
  info.text(kUnknownField, "kept");
  return info;
}

inline Writer float_info(std::string_view name, const std::vector<int64_t>& dimensions) {
  return value_info(name, tensor_type(1, dimensions));
}

inline Writer zipmap_info(std::string_view name) {
  return value_info(name, wrapped_type(field::type::kSequence, map_type(7, tensor_type(1, {}))));
}

inline Writer node(std::string_view op_type, std::string_view domain, const std::vector<std::string_view>& inputs,
                   const std::vector<std::string_view>& outputs, const std::vector<Writer>& attributes = {}) {
  Writer node;
  for (const std::string_view input : inputs) node.text(field::node::kInput, input);
  for (const std::string_view output : outputs) node.text(field::node::kOutput, output);
  node.text(field::node::kOpType, op_type);
  node.text(field::node::kDomain, domain);
  for (const Writer& attribute : attributes) node.message(field::node::kAttribute, attribute);
  return node;
}

inline Writer named_attribute(std::string_view name) {
  Writer attribute;
  attribute.text(field::attribute::kName, name);
  return attribute;
}

inline Writer zipmap_node(std::string_view scores, std::string_view output, const std::vector<int64_t>& classes) {
  Writer labels = named_attribute("classlabels_int64s");
  for (const int64_t label : classes) labels.integer(field::attribute::kInts, label);
  return node("ZipMap", "ai.onnx.ml", {scores}, {output}, {labels});
}

inline Writer tensor(std::string_view name, int64_t element, const std::vector<int64_t>& shape) {
  Writer tensor;
  for (const int64_t size : shape) tensor.integer(field::tensor::kDims, size);
  tensor.integer(field::tensor::kDataType, element);
  tensor.text(field::tensor::kName, name);
  return tensor;
}

inline Writer external_tensor(std::string_view name, std::string_view location) {
  Writer entry, external = tensor(name, 1, {2});
  entry.text(field::key_value::kKey, "location");
  entry.text(field::key_value::kValue, location);
  external.message(field::tensor::kExternalData, entry);
  external.integer(field::tensor::kDataLocation, 1);
  return external;
}

inline Writer subgraph_attribute(const Writer& graph) {
  Writer attribute = named_attribute("body");
  attribute.message(field::attribute::kG, graph);
  return attribute;
}

inline Writer model(const Writer& graph) {
  Writer opset, ml, model;
  opset.integer(field::opset::kVersion, 17);
  ml.text(field::opset::kDomain, "ai.onnx.ml");
  ml.integer(field::opset::kVersion, 3);
  model.integer(field::model::kIrVersion, 8);
  model.text(field::model::kProducerName, "test");
  model.text(field::model::kProducerVersion, "1.0");
  model.message(field::model::kGraph, graph);
  model.message(field::model::kOpsetImport, opset);
  model.message(field::model::kOpsetImport, ml);
  return model;
}

/// A classifier with everything in it: a fixed batch of 1, an initializer declared as input, a ZipMap, a subgraph, annotations, extras.
inline Writer classifier_graph() {
  Writer weights = tensor("w", 1, {4, 2});
  const std::vector<std::byte> raw(4 * 2 * sizeof(float), std::byte{1});
  weights.bytes(field::tensor::kRawData, raw);
  Writer floats = named_attribute("coefficients");
  floats.real(field::attribute::kFloats, 0.5f);
  floats.real(field::attribute::kFloats, -2.0f);
  Writer branch;
  branch.message(field::graph::kNode, node("Identity", "", {"x"}, {"inner"}));
  branch.message(field::graph::kInitializer, tensor("inner_weights", 11, {3}));

  Writer graph;
  graph.message(field::graph::kNode, node("MatMul", "", {"x", "w"}, {"y"}));
  graph.message(field::graph::kNode, node("LinearClassifier", "ai.onnx.ml", {"y"}, {"label", "scores"}, {floats}));
  graph.message(field::graph::kNode, zipmap_node("scores", "probabilities", {5, -7}));
  graph.message(field::graph::kNode, node("If", "", {"label"}, {"side"}, {subgraph_attribute(branch)}));
  graph.text(field::graph::kName, "classifier");
  graph.message(field::graph::kInitializer, weights);
  graph.text(kUnknownField, "kept");
  graph.message(field::graph::kInput, float_info("x", {1, 4}));
  graph.message(field::graph::kInput, float_info("w", {1, 4}));
  graph.message(field::graph::kOutput, value_info("label", tensor_type(7, {1})));
  graph.message(field::graph::kOutput, zipmap_info("probabilities"));
  graph.message(field::graph::kOutput, float_info("side", {3, 1}));
  graph.message(field::graph::kValueInfo, float_info("y", {1, 2}));
  return graph;
}

inline Model read(const Writer& bytes) { return read_model(bytes.buffer(), "m.onnx"); }

inline std::vector<std::string> names(const std::vector<ValueInfo>& values) {
  std::vector<std::string> all;
  for (const ValueInfo& each : values) all.emplace_back(each.name);
  return all;
}

}  // namespace messages
