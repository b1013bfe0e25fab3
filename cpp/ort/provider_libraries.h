// The shared libraries that providers stand on: found in packages of PyPI, opened by path, and named when they are not there.
#pragma once

#include <string>

#include "ort/library.h"
#include "ort/provider_catalog.h"

namespace edgeonnx::ort {

/// Opens what the provider's library needs from the packages of NVIDIA that are installed beside onnxruntime (nvidia/*/lib,
/// tensorrt_libs), which no loader looks into: a library that is mapped satisfies whoever asks for its name. What is missing stays so;
/// appending the provider then fails with the loader's reason.
void open_needed_by(const ProviderKind& kind, const Library& library);

/// Throws Error(kInvalidState) where two packages of ONNX Runtime lie in one folder, so that the provider may be the other one's, and where
/// another ONNX Runtime of the process, that of Python's package for instance, has mapped the library
/// that providers talk to it through: this one's would talk to that runtime.
void require_only_runtime(const ProviderKind& kind, const Library& library);

/// One sentence for why the provider can't be used, from what ONNX Runtime said: its text, or the loader's where that says nothing, and
/// where the missing library comes from.
std::string provider_reason(const ProviderKind& kind, const Library& library, const std::string& ort_text);

/// Path of the file that holds the provider; "" where none is beside ONNX Runtime.
std::string provider_file(const ProviderKind& kind, const Library& library);

}  // namespace edgeonnx::ort
