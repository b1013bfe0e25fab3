// What is known of execution providers: their names, the call that appends each, and the options that it takes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace edgeonnx::ort {

enum class OptionType {
  kFlag,     ///< 0, 1, true, false in any case
  kInteger,  ///< a whole number
  kAddress,  ///< of an object in this process, as a whole number
  kText,
  kChoice,  ///< one of the words in `choices`
};

struct ProviderOption {
  const char* key;
  OptionType type;
  const char* default_value;
  const char* meaning;
  int64_t least = 0;          ///< of integers
  int64_t most = 0x7fffffff;  ///< of integers
  const char* choices = "";   ///< with spaces between them
};

/// The call of ONNX Runtime that appends a provider to a session.
enum class ProviderCall { kCpu, kCuda, kTensorRt, kOpenVino, kByName };

struct ProviderKind {
  const char* name;  ///< ONNX Runtime's: "CUDAExecutionProvider"
  const char* word;  ///< how the call by name spells it
  ProviderCall call;
  const char* library;                      ///< file beside ONNX Runtime's own that holds it; "" where it is built in or not known
  const char* package;                      ///< of PyPI, whose ONNX Runtime has it; "" where there is none
  std::span<const ProviderOption> options;  ///< empty where its options are not known: then all are handed on unchecked
};

/// All that are known, CPU first.
std::span<const ProviderKind> provider_kinds();

/// By ONNX Runtime's name or the part before "ExecutionProvider", in any case; null for another.
const ProviderKind* provider_kind(std::string_view name);

/// "CUDAExecutionProvider" -> "CUDA"
std::string_view short_name(std::string_view name);

}  // namespace edgeonnx::ort
