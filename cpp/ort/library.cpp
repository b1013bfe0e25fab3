// dlopen, version check, API table, environment: in that order, each failure with its reason and its remedy.
#include "ort/library.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "ort/abi.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

constexpr const char* kPathVariable = "EDGEONNX_ORT_LIBRARY";
constexpr const char* kDefaultName = "libonnxruntime.so.1";

// The newest API version whose slots abi.h was checked against. A newer runtime answers it too.
constexpr int kNewestMinor = 31;

[[noreturn]] void throw_missing(const std::string& path, const std::string& reason) {
  throw Error(Code::kRuntimeMissing, "ONNX Runtime cannot be used from " + in_quotes(path) + ": " + reason +
                                         ". Install it with `pip install onnxruntime`, or set " + kPathVariable +
                                         " to the full path of a libonnxruntime.so, version 1." + std::to_string(kOldestMinor) +
                                         " or newer");
}

struct CloseLibrary {
  void operator()(void* handle) const { dlclose(handle); }
};
using Handle = std::unique_ptr<void, CloseLibrary>;

std::string loader_reason() {
  const char* reason = dlerror();
  return reason != nullptr ? reason : "the loader gives no reason";
}

/// The library in the onnxruntime wheel that is installed beside the package that this code lies in, as <site>/edgeonnx/lib/...; empty
/// where there is none. Without this a database that loads edgeonnx would have to be told where Python keeps its packages.
std::string path_beside_us() {
  Dl_info self{};
  if (dladdr(kDefaultName, &self) == 0 || self.dli_fname == nullptr) return "";
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path site = fs::canonical(self.dli_fname, failed).parent_path().parent_path().parent_path();
  for (const fs::directory_entry& each : fs::directory_iterator(site / "onnxruntime" / "capi", failed)) {
    if (each.path().filename().string().starts_with("libonnxruntime.so.")) return each.path();
  }
  return "";
}

std::string wanted_path(const std::string& path) {
  if (!path.empty()) return path;
  if (const char* variable = getenv(kPathVariable); variable != nullptr && *variable != '\0') return variable;
  const std::string beside = path_beside_us();
  return beside.empty() ? kDefaultName : beside;
}

/// True where the loader knows `path` as the library behind `handle`, by whatever name or link.
bool is_same_library(const std::string& path, const void* handle) {
  const Handle other(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD));
  return other.get() == handle;
}

void log_nothing(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

int served_minor_version(const std::string& version, const std::string& path) {
  constexpr std::string_view kMajor = "1.";
  int minor = -1;
  if (version.starts_with(kMajor)) std::from_chars(version.data() + kMajor.size(), version.data() + version.size(), minor);
  if (minor < 0) throw_missing(path, "its version is '" + version + "', not 1.N");
  if (minor < kOldestMinor) throw_missing(path, "it is version " + version + ", which is too old");
  return minor;
}

const Library& Library::open(const std::string& path) {
  static std::mutex mutex;
  // Never destroyed: sessions of other static objects may still run while the process ends, and unloading gains nothing.
  static const Library* opened = nullptr;

  const std::lock_guard lock(mutex);
  if (opened != nullptr) {
    if (path.empty() || is_same_library(path, opened->handle_)) return *opened;
    throw Error(Code::kInvalidState, "ONNX Runtime is open from " + in_quotes(opened->path_) +
                                         " and a process has one: " + in_quotes(path) + " cannot be opened too");
  }

  const std::string wanted = wanted_path(path);
  setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/0);
  Handle handle(dlopen(wanted.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!handle) throw_missing(wanted, loader_reason());

  void* const symbol = dlsym(handle.get(), "OrtGetApiBase");
  if (symbol == nullptr) throw_missing(wanted, "it is not ONNX Runtime: " + loader_reason());
  const auto* base = reinterpret_cast<const OrtApiBase* (*)()>(symbol)();

  // The version comes first: GetApi with a number the library does not know prints on stderr.
  std::unique_ptr<Library> library(new Library);
  library->version_ = base->GetVersionString();
  library->minor_version_ = served_minor_version(library->version_, wanted);
  const void* table = base->GetApi(static_cast<uint32_t>(std::min(library->minor_version_, kNewestMinor)));
  if (table == nullptr) throw_missing(wanted, "version " + library->version_ + " does not answer its own API version");
  auto api = std::make_unique<Api>(table, library->minor_version_);

  Dl_info info{};
  library->path_ = dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : wanted;
  OrtEnv* environment = nullptr;
  check(*api, api->CreateEnvWithCustomLogger(log_nothing, nullptr, ORT_LOGGING_LEVEL_FATAL, "edgeonnx", &environment), Phase::kSetup,
        "create its environment");
  library->environment_ = environment;
  OrtMemoryInfo* memory = nullptr;
  check(*api, api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory), Phase::kSetup, "describe CPU memory");
  library->cpu_memory_ = memory;
  library->handle_ = handle.release();
  library->api_ = api.release();
  opened = library.release();
  return *opened;
}

}  // namespace edgeonnx::ort
