// Models of a node or two for tests, built as the serialized bytes of a ModelProto. Field numbers: onnx.proto of onnx/onnx.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/type.h"

namespace tiny {

using edgeonnx::Type;

/// A protobuf message under construction.
class Message {
 public:
  Message& number(int field, int64_t value) {
    varint(static_cast<uint64_t>(field) << 3);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& real(int field, float value) {
    varint(static_cast<uint64_t>(field) << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  std::string bytes_;
};

inline std::span<const std::byte> as_span(const std::string& bytes) { return std::as_bytes(std::span(bytes.data(), bytes.size())); }

/// A dimension: a number, a name, or (by {}) neither.
struct Dimension {
  Dimension() = default;
  Dimension(int64_t extent) : value(extent) {}                      // NOLINT: implicit, for lists of dimensions
  Dimension(const char* parameter) : value(-1), name(parameter) {}  // NOLINT: likewise
  int64_t value = -1;
  std::string name;
};

/// TypeProto of a tensor; without a shape its rank is unknown.
inline Message tensor_type(Type type) { return Message().message(1, Message().number(1, static_cast<int64_t>(type))); }
inline Message tensor_type(Type type, const std::vector<Dimension>& shape) {
  Message dimensions;
  for (const Dimension& each : shape) {
    Message dimension;
    if (each.value >= 0) dimension.number(1, each.value);
    if (!each.name.empty()) dimension.text(2, each.name);
    dimensions.message(1, dimension);
  }
  return Message().message(1, Message().number(1, static_cast<int64_t>(type)).message(2, dimensions));
}
inline Message sequence_type(const Message& element) { return Message().message(4, Message().message(1, element)); }
inline Message map_type(Type key, const Message& value) {
  return Message().message(5, Message().number(1, static_cast<int64_t>(key)).message(2, value));
}
inline Message optional_type(const Message& element) { return Message().message(9, Message().message(1, element)); }

/// A graph input, output or annotated value.
inline Message value_info(std::string_view name, const Message& type) { return Message().text(1, name).message(2, type); }
inline Message tensor(std::string_view name, Type type, const std::vector<Dimension>& shape) {
  return value_info(name, tensor_type(type, shape));
}

/// An initializer; `values` are its raw data, row by row.
template <class T>
Message initializer(std::string_view name, Type type, const std::vector<int64_t>& shape, const std::vector<T>& values) {
  Message message;
  for (const int64_t extent : shape) message.number(1, extent);
  message.number(2, static_cast<int64_t>(type)).text(8, name);
  return message.text(9, std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

/// An initializer whose values fill the file `location`.
inline Message external_initializer(std::string_view name, Type type, const std::vector<int64_t>& shape, std::string_view location) {
  Message message;
  for (const int64_t extent : shape) message.number(1, extent);
  message.number(2, static_cast<int64_t>(type)).text(8, name);
  return message.message(13, Message().text(1, "location").text(2, location)).number(14, 1);
}

// AttributeProto by type.
inline Message integer(std::string_view name, int64_t value) { return Message().text(1, name).number(3, value).number(20, 2); }
inline Message real(std::string_view name, float value) { return Message().text(1, name).real(2, value).number(20, 1); }
inline Message string(std::string_view name, std::string_view value) { return Message().text(1, name).text(4, value).number(20, 3); }
inline Message graph_attribute(std::string_view name, const Message& graph) {
  return Message().text(1, name).message(6, graph).number(20, 5);
}
inline Message reals(std::string_view name, const std::vector<float>& values) {
  Message message;
  message.text(1, name);
  for (const float value : values) message.real(7, value);
  return message.number(20, 6);
}
inline Message integers(std::string_view name, const std::vector<int64_t>& values) {
  Message message;
  message.text(1, name);
  for (const int64_t value : values) message.number(8, value);
  return message.number(20, 7);
}
inline Message strings(std::string_view name, const std::vector<std::string>& values) {
  Message message;
  message.text(1, name);
  for (const std::string& value : values) message.text(9, value);
  return message.number(20, 8);
}

inline Message node(std::string_view op_type, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                    const std::vector<Message>& attributes = {}, std::string_view domain = "") {
  Message message;
  for (const std::string& input : inputs) message.text(1, input);
  for (const std::string& output : outputs) message.text(2, output);
  message.text(3, std::string(op_type) + "_" + outputs.front()).text(4, op_type);
  for (const Message& attribute : attributes) message.message(5, attribute);
  if (!domain.empty()) message.text(7, domain);
  return message;
}

struct Graph {
  std::vector<Message> nodes;
  std::vector<Message> inputs;
  std::vector<Message> outputs;
  std::vector<Message> initializers;

  Message message() const {
    Message graph;
    for (const Message& each : nodes) graph.message(1, each);
    graph.text(2, "tiny");
    for (const Message& each : initializers) graph.message(5, each);
    for (const Message& each : inputs) graph.message(11, each);
    for (const Message& each : outputs) graph.message(12, each);
    return graph;
  }
};

struct Opset {
  std::string domain;
  int64_t version;
};

/// The bytes of a ModelProto of IR version 8.
inline std::string model(const Graph& graph, const std::vector<Opset>& opsets = {{"", 17}, {"ai.onnx.ml", 3}}) {
  Message message;
  message.number(1, 8).text(2, "tiny_model.h").message(7, graph.message());
  for (const Opset& opset : opsets) message.message(8, Message().text(1, opset.domain).number(2, opset.version));
  return message.bytes();
}

/// y = x
inline std::string identity(Type type, const std::vector<Dimension>& shape) {
  return model({.nodes = {node("Identity", {"x"}, {"y"})},
                .inputs = {tensor("x", type, shape)},
                .outputs = {tensor("y", type, shape)},
                .initializers = {}});
}

/// sum = a + b
inline std::string add(Type type, const std::vector<Dimension>& shape) {
  return model({.nodes = {node("Add", {"a", "b"}, {"sum"})},
                .inputs = {tensor("a", type, shape), tensor("b", type, shape)},
                .outputs = {tensor("sum", type, shape)},
                .initializers = {}});
}

/// y [N, n_outputs] = x [N, n_inputs] times `weights`, row by row
inline std::string matmul(int64_t n_inputs, int64_t n_outputs, const std::vector<float>& weights) {
  return model({.nodes = {node("MatMul", {"x", "w"}, {"y"})},
                .inputs = {tensor("x", Type::kFloat, {"N", n_inputs})},
                .outputs = {tensor("y", Type::kFloat, {"N", n_outputs})},
                .initializers = {initializer("w", Type::kFloat, {n_inputs, n_outputs}, weights)}});
}

/// y = x + n_trips, one at a time: as long a run as one likes, of many short nodes
inline std::string counting_loop(int64_t n_trips) {
  const Graph body{.nodes = {node("Identity", {"go_on"}, {"goes_on"}), node("Add", {"before", "one"}, {"after"})},
                   .inputs = {tensor("trip", Type::kInt64, {}), tensor("go_on", Type::kBool, {}), tensor("before", Type::kFloat, {"N"})},
                   .outputs = {tensor("goes_on", Type::kBool, {}), tensor("after", Type::kFloat, {"N"})},
                   .initializers = {initializer<float>("one", Type::kFloat, {}, {1.0F})}};
  return model({.nodes = {node("Loop", {"n_trips", "", "x"}, {"y"}, {graph_attribute("body", body.message())})},
                .inputs = {tensor("x", Type::kFloat, {"N"})},
                .outputs = {tensor("y", Type::kFloat, {"N"})},
                .initializers = {initializer<int64_t>("n_trips", Type::kInt64, {}, {n_trips})}});
}

}  // namespace tiny
