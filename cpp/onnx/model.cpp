#include "onnx/model.h"

#include <algorithm>

namespace edgeonnx::onnx {

bool is_same_domain(std::string_view a, std::string_view b) {
  const auto plain = [](std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; };
  return plain(a) == plain(b);
}

const Attribute* Node::attribute(std::string_view attribute_name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& each) { return each.name == attribute_name; });
  return found == attributes.end() ? nullptr : &*found;
}

const Node* Model::producer_of(std::string_view value) const {
  if (value.empty()) return nullptr;  // an output left out
  const auto makes_value = [&](const Node& node) {
    return std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end();
  };
  const auto found = std::find_if(nodes.begin(), nodes.end(), makes_value);
  return found == nodes.end() ? nullptr : &*found;
}

int64_t Model::opset(std::string_view domain) const {
  int64_t version = 0;
  for (const Opset& each : opsets) {
    if (is_same_domain(each.domain, domain)) version = each.version;  // the last one counts, as in ONNX Runtime
  }
  return version;
}

}  // namespace edgeonnx::onnx
