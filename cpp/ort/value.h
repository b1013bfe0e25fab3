// OrtValues over memory of the caller's.
#pragma once

#include <string>

#include "base/error.h"
#include "ort/abi.h"
#include "ort/session.h"

namespace edgeonnx::ort {

/// Throws an Error about one port; `side`: "input" or "output".
[[noreturn]] void throw_port(Code code, const char* side, const PortInfo& port, const std::string& what);

/// An OrtValue over tensor.data, to be released by the caller.
OrtValue* borrow(const Library& library, const TensorRef& tensor, const char* side, const PortInfo& port);
/// The same where tensor.data lies in `memory`.
OrtValue* borrow(const Library& library, const OrtMemoryInfo* memory, const TensorRef& tensor, const char* side, const PortInfo& port);

/// Bytes of the values. Throws an Error about the port where they can't be carried or counted.
size_t size_in_bytes(const TensorRef& tensor, const char* side, const PortInfo& port);

}  // namespace edgeonnx::ort
