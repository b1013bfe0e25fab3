// Reads a ValueInfoProto: the name, type and shape of a graph's input, output or intermediate value.
#pragma once

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// `message`: a reader at the start of a ValueInfoProto.
ValueInfo read_value_info(Reader message);

/// Its name alone.
std::string_view name_of(Reader message);

/// TensorProto.DataType as a Type; kUndefined for numbers that base/type.h lacks.
Type element_type(int64_t data_type);

}  // namespace edgeonnx::onnx
