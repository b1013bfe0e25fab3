// What a rewrite would change: the ZipMaps that make outputs, the batch size that inputs fix.
#include <unordered_map>

#include "onnx/attribute.h"
#include "onnx/rewrite.h"

namespace edgeonnx::onnx {

namespace {

bool is_zipmap(const Node& node) {
  return node.op_type == "ZipMap" && node.domain == "ai.onnx.ml" && node.inputs.size() == 1 && !node.inputs[0].empty() &&
         node.outputs.size() == 1;
}

/// The class labels; none where the node has no list or both, which ONNX Runtime will refuse.
std::vector<std::string> classes_of(const Node& node) {
  std::vector<std::string> classes;
  const Attribute* numbers = node.attribute("classlabels_int64s");
  const Attribute* texts = node.attribute("classlabels_strings");
  if (numbers && texts) return classes;
  if (numbers) {
    for (const int64_t label : read_ints(*numbers)) classes.push_back(std::to_string(label));
  }
  if (texts) {
    for (const std::string_view label : read_strings(*texts)) classes.emplace_back(label);
  }
  return classes;
}

}  // namespace

std::vector<ZipMap> find_zipmaps(const Model& model) {
  std::unordered_map<std::string_view, const Node*> by_output;
  for (const Node& node : model.nodes) {
    if (is_zipmap(node)) by_output.emplace(node.outputs[0], &node);
  }
  for (const Node& node : model.nodes) {
    for (const std::string_view input : node.inputs) by_output.erase(input);
  }
  std::vector<ZipMap> found;
  for (const ValueInfo& output : model.outputs) {
    const auto node = by_output.find(output.name);
    if (node == by_output.end()) continue;
    std::vector<std::string> classes = classes_of(*node->second);
    if (!classes.empty()) found.push_back({std::string(output.name), std::string(node->second->inputs[0]), std::move(classes)});
  }
  return found;
}

std::optional<int64_t> fixed_batch(const Model& model) {
  std::optional<int64_t> batch;
  for (const ValueInfo& input : model.inputs) {
    if (input.kind != Kind::kTensor || input.shape.empty() || input.shape[0].value < 0) return std::nullopt;
    if (batch && *batch != input.shape[0].value) return std::nullopt;
    batch = input.shape[0].value;
  }
  return batch;
}

}  // namespace edgeonnx::onnx
