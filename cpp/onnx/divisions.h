// Divisions of integers by what comes from data. Processors trap a divisor of 0, and -1 under the least number of the type; ONNX Runtime
// leaves some of it to them (all of it up to 1.25, overflow still in 1.32), and a trap ends the process.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// A Div or a Mod, at any depth of graphs and functions, that may be one of integers and meet such a divisor.
struct Division {
  const std::byte* node = nullptr;  ///< where its NodeProto begins
  std::string name;                 ///< for messages: "node 'ratio' (Div)"
  Type type = Type::kUndefined;     ///< of what is divided; kUndefined where the model does not tell it
  bool may_meet_zero = true;
  bool may_meet_least = true;  ///< and -1
};

/// Those of a model that read_model has passed; none where every divisor is a constant that suits. Functions have types only where they are
/// called, so that all of theirs count as unknown.
std::vector<Division> find_divisions(Bytes bytes);

/// Whether guard_divisions can do something for the type.
bool is_guarded(Type type);

/// The model with nodes before each division of an integer type: they fail where it would trap, named as in base/refusal.h; a Mod by -1
/// becomes one by 1, which is the same and harmless. Where `type` is kFloat a node stands there instead that ONNX Runtime loads only if
/// the division is one of floating numbers, whatever their size. Those of kUndefined stay as they are.
std::vector<std::byte> guard_divisions(Bytes bytes, std::span<const Division> divisions);

}  // namespace edgeonnx::onnx
