// The one place where a failed call becomes a Python exception.
#include "core.h"

namespace edgeonnx::python {

const char* check_name(const std::string& name) {
  if (name.find('\0') != std::string::npos)
    throw StatusError(EDGEONNX_INVALID_ARGUMENT, "a name has a NUL in it: '" + std::string(name.c_str()) + "\\0...'");
  return name.c_str();
}

py::str to_str(const std::string& text) {
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

void register_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      std::rethrow_exception(pointer);
    } catch (const StatusError& error) {
      const auto optional_text = [](const std::string& text) { return text.empty() ? py::object(py::none()) : py::object(to_str(text)); };
      const py::object row = error.row() < 0 ? py::object(py::none()) : py::object(py::int_(error.row()));
      const py::object number = error.sql_number() == 0 ? py::object(py::none()) : py::object(py::int_(error.sql_number()));
      const py::object made = py::module_::import("edgeonnx._errors")
                                  .attr("from_status")(error.code(), to_str(error.what()), number, row, optional_text(error.column()),
                                                       optional_text(error.value()));
      PyErr_SetObject(py::type::handle_of(made).ptr(), made.ptr());
    }
  });
}

}  // namespace edgeonnx::python
