// What the library says of itself.
#include "ort/library.h"

#include "base/cpu.h"
#include "capi/guard.h"
#include "engine/quota.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

int32_t edgeonnx_abi_version(void) { return EDGEONNX_ABI_VERSION; }

const char* edgeonnx_version(void) { return EDGEONNX_VERSION; }

const char* edgeonnx_status_name(edgeonnx_status status) {
  static constexpr const char* kNames[] = {"OK",         "INVALID_ARGUMENT", "INVALID_STATE",   "NOT_FOUND",
                                           "IO",         "INVALID_MODEL",    "TYPE_MISMATCH",   "SHAPE_MISMATCH",
                                           "NULL_VALUE", "OVERFLOW",         "UNSUPPORTED",     "OUT_OF_MEMORY",
                                           "CANCELLED",  "INFERENCE_FAILED", "RUNTIME_MISSING", "INTERNAL"};
  return status >= 0 && status < static_cast<edgeonnx_status>(std::size(kNames)) ? kNames[status] : "UNKNOWN";
}

int64_t edgeonnx_live_objects(void) { return live_objects.load(); }

edgeonnx_status edgeonnx_cpu(const char** name, edgeonnx_error* error) {
  return guarded(error, [&] { needed(name, "name") = cpu_name(cpu()); });
}

int32_t edgeonnx_default_threads(void) {
  int32_t n = 0;
  guarded(nullptr, [&] { n = engine::default_threads(); });
  return n;
}

edgeonnx_status edgeonnx_runtime_open(const char* ort_library, const char** path, const char** version, edgeonnx_error* error) {
  return guarded(error, [&] {
    const ort::Library& library = ort::Library::open(text_or(ort_library, ""));
    if (path) *path = library.path().c_str();
    if (version) *version = library.version().c_str();
  });
}
