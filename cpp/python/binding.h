// A model tied to a layout of columns, with what a call from Python needs of it at hand.
#pragma once

#include <string>
#include <vector>

#include "core.h"

namespace edgeonnx::python {

struct BoundResult {
  py::str name;
  py::dtype dtype;
  int32_t type = 0;
  int64_t width = 1;
  std::vector<py::ssize_t> shape;  // shape[0] is set at each call
  bool nullable = false;
  int16_t precision = 0;
  int16_t scale = 0;
};

/// One column of the layout, as the short way looks for it.
struct ColumnLike {
  py::str name;          // the last one seen; interned at first, as the names in a program's text are: most are found by their address
  PyObject* descriptor;  // NumPy's only one of the native type, which it never frees; null where NumPy has none
  int32_t type;
  int64_t width;
  bool is_line;  // a row is a value or a line of them
  int64_t item_bytes;
  bool is_text;  // str, which no input takes
};

struct PyBinding {
  PyBinding(Binding made, const Table& table, bool by_position);

  Binding binding;
  std::vector<BoundResult> results;
  std::vector<ColumnLike> columns;
  bool by_position;
  py::dtype mask_dtype{"bool"};
  size_t n_casts = static_cast<size_t>(edgeonnx_binding_n_casts(binding.get()));
};

/// Memory for the results, and the call. Returns (values by name, masks by name or None, report: the bytes of an edgeonnx_report and behind
/// them a 64-bit number per cast). `out` may be null. The caller holds what the batches are borrowed from.
py::tuple score_batches(const PyBinding& self, const edgeonnx_batch* batches, size_t n_batches, int64_t n_rows, const py::dict* out,
                        int64_t first_row);

/// A function of one argument: scores data that look like those the binding was made for, or returns None where they do not. Keeps
/// `binding`, a PyBinding, alive. `scores`: the class Scores, of which it makes an object with `origin`.
py::object short_way(const py::object& binding, const py::type& scores, const py::object& origin);

}  // namespace edgeonnx::python
