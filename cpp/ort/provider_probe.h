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

/// Those that this ONNX Runtime was built with. With `tries`, each is tried, CPU, CUDA, TensorRT and OpenVINO even where they are not among
/// them.
std::vector<ProviderState> find_providers(const Library& library, bool tries);

}  // namespace edgeonnx::ort
