// The short way for a call like the one before it: columns go from the caller's objects to the core without a Table, since a few rows
// would feel every step. What looks different in any respect is left to the long way, which also finds the words for what is wrong.
#include <Python.h>
#include <structmember.h>  // of Python; needs the line above

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "binding.h"

namespace edgeonnx::python {
namespace {

using py::detail::PyArray_Proxy;

/// A type of NumPy's scalars, whose value lies behind the head of the object.
struct ScalarKind {
  PyTypeObject* type;
  int32_t column_type;
  size_t n_bytes;
};

/// What NumPy's scalars look like. One whose value is not found where it is looked for is left out.
std::vector<ScalarKind> find_scalar_kinds() {
  constexpr uint64_t kProbe = 0x0102030405060708;
  const py::module_ numpy = py::module_::import("numpy");
  std::vector<ScalarKind> kinds;
  for (const char* name :
       {"float32", "float64", "int64", "int32", "bool_", "int16", "uint8", "int8", "uint16", "uint32", "uint64", "float16"}) {
    const py::object type = numpy.attr(name);
    const py::dtype dtype = py::dtype::from_args(type);
    const size_t n_bytes = static_cast<size_t>(dtype.itemsize());
    uint64_t bytes = kProbe;
    if (dtype.kind() == 'b') bytes = 1;
    const py::object scalar = numpy.attr("frombuffer")(py::bytes(reinterpret_cast<const char*>(&bytes), n_bytes), dtype)[py::int_(0)];
    const auto* value = reinterpret_cast<const char*>(scalar.ptr()) + sizeof(PyObject);
    if (Py_TYPE(scalar.ptr())->tp_basicsize < static_cast<Py_ssize_t>(sizeof(PyObject) + n_bytes) ||
        std::memcmp(value, &bytes, n_bytes) != 0)
      continue;
    kinds.push_back({reinterpret_cast<PyTypeObject*>(type.ptr()), type_of(dtype), n_bytes});
  }
  return kinds;
}

const std::vector<ScalarKind>& scalar_kinds() {
  static const std::vector<ScalarKind> kinds = find_scalar_kinds();  // types of NumPy's, which stay as long as the process
  return kinds;
}

/// n things on the stack if they are few.
template <class T, size_t kFew>
class Few {
 public:
  explicit Few(size_t n) : many_(n > kFew ? n : 0), items_(n > kFew ? many_.data() : few_.data()) {}
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  T& operator[](size_t i) { return items_[i]; }
  const T* data() const { return items_; }

