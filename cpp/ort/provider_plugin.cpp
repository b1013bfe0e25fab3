#include "ort/provider_plugin.h"

#include <charconv>
#include <filesystem>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ort/provider_catalog.h"
#include "ort/provider_options.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

constexpr const char* kLibrary = "library";
constexpr const char* kDevice = "device";
constexpr int kFirstMinor = 23;  // 1.22 has the calls, but no allocators for what they append

const std::string* option_of(const Provider& provider, const char* key) {
  for (const auto& [name, value] : provider.options) {
    if (name == key) return &value;
  }
  return nullptr;
}

void require(const Library& library, const Provider& provider, OrtStatus* status) {
  if (status == nullptr) return;
  const Owner<OrtStatus, &Api::ReleaseStatus> owner(status, {&library.api()});
  throw Error(Code::kUnsupported, "execution provider " + in_quotes(provider.name) + " of " + *option_of(provider, kLibrary) +
                                      " cannot be used: " + bare_text(library.api().GetErrorMessage(status)));
}

/// Libraries stay registered: sessions may use them until the process ends.
void register_library(const Library& library, const Provider& provider) {
  static std::mutex mutex;
  static std::set<std::string> registered;
  std::error_code failed;
  const std::string& given = *option_of(provider, kLibrary);
  const std::filesystem::path path = std::filesystem::canonical(given, failed);
  if (failed) {
    throw Error(Code::kIo, "execution provider " + in_quotes(provider.name) + ": there is no library " + in_quotes(given) + " (" +
                               failed.message() + ")");
  }
  const std::lock_guard lock(mutex);
  if (registered.contains(path)) return;
  auto* environment = static_cast<OrtEnv*>(library.environment());
  require(library, provider, library.api().RegisterExecutionProviderLibrary(environment, path.c_str(), path.c_str()));
  registered.insert(path);
}

const OrtEpDevice* device_of(const Library& library, const Provider& provider) {
  const OrtEpDevice* const* devices = nullptr;
  size_t n_devices = 0;
  require(library, provider, library.api().GetEpDevices(static_cast<const OrtEnv*>(library.environment()), &devices, &n_devices));
  std::vector<const OrtEpDevice*> found;
  std::set<std::string> names;
  for (size_t i = 0; i < n_devices; ++i) {
    const std::string name = library.api().EpDevice_EpName(devices[i]);
    if (equal_ignoring_case(short_name(name), short_name(provider.name))) found.push_back(devices[i]);
    names.insert(name);
  }
  const std::string who = "execution provider " + in_quotes(provider.name) + " of " + *option_of(provider, kLibrary);
  if (found.empty()) {
    throw Error(Code::kUnsupported, who + " cannot be used: the library is loaded, but offers no device of that name on this machine; " +
                                        "there are devices of " + join({names.begin(), names.end()}));
  }
  size_t index = 0;
  if (const std::string* text = option_of(provider, kDevice)) {
    const auto done = std::from_chars(text->data(), text->data() + text->size(), index);
    if (done.ec != std::errc() || done.ptr != text->data() + text->size() || index >= found.size()) {
      throw Error(Code::kInvalidArgument,
                  who + ": option 'device' is 0 to " + std::to_string(found.size() - 1) + " on this machine, not " + in_quotes(*text));
    }
  }
  return found[index];
}

}  // namespace

bool is_of_plugin(const Provider& provider) { return option_of(provider, kLibrary) != nullptr; }

void append_plugin(const Library& library, OrtSessionOptions* session_options, const Provider& provider) {
  if (library.minor_version() < kFirstMinor) {
    throw Error(Code::kUnsupported, "execution provider " + in_quotes(provider.name) + " is one of a plugin; that needs ONNX Runtime 1." +
                                        std::to_string(kFirstMinor) + " or newer, this is " + library.version());
  }
  register_library(library, provider);
  const OrtEpDevice* device = device_of(library, provider);
  std::vector<std::pair<std::string, std::string>> own;
  for (const auto& option : provider.options) {
    if (option.first != kLibrary && option.first != kDevice) own.push_back(option);
  }
  const OptionArrays options(std::move(own));
  require(library, provider,
          library.api().SessionOptionsAppendExecutionProvider_V2(session_options, static_cast<OrtEnv*>(library.environment()), &device, 1,
                                                                 options.keys(), options.values(), options.size()));
}

}  // namespace edgeonnx::ort
