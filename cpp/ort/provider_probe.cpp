#include "ort/provider_probe.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/text.h"
#include "ort/provider_catalog.h"
#include "ort/session.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

// y = x + x over float [N], opset 13, as a serialized ModelProto.
constexpr unsigned char kModel[] = {0x08, 0x07, 0x12, 0x00, 0x3a, 0x37, 0x0a, 0x0e, 0x0a, 0x01, 0x78, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79,
                                    0x22, 0x03, 0x41, 0x64, 0x64, 0x12, 0x01, 0x67, 0x5a, 0x10, 0x0a, 0x01, 0x78, 0x12, 0x0b, 0x0a, 0x09,
                                    0x08, 0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x4e, 0x62, 0x10, 0x0a, 0x01, 0x79, 0x12, 0x0b, 0x0a,
                                    0x09, 0x08, 0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x4e, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x0d};

void use(const Library& library, const Provider& provider) {
  SessionOptions options;
  options.providers = {provider};
  options.probes = true;
  const Session session(library, std::as_bytes(std::span(kModel)), options);
  float x[] = {1.0f, 2.0f}, y[] = {0.0f, 0.0f};
  const int64_t shape[] = {2};
  const TensorRef input{x, Type::kFloat, shape}, output{y, Type::kFloat, shape};
  const size_t wanted[] = {0};
  const RunControl control(library);
  session.run({&input, 1}, wanted, {&output, 1}, {}, control);
  if (y[0] != 2.0f || y[1] != 4.0f) throw Error(Code::kInferenceFailed, "it adds 1 and 1 to something else than 2");
}

}  // namespace

std::string provider_failure(const Library& library, const Provider& provider) {
  try {
    use(library, provider);
    return "";
  } catch (const Error& error) {
    const std::string text = error.what();
    const std::string opening = " cannot be used: ";
    const size_t found = text.find(opening);
    return found == std::string::npos ? bare_text(text) : text.substr(found + opening.size());
  }
}

std::vector<ProviderState> find_providers(const Library& library, bool tries) {
  std::vector<std::string> names{"CPUExecutionProvider"};
  if (tries) names.insert(names.end(), {"CUDAExecutionProvider", "TensorrtExecutionProvider", "OpenVINOExecutionProvider"});
  for (std::string& name : available_providers(library)) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  std::vector<ProviderState> states;
  for (const std::string& name : names) states.push_back({name, tries ? provider_failure(library, {name, {}}) : ""});
  return states;
}

}  // namespace edgeonnx::ort
