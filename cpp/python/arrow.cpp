// Results as an Arrow stream of one batch, borrowed from NumPy arrays.
#include "arrow.h"

#include <cerrno>
#include <memory>

namespace edgeonnx::python {
namespace {

/// What a stream hands out, and the Python objects that own the memory.
struct Result {
  std::vector<std::string> names;
  std::vector<edgeonnx_field> fields;
  std::vector<edgeonnx_column> columns;
  std::vector<const uint8_t*> masks;
  int64_t n_rows = 0;
  bool done = false;
  std::string error;
  py::list owners;
};

void release_owner(void* owner) {
  const py::gil_scoped_acquire acquire;  // the last consumer may let go on any thread
  Py_DECREF(static_cast<PyObject*>(owner));
}

int export_result(Result& result, int64_t n_rows, ArrowSchema* schema, ArrowArray* array) {
  const py::gil_scoped_acquire acquire;
  PyObject* owner = result.owners.ptr();
  Py_INCREF(owner);
  try {
    checked([&](edgeonnx_error* error) {
      return edgeonnx_arrow_export(result.fields.data(), result.columns.data(), result.masks.data(), result.fields.size(), n_rows,
                                   release_owner, owner, schema, array, error);
    });
    return 0;
  } catch (const StatusError& error) {
    result.error = error.what();
    return EINVAL;
  }
}

Result& result_of(ArrowArrayStream* stream) { return *static_cast<Result*>(stream->private_data); }

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  ArrowArray unused{};
  const int code = export_result(result_of(stream), 0, out, &unused);
  if (code == 0) unused.release(&unused);
  return code;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  Result& result = result_of(stream);
  *out = ArrowArray{};
  if (result.done) return 0;
  ArrowSchema unused{};
  const int code = export_result(result, result.n_rows, &unused, out);
  if (code == 0) unused.release(&unused);
  result.done = code == 0;
  return code;
}

const char* get_last_error(ArrowArrayStream* stream) { return result_of(stream).error.c_str(); }

void release_stream(ArrowArrayStream* stream) {
  const py::gil_scoped_acquire acquire;
  delete static_cast<Result*>(stream->private_data);
  stream->release = nullptr;
}

void release_capsule(PyObject* capsule) {
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, kStreamCapsule));
  if (stream->release) stream->release(stream);  // nobody consumed it
  delete stream;
}

/// arrays: C-contiguous, [N] or [N, k]; masks: None or boolean [N], True = NULL.
/// decimals: name -> (type, precision, scale) of arrays that hold the raw bytes of decimals.
py::capsule export_stream(const std::vector<std::string>& names, const py::list& arrays, const py::list& masks, const py::dict& decimals) {
  auto result = std::make_unique<Result>();
  result->names = names;
  result->owners = py::list();
  for (size_t i = 0; i < names.size(); ++i) {
    const auto array = py::reinterpret_borrow<py::array>(arrays[i]);
    if (!(array.flags() & py::array::c_style)) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "result '" + names[i] + "' is not contiguous");
    int64_t width = 1;
    for (py::ssize_t d = 1; d < array.ndim(); ++d) width *= array.shape(d);
    result->n_rows = array.shape(0);
    edgeonnx_field field{result->names[i].c_str(), nullptr, width, type_of(array.dtype()), 0, 0};
    if (const py::str name(names[i]); decimals.contains(name)) {
      std::tie(field.type, field.precision, field.scale) = decimals[name].cast<std::tuple<int32_t, int16_t, int16_t>>();
    }
    result->fields.push_back(field);
    edgeonnx_column column{};
    column.data = array.data();
    column.stride = array.itemsize() * width;
    result->columns.push_back(column);
    result->owners.append(array);
    const py::object mask = masks[i];
    result->masks.push_back(mask.is_none() ? nullptr : static_cast<const uint8_t*>(py::reinterpret_borrow<py::array>(mask).data()));
    if (!mask.is_none()) result->owners.append(mask);
  }
  auto stream =
      std::make_unique<ArrowArrayStream>(ArrowArrayStream{get_schema, get_next, get_last_error, release_stream, result.release()});
  py::capsule capsule(stream.get(), kStreamCapsule, release_capsule);
  stream.release();
  return capsule;
}

}  // namespace

void register_arrow(py::module_& module) {
  module.def("export_stream", &export_stream, py::arg("names"), py::arg("arrays"), py::arg("masks"), py::arg("decimals"));
}

}  // namespace edgeonnx::python
