#include "engine/names.h"

namespace edgeonnx::engine {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (size_t i = 0; i < shape.size(); ++i) sizes.push_back(i == 0 ? "N" : shape[i] < 0 ? "?" : std::to_string(shape[i]));
  return "[" + join(sizes) + "]";
}

std::string describe(const plan::Port& port) {
  return in_quotes(port.name) + " " + (port.type == Type::kUndefined ? port.onnx_type : display_name(port.type)) +
         (port.width() == 1 ? "" : " " + shape_text(port.shape));
}

}  // namespace edgeonnx::engine
