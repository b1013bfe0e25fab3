// The slots of ONNX Runtime's OrtApi that edgeonnx calls, by number, declared by ourselves: no header of ONNX Runtime is needed to build.
// OrtApi is a table of function pointers to which releases only append, so a number, once published, keeps its meaning. Type names and
// signatures are spelled as in onnxruntime_c_api.h; tests/test_abi_table.py compares every line with the official header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeonnx::ort {

// Objects of ONNX Runtime, reached by pointer only.
struct OrtAllocator;
struct OrtCUDAProviderOptionsV2;
struct OrtEpAssignedNode;
struct OrtEpAssignedSubgraph;
struct OrtEpDevice;
struct OrtEnv;
struct OrtIoBinding;
struct OrtMapTypeInfo;
struct OrtMemoryInfo;
struct OrtOptionalTypeInfo;
struct OrtRunOptions;
struct OrtSequenceTypeInfo;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorRTProviderOptionsV2;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;

using ORTCHAR_T = char;  // of paths; another type on Windows

enum OrtErrorCode : int32_t { ORT_NOT_IMPLEMENTED = 9 };  // 1 to 15 by now; status.cpp has the names
enum ONNXType : int32_t {
  ONNX_TYPE_TENSOR = 1,
  ONNX_TYPE_SEQUENCE = 2,
  ONNX_TYPE_MAP = 3,
  ONNX_TYPE_OPAQUE = 4,
  ONNX_TYPE_SPARSETENSOR = 5,
  ONNX_TYPE_OPTIONAL = 6,
};
enum ONNXTensorElementDataType : int32_t {};  // the numbers of base/type.h up to 16
enum OrtLoggingLevel : int32_t { ORT_LOGGING_LEVEL_FATAL = 4 };
enum GraphOptimizationLevel : int32_t { ORT_DISABLE_ALL = 0, ORT_ENABLE_ALL = 99 };
enum OrtAllocatorType : int32_t { OrtDeviceAllocator = 0 };
enum OrtMemType : int32_t { OrtMemTypeDefault = 0 };

using OrtLoggingFunction = void (*)(void* param, OrtLoggingLevel severity, const char* category, const char* logid,
                                    const char* code_location, const char* message);

