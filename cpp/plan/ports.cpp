#include "plan/ports.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::plan {
namespace {

/// "" where rows of a table can feed the input, else the reason.
std::string input_refusal(const ort::PortInfo& info) {
  if (!info.is_tensor) return "takes " + info.type_text + ", which a column can't feed";
  if (info.type == Type::kString)
    return "takes text (" + info.type_text + "), which is not supported; encode it as numbers before the model";
  if (size_of(info.type) == 0 || info.type == Type::kComplex64 || info.type == Type::kComplex128)
    return "takes " + info.type_text + ", which is not supported";
  if (info.has_shape && info.shape.empty()) return "is a scalar and has no dimension for the rows";
  if (!info.shape.empty() && std::find(info.shape.begin() + 1, info.shape.end(), 0) != info.shape.end())
    return "has a dimension of 0 and so takes no values";
  return "";
}

Port input_port(const ort::PortInfo& info, const std::vector<onnx::Dimension>& dimensions) {
  Port port{info.name, info.type_text, info.type, info.shape, input_refusal(info), std::vector<std::string>(info.shape.size())};
  for (size_t i = 0; i < std::min(dimensions.size(), port.symbols.size()); ++i) port.symbols[i] = dimensions[i].name;
  return port;
}

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(size < 0 ? "N" : std::to_string(size));
  return "[" + join(sizes) + "]";
}

int64_t Port::width() const {
  if (shape.empty()) return 1;
  const bool is_free = std::any_of(shape.begin() + 1, shape.end(), [](int64_t size) { return size < 0; });
  return is_free ? -1 : std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<Port> input_ports(const onnx::Model& model) {
  std::vector<Port> ports;
  for (const onnx::ValueInfo& input : model.inputs) {
    ort::PortInfo info{std::string(input.name), input.type_text, input.kind == onnx::Kind::kTensor, input.type, input.has_shape, {}};
    for (const onnx::Dimension& dimension : input.shape) info.shape.push_back(dimension.value);
    if (!info.shape.empty()) info.shape[0] = -1;
    ports.push_back(input_port(info, input.shape));
  }
  return ports;
}

std::vector<Port> input_ports(const ort::Session& session, const onnx::Model& model) {
  std::vector<Port> ports;
  for (ort::PortInfo info : session.inputs()) {
    // Runtimes before 1.24 can't tell a scalar from a shape that is left open; the model can.
    const auto declared =
        std::find_if(model.inputs.begin(), model.inputs.end(), [&](const auto& input) { return input.name == info.name; });
    const bool is_declared = declared != model.inputs.end();
    if (is_declared) info.has_shape = declared->has_shape;
    ports.push_back(input_port(info, is_declared ? declared->shape : std::vector<onnx::Dimension>()));
  }
  return ports;
}

std::string output_refusal(const std::string& onnx_type, bool is_tensor, Type type) {
  if (!is_tensor) return "returns " + onnx_type + ", which no column can hold";
  if (type == Type::kString) return "returns text (" + onnx_type + "), which is not supported";
  if (size_of(type) == 0 || type == Type::kComplex64 || type == Type::kComplex128)
    return "returns " + onnx_type + ", which is not supported";
  return "";
}

std::vector<std::string_view> output_tensors(const onnx::Model& model, const std::vector<onnx::ZipMap>& zipmaps) {
  std::vector<std::string_view> names;
  for (const onnx::ValueInfo& output : model.outputs) {
    const auto zipmap = std::find_if(zipmaps.begin(), zipmaps.end(), [&](const auto& each) { return each.output == output.name; });
    const bool is_told = output.kind != onnx::Kind::kUnknown;
    if (zipmap == zipmaps.end() && is_told && !output_refusal(output.type_text, output.kind == onnx::Kind::kTensor, output.type).empty())
      continue;
    const std::string_view name = zipmap == zipmaps.end() ? output.name : std::string_view(zipmap->scores);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void make_output_ports(Plan& plan, const onnx::Model& model, const std::vector<onnx::ZipMap>& zipmaps) {
  std::unordered_map<std::string_view, size_t> tensors;
  for (size_t i = 0; i < plan.tensors.size(); ++i) tensors.emplace(plan.tensors[i].name, i);
  const auto index_of = [&](std::string_view name) {
    const auto at = tensors.find(name);
    if (at == tensors.end()) throw Error(Code::kInternal, "the plan lost the output " + in_quotes(name));
    return at->second;
  };
  const auto refusal_of = [](const Tensor& tensor) { return output_refusal(tensor.onnx_type, tensor.is_tensor, tensor.type); };
  for (const onnx::ValueInfo& output : model.outputs) {
    const auto zipmap = std::find_if(zipmaps.begin(), zipmaps.end(), [&](const auto& each) { return each.output == output.name; });
    if (zipmap == zipmaps.end()) {
      const bool is_made = tensors.contains(output.name);
      Port port{std::string(output.name), output.type_text, output.type, {}, ""};
      if (is_made) {
        const Tensor& tensor = plan.tensors[index_of(output.name)];
        const bool is_known = tensor.shape && tensor.shape->refusal.empty();
        port = {tensor.name, tensor.onnx_type, tensor.type, is_known ? tensor.shape->shape : tensor.declared, refusal_of(tensor)};
        if (is_known && !port.shape.empty()) port.shape[0] = -1;
        for (const onnx::Dimension& dimension : output.shape) port.symbols.emplace_back(dimension.name);
      } else {
        port.refusal = output_refusal(output.type_text, output.kind == onnx::Kind::kTensor, output.type);
        if (port.refusal.empty()) throw Error(Code::kInternal, "the plan lost the output " + in_quotes(output.name));
      }
      plan.outputs.push_back({std::move(port), is_made ? index_of(output.name) : 0, 0, false});
      continue;
    }
    const size_t tensor = index_of(zipmap->scores);
    plan.notes.push_back("ZipMap: " + in_quotes(zipmap->output) + " is cut out; its " + std::to_string(zipmap->classes.size()) +
                         " classes are columns");
    for (size_t i = 0; i < zipmap->classes.size(); ++i) {
      Port port{zipmap->output + "_" + zipmap->classes[i],
                plan.tensors[tensor].onnx_type,
                plan.tensors[tensor].type,
                {-1},
                refusal_of(plan.tensors[tensor])};
      plan.outputs.push_back({std::move(port), tensor, static_cast<int64_t>(i), true});
    }
  }
}

std::optional<std::vector<int64_t>> inner_sizes(const Port& port) {
  if (!port.refusal.empty() || port.shape.empty()) return std::nullopt;
  std::vector<int64_t> inner(port.shape.begin() + 1, port.shape.end());
  if (std::any_of(inner.begin(), inner.end(), [](int64_t size) { return size < 0; })) return std::nullopt;
  return inner;
}

std::optional<std::vector<std::vector<int64_t>>> inner_sizes(const std::vector<Port>& ports) {
  std::vector<std::vector<int64_t>> all;
  for (const Port& port : ports) {
    auto inner = inner_sizes(port);
    if (!inner) return std::nullopt;
    all.push_back(*std::move(inner));
  }
  return all;
}

}  // namespace edgeonnx::plan
