// A part of a model's graph as a model of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// A tensor [N, inner...] that the part is fed.
struct SubgraphInput {
  std::string name;
  Type type = Type::kUndefined;
  std::vector<int64_t> inner;
};

struct Subgraph {
  std::vector<bool> keeps_node;       ///< one a node of the model
  std::vector<SubgraphInput> inputs;  ///< values of the graph that take the place of its inputs; inputs of the model keep their declaration
  std::vector<std::string> outputs;  ///< values that some kept node makes; their types are left to ONNX Runtime unless the model tells them
};

/// The bytes of the part. `model` must have been read from `bytes`. Constants stay, whether a kept node needs them or not.
std::vector<std::byte> subgraph(Bytes bytes, const Model& model, const Subgraph& part);

}  // namespace edgeonnx::onnx