// X(number, since, returns, name, parameters). `since` is the N of the first ONNX Runtime 1.N that has the slot.
// clang-format off
#define EDGEONNX_ORT_SLOTS(X)                                                                                                             \
  /* Status and environment */                                                                                                            \
  X(1, 1, OrtErrorCode, GetErrorCode, (const OrtStatus*))                                                                                 \
  X(2, 1, const char*, GetErrorMessage, (const OrtStatus*))                                                                               \
  X(4, 1, OrtStatus*, CreateEnvWithCustomLogger, (OrtLoggingFunction, void*, OrtLoggingLevel, const char*, OrtEnv**))                     \
  X(93, 1, void, ReleaseStatus, (OrtStatus*))                                                                                             \
  /* Session options */                                                                                                                   \
  X(10, 1, OrtStatus*, CreateSessionOptions, (OrtSessionOptions**))                                                                       \
  X(17, 1, OrtStatus*, DisableMemPattern, (OrtSessionOptions*))                                                                           \
  X(19, 1, OrtStatus*, DisableCpuMemArena, (OrtSessionOptions*))                                                                          \
  X(23, 1, OrtStatus*, SetSessionGraphOptimizationLevel, (OrtSessionOptions*, GraphOptimizationLevel))                                    \
  X(24, 1, OrtStatus*, SetIntraOpNumThreads, (OrtSessionOptions*, int))                                                                   \
  X(25, 1, OrtStatus*, SetInterOpNumThreads, (OrtSessionOptions*, int))                                                                   \
  X(100, 1, void, ReleaseSessionOptions, (OrtSessionOptions*))                                                                            \
  X(130, 5, OrtStatus*, AddSessionConfigEntry, (OrtSessionOptions*, const char*, const char*))                                            \
  /* Execution providers */                                                                                                               \
  X(170, 9, OrtStatus*, SessionOptionsAppendExecutionProvider_TensorRT_V2, (OrtSessionOptions*, const OrtTensorRTProviderOptionsV2*))     \
  X(171, 9, OrtStatus*, CreateTensorRTProviderOptions, (OrtTensorRTProviderOptionsV2**))                                                  \
  X(172, 9, OrtStatus*, UpdateTensorRTProviderOptions,                                                                                    \
    (OrtTensorRTProviderOptionsV2*, const char* const*, const char* const*, size_t))                                                      \
  X(174, 9, void, ReleaseTensorRTProviderOptions, (OrtTensorRTProviderOptionsV2*))                                                        \
  X(204, 11, OrtStatus*, SessionOptionsAppendExecutionProvider_CUDA_V2, (OrtSessionOptions*, const OrtCUDAProviderOptionsV2*))            \
  X(205, 11, OrtStatus*, CreateCUDAProviderOptions, (OrtCUDAProviderOptionsV2**))                                                         \
  X(206, 11, OrtStatus*, UpdateCUDAProviderOptions, (OrtCUDAProviderOptionsV2*, const char* const*, const char* const*, size_t))          \
  X(208, 11, void, ReleaseCUDAProviderOptions, (OrtCUDAProviderOptionsV2*))                                                               \
  X(216, 12, OrtStatus*, SessionOptionsAppendExecutionProvider,                                                                           \
    (OrtSessionOptions*, const char*, const char* const*, const char* const*, size_t))                                                    \
  X(275, 17, OrtStatus*, SessionOptionsAppendExecutionProvider_OpenVINO_V2,                                                               \
    (OrtSessionOptions*, const char* const*, const char* const*, size_t))                                                                 \
  X(125, 4, OrtStatus*, GetAvailableProviders, (char***, int*))                                                                           \
  X(126, 4, OrtStatus*, ReleaseAvailableProviders, (char**, int))                                                                         \
  X(301, 22, OrtStatus*, RegisterExecutionProviderLibrary, (OrtEnv*, const char*, const ORTCHAR_T*))                                       \
  X(303, 22, OrtStatus*, GetEpDevices, (const OrtEnv*, const OrtEpDevice* const**, size_t*))                                              \
  X(304, 22, OrtStatus*, SessionOptionsAppendExecutionProvider_V2,                                                                        \
    (OrtSessionOptions*, OrtEnv*, const OrtEpDevice* const*, size_t, const char* const*, const char* const*, size_t))                     \
  X(312, 22, const char*, EpDevice_EpName, (const OrtEpDevice*))                                                                          \
  /* Session and what it says of its inputs and outputs */                                                                                \
  X(8, 1, OrtStatus*, CreateSessionFromArray, (const OrtEnv*, const void*, size_t, const OrtSessionOptions*, OrtSession**))               \
  X(30, 1, OrtStatus*, SessionGetInputCount, (const OrtSession*, size_t*))                                                                \
  X(31, 1, OrtStatus*, SessionGetOutputCount, (const OrtSession*, size_t*))                                                               \
  X(33, 1, OrtStatus*, SessionGetInputTypeInfo, (const OrtSession*, size_t, OrtTypeInfo**))                                               \
  X(34, 1, OrtStatus*, SessionGetOutputTypeInfo, (const OrtSession*, size_t, OrtTypeInfo**))                                              \
  X(36, 1, OrtStatus*, SessionGetInputName, (const OrtSession*, size_t, OrtAllocator*, char**))                                           \
  X(37, 1, OrtStatus*, SessionGetOutputName, (const OrtSession*, size_t, OrtAllocator*, char**))                                          \
  X(380, 23, OrtStatus*, SessionGetMemoryInfoForInputs, (const OrtSession*, const OrtMemoryInfo**, size_t))                               \
  X(95, 1, void, ReleaseSession, (OrtSession*))                                                                                           \
  X(55, 1, OrtStatus*, CastTypeInfoToTensorInfo, (const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**))                                 \
  X(56, 1, OrtStatus*, GetOnnxTypeFromTypeInfo, (const OrtTypeInfo*, ONNXType*))                                                          \
  X(60, 1, OrtStatus*, GetTensorElementType, (const OrtTensorTypeAndShapeInfo*, ONNXTensorElementDataType*))                              \
  X(61, 1, OrtStatus*, GetDimensionsCount, (const OrtTensorTypeAndShapeInfo*, size_t*))                                                   \
  X(62, 1, OrtStatus*, GetDimensions, (const OrtTensorTypeAndShapeInfo*, int64_t*, size_t))                                               \
  X(390, 24, bool, TensorTypeAndShape_HasShape, (const OrtTensorTypeAndShapeInfo*))                                                       \
  X(407, 24, OrtStatus*, Session_GetEpGraphAssignmentInfo, (const OrtSession*, const OrtEpAssignedSubgraph* const**, size_t*))            \
  X(408, 24, OrtStatus*, EpAssignedSubgraph_GetEpName, (const OrtEpAssignedSubgraph*, const char**))                                      \
  X(409, 24, OrtStatus*, EpAssignedSubgraph_GetNodes, (const OrtEpAssignedSubgraph*, const OrtEpAssignedNode* const**, size_t*))          \
  X(410, 24, OrtStatus*, EpAssignedNode_GetName, (const OrtEpAssignedNode*, const char**))                                                \
  X(411, 24, OrtStatus*, EpAssignedNode_GetDomain, (const OrtEpAssignedNode*, const char**))                                              \
  X(412, 24, OrtStatus*, EpAssignedNode_GetOperatorType, (const OrtEpAssignedNode*, const char**))                                        \
  X(98, 1, void, ReleaseTypeInfo, (OrtTypeInfo*))                                                                                         \
  X(99, 1, void, ReleaseTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo*))                                                             \
  X(103, 2, OrtStatus*, CastTypeInfoToMapTypeInfo, (const OrtTypeInfo*, const OrtMapTypeInfo**))                                          \
  X(104, 2, OrtStatus*, CastTypeInfoToSequenceTypeInfo, (const OrtTypeInfo*, const OrtSequenceTypeInfo**))                                \
  X(105, 2, OrtStatus*, GetMapKeyType, (const OrtMapTypeInfo*, ONNXTensorElementDataType*))                                               \
  X(106, 2, OrtStatus*, GetMapValueType, (const OrtMapTypeInfo*, OrtTypeInfo**))                                                          \
  X(107, 2, OrtStatus*, GetSequenceElementType, (const OrtSequenceTypeInfo*, OrtTypeInfo**))                                              \
  X(250, 15, OrtStatus*, CastTypeInfoToOptionalTypeInfo, (const OrtTypeInfo*, const OrtOptionalTypeInfo**))                               \
  X(251, 15, OrtStatus*, GetOptionalContainedTypeInfo, (const OrtOptionalTypeInfo*, OrtTypeInfo**))                                       \
  /* Memory, values and runs */                                                                                                           \
  X(68, 1, OrtStatus*, CreateMemoryInfo, (const char*, OrtAllocatorType, int, OrtMemType, OrtMemoryInfo**))                               \
  X(69, 1, OrtStatus*, CreateCpuMemoryInfo, (OrtAllocatorType, OrtMemType, OrtMemoryInfo**))                                              \
  X(71, 1, OrtStatus*, MemoryInfoGetName, (const OrtMemoryInfo*, const char**))                                                           \
  X(94, 1, void, ReleaseMemoryInfo, (OrtMemoryInfo*))                                                                                     \
  X(76, 1, OrtStatus*, AllocatorFree, (OrtAllocator*, void*))                                                                             \
  X(78, 1, OrtStatus*, GetAllocatorWithDefaultOptions, (OrtAllocator**))                                                                  \
  X(49, 1, OrtStatus*, CreateTensorWithDataAsOrtValue,                                                                                    \
    (const OrtMemoryInfo*, void*, size_t, const int64_t*, size_t, ONNXTensorElementDataType, OrtValue**))                                 \
  X(51, 1, OrtStatus*, GetTensorMutableData, (OrtValue*, void**))                                                                         \
  X(65, 1, OrtStatus*, GetTensorTypeAndShape, (const OrtValue*, OrtTensorTypeAndShapeInfo**))                                             \
  X(96, 1, void, ReleaseValue, (OrtValue*))                                                                                               \
  X(39, 1, OrtStatus*, CreateRunOptions, (OrtRunOptions**))                                                                               \
  X(46, 1, OrtStatus*, RunOptionsSetTerminate, (OrtRunOptions*))                                                                          \
  X(47, 1, OrtStatus*, RunOptionsUnsetTerminate, (OrtRunOptions*))                                                                        \
  X(165, 8, OrtStatus*, AddRunConfigEntry, (OrtRunOptions*, const char*, const char*))                                                    \
  X(97, 1, void, ReleaseRunOptions, (OrtRunOptions*))                                                                                     \
  X(9, 1, OrtStatus*, Run,                                                                                                                \
    (OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*, size_t, const char* const*, size_t, OrtValue**))      \
  X(133, 5, OrtStatus*, RunWithBinding, (OrtSession*, const OrtRunOptions*, const OrtIoBinding*))                                         \
  X(134, 5, OrtStatus*, CreateIoBinding, (OrtSession*, OrtIoBinding**))                                                                   \
  X(135, 5, void, ReleaseIoBinding, (OrtIoBinding*))                                                                                      \
  X(136, 5, OrtStatus*, BindInput, (OrtIoBinding*, const char*, const OrtValue*))                                                         \
  X(137, 5, OrtStatus*, BindOutput, (OrtIoBinding*, const char*, const OrtValue*))
