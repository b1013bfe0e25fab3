// Execution providers of a session: each appended by the call that ONNX Runtime has for it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/library.h"

namespace edgeonnx::ort {

struct OrtSessionOptions;

struct Provider {
  std::string name;  ///< ONNX Runtime's ("CUDAExecutionProvider") or short ("CUDA"), in any case
  /// As the provider has them; see provider_catalog.h. Two make a provider one of a plugin: `library`, the path of the plugin's library,
  /// and `device`, which of the devices that it offers (0 is the first).
  std::vector<std::pair<std::string, std::string>> options;
};

/// Appends `providers` in order; CPU, which every session ends with, is none of them to append. Throws one Error(kInvalidArgument) for the
/// mistakes in a provider's options, for an unknown provider with the nearest known one, and for CPU before others; Error(kUnsupported)
/// that names a provider which can't be used and tells the loader's own reason.
void append_providers(const Library& library, OrtSessionOptions* session_options, const std::vector<Provider>& providers);

bool is_cpu(const Provider& provider);

/// Whether CPU alone runs the session: every tensor is then read and written where it lies.
bool are_cpu(const std::vector<Provider>& providers);

/// Whether CPU is listed, or nothing is.
bool has_cpu(const std::vector<Provider>& providers);

/// Names that ONNX Runtime was built with.
std::vector<std::string> available_providers(const Library& library);

}  // namespace edgeonnx::ort
