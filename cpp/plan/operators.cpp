#include "plan/operators.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "onnx/attribute.h"

namespace edgeonnx::plan {

void demand_width(int64_t n) {
  if (n > kMostColumns) throw Refusal("it makes rows of more than " + std::to_string(kMostColumns) + " values");
}

void demand_width(int64_t a, int64_t b) { demand_width(a > 0 && b > kMostColumns / a ? kMostColumns + 1 : a * b); }

const Value& NodeContext::input(size_t i) const {
  if (!has_input(i)) throw Refusal("input " + std::to_string(i) + " is missing");
  const auto at = values_.find(node_.inputs[i]);
  if (at == values_.end()) throw Refusal("its input " + in_quotes(node_.inputs[i]) + " is made by ONNX Runtime");
  return at->second;
}

const Value& NodeContext::columns(size_t i) const {
  const Value& value = input(i);
  if (value.is_constant()) throw Refusal("its input " + in_quotes(node_.inputs[i]) + " is a constant");
  return value;
}

const Value& NodeContext::matrix(size_t i) const {
  const Value& value = columns(i);
  if (!value.is_matrix()) throw Refusal("its input " + in_quotes(node_.inputs[i]) + " is not of rank 2");
  return value;
}

const onnx::Tensor& NodeContext::constant(size_t i) const {
  const Value& value = input(i);
  if (!value.is_constant()) throw Refusal("its input " + in_quotes(node_.inputs[i]) + " is not a constant");
  return *value.constant;
}

const std::vector<int64_t>& NodeContext::constant_integers(size_t i) const {
  const onnx::Tensor& tensor = constant(i);
  if (tensor.type != Type::kInt32 && tensor.type != Type::kInt64)
    throw Refusal("its constant " + in_quotes(node_.inputs[i]) + " is not of integers");
  return tensor.integers;
}

int64_t NodeContext::integer(std::string_view name, int64_t otherwise) const {
  const onnx::Attribute* attribute = node_.attribute(name);
  return attribute ? attribute->i : otherwise;
}

float NodeContext::real(std::string_view name, float otherwise) const {
  const onnx::Attribute* attribute = node_.attribute(name);
  return attribute ? attribute->f : otherwise;
}

std::string_view NodeContext::text(std::string_view name, std::string_view otherwise) const {
  const onnx::Attribute* attribute = node_.attribute(name);
  return attribute ? attribute->s : otherwise;
}

std::vector<int64_t> NodeContext::integers(std::string_view name) const {
  const onnx::Attribute* attribute = node_.attribute(name);
  return attribute ? onnx::read_ints(*attribute) : std::vector<int64_t>();
}

std::vector<float> NodeContext::reals(std::string_view name) const {
  const onnx::Attribute* attribute = node_.attribute(name);
  return attribute ? onnx::read_floats(*attribute) : std::vector<float>();
}

void NodeContext::output(size_t i, Value value) {
  if (has_output(i)) values_.insert_or_assign(node_.outputs[i], std::move(value));
}

bool NodeContext::is_rough(const Value& value) const {
  return std::any_of(value.columns.begin(), value.columns.end(), [this](ColumnId column) { return flow_[column].is_rough; });
}

void NodeContext::demand_exact(const Value& value, const char* what) const {
  if (is_rough(value)) throw Refusal(std::string(what) + " would depend on how ONNX Runtime rounds a matrix product");
}

const Operator* find_operator(const onnx::Node& node) {
  const bool is_ml = node.domain == "ai.onnx.ml";
  if (!is_ml && !onnx::is_same_domain(node.domain, "")) return nullptr;
  const auto in = [&](std::span<const NamedOperator> table) -> const Operator* {
    const auto at = std::find_if(table.begin(), table.end(), [&](const NamedOperator& each) { return each.name == node.op_type; });
    return at == table.end() ? nullptr : &at->entry;
  };
  const std::span<const NamedOperator> ml[] = {tree_operators(), ml_operators(), linear_ml_operators()};
  const std::span<const NamedOperator> plain[] = {shape_operators(), arithmetic_operators(), linear_operators()};
  for (const auto table : is_ml ? ml : plain) {
    if (const Operator* found = in(table)) return found;
  }
  return nullptr;
}

}  // namespace edgeonnx::plan
