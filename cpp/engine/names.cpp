#include "engine/names.h"

#include <string_view>

namespace edgeonnx::engine {

std::string shape_text(const std::vector<int64_t>& shape, const std::vector<std::string>& symbols) {
  std::vector<std::string> sizes;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool has_name = i < symbols.size() && !symbols[i].empty();
    sizes.push_back(i == 0 ? "N" : shape[i] >= 0 ? std::to_string(shape[i]) : has_name ? symbols[i] : "?");
  }
  return "[" + join(sizes) + "]";
}

std::string describe(const plan::Port& port) {
  return in_quotes(port.name) + " " + (port.type == Type::kUndefined ? port.onnx_type : display_name(port.type)) +
         (port.width() == 1 ? "" : " " + shape_text(port.shape, port.symbols));
}

bool is_list(const Field& field) {
  if (field.type != Type::kUndefined) return false;
  const std::string_view name = field.type_name;
  return name.starts_with("list") || name.starts_with("large_list") || name.starts_with("List(");
}

}  // namespace edgeonnx::engine