// clang-format on

/// What the exported OrtGetApiBase() returns.
struct OrtApiBase {
  const void* (*GetApi)(uint32_t version);  ///< the table of slots; null, and a line on stderr, for a version the runtime does not know
  const char* (*GetVersionString)();        ///< "1.31.1"
};

/// The slots as typed functions. A slot younger than the running version is null: whoever calls one with `since` above kOldestMinor
/// (library.h) asks first.
struct Api {
#define EDGEONNX_ORT_MEMBER(number, since, returns, name, parameters) returns(*name) parameters = nullptr;
  EDGEONNX_ORT_SLOTS(EDGEONNX_ORT_MEMBER)
#undef EDGEONNX_ORT_MEMBER

  Api() = default;

  /// `table` is what GetApi returned on an ONNX Runtime 1.`minor`; slots younger than that lie past its end and are not read.
  Api(const void* table, int minor) {
    const auto* slots = static_cast<const void* const*>(table);
#define EDGEONNX_ORT_READ(number, since, returns, name, parameters) \
  if (minor >= since) name = reinterpret_cast<returns(*) parameters>(const_cast<void*>(slots[number]));
    EDGEONNX_ORT_SLOTS(EDGEONNX_ORT_READ)
#undef EDGEONNX_ORT_READ
  }
};

}  // namespace edgeonnx::ort
