// Walks OrtTypeInfo, which nests: a sequence of maps of tensors.
#include "ort/port.h"

#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

constexpr const char* kDoing = "describe its inputs and outputs";

std::string element_text(ONNXTensorElementDataType element) {
  const Type type = to_type(element);
  return type == Type::kUndefined ? "element type " + std::to_string(element) : onnx_name(type);
}

/// The type text of what a getter of a nested OrtTypeInfo hands out.
template <class Container>
std::string nested_text(const Api& api, OrtStatus* (*getter)(const Container*, OrtTypeInfo**), const Container* container) {
  OrtTypeInfo* nested = nullptr;
  check(api, getter(container, &nested), Phase::kSetup, kDoing);
  const OwnedTypeInfo owner(nested, {&api});
  return describe_type(api, nested).type_text;
}

}  // namespace

std::vector<int64_t> shape_of(const Api& api, const OrtTensorTypeAndShapeInfo* info) {
  size_t rank = 0;
  check(api, api.GetDimensionsCount(info, &rank), Phase::kSetup, kDoing);
  std::vector<int64_t> shape(rank);
  if (rank > 0) check(api, api.GetDimensions(info, shape.data(), rank), Phase::kSetup, kDoing);
  return shape;
}

PortInfo describe_type(const Api& api, const OrtTypeInfo* info) {
  PortInfo port;
  ONNXType kind{};
  check(api, api.GetOnnxTypeFromTypeInfo(info, &kind), Phase::kSetup, kDoing);
  switch (kind) {
    case ONNX_TYPE_TENSOR:
    case ONNX_TYPE_SPARSETENSOR: {
      const OrtTensorTypeAndShapeInfo* tensor = nullptr;
      check(api, api.CastTypeInfoToTensorInfo(info, &tensor), Phase::kSetup, kDoing);
      ONNXTensorElementDataType element{};
      check(api, api.GetTensorElementType(tensor, &element), Phase::kSetup, kDoing);
      port.is_tensor = kind == ONNX_TYPE_TENSOR;
      port.type = to_type(element);
      port.type_text = (port.is_tensor ? "tensor(" : "sparse_tensor(") + element_text(element) + ")";
      port.shape = shape_of(api, tensor);
      // Before 1.24 nothing tells a scalar from a tensor of unknown rank: both have no dimensions.
      port.has_shape = api.TensorTypeAndShape_HasShape != nullptr ? api.TensorTypeAndShape_HasShape(tensor) : !port.shape.empty();
      break;
    }
    case ONNX_TYPE_SEQUENCE: {
      const OrtSequenceTypeInfo* sequence = nullptr;
      check(api, api.CastTypeInfoToSequenceTypeInfo(info, &sequence), Phase::kSetup, kDoing);
      port.type_text = "seq(" + nested_text(api, api.GetSequenceElementType, sequence) + ")";
      break;
    }
    case ONNX_TYPE_MAP: {
      const OrtMapTypeInfo* map = nullptr;
      check(api, api.CastTypeInfoToMapTypeInfo(info, &map), Phase::kSetup, kDoing);
      ONNXTensorElementDataType key{};
      check(api, api.GetMapKeyType(map, &key), Phase::kSetup, kDoing);
      port.type_text = "map(" + element_text(key) + "," + nested_text(api, api.GetMapValueType, map) + ")";
      break;
    }
    case ONNX_TYPE_OPTIONAL: {
      const OrtOptionalTypeInfo* optional = nullptr;
      check(api, api.CastTypeInfoToOptionalTypeInfo(info, &optional), Phase::kSetup, kDoing);
      port.type_text = "optional(" + nested_text(api, api.GetOptionalContainedTypeInfo, optional) + ")";
      break;
    }
    case ONNX_TYPE_OPAQUE:
      port.type_text = "opaque";
      break;
    default:
      port.type_text = "ONNX type " + std::to_string(kind);
  }
  return port;
}

}  // namespace edgeonnx::ort
