// Options of execution providers, checked before ONNX Runtime sees them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/provider_catalog.h"

namespace edgeonnx::ort {

using Options = std::vector<std::pair<std::string, std::string>>;

/// `given` as the provider reads them. Throws one Error(kInvalidArgument) for all of them that it does not have, with the nearest that it
/// has, that are given twice, or whose value is of another type or out of range. Where a provider's options are not known they pass as
/// they are.
Options checked_options(const ProviderKind& kind, const std::string& name, const Options& given);

/// "0 to 5", "kNextPowerOfTwo or kSameAsRequested", "true or false" ...: what a value may be.
std::string type_text(const ProviderOption& option);

}  // namespace edgeonnx::ort
