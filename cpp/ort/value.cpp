#include "ort/value.h"

#include "base/text.h"
#include "ort/status.h"

namespace edgeonnx::ort {

void throw_port(Code code, const char* side, const PortInfo& port, const std::string& what) {
  throw Error(code, std::string(side) + " " + in_quotes(port.name) + ": " + what);
}

size_t size_in_bytes(const TensorRef& tensor, const char* side, const PortInfo& port) {
  int64_t n_bytes = size_of(tensor.type);
  if (n_bytes == 0) [[unlikely]]
    throw_port(Code::kUnsupported, side, port, "tensors of " + display_name(tensor.type) + " are not carried");
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(n_bytes, extent, &n_bytes)) [[unlikely]] {
      throw_port(Code::kInvalidArgument, side, port, "a tensor has a negative extent or more bytes than can be addressed");
    }
  }
  return static_cast<size_t>(n_bytes);
}

OrtValue* borrow(const Library& library, const TensorRef& tensor, const char* side, const PortInfo& port) {
  return borrow(library, static_cast<const OrtMemoryInfo*>(library.cpu_memory()), tensor, side, port);
}

OrtValue* borrow(const Library& library, const OrtMemoryInfo* memory, const TensorRef& tensor, const char* side, const PortInfo& port) {
  const size_t n_bytes = size_in_bytes(tensor, side, port);
  static std::byte nothing;  // a tensor without values may have no address, but ONNX Runtime insists on one
  void* const data = tensor.data != nullptr || n_bytes > 0 ? tensor.data : &nothing;
  if (data == nullptr) [[unlikely]]
    throw_port(Code::kInvalidArgument, side, port, "a tensor of values has no data");
  OrtValue* value = nullptr;
  const auto element = static_cast<ONNXTensorElementDataType>(tensor.type);
  OrtStatus* status =
      library.api().CreateTensorWithDataAsOrtValue(memory, data, n_bytes, tensor.shape.data(), tensor.shape.size(), element, &value);
  check(library.api(), status, Phase::kRun, "borrow a tensor");
  return value;
}

}  // namespace edgeonnx::ort
