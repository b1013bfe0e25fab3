#include "ort/provider_libraries.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "ort/needed_libraries.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

namespace fs = std::filesystem;

/// The folder that packages are installed in, where ONNX Runtime lies in one: <site>/onnxruntime/capi/libonnxruntime.so.1.
fs::path site_folder(const Library& library) {
  const fs::path capi = fs::path(library.path()).parent_path();
  return capi.filename() == "capi" ? capi.parent_path().parent_path() : fs::path();
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const fs::directory_entry& each : fs::directory_iterator(folder, failed)) found.push_back(each.path());
  return found;
}

std::vector<fs::path> package_folders(const Library& library) {
  const fs::path site = site_folder(library);
  if (site.empty()) return {};
  std::vector<fs::path> folders;
  for (const fs::path& package : entries(site / "nvidia")) folders.push_back(package / "lib");
  folders.push_back(site / "tensorrt_libs");
  return folders;
}

class Opener {
 public:
  explicit Opener(std::vector<fs::path> folders) : folders_(std::move(folders)) {}

  /// Opens what `file` needs and the packages have, each after what it needs itself. Libraries stay open: they belong to the process.
  void open_needed_by(const fs::path& file) {
    for (const std::string& name : needed_libraries(file)) open(name);
  }

  /// Opens libraries that nobody needs by name, but the provider looks for when it first uses them.
  void open_beginning_with(std::string_view prefix) {
    for (const fs::path& folder : folders_) {
      for (const fs::path& file : entries(folder)) {
        if (file.filename().string().starts_with(prefix)) open(file.filename());
      }
    }
  }

 private:
  void open(const std::string& name) {
    if (!seen_.insert(name).second) return;
    if (dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) != nullptr) return;  // PyTorch's for instance
    for (const fs::path& folder : folders_) {
      const fs::path file = folder / name;
      std::error_code failed;
      if (!fs::exists(file, failed)) continue;
      open_needed_by(file);
      if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
    }
  }

  std::vector<fs::path> folders_;
  std::set<std::string> seen_;
};

/// The library that a text of the loader's begins with: "libcublasLt.so.13: cannot open shared object file: ...".
std::string missing_library(const std::string& text) {
  const size_t end = text.find(": cannot open shared object file");
  if (end == std::string::npos) return "";
  const size_t begin = text.find_last_of(" \n", end) + 1;  // npos + 1 is 0
  return text.substr(begin, end - begin);
}

std::string origin_of(const std::string& missing, const ProviderKind& kind) {
  if (missing.starts_with("libcuda.so")) {
    return "it belongs to NVIDIA's driver, which this machine lacks, or the container was started without it";
  }
  if (missing.starts_with("libnvinfer") || missing.starts_with("libnvonnxparser")) {
    return "it belongs to TensorRT: pip install tensorrt, of the version that onnxruntime-gpu was built for";
  }
  if (kind.call == ProviderCall::kCuda || kind.call == ProviderCall::kTensorRt) {
    return "pip install \"onnxruntime-gpu[cuda,cudnn]\" brings it";
  }
  return "";
}

/// Two packages of ONNX Runtime that write the same files; "" where there is one.
std::string overwritten(const Library& library) {
  std::vector<std::string> packages;
  for (const fs::path& each : entries(site_folder(library))) {
    const std::string name = each.filename();
    if (!name.starts_with("onnxruntime") || !name.ends_with(".dist-info")) continue;
    const std::string package = name.substr(0, name.find('-'));
    if (package == "onnxruntime" || package == "onnxruntime_gpu" || package == "onnxruntime_openvino" || package == "onnxruntime_qnn") {
      packages.push_back(package);
    }
  }
  if (packages.size() < 2) return "";
  for (std::string& package : packages) std::replace(package.begin(), package.end(), '_', '-');
  return "the packages " + join(packages, " and ") +
         " are installed together and have overwritten each other's files: uninstall them, then install the one that you want";
}

