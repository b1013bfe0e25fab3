// Inputs and outputs as the user sees them, and why some can't be fed or read by columns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "onnx/rewrite.h"
#include "plan/plan.h"

namespace edgeonnx::plan {

std::vector<Port> input_ports(const onnx::Model& model);
/// As the session tells them, which knows what the model leaves to be inferred.
std::vector<Port> input_ports(const ort::Session& session, const onnx::Model& model);

/// "" where a tensor of that type can be read into columns, else the reason.
std::string output_refusal(const std::string& onnx_type, bool is_tensor, Type type);

/// Fills plan.outputs from plan.tensors, which must hold the tensor of every output, by name.
void make_output_ports(Plan& plan, const onnx::Model& model, const std::vector<onnx::ZipMap>& zipmaps);

/// The tensors behind the outputs that can be read, as far as the model tells types: each once, the scores of a ZipMap in its place.
std::vector<std::string_view> output_tensors(const onnx::Model& model, const std::vector<onnx::ZipMap>& zipmaps);

/// Sizes behind the first; nothing if one of them is free.
std::optional<std::vector<int64_t>> inner_sizes(const Port& port);
std::optional<std::vector<std::vector<int64_t>>> inner_sizes(const std::vector<Port>& ports);

/// "[N, 20]"
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace edgeonnx::plan
