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

/// Options as OrtApi takes them: two arrays of C strings.
class OptionArrays {
 public:
  explicit OptionArrays(std::vector<std::pair<std::string, std::string>> options) : options_(std::move(options)) {
    for (const auto& [key, value] : options_) keys_.push_back(key.c_str()), values_.push_back(value.c_str());
  }
  OptionArrays(const OptionArrays&) = delete;
  OptionArrays& operator=(const OptionArrays&) = delete;

  const char* const* keys() const { return keys_.data(); }
  const char* const* values() const { return values_.data(); }
  size_t size() const { return keys_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<const char*> keys_, values_;
};

}  // namespace edgeonnx::ort
