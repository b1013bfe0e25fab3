// Execution providers of a session: each appended by the call that ONNX Runtime has for it.
#pragma once

#include <vector>

#include "ort/session.h"

namespace edgeonnx::ort {

struct OrtSessionOptions;

/// Appends `providers` in order. Names are ONNX Runtime's ("CUDAExecutionProvider") or short ("CUDA"), in any case. CPU is what every
/// session ends with; where it is not listed, a node that only CPU could run makes the session fail instead of running there unasked.
/// Throws Error(kUnsupported) that names the provider and keeps ONNX Runtime's reason, kInvalidArgument for CPU with options or before
/// others.
void append_providers(const Library& library, OrtSessionOptions* session_options, const std::vector<Provider>& providers);

/// Whether CPU alone runs the session: every tensor is then read and written where it lies.
bool are_cpu(const std::vector<Provider>& providers);

}  // namespace edgeonnx::ort
