// read_model: what kind of file this is, and the ModelProto around the graph.
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "onnx/field.h"
#include "onnx/graph.h"
#include "onnx/model.h"

namespace edgeonnx::onnx {

namespace {

/// What ModelProto's fields must look like; a field of another number is left alone.
constexpr std::optional<Wire> expected_wire(uint32_t number) {
  switch (number) {
    case field::model::kIrVersion:
    case field::model::kModelVersion:
      return Wire::kVarint;
    case field::model::kProducerName:
    case field::model::kProducerVersion:
    case field::model::kDomain:
    case field::model::kDocString:
    case field::model::kGraph:
    case field::model::kOpsetImport:
    case field::model::kMetadata:
    case field::model::kFunctions:
      return Wire::kBytes;
    default:
      return std::nullopt;
  }
}

/// Walks over the fields of the file without looking into them, and says what kind of file it is if it is not a ModelProto.
void check_outline(Bytes bytes, const Source& source) {
  const auto refuse = [&](const std::string& what) { throw Error(Code::kInvalidModel, source.what + what); };
  if (bytes.empty()) refuse(" is empty: it has no bytes at all");

  Reader reader(bytes, source, "ModelProto");
  bool has_ir_version = false;
  bool has_graph = false;
  bool has_opset = false;
  const auto at = [&] { return std::to_string(reader.field().data() - bytes.data()); };
  const auto next = [&] {
    try {
      return reader.next();
    } catch (const Overrun&) {
      // Every writer puts ir_version first, so a file that does not begin with it was no model before it was cut either.
      if (has_ir_version || reader.number() == field::model::kIrVersion) {
        refuse(" is cut off: its " + std::to_string(bytes.size()) + " bytes end inside the field that begins at byte " + at() +
               "; copy the file again");
      }
    } catch (const Error&) {
    }
    refuse(" is not an ONNX model: its bytes are not protobuf, from byte " + at() + " on");
    return false;
  };

  while (next()) {
    const std::optional<Wire> expected = expected_wire(reader.number());
    if (expected && reader.wire() != *expected) {
      refuse(" is not an ONNX model: it may be protobuf, but field " + std::to_string(reader.number()) + " at byte " + at() +
             " has another wire type than in a ModelProto");
    }
    if (reader.number() == field::model::kGraph && std::exchange(has_graph, true)) refuse(" has a second graph at byte " + at());
    has_ir_version = has_ir_version || reader.number() == field::model::kIrVersion;
    has_opset = has_opset || reader.number() == field::model::kOpsetImport;
  }
  if (!has_graph || !has_ir_version) {
    refuse(std::string(" is not an ONNX model: it is protobuf, but without ") + (has_graph ? "an ir_version" : "a graph"));
  }
  if (!has_opset) refuse(" imports no operator set (opset_import); it may be cut off");
}

Opset read_opset(Reader reader) {
  Opset opset;
  while (reader.next()) {
    if (reader.number() == field::opset::kDomain) opset.domain = reader.text();
    if (reader.number() == field::opset::kVersion) opset.version = reader.integer();
  }
  return opset;
}

Property read_property(Reader reader) {
  Property property;
  while (reader.next()) {
    if (reader.number() == field::key_value::kKey) property.key = reader.text();
    if (reader.number() == field::key_value::kValue) property.value = reader.text();
  }
  return property;
}

}  // namespace

Model read_model(Bytes bytes, std::string_view name) {
  const Source source{"model " + in_quotes(name), bytes.data()};
  check_outline(bytes, source);

  Model model;
  GraphReader graphs(model);
  Reader reader(bytes, source, "ModelProto");
  while (reader.next()) {
    switch (reader.number()) {
      case field::model::kIrVersion:
        model.ir_version = reader.integer();
        break;
      case field::model::kProducerName:
        model.producer_name = reader.text();
        break;
      case field::model::kProducerVersion:
        model.producer_version = reader.text();
        break;
      case field::model::kOpsetImport:
        model.opsets.push_back(read_opset(reader.message("OperatorSetIdProto")));
        break;
      case field::model::kMetadata:
        model.metadata.push_back(read_property(reader.message("StringStringEntryProto")));
        break;
      case field::model::kFunctions:
        (void)graphs.read_function(reader.message("FunctionProto"));
        ++model.n_functions;
        break;
      case field::model::kGraph: {
        Graph graph = graphs.read_graph(reader.message("GraphProto"));
        model.graph_name = graph.name;
        model.inputs = std::move(graph.inputs);
        model.outputs = std::move(graph.outputs);
        model.nodes = std::move(graph.nodes);
        model.initializers = std::move(graph.initializers);
        break;
      }
    }
  }
  return model;
}

}  // namespace edgeonnx::onnx
