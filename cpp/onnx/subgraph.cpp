#include "onnx/subgraph.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {
namespace {

Writer tensor_info(const SubgraphInput& input) {
  Writer rows, shape, tensor, type, info;
  rows.text(field::dimension::kParameter, "edgeonnx_rows");
  shape.message(field::shape::kDimension, rows);
  for (const int64_t size : input.inner) {
    Writer dimension;
    dimension.integer(field::dimension::kValue, size);
    shape.message(field::shape::kDimension, dimension);
  }
  tensor.integer(field::tensor_type::kElementType, static_cast<int64_t>(input.type));
  tensor.message(field::tensor_type::kShape, shape);
  type.message(field::type::kTensor, tensor);
  info.text(field::value_info::kName, input.name);
  info.message(field::value_info::kType, type);
  return info;
}

Writer bare_info(const std::string& name) {
  Writer info;
  info.text(field::value_info::kName, name);
  return info;
}

Writer part_of_graph(Reader graph, const Model& model, const Subgraph& part) {
  std::unordered_set<const std::byte*> dropped;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    if (!part.keeps_node[i]) dropped.insert(model.nodes[i].bytes.data());
  }
  std::unordered_set<std::string_view> fed;
  for (const SubgraphInput& input : part.inputs) fed.insert(input.name);
  const std::unordered_set<std::string_view> wanted(part.outputs.begin(), part.outputs.end());

  const auto is_fed = [&](std::string_view name) {
    return std::any_of(model.inputs.begin(), model.inputs.end(), [&](const ValueInfo& input) { return input.name == name; });
  };

  Writer out;
  std::unordered_map<std::string_view, Bytes> old;
  while (graph.next()) {
    const Bytes field = graph.field();
    switch (graph.number()) {
      case field::graph::kNode:
        if (!dropped.contains(graph.bytes().data())) out.verbatim(field);
        break;
      case field::graph::kInput:
        // Where a constant may be declared as an input too, it must stay so: older models need it.
        if (!is_fed(name_of(graph.message("ValueInfoProto")))) {
          out.verbatim(field);
          break;
        }
        [[fallthrough]];
      case field::graph::kOutput:
        old.emplace(name_of(graph.message("ValueInfoProto")), field);
        break;
      case field::graph::kValueInfo: {
        const std::string_view name = name_of(graph.message("ValueInfoProto"));
        if (!fed.contains(name) && !wanted.contains(name)) out.verbatim(field);
        break;
      }
      default:
        out.verbatim(field);
    }
  }
  for (const SubgraphInput& input : part.inputs) {
    const auto at = std::find_if(model.inputs.begin(), model.inputs.end(), [&](const ValueInfo& each) { return each.name == input.name; });
    at != model.inputs.end() ? out.verbatim(old.at(at->name)) : out.message(field::graph::kInput, tensor_info(input));
  }
  for (const std::string& output : part.outputs) {
    const auto at = std::find_if(model.outputs.begin(), model.outputs.end(), [&](const ValueInfo& each) { return each.name == output; });
    at != model.outputs.end() ? out.verbatim(old.at(at->name)) : out.message(field::graph::kOutput, bare_info(output));
  }
  return out;
}

}  // namespace

std::vector<std::byte> subgraph(Bytes bytes, const Model& model, const Subgraph& part) {
  Writer file;
  const Source source{"model", bytes.data()};
  Reader reader(bytes, source, "ModelProto");
  while (reader.next()) {
    if (reader.number() != field::model::kGraph) {
      file.verbatim(reader.field());
    } else {
      file.message(field::model::kGraph, part_of_graph(reader.message("GraphProto"), model, part));
    }
  }
  return file.buffer();
}

}  // namespace edgeonnx::onnx
