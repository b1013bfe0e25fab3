// The nodes of a graph as operations on columns, as far as native operators go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "onnx/model.h"
#include "plan/operators.h"

namespace edgeonnx::plan {

class Translation {
 public:
  /// Takes up the constants of the model, which must outlive the translation. `exact_only`: operators whose results are rough are refused.
  Translation(const onnx::Model& model, bool exact_only);

  /// A value that is there before any node runs: `inner` are its sizes behind the rows. Nothing happens where those are too many.
  void add_leaf(std::string_view name, Type type, const std::vector<int64_t>& inner, bool is_tensor, size_t index);

  /// Translates a node whose inputs have been translated or added. The reason where it can't be; empty where it was.
  std::string translate(const onnx::Node& node);

  /// The value of that name; null where nobody made it.
  const Value* find(std::string_view name) const;

  Dataflow& flow() { return flow_; }

 private:
  void read_constants(const onnx::Node& node);

  const onnx::Model& model_;
  bool exact_only_;
  Dataflow flow_;
  NodeContext::Values values_;
  std::unordered_map<std::string_view, const onnx::Initializer*> constants_;  ///< not read yet
};

}  // namespace edgeonnx::plan
