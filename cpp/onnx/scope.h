// What the nodes of a graph can see: its values and those of the graphs around it, with their element types and constants.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "onnx/model.h"
#include "onnx/tensor.h"

namespace edgeonnx::onnx {

/// Nodes and initializers that are added must outlive the scope, and so must the scope around it.
class Scope {
 public:
  explicit Scope(const Scope* outer) : outer_(outer) {}

  /// The value is of this type, as far as somebody says; kUndefined tells only that there is such a value here. Two that contradict each
  /// other are as good as none.
  void declare(std::string_view value, Type type);
  /// `is_fixed`: nobody can feed another tensor in its place.
  void add_initializer(const Initializer& initializer, bool is_fixed);
  /// The outputs of the node, after its inputs. `inner`: what the outputs of the graphs inside it are, where it has some.
  void add_node(const Node& node, const std::vector<Type>& inner);

  /// Whether the value is one of this graph, not of one around it.
  bool is_own(std::string_view value) const { return entries_.contains(value); }
  /// kUndefined where it is not known.
  Type type(std::string_view value) const;
  /// The value's numbers where they are the same in every run and can be read.
  std::optional<Tensor> constant(std::string_view value) const;

 private:
  struct Entry {
    Type type = Type::kUndefined;
    bool is_contradicted = false;
    bool is_fixed = false;
    const Initializer* initializer = nullptr;
    const Attribute* attribute = nullptr;  ///< of a Constant
  };
  const Entry* find(std::string_view value) const;
  std::vector<Type> types_made_by(const Node& node) const;

  const Scope* outer_;
  std::unordered_map<std::string_view, Entry> entries_;
};

}  // namespace edgeonnx::onnx
