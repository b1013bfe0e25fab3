// What native operators are made of: a node of the graph, its inputs as columns or constants, and its outputs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "onnx/model.h"
#include "onnx/tensor.h"
#include "plan/dataflow.h"

namespace edgeonnx::plan {

/// Of a value, and more or less of all values together: a row of more is no row of a table, and a hostile model must not fill memory.
inline constexpr int64_t kMostColumns = 1 << 17;

/// Why a node is left to ONNX Runtime, as the end of a sentence about it.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A value of the graph: a constant, or a tensor [rows, inner...] as one column for each of its values a row.
struct Value {
  Type type = Type::kUndefined;
  std::vector<int64_t> inner;  ///< sizes behind the rows
  std::vector<ColumnId> columns;
  std::optional<onnx::Tensor> constant;

  bool is_constant() const { return constant.has_value(); }
  bool is_matrix() const { return !is_constant() && inner.size() == 1; }
};

/// Throws Refusal for a value of n columns, or of a * b, that is too wide.
void demand_width(int64_t n);
void demand_width(int64_t a, int64_t b);

class NodeContext {
 public:
  using Values = std::unordered_map<std::string_view, Value>;

  NodeContext(const onnx::Node& node, int64_t opset, Dataflow& flow, Values& values)
      : node_(node), opset_(opset), flow_(flow), values_(values) {}

  const onnx::Node& node() const { return node_; }
  int64_t opset() const { return opset_; }
  Dataflow& flow() { return flow_; }

  size_t n_inputs() const { return node_.inputs.size(); }
  bool has_input(size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }
  bool has_output(size_t i) const { return i < node_.outputs.size() && !node_.outputs[i].empty(); }
  /// Each throws Refusal where the input is missing or something else.
  const Value& input(size_t i) const;
  const Value& columns(size_t i) const;  ///< not a constant
  const Value& matrix(size_t i) const;   ///< [rows, k]
  const onnx::Tensor& constant(size_t i) const;
  const std::vector<int64_t>& constant_integers(size_t i) const;  ///< of int32 or int64

  /// Attributes, or the default where there is none.
  int64_t integer(std::string_view name, int64_t otherwise) const;
  float real(std::string_view name, float otherwise) const;
  std::string_view text(std::string_view name, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view name) const;
  std::vector<float> reals(std::string_view name) const;
  bool has(std::string_view name) const { return node_.attribute(name) != nullptr; }

  /// Nothing happens where the node leaves the output out.
  void output(size_t i, Value value);

  bool is_rough(const Value& value) const;
  /// Throws Refusal where a column of the value is rough: `what` then depends on ONNX Runtime's own rounding.
  void demand_exact(const Value& value, const char* what) const;

 private:
  const onnx::Node& node_;
  int64_t opset_;
  Dataflow& flow_;
  Values& values_;
};

struct Operator {
  /// Translates a node, or throws Refusal.
  void (*translate)(NodeContext& context);
  /// Its results are rough whatever its inputs: ONNX Runtime's bits are not promised.
  bool is_rough = false;
};

/// The native operator of a node; null where there is none.
const Operator* find_operator(const onnx::Node& node);

/// The tables that find_operator looks up: by name, in the domain "" or "ai.onnx.ml".
struct NamedOperator {
  std::string_view name;
  Operator entry;
};
std::span<const NamedOperator> shape_operators();
std::span<const NamedOperator> arithmetic_operators();
std::span<const NamedOperator> linear_operators();
std::span<const NamedOperator> linear_ml_operators();
std::span<const NamedOperator> ml_operators();
std::span<const NamedOperator> tree_operators();

}  // namespace edgeonnx::plan
