// What the parts of the Python module _core share. The module is one more client of the C interface: it includes the public headers only.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <deque>
#include <string>
#include <tuple>
#include <vector>

#include "edgeonnx/edgeonnx.hpp"

namespace edgeonnx::python {

namespace py = pybind11;

/// Columns on loan from Python objects or Arrow data, with whatever keeps them alive.
class Table {
 public:
  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  /// `arrays`: NumPy arrays; a Table of one column; (name of the type, number of rows) for a column of a type that no input takes.
  /// `masks`: None, or per column None or booleans, true where NULL: one a row, or one for each value.
  static std::unique_ptr<Table> from_arrays(const std::vector<std::string>& names, const py::list& arrays, const py::object& masks);
  static std::unique_ptr<Table> from_arrow(const py::object& source);
  /// One column, from an array with `__arrow_c_array__`.
  static std::unique_ptr<Table> from_arrow_array(const py::object& source);

  const std::vector<edgeonnx_field>& fields() const { return fields_; }
  /// The sizes of a row of each column; empty or one where its values are in a line.
  const std::deque<std::vector<int64_t>>& row_sizes() const { return row_sizes_; }
  const std::vector<edgeonnx_batch>& batches() const { return batches_; }
  int64_t n_rows() const { return n_rows_; }
  std::vector<std::string> names() const;
  /// Where the values of each column begin, batch by batch: [batch][column].
  std::vector<std::vector<uintptr_t>> addresses() const;
  /// Names, types and sizes: tables with equal signatures share a binding.
  py::bytes signature() const;

 private:
  /// `like` without its strings, which do not outlive their owner; `type_name` only where `type` is undefined: messages speak SQL.
  void add_field(const std::string& name, const edgeonnx_field& like, const std::string& type_name, std::vector<int64_t> row_sizes = {});
  /// The only column of another table, under a name of its own.
  void add_column_of(const std::string& name, const Table& other, edgeonnx_column& column);
  void add_mask(const py::object& mask, edgeonnx_column& column, int64_t n_rows, int64_t width);
  void add_batch(const ArrowSchema& schema, ArrowArray array);

  std::vector<edgeonnx_field> fields_;
  std::deque<std::vector<int64_t>> row_sizes_;
  std::deque<std::string> strings_;  // behind fields_; a deque never moves what it holds
  std::deque<std::vector<edgeonnx_column>> columns_;
  std::vector<edgeonnx_batch> batches_;
  int64_t n_rows_ = 0;
  py::object owner_;                          // NumPy arrays
  std::deque<std::vector<uint8_t>> bitmaps_;  // packed masks
  std::deque<ArrowArray> arrow_arrays_;       // moved out of a stream, released with the table
};

/// A name on its way into the C interface, where it would end at a NUL. Throws StatusError if it has one.
const char* check_name(const std::string& name);
/// Text of the C interface for Python; a model may hold bytes that are no UTF-8.
py::str to_str(const std::string& text);
/// edgeonnx.h's type of a NumPy dtype; EDGEONNX_TYPE_UNDEFINED for what no input takes.
int32_t type_of(const py::dtype& dtype);
/// The dtype of a type; for decimals 16 raw bytes. Throws StatusError where NumPy has none.
py::dtype dtype_of(int32_t type);
bool is_decimal(int32_t type);

/// (type, precision, scale, not_null), as edgeonnx_result has them.
using Declaration = std::tuple<int32_t, int16_t, int16_t, bool>;

constexpr int kMostDimensions = 32;  // of an array, NPY_MAXDIMS before NumPy 2; a row of more is handed out as a vector

/// A new array of NumPy's, shape[0] being n_rows.
py::array new_array(const py::dtype& dtype, const std::vector<py::ssize_t>& shape, py::ssize_t n_rows);

void register_errors(py::module_& module);
void register_table(py::module_& module);
void register_binding(py::module_& module);
void register_scorer(py::module_& module);
void register_arrow(py::module_& module);
void register_types(py::module_& module);
void register_providers(py::module_& module);
void register_device(py::module_& module);

}  // namespace edgeonnx::python
