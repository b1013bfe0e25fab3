// A ModelProto as edgeonnx sees it: opsets, ports, nodes and what they weigh, read from the serialized bytes without a protobuf library.
// Every view points into those bytes, so they must outlive the Model. Field numbers: onnx.proto of onnx/onnx.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/type.h"
#include "onnx/wire.h"

namespace edgeonnx::onnx {

/// TypeProto's alternatives.
enum class Kind { kUnknown, kTensor, kSequence, kMap, kOptional, kSparseTensor, kOpaque };

struct Dimension {
  int64_t value = -1;     ///< -1 where the model gives no number, or a negative one
  std::string_view name;  ///< dim_param, or empty
};

/// A graph input, a graph output or an annotated intermediate value.
struct ValueInfo {
  std::string_view name;
  Kind kind = Kind::kUnknown;
  Type type = Type::kUndefined;  ///< element type, of tensors only; kUndefined also for those that base/type.h lacks (float8, int4 ...)
  bool has_shape = false;
  std::vector<Dimension> shape;  ///< of tensors only

  /// As ONNX Runtime spells it: "tensor(float)", "seq(map(int64,tensor(float)))" ...; empty where the model gives no type.
  std::string type_text;
};

/// Operator domains; "" and "ai.onnx" are the same.
bool is_same_domain(std::string_view a, std::string_view b);

struct Opset {
  std::string_view domain;
  int64_t version = 0;
};

/// An entry of metadata_props.
struct Property {
  std::string_view key;
  std::string_view value;
};

struct Attribute {
  std::string_view name;
  int32_t type = 0;  ///< AttributeProto.AttributeType
  Bytes bytes;       ///< the AttributeProto; see read_floats and its like in attribute.h

  float f = 0;  ///< the single values; lists are read where they are wanted
  int64_t i = 0;
  std::string_view s;
};

struct Node {
  std::string_view name;
  std::string_view op_type;
  std::string_view domain;
  std::vector<std::string_view> inputs;   ///< an empty name: input left out
  std::vector<std::string_view> outputs;  ///< likewise
  std::vector<Attribute> attributes;
  Bytes bytes;  ///< the NodeProto

  /// The attribute of that name, or null.
  const Attribute* attribute(std::string_view attribute_name) const;
};

/// A constant of the graph.
struct Initializer {
  std::string_view name;
  Type type = Type::kUndefined;
  std::vector<int64_t> shape;
  Bytes raw;                  ///< raw_data; empty where the values stand in typed fields or outside the file
  bool is_external = false;   ///< its data lie in another file
  std::string external_path;  ///< "location" of external data; anything that the model's author wrote, so not to be opened unchecked
  Bytes bytes;                ///< the TensorProto
};

struct Model {
  int64_t ir_version = 0;
  std::string_view producer_name;
  std::string_view producer_version;
  std::vector<Opset> opsets;
  std::vector<Property> metadata;  ///< metadata_props, in the file's order
  std::string_view graph_name;
  std::vector<ValueInfo> inputs;  ///< graph inputs that have no initializer: what a caller must feed
  std::vector<ValueInfo> outputs;
  std::vector<Node> nodes;
  std::vector<Initializer> initializers;
  int64_t n_functions = 0;
  int64_t n_weights = 0;    ///< numbers in initializers, Constant nodes and attribute lists together, subgraphs and functions included
  int64_t n_divisions = 0;  ///< Div and Mod nodes, of whatever type, subgraphs and functions included
  /// "location" of every tensor whose data lie in another file, wherever it stands: initializers, attributes, subgraphs, functions.
  std::vector<std::string> external_paths;

  /// Node that makes `value`, or null for an input, an initializer, or a name that nobody makes.
  const Node* producer_of(std::string_view value) const;
  /// Version of a domain's operator set; 0 if the model does not import it.
  int64_t opset(std::string_view domain) const;
};

/// Reads a serialized ModelProto. Never reads past `bytes`, recurses no deeper than protobuf itself would and allocates in proportion to
/// the input only. Throws Error(kInvalidModel) that tells empty, not protobuf, cut off, protobuf but not a ModelProto (no graph, no
/// ir_version, a field of another type) and a broken graph apart, with the byte offset where there is one. Whether the graph makes sense
/// (names, types, cycles) is left to ONNX Runtime. `name`: what messages call the model.
Model read_model(Bytes bytes, std::string_view name);

}  // namespace edgeonnx::onnx
