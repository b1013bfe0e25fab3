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

/// Options as OrtApi takes them: two arrays of C strings.
class OptionArrays {
 public:
  explicit OptionArrays(Options options) : options_(std::move(options)) {
    for (const auto& [key, value] : options_) keys_.push_back(key.c_str()), values_.push_back(value.c_str());
  }
  OptionArrays(const OptionArrays&) = delete;
  OptionArrays& operator=(const OptionArrays&) = delete;

  const char* const* keys() const { return keys_.data(); }
  const char* const* values() const { return values_.data(); }
  size_t size() const { return keys_.size(); }

 private:
  Options options_;
  std::vector<const char*> keys_, values_;
};

}  // namespace edgeonnx::ort
