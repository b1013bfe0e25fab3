#include "plan/translation.h"

#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::plan {

Translation::Translation(const onnx::Model& model, bool exact_only) : model_(model), exact_only_(exact_only) {
  for (const onnx::Initializer& initializer : model.initializers) constants_.emplace(initializer.name, &initializer);
}

void Translation::read_constants(const onnx::Node& node) {
  // Larger ones are for matrix products that are left to ONNX Runtime.
  constexpr size_t kMostBytes = 8 << 20;
  for (const std::string_view input : node.inputs) {
    const auto at = constants_.find(input);
    if (at == constants_.end() || at->second->bytes.size() > kMostBytes) continue;
    // A constant that can't be read is no value, and whoever needs it is refused.
    if (auto tensor = onnx::read_tensor(*at->second)) {
      const Type type = tensor->type;
      values_.insert_or_assign(input, Value{type, {}, {}, std::move(tensor)});
    }
    constants_.erase(at);
  }
}

void Translation::add_leaf(std::string_view name, Type type, const std::vector<int64_t>& inner, bool is_tensor, size_t index) {
  const std::optional<int64_t> n = n_columns_of(inner);
  if (!n || *n > kMostColumns - flow_.n_columns()) return;  // whoever needs it is refused
  Value value{type, inner, {}, {}};
  for (int64_t i = 0; i < *n; ++i) value.columns.push_back(flow_.add_source({is_tensor, index, i}, type));
  values_.insert_or_assign(name, std::move(value));
}

std::string Translation::translate(const onnx::Node& node) {
  const Operator* found = find_operator(node);
  if (!found) return "there is no native kernel for it";
  if (found->is_rough && exact_only_) return "its results go on to nodes that are left to ONNX Runtime, by its own rounding";
  read_constants(node);
  NodeContext context(node, model_.opset(node.domain), flow_, values_);
  try {
    found->translate(context);
  } catch (const Refusal& refusal) {
    return refusal.what();
  } catch (const Error& error) {
    return error.what();  // constants are looked into for the first time here
  }
  return "";
}

const Value* Translation::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? nullptr : &at->second;
}

}  // namespace edgeonnx::plan
