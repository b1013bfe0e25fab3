// Execution providers: which work here, and their options.
#include "core.h"

namespace edgeonnx::python {
namespace {

struct Release {
  void operator()(edgeonnx_providers* providers) const { edgeonnx_providers_release(providers); }
};

py::list providers(const std::string& library, bool tries) {
  edgeonnx_providers* raw = nullptr;
  {
    const py::gil_scoped_release release;  // loads libraries and runs models; no Python object is touched
    checked([&](edgeonnx_error* error) { return edgeonnx_providers_find(library.c_str(), tries, &raw, error); });
  }
  const std::unique_ptr<edgeonnx_providers, Release> found(raw);
  py::list list;
  for (int64_t i = 0; i < edgeonnx_providers_count(raw); ++i) {
    edgeonnx_provider_info info{};
    edgeonnx_providers_get(raw, i, &info);
    py::list options;
    for (size_t k = 0; k < info.n_options; ++k) {
      const edgeonnx_provider_option& option = info.options[k];
      options.append(py::make_tuple(option.key, option.type, option.default_value, option.meaning));
    }
    list.append(py::make_tuple(info.name, to_str(info.reason), options));
  }
  return list;
}

}  // namespace

void register_providers(py::module_& module) { module.def("providers", &providers, py::arg("library"), py::arg("tries")); }

}  // namespace edgeonnx::python
