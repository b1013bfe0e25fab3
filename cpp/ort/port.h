// What ONNX Runtime says of a value's type, in our terms.
#pragma once

#include "ort/abi.h"
#include "ort/session.h"

namespace edgeonnx::ort {

/// ONNX Runtime's element type as ours; kUndefined for one that has no number in base/type.h (float8, int4 ...).
constexpr Type to_type(ONNXTensorElementDataType element) {
  return element >= 0 && element <= static_cast<int32_t>(Type::kBfloat16) ? static_cast<Type>(element) : Type::kUndefined;
}

/// All of PortInfo but its name.
PortInfo describe_type(const Api& api, const OrtTypeInfo* info);

std::vector<int64_t> shape_of(const Api& api, const OrtTensorTypeAndShapeInfo* info);

}  // namespace edgeonnx::ort
