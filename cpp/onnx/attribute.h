// The lists of an attribute, decoded when they are wanted: those of a tree ensemble weigh more than the rest of its model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// `floats`; empty where the attribute has none. The attribute must come from read_model, as in all of these.
std::vector<float> read_floats(const Attribute& attribute);
/// `ints`
std::vector<int64_t> read_ints(const Attribute& attribute);
/// `strings`, views into the model's bytes
std::vector<std::string_view> read_strings(const Attribute& attribute);

}  // namespace edgeonnx::onnx
