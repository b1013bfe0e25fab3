// NumPy's dtypes for the types of edgeonnx.h, and arrays of them.
#include <algorithm>

#include "blocks.h"
#include "core.h"

namespace edgeonnx::python {

int32_t type_of(const py::dtype& dtype) {
  const char order = dtype.byteorder();
  if (order != '=' && order != '|' && order != '<') return EDGEONNX_TYPE_UNDEFINED;
  const auto size = dtype.itemsize();
  switch (dtype.kind()) {
    case 'b':
      return EDGEONNX_TYPE_BOOL;
    case 'i':
      return size == 1 ? EDGEONNX_TYPE_INT8 : size == 2 ? EDGEONNX_TYPE_INT16 : size == 4 ? EDGEONNX_TYPE_INT32 : EDGEONNX_TYPE_INT64;
    case 'u':
      return size == 1 ? EDGEONNX_TYPE_UINT8 : size == 2 ? EDGEONNX_TYPE_UINT16 : size == 4 ? EDGEONNX_TYPE_UINT32 : EDGEONNX_TYPE_UINT64;
    case 'f':
      return size == 2   ? EDGEONNX_TYPE_FLOAT16
             : size == 4 ? EDGEONNX_TYPE_FLOAT
             : size == 8 ? EDGEONNX_TYPE_DOUBLE
                         : EDGEONNX_TYPE_UNDEFINED;
    default:
      return EDGEONNX_TYPE_UNDEFINED;
  }
}

py::dtype dtype_of(int32_t type) {
  switch (type) {
    case EDGEONNX_TYPE_BOOL:
      return py::dtype("bool");
    case EDGEONNX_TYPE_INT8:
      return py::dtype("int8");
    case EDGEONNX_TYPE_UINT8:
      return py::dtype("uint8");
    case EDGEONNX_TYPE_INT16:
      return py::dtype("int16");
    case EDGEONNX_TYPE_UINT16:
      return py::dtype("uint16");
    case EDGEONNX_TYPE_INT32:
      return py::dtype("int32");
    case EDGEONNX_TYPE_UINT32:
      return py::dtype("uint32");
    case EDGEONNX_TYPE_INT64:
      return py::dtype("int64");
    case EDGEONNX_TYPE_UINT64:
      return py::dtype("uint64");
    case EDGEONNX_TYPE_FLOAT16:
      return py::dtype("float16");
    case EDGEONNX_TYPE_FLOAT:
      return py::dtype("float32");
    case EDGEONNX_TYPE_DOUBLE:
      return py::dtype("float64");
    case EDGEONNX_TYPE_DECIMAL128:
    case EDGEONNX_TYPE_MONEY:
      return py::dtype("V16");
    default:
      throw StatusError(EDGEONNX_UNSUPPORTED, std::string("NumPy has no dtype for values of type ") +
                                                  (type == EDGEONNX_TYPE_BFLOAT16 ? "bfloat16" : "string") +
                                                  "; ask for another type, real for instance");
  }
}

bool is_decimal(int32_t type) { return type >= EDGEONNX_TYPE_DECIMAL32 && type <= EDGEONNX_TYPE_MONEY; }

// Without the detours of py::array's constructor, which cost as much as scoring a row.
py::array new_array(const py::dtype& dtype, const std::vector<py::ssize_t>& shape, py::ssize_t n_rows) {
  py::ssize_t sizes[kMostDimensions];
  const int n_dimensions = static_cast<int>(shape.size());
  std::copy_n(shape.begin(), n_dimensions, sizes);
  sizes[0] = n_rows;
  const auto& numpy = py::detail::npy_api::get();
  size_t n_bytes = static_cast<size_t>(dtype.itemsize());
  for (int d = 0; d < n_dimensions; ++d) n_bytes *= static_cast<size_t>(sizes[d]);
  if (n_bytes >= kLeastBlockBytes) {
    void* data = nullptr;
    const py::object owner = new_block(n_bytes, &data);
    return py::array(dtype, std::vector<py::ssize_t>(sizes, sizes + n_dimensions), data, owner);
  }
  // NewFromDescr steals a reference to the dtype.
  PyObject* made =
      numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, dtype.inc_ref().ptr(), n_dimensions, sizes, nullptr, nullptr, 0, nullptr);
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::array>(made);
}

}  // namespace edgeonnx::python
