// What a plugin execution provider needs of ONNX Runtime, by number and in order, declared by ourselves as in cpp/ort/abi.h: slots of
// OrtApi and OrtEpApi that it calls, and the structs that it fills. Structs are as ONNX Runtime 1.23 has them, the first version that lets
// a plugin compute; later versions read no further than what `ort_version_supported` promises.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeonnx::plugin {

constexpr uint32_t kVersion = 23;  // of every struct below, and of the tables that are asked for

// Objects of ONNX Runtime, reached by pointer only.
struct OrtDataTransferImpl;
struct OrtEpDevice;
struct OrtEpGraphSupportInfo;
struct OrtGraph;
struct OrtHardwareDevice;
struct OrtKernelContext;
struct OrtKeyValuePairs;
struct OrtLogger;
struct OrtNode;
struct OrtNodeComputeContext;
struct OrtNodeFusionOptions;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;
struct OrtValueInfo;
struct OrtEp;
struct OrtEpApi;
struct OrtEpFactory;

enum OrtErrorCode : int32_t { ORT_FAIL = 1 };
enum OrtHardwareDeviceType : int32_t { OrtHardwareDeviceType_CPU = 0 };
enum ONNXTensorElementDataType : int32_t { ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1 };

// X(number, since, returns, name, parameters), as in cpp/ort/abi.h.
// clang-format off
#define EDGEONNX_PLUGIN_ORT_SLOTS(X)                                                                                          \
  X(0, 1, OrtStatus*, CreateStatus, (OrtErrorCode, const char*))                                                              \
  /* Tensors and their types */                                                                                               \
  X(51, 1, OrtStatus*, GetTensorMutableData, (OrtValue*, void**))                                                             \
  X(55, 1, OrtStatus*, CastTypeInfoToTensorInfo, (const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**))                     \
  X(60, 1, OrtStatus*, GetTensorElementType, (const OrtTensorTypeAndShapeInfo*, ONNXTensorElementDataType*))                  \
  X(61, 1, OrtStatus*, GetDimensionsCount, (const OrtTensorTypeAndShapeInfo*, size_t*))                                       \
  X(62, 1, OrtStatus*, GetDimensions, (const OrtTensorTypeAndShapeInfo*, int64_t*, size_t))                                   \
  X(65, 1, OrtStatus*, GetTensorTypeAndShape, (const OrtValue*, OrtTensorTypeAndShapeInfo**))                                 \
  X(99, 1, void, ReleaseTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo*))                                                 \
  X(378, 23, OrtStatus*, GetTensorData, (const OrtValue*, const void**))                                                      \
  /* Inputs and outputs of a node that runs */                                                                                \
  X(90, 1, OrtStatus*, KernelContext_GetInput, (const OrtKernelContext*, size_t, const OrtValue**))                           \
  X(91, 1, OrtStatus*, KernelContext_GetOutput, (OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**))              \
  /* Options and devices */                                                                                                   \
  X(298, 22, void, GetKeyValuePairs, (const OrtKeyValuePairs*, const char* const**, const char* const**, size_t*))            \
  X(300, 22, void, ReleaseKeyValuePairs, (OrtKeyValuePairs*))                                                                 \
  X(307, 22, OrtHardwareDeviceType, HardwareDevice_Type, (const OrtHardwareDevice*))                                          \
  X(317, 22, const OrtEpApi*, GetEpApi, (void))                                                                               \
  X(379, 23, OrtStatus*, GetSessionOptionsConfigEntries, (const OrtSessionOptions*, OrtKeyValuePairs**))                      \
  /* Graphs */                                                                                                                \
  X(289, 22, OrtStatus*, GetValueInfoName, (const OrtValueInfo*, const char**))                                               \
  X(290, 22, OrtStatus*, GetValueInfoTypeInfo, (const OrtValueInfo*, const OrtTypeInfo**))                                    \
  X(344, 23, OrtStatus*, Graph_GetNumNodes, (const OrtGraph*, size_t*))                                                       \
  X(345, 23, OrtStatus*, Graph_GetNodes, (const OrtGraph*, const OrtNode**, size_t))                                          \
  X(350, 23, OrtStatus*, Node_GetOperatorType, (const OrtNode*, const char**))                                                \
  X(351, 23, OrtStatus*, Node_GetDomain, (const OrtNode*, const char**))                                                      \
  X(352, 23, OrtStatus*, Node_GetSinceVersion, (const OrtNode*, int*))                                                        \
  X(353, 23, OrtStatus*, Node_GetNumInputs, (const OrtNode*, size_t*))                                                        \
  X(354, 23, OrtStatus*, Node_GetInputs, (const OrtNode*, const OrtValueInfo**, size_t))                                      \
  X(355, 23, OrtStatus*, Node_GetNumOutputs, (const OrtNode*, size_t*))                                                       \
  X(356, 23, OrtStatus*, Node_GetOutputs, (const OrtNode*, const OrtValueInfo**, size_t))

