// The Python module edgeonnx._core: registers its parts.
#include "core.h"

PYBIND11_MODULE(_core, module) {
  using namespace edgeonnx::python;
  module.doc() = "The compiled core of edgeonnx. Private: use the package edgeonnx.";
  register_errors(module);
  register_table(module);
  register_binding(module);
  register_scorer(module);
  register_arrow(module);
  register_types(module);
  register_providers(module);
  register_device(module);
  module.def("version", &edgeonnx_version);
  module.def("abi_version", &edgeonnx_abi_version);
  module.def("live_objects", &edgeonnx_live_objects);
  module.def("default_threads", &edgeonnx_default_threads);
  module.def("compiler", [] { return std::string(__VERSION__); });
  module.def(
      "runtime_open",
      [](const std::string& library) {
        const char* path = nullptr;
        const char* version = nullptr;
        edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_runtime_open(library.c_str(), &path, &version, error); });
        return std::make_pair(std::string(path), std::string(version));
      },
      py::arg("library"), py::call_guard<py::gil_scoped_release>());
}
