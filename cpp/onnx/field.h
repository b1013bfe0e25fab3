// Field numbers of onnx.proto (onnx/onnx), those that are read or written here; one namespace per message.
#pragma once

#include <cstdint>

namespace edgeonnx::onnx::field {

namespace model {
enum : uint32_t {
  kIrVersion = 1,
  kProducerName = 2,
  kProducerVersion = 3,
  kDomain = 4,
  kModelVersion = 5,
  kDocString = 6,
  kGraph = 7,
  kOpsetImport = 8,
  kMetadata = 14,
  kFunctions = 25
};
}
namespace opset {
enum : uint32_t { kDomain = 1, kVersion = 2 };
}
namespace graph {
enum : uint32_t { kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12, kValueInfo = 13, kSparseInitializer = 15 };
}
namespace function {
enum : uint32_t { kNode = 7, kAttributeProto = 11 };
}
namespace node {
enum : uint32_t { kInput = 1, kOutput = 2, kName = 3, kOpType = 4, kAttribute = 5, kDomain = 7 };
}
namespace attribute {
enum : uint32_t {
  kName = 1,
  kF = 2,
  kI = 3,
  kS = 4,
  kT = 5,
  kG = 6,
  kFloats = 7,
  kInts = 8,
  kStrings = 9,
  kTensors = 10,
  kGraphs = 11,
  kType = 20,
  kSparseTensor = 22,
  kSparseTensors = 23
};
}
namespace tensor {
enum : uint32_t { kDims = 1, kDataType = 2, kName = 8, kRawData = 9, kExternalData = 13, kDataLocation = 14 };
}
namespace sparse_tensor {
enum : uint32_t { kValues = 1, kIndices = 2 };
}
namespace key_value {
enum : uint32_t { kKey = 1, kValue = 2 };
}
namespace value_info {
enum : uint32_t { kName = 1, kType = 2 };
}
/// TypeProto.
namespace type {
enum : uint32_t { kTensor = 1, kSequence = 4, kMap = 5, kOpaque = 7, kSparseTensor = 8, kOptional = 9 };
}
/// TypeProto.Tensor and TypeProto.SparseTensor.
namespace tensor_type {
enum : uint32_t { kElementType = 1, kShape = 2 };
}
/// TypeProto.Sequence and TypeProto.Optional.
namespace element {
enum : uint32_t { kType = 1 };
}
namespace map {
enum : uint32_t { kKeyType = 1, kValueType = 2 };
}
namespace opaque {
enum : uint32_t { kDomain = 1, kName = 2 };
}
namespace shape {
enum : uint32_t { kDimension = 1 };
}
namespace dimension {
enum : uint32_t { kValue = 1, kParameter = 2 };
}

}  // namespace edgeonnx::onnx::field
