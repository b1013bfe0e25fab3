// ONNX Runtime's shared library: found, opened and asked for its API table, once per process.
#pragma once

#include <string>

namespace edgeonnx::ort {

struct Api;  // abi.h

/// The oldest ONNX Runtime served, as 1.N: the oldest whose wheel ships libonnxruntime.so, hence the oldest that the tests run against.
inline constexpr int kOldestMinor = 19;

class Library {
 public:
  /// Opens the library at `path`; if that is empty, at $EDGEONNX_ORT_LIBRARY; if that is not set either, in the onnxruntime wheel that is
  /// installed beside edgeonnx; or else "libonnxruntime.so.1" on the loader's search path. The first call that succeeds decides for the
  /// process: later, an empty path means the open library, and the path of another one throws Error(kInvalidState), since two runtimes in
  /// one process would not share their environment. Sets ORT_DISABLE_TELEMETRY=1 before dlopen unless the user has set it. Throws
  /// Error(kRuntimeMissing) that says what was looked for, the loader's own reason, and what to install: not found, not loadable, not ONNX
  /// Runtime, or older than the oldest version served. Thread-safe; a failure is not remembered, so a later call may succeed.
  static const Library& open(const std::string& path);

  const Api& api() const { return *api_; }
  const std::string& path() const { return path_; }        ///< the file, as the loader resolved it
  const std::string& version() const { return version_; }  ///< "1.31.1"
  int minor_version() const { return minor_version_; }     ///< 31: also the API version that the library answers
  void* environment() const { return environment_; }       ///< OrtEnv*, one for the process; logs nothing
  void* cpu_memory() const { return cpu_memory_; }         ///< OrtMemoryInfo* of the caller's memory

 private:
  Library() = default;
  const Api* api_ = nullptr;
  void* handle_ = nullptr;
  std::string path_;
  std::string version_;
  int minor_version_ = 0;
  void* environment_ = nullptr;
  void* cpu_memory_ = nullptr;
};

/// The N of a version "1.N.P" that is served. Throws Error(kRuntimeMissing), naming `path`, for one that is older or not 1.N.
int served_minor_version(const std::string& version, const std::string& path);

}  // namespace edgeonnx::ort