 private:
  std::array<T, kFew> few_;  // written before it is read
  std::vector<T> many_;
  T* items_;
};

constexpr size_t kFewColumns = 64;

/// Columns of one call, and the arrays that they lie in: whoever scores without the GIL must hold them, or another thread could take
/// one out of the dictionary and with it from memory.
class Borrowed {
 public:
  explicit Borrowed(size_t n) : columns_(n), values_(n), owners_(n) {}
  ~Borrowed() {
    for (size_t i = 0; i < n_owners_; ++i) Py_DECREF(owners_[i]);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  const edgeonnx_column* columns() const { return columns_.data(); }
  int64_t n_rows() const { return n_rows_; }

  /// False where `object` is not such an array, or differs from those before it in its number of rows.
  bool take_array(size_t i, PyObject* object, const ColumnLike& like) {
    const auto* array = reinterpret_cast<const PyArray_Proxy*>(object);
    if (!like.descriptor || !like.is_line || (array->descr != like.descriptor && !is_alike(array->descr, like))) return false;
    if (array->nd == 1 ? like.width != 1 : array->nd != 2 || array->dimensions[1] != like.width) return false;
    if (array->nd == 2 && like.width > 1 && array->strides[1] != like.item_bytes) return false;
    const int64_t n_rows = array->dimensions[0];
    if (i == 0) n_rows_ = n_rows;
    if (n_rows != n_rows_) return false;
    columns_[i] = {array->data, n_rows > 1 ? array->strides[0] : like.item_bytes * like.width, nullptr, 0, nullptr, 0};
    Py_INCREF(object);
    owners_[n_owners_++] = object;
    return true;
  }

  /// False where `object` is no number of that type; None is a NULL of any.
  bool take_scalar(size_t i, PyObject* object, const ColumnLike& like) {
    static constexpr uint8_t kNull = 0;
    n_rows_ = 1;
    std::byte* value = values_[i].data();
    columns_[i] = {value, like.item_bytes, nullptr, 0, nullptr, 0};
    if (like.width != 1) return false;
    if (object == Py_None) {
      std::memset(value, 0, sizeof(Value));
      columns_[i].validity = &kNull;
      return like.descriptor || like.type == EDGEONNX_TYPE_NULL;
    }
    if (PyFloat_CheckExact(object)) {
      const double number = PyFloat_AS_DOUBLE(object);
      std::memcpy(value, &number, sizeof number);
      return like.type == EDGEONNX_TYPE_DOUBLE;
    }
    if (PyLong_CheckExact(object)) {
      int overflow = 0;
      const int64_t number = PyLong_AsLongLongAndOverflow(object, &overflow);
      std::memcpy(value, &number, sizeof number);
      return overflow == 0 && like.type == EDGEONNX_TYPE_INT64;
    }
    if (PyBool_Check(object)) {
      *value = std::byte{object == Py_True};
      return like.type == EDGEONNX_TYPE_BOOL;
    }
    for (const ScalarKind& kind : scalar_kinds()) {
      if (Py_TYPE(object) != kind.type) continue;
      std::memcpy(value, reinterpret_cast<const char*>(object) + sizeof(PyObject), kind.n_bytes);
      return like.type == kind.column_type;
    }
    return like.is_text && PyUnicode_CheckExact(object);
  }

 private:
  using Value = std::array<std::byte, 8>;

  /// NumPy has two dtypes for some types (long and long long), and the caller may have made one of his own.
  static bool is_alike(PyObject* descriptor, const ColumnLike& like) {
    return type_of(py::reinterpret_borrow<py::dtype>(descriptor)) == like.type;
  }

  Few<edgeonnx_column, kFewColumns> columns_;
  Few<Value, kFewColumns> values_;  // of scalars
  Few<PyObject*, kFewColumns> owners_;
  size_t n_owners_ = 0;
  int64_t n_rows_ = 0;
};

/// Names that a program computes are equal to those before them at first, and the same objects from then on.
bool is_same_name(PyObject* key, py::str& name) {
  if (key == name.ptr()) return true;
  if (!PyUnicode_CheckExact(key) || PyUnicode_Compare(key, name.ptr()) != 0) return false;
  name = py::reinterpret_borrow<py::str>(key);
  return true;
}

/// False where the dictionary does not have these columns in this order, all of them arrays or all of them scalars.
bool take_columns(PyObject* dictionary, std::vector<ColumnLike>& likes, Borrowed& borrowed) {
  PyTypeObject* array_type = py::detail::npy_api::get().PyArray_Type_;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  bool has_arrays = false;
  for (size_t i = 0; PyDict_Next(dictionary, &position, &key, &value); ++i) {
    ColumnLike& like = likes[i];
    const bool is_array = Py_TYPE(value) == array_type;
    if (i == 0) has_arrays = is_array;
    if (is_array != has_arrays || !is_same_name(key, like.name)) return false;
    if (!(is_array ? borrowed.take_array(i, value, like) : borrowed.take_scalar(i, value, like))) return false;
  }
  return true;
}

/// Where an attribute of `type` that `__slots__` names lies in its objects.
Py_ssize_t slot_offset(const py::type& type, const char* name) {
  const py::object slot = type.attr(name);
  if (Py_TYPE(slot.ptr()) != &PyMemberDescr_Type) throw py::type_error(std::string(name) + " is no slot");
  return reinterpret_cast<PyMemberDescrObject*>(slot.ptr())->d_member->offset;
}

/// A binding, and how its scores become Scores of _scores.py: as scores_of there makes them, without the interpreter.
struct Way {
  Way(const py::object& made, const py::type& scores, const py::object& scores_origin)
      : owner(made),
        binding(made.cast<PyBinding&>()),
        type(scores),
        origin(scores_origin),
        raw_offset(slot_offset(type, "_raw")),
        origin_offset(slot_offset(type, "_origin")),
        arrays_offset(slot_offset(type, "_arrays")),
        has_decimals(std::any_of(binding.results.begin(), binding.results.end(), [](const auto& each) { return is_decimal(each.type); })) {}

