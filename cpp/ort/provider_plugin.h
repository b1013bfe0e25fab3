// Execution providers that lie in libraries of their own, which ONNX Runtime registers while the process runs (1.23 and newer).
#pragma once

#include <string>
#include <vector>

#include "ort/providers.h"

namespace edgeonnx::ort {

bool is_of_plugin(const Provider& provider);

/// Registers the library, once a process, and appends the provider's device. Throws Error(kUnsupported) with ONNX Runtime's reason:
/// the library does not load, it offers no such provider or no device for it, the provider refuses its options.
void append_plugin(const Library& library, OrtSessionOptions* session_options, const Provider& provider);

}  // namespace edgeonnx::ort
