// From ONNX Runtime's statuses to Errors, and owners for its objects.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ort/abi.h"

namespace edgeonnx::ort {

/// What was being done: the same ORT code means a bad model in one phase and a failed inference in the other.
enum class Phase { kSetup, kLoad, kRun, kCancelledRun };

/// Releases `status` and throws it as an Error; see check().
[[noreturn]] void throw_status(const Api& api, OrtStatus* status, Phase phase, std::string_view doing);

/// Returns when `status` is null, as it is on success. Otherwise takes it over, releases it and throws an Error that says what was being
/// done ("run the model", after "ONNX Runtime could not"), keeps ORT's text and names its code. Codes by phase: kSetup kInternal,
/// kLoad kInvalidModel, kRun kInferenceFailed, kCancelledRun kCancelled; in any phase kOutOfMemory and, where an
/// operator or a type is not implemented, kUnsupported. A node named as in base/refusal.h makes the error itself.
inline void check(const Api& api, OrtStatus* status, Phase phase, std::string_view doing) {
  if (status != nullptr) [[unlikely]]
    throw_status(api, status, phase, doing);
}

/// What went wrong, out of a text of ONNX Runtime's or of an Error made from one: without places in its source, signatures and codes.
std::string bare_text(std::string text);

/// The sentence for a model whose opset is newer than the runtime, made of ORT's own (both numbers, the domain); "" for any other text.
std::string opset_sentence(const std::string& ort_text, const std::string& ort_version);

template <auto Release>
struct Releaser {
  const Api* api;
  template <class T>
  void operator()(T* object) const {
    (api->*Release)(object);
  }
};
template <class T, auto Release>
using Owner = std::unique_ptr<T, Releaser<Release>>;

using OwnedIoBinding = Owner<OrtIoBinding, &Api::ReleaseIoBinding>;
using OwnedSession = Owner<OrtSession, &Api::ReleaseSession>;
using OwnedSessionOptions = Owner<OrtSessionOptions, &Api::ReleaseSessionOptions>;
using OwnedShapeInfo = Owner<OrtTensorTypeAndShapeInfo, &Api::ReleaseTensorTypeAndShapeInfo>;
using OwnedTypeInfo = Owner<OrtTypeInfo, &Api::ReleaseTypeInfo>;

}  // namespace edgeonnx::ort