std::string not_built_in(const ProviderKind& kind, const Library& library) {
  const std::string file = *kind.library ? std::string(kind.library) + " is not beside " : "it is not in ";
  const std::string text = file + library.path() + ", ONNX Runtime " + library.version() + ", which was built without this provider";
  if (const std::string both = overwritten(library); !both.empty()) return text + "; " + both;
  if (!*kind.package) return text;
  const bool is_cuda = kind.call == ProviderCall::kCuda || kind.call == ProviderCall::kTensorRt;
  return text + "; pip uninstall onnxruntime, then pip install " + (is_cuda ? "\"onnxruntime-gpu[cuda,cudnn]\"" : kind.package);
}

}  // namespace

std::string provider_file(const ProviderKind& kind, const Library& library) {
  if (!*kind.library) return "";
  const fs::path file = fs::path(library.path()).parent_path() / kind.library;
  std::error_code failed;
  return fs::exists(file, failed) ? file.string() : "";
}

void open_needed_by(const ProviderKind& kind, const Library& library) {
  if (kind.call != ProviderCall::kCuda && kind.call != ProviderCall::kTensorRt) return;
  const std::vector<fs::path> folders = package_folders(library);
  if (folders.empty()) return;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  Opener opener(folders);
  // TensorRT's provider leaves nodes to CUDA's and loads it too.
  for (const char* name : {"CUDA", "Tensorrt"}) {
    const ProviderKind& needed = *provider_kind(name);
    if (&needed == &kind || needed.call == ProviderCall::kCuda) opener.open_needed_by(provider_file(needed, library));
  }
  for (const char* prefix : {"libcudnn.so.", "libcufft.so.", "libnvrtc.so."}) opener.open_beginning_with(prefix);
}

void require_only_runtime(const ProviderKind& kind, const Library& library) {
  if (provider_file(kind, library).empty()) return;
  if (const std::string both = overwritten(library); !both.empty()) {
    throw Error(Code::kInvalidState, "execution provider " + in_quotes(kind.name) + " cannot be used: " + both);
  }
  void* const shared = dlopen("libonnxruntime_providers_shared.so", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (shared == nullptr) return;
  const link_map* where = nullptr;
  const bool is_known = dlinfo(shared, RTLD_DI_LINKMAP, &where) == 0;
  dlclose(shared);
  if (!is_known) return;
  std::error_code failed;
  const fs::path theirs = fs::canonical(where->l_name, failed).parent_path();
  const fs::path ours = fs::canonical(library.path(), failed).parent_path();
  if (failed || theirs == ours) return;
  throw Error(Code::kInvalidState, "execution provider " + in_quotes(kind.name) + " cannot be used: this process has the ONNX Runtime in " +
                                       theirs.string() + " too, beside the one in " + ours.string() +
                                       ", and providers can belong to one of them; do not import onnxruntime here, or let "
                                       "EDGEONNX_ORT_LIBRARY name its library");
}

std::string provider_reason(const ProviderKind& kind, const Library& library, const std::string& ort_text) {
  std::string text = bare_text(ort_text);
  const bool is_absent = text.find("not enabled in this build") != std::string::npos ||
                         text.find("not supported in this build") != std::string::npos ||
                         text.find("Unknown provider name") != std::string::npos;
  const bool is_loaded_apart = *kind.library && text.find("load shared library") != std::string::npos;
  const std::string file = provider_file(kind, library);
  if (is_absent || (is_loaded_apart && file.empty())) return not_built_in(kind, library);
  if (is_loaded_apart) {
    // ONNX Runtime says that the library did not load, whatever happened.
    const bool loads = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr;
    const char* reason = loads ? nullptr : dlerror();
    text = reason ? reason : "its library loads, but does not start with these options on this machine";
  }
  const std::string missing = missing_library(text);
  if (missing.empty()) return text;
  text = missing + text.substr(text.find(": cannot open shared object file"));
  const std::string origin = origin_of(missing, kind);
  return origin.empty() ? text : text + "; " + origin;
}

}  // namespace edgeonnx::ort