  py::object owner;
  PyBinding& binding;
  py::type type;
  py::object origin;
  Py_ssize_t raw_offset, origin_offset, arrays_offset;
  bool has_decimals;
};

void set_slot(PyObject* object, Py_ssize_t offset, PyObject* value) {
  Py_INCREF(value);
  *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset) = value;  // held nothing: the object is new
}

py::object scores_of(const Way& way, const py::tuple& raw) {
  auto* type = reinterpret_cast<PyTypeObject*>(way.type.ptr());
  PyObject* scores = type->tp_alloc(type, 0);
  if (!scores) throw py::error_already_set();
  set_slot(scores, way.raw_offset, raw.ptr());
  set_slot(scores, way.origin_offset, way.origin.ptr());
  const bool is_plain = PyTuple_GET_ITEM(raw.ptr(), 1) == Py_None && !way.has_decimals;
  if (is_plain) set_slot(scores, way.arrays_offset, PyTuple_GET_ITEM(raw.ptr(), 0));
  return py::reinterpret_steal<py::object>(scores);
}

py::object score_alike(const Way& way, PyObject* data) {
  PyBinding& self = way.binding;
  const size_t n = self.columns.size();
  const bool is_dictionary = PyDict_CheckExact(data);
  if (self.by_position == is_dictionary || n == 0) return py::none();
  Borrowed borrowed(n);
  if (is_dictionary) {
    if (static_cast<size_t>(PyDict_GET_SIZE(data)) != n || !take_columns(data, self.columns, borrowed)) return py::none();
  } else if (n != 1 || Py_TYPE(data) != py::detail::npy_api::get().PyArray_Type_ || reinterpret_cast<PyArray_Proxy*>(data)->nd != 2 ||
             !borrowed.take_array(0, data, self.columns[0])) {
    return py::none();
  }
  const edgeonnx_batch batch{borrowed.columns(), borrowed.n_rows()};
  return scores_of(way, score_batches(self, &batch, 1, batch.n_rows, nullptr, 0));
}

constexpr const char* kCapsule = "edgeonnx.Way";

/// Called by Python itself, past pybind11's dispatcher.
PyObject* call(PyObject* capsule, PyObject* data) {
  try {
    const auto* way = static_cast<const Way*>(PyCapsule_GetPointer(capsule, kCapsule));
    if (!way) return nullptr;
    return score_alike(*way, data).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return nullptr;
}

PyMethodDef method{"short_way", call, METH_O, nullptr};

void release_way(PyObject* capsule) { delete static_cast<Way*>(PyCapsule_GetPointer(capsule, kCapsule)); }

}  // namespace

py::object short_way(const py::object& binding, const py::type& scores, const py::object& origin) {
  scalar_kinds();  // found now, since what fails there belongs to no call
  auto way = std::make_unique<Way>(binding, scores, origin);
  const auto capsule = py::reinterpret_steal<py::object>(PyCapsule_New(way.get(), kCapsule, release_way));
  if (!capsule) throw py::error_already_set();
  way.release();
  PyObject* function = PyCFunction_New(&method, capsule.ptr());
  if (!function) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(function);
}

}  // namespace edgeonnx::python