#define EDGEONNX_PLUGIN_EP_SLOTS(X)                                                                                           \
  X(0, 22, OrtStatus*, CreateEpDevice,                                                                                        \
    (OrtEpFactory*, const OrtHardwareDevice*, const OrtKeyValuePairs*, const OrtKeyValuePairs*, OrtEpDevice**))               \
  X(2, 23, OrtStatus*, EpGraphSupportInfo_AddNodesToFuse,                                                                     \
    (OrtEpGraphSupportInfo*, const OrtNode* const*, size_t, const OrtNodeFusionOptions*))
// clang-format on

/// What CreateEpFactories is handed.
struct OrtApiBase {
  const void* (*GetApi)(uint32_t version);  ///< the table of slots; null, and a line on stderr, for a version the runtime does not know
  const char* (*GetVersionString)();
};

#define EDGEONNX_PLUGIN_MEMBER(number, since, returns, name, parameters) returns(*name) parameters;
#define EDGEONNX_PLUGIN_READ(number, since, returns, name, parameters) \
  static_assert(since <= kVersion);                                    \
  name = reinterpret_cast<returns(*) parameters>(const_cast<void*>(slots[number]));
#define EDGEONNX_PLUGIN_TABLE(Table, SLOTS)                       \
  struct Table {                                                  \
    SLOTS(EDGEONNX_PLUGIN_MEMBER)                                 \
    explicit Table(const void* table) {                           \
      const auto* slots = static_cast<const void* const*>(table); \
      SLOTS(EDGEONNX_PLUGIN_READ)                                 \
    }                                                             \
  };
EDGEONNX_PLUGIN_TABLE(Api, EDGEONNX_PLUGIN_ORT_SLOTS)
EDGEONNX_PLUGIN_TABLE(EpApi, EDGEONNX_PLUGIN_EP_SLOTS)
#undef EDGEONNX_PLUGIN_TABLE
#undef EDGEONNX_PLUGIN_READ
#undef EDGEONNX_PLUGIN_MEMBER

// The structs that a provider fills. Members of type `const void*` are functions that we leave out, as null: ONNX Runtime then does the
// usual, and those for memory of a device it calls only where a provider has named such memory.

struct OrtNodeComputeInfo {
  uint32_t ort_version_supported;
  OrtStatus* (*CreateState)(OrtNodeComputeInfo*, OrtNodeComputeContext*, void** state);
  OrtStatus* (*Compute)(OrtNodeComputeInfo*, void* state, OrtKernelContext*);
  void (*ReleaseState)(OrtNodeComputeInfo*, void* state);
};

struct OrtEp {
  uint32_t ort_version_supported;
  const char* (*GetName)(const OrtEp*);
  OrtStatus* (*GetCapability)(OrtEp*, const OrtGraph*, OrtEpGraphSupportInfo*);
  OrtStatus* (*Compile)(OrtEp*, const OrtGraph** graphs, const OrtNode** fused_nodes, size_t n, OrtNodeComputeInfo**, OrtNode** ep_context);
  void (*ReleaseNodeComputeInfos)(OrtEp*, OrtNodeComputeInfo**, size_t n);
  const void* GetPreferredDataLayout;
  const void* ShouldConvertDataLayoutForOp;
  const void* SetDynamicOptions;
  const void* OnRunStart;
  const void* OnRunEnd;
  const void* CreateAllocator;
  const void* CreateSyncStreamForDevice;
  const void* GetCompiledModelCompatibilityInfo;
};

struct OrtEpFactory {
  uint32_t ort_version_supported;
  const char* (*GetName)(const OrtEpFactory*);
  const char* (*GetVendor)(const OrtEpFactory*);
  OrtStatus* (*GetSupportedDevices)(OrtEpFactory*, const OrtHardwareDevice* const*, size_t n, OrtEpDevice**, size_t n_max, size_t* n_used);
  OrtStatus* (*CreateEp)(OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const* metadata, size_t n_devices,
                         const OrtSessionOptions*, const OrtLogger*, OrtEp**);
  void (*ReleaseEp)(OrtEpFactory*, OrtEp*);
  uint32_t (*GetVendorId)(const OrtEpFactory*);
  const char* (*GetVersion)(const OrtEpFactory*);
  const void* ValidateCompiledModelCompatibilityInfo;
  const void* CreateAllocator;
  const void* ReleaseAllocator;
  OrtStatus* (*CreateDataTransfer)(OrtEpFactory*, OrtDataTransferImpl**);
  bool (*IsStreamAware)(const OrtEpFactory*);
  const void* CreateSyncStreamForDevice;
};

}  // namespace edgeonnx::plugin
