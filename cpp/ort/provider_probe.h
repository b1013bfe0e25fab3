// Which execution providers work here, found out by using them.
#pragma once

#include <string>
#include <vector>

#include "ort/providers.h"

namespace edgeonnx::ort {

struct ProviderState {
  std::string name;
  std::string reason;  ///< why it can't be used; empty if it can
};

/// "" where a session of one node was made and run on the provider alone; otherwise why not.
std::string provider_failure(const Library& library, const Provider& provider);

/// CPU, CUDA, TensorRT, OpenVINO, and all others that this ONNX Runtime was built with.
std::vector<ProviderState> probe_providers(const Library& library);

}  // namespace edgeonnx::ort
