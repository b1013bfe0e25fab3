// How ONNX Runtime's codes and texts read as ours.
#include "ort/status.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/error.h"
#include "base/refusal.h"

namespace edgeonnx::ort {
namespace {

const char* name_of(OrtErrorCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "FAIL",
                                           "INVALID_ARGUMENT",
                                           "NO_SUCHFILE",
                                           "NO_MODEL",
                                           "ENGINE_ERROR",
                                           "RUNTIME_EXCEPTION",
                                           "INVALID_PROTOBUF",
                                           "MODEL_LOADED",
                                           "NOT_IMPLEMENTED",
                                           "INVALID_GRAPH",
                                           "EP_FAIL",
                                           "MODEL_LOAD_CANCELED",
                                           "MODEL_REQUIRES_COMPILATION",
                                           "NOT_FOUND",
                                           "DEVICE_RESET"};
  return code >= 0 && static_cast<size_t>(code) < std::size(kNames) ? kNames[code] : "unknown";
}

constexpr const char* kCouldNot = "ONNX Runtime could not ";
constexpr const char* kCode = " (ONNX Runtime code ";

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// What stands between the first `before` and the next `after`; "" where either is missing.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const size_t found = text.find(before);
  if (found == std::string::npos) return "";
  const size_t begin = found + before.size();
  const size_t end = text.find(after, begin);
  return end == std::string::npos ? "" : text.substr(begin, end - begin);
}

Code code_for(OrtErrorCode code, const std::string& text, Phase phase) {
  // ORT has no code of its own for these; the texts have been the same since 1.19.
  if (contains(text, "bad_alloc") || contains(text, "bad allocation") || contains(text, "Failed to allocate memory")) {
    return Code::kOutOfMemory;
  }
  if (code == ORT_NOT_IMPLEMENTED || contains(text, "is not a registered function/op") ||
      contains(text, "fallback to CPU EP has been explicitly disabled")) {
    return Code::kUnsupported;
  }
  switch (phase) {
    case Phase::kSetup:
      return Code::kInternal;
    case Phase::kLoad:
      return Code::kInvalidModel;
    case Phase::kRun:
      return Code::kInferenceFailed;
    case Phase::kCancelledRun:
      return Code::kCancelled;
  }
  return Code::kInternal;
}

/// Throws what a node says that was put into the model to fail, if it is one that failed.
void throw_refusal(const std::string& text) {
  const std::string name = between(text, kRefusalMark, "' Status Message:");
  const size_t colon = name.find(": ");
  if (colon == std::string::npos) return;
  int32_t sql_number = 0;
  std::from_chars(name.data(), name.data() + colon, sql_number);
  throw Error(Code::kInferenceFailed, name.substr(colon + 2)).with_sql_number(sql_number);
}

}  // namespace

void throw_status(const Api& api, OrtStatus* status, Phase phase, std::string_view doing) {
  const Owner<OrtStatus, &Api::ReleaseStatus> owner(status, {&api});
  const OrtErrorCode code = api.GetErrorCode(status);
  std::string text = api.GetErrorMessage(status);
  text.erase(text.find_last_not_of(" \n") + 1);  // npos + 1 is 0: a blank text becomes empty
  if (phase == Phase::kRun) throw_refusal(text);
  throw Error(code_for(code, text, phase),
              kCouldNot + std::string(doing) + ": " + text + kCode + std::to_string(code) + ", " + name_of(code) + ")");
}

std::string bare_text(std::string text) {
  if (text.starts_with(kCouldNot)) text.erase(0, text.find(": ") + 2);
  text.erase(std::min(text.rfind(kCode), text.size()));
  // A failed call of CUDA is told with the expression, the host and the line around it.
  if (const std::string cuda = between(text, "CUDA failure ", " ; GPU="); !cuda.empty()) return "CUDA failure " + cuda;
  for (const std::string_view mark : {"with error: ", " FAIL : ", "[ONNXRuntimeError] : "}) {
    if (const size_t found = text.rfind(mark); found != std::string::npos) {
      text.erase(0, found + mark.size());
      break;
    }
  }
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

std::string opset_sentence(const std::string& ort_text, const std::string& ort_version) {
  const std::string asked = between(ort_text, "Opset ", " is under development");
  const std::string domain = between(ort_text, "support for domain ", " is till opset ");
  const std::string served = between(ort_text, " is till opset ", ".");
  if (asked.empty() || domain.empty() || served.empty()) return "";
  return "the model uses opset " + asked + " of domain " + domain + "; ONNX Runtime " + ort_version + " supports up to " + served +
         ": install a newer onnxruntime, or export the model for opset " + served + " or older";
}

}  // namespace edgeonnx::ort
