// Score calls on a binding: memory for the results, the caller's or new, and the report.
#include "binding.h"

#include <algorithm>
#include <optional>

namespace edgeonnx::python {

PyBinding::PyBinding(Binding made, const Table& table, bool takes_by_position) : binding(std::move(made)), by_position(takes_by_position) {
  for (int64_t i = 0; i < binding.n_results(); ++i) {
    const edgeonnx_port port = binding.result(i);
    const py::str name = to_str(port.name);
    // Results are handed out in a dictionary, which holds one array a name.
    if (std::any_of(results.begin(), results.end(), [&](const BoundResult& each) { return each.name.equal(name); })) {
      throw StatusError(EDGEONNX_INVALID_ARGUMENT,
                        "output '" + std::string(port.name) + "' is chosen twice; choose it once, or score twice");
    }
    BoundResult result{name, dtype_of(port.type), port.type, port.width, {0}, port.nullable != 0, port.precision, port.scale};
    int64_t product = 1;
    for (int32_t d = 1; d < port.rank; ++d) product *= port.shape[d];
    if (port.width > 1 && product == port.width && port.rank <= kMostDimensions) {
      result.shape.insert(result.shape.end(), port.shape + 1, port.shape + port.rank);
    } else if (port.width != 1) {
      result.shape.push_back(port.width);
    }
    results.push_back(std::move(result));
  }
  for (size_t i = 0; i < table.fields().size(); ++i) {
    const edgeonnx_field& field = table.fields()[i];
    PyObject* name = to_str(field.name).release().ptr();
    PyUnicode_InternInPlace(&name);
    const bool has_dtype =
        field.type != EDGEONNX_TYPE_UNDEFINED && field.type < EDGEONNX_TYPE_BFLOAT16 && field.type != EDGEONNX_TYPE_STRING;
    const py::object dtype = has_dtype ? py::object(dtype_of(field.type)) : py::object(py::none());
    columns.push_back({py::reinterpret_steal<py::str>(name), has_dtype ? dtype.ptr() : nullptr, field.type, field.width,
                       table.row_sizes()[i].size() < 2, has_dtype ? dtype.cast<py::dtype>().itemsize() : 0,
                       field.type_name && std::string(field.type_name) == "str"});
  }
}

namespace {

/// Asked by the waiting thread while others score: lets Python run its signal handlers, so that Ctrl-C stops the call.
int check_signals(void*) {
  const py::gil_scoped_acquire acquire;
  return PyErr_CheckSignals();
}

/// The caller's array for a result, if it fits.
py::array checked_out(const py::object& given, const BoundResult& result, int64_t n_rows) {
  const std::string name = "out['" + std::string(result.name) + "']";
  if (!py::isinstance<py::array>(given)) throw StatusError(EDGEONNX_INVALID_ARGUMENT, name + " is not a NumPy array");
  const auto array = py::reinterpret_borrow<py::array>(given);
  if (py::hasattr(given, "mask"))
    throw StatusError(EDGEONNX_INVALID_ARGUMENT, name + " is a masked array; pass its .data, and find NULLs in the scores returned");
  if (is_decimal(result.type)) {
    throw StatusError(EDGEONNX_UNSUPPORTED, name + ": NumPy has no dtype for decimals; take this result from the scores");
  }
  if (type_of(array.dtype()) != result.type) {
    throw StatusError(EDGEONNX_TYPE_MISMATCH, name + ": expected dtype " + py::cast<std::string>(py::str(py::object(result.dtype))) +
                                                  ", got " + py::cast<std::string>(py::str(py::object(array.dtype()))));
  }
  if (!array.writeable()) throw StatusError(EDGEONNX_INVALID_ARGUMENT, name + " is read-only");
  int64_t width = 1;
  py::ssize_t packed = array.itemsize();
  bool is_packed = true;
  for (py::ssize_t d = array.ndim() - 1; d > 0; --d) {
    is_packed &= array.shape(d) == 1 || array.strides(d) == packed;
    packed *= array.shape(d);
    width *= array.shape(d);
  }
  if (array.ndim() < 1 || array.shape(0) != n_rows || width != result.width) {
    throw StatusError(EDGEONNX_SHAPE_MISMATCH, name + ": expected " + std::to_string(n_rows) + " rows of " + std::to_string(result.width) +
                                                   " values, got shape " + py::cast<std::string>(py::str(given.attr("shape"))));
  }
  if (!is_packed) throw StatusError(EDGEONNX_INVALID_ARGUMENT, name + ": the values of a row must lie together");
  return array;
}

/// py::gil_scoped_release without its bookkeeping for interpreters that end meanwhile, which a call of one row would feel.
struct GilRelease {
  PyThreadState* state = PyEval_SaveThread();
  ~GilRelease() { PyEval_RestoreThread(state); }
};

}  // namespace

py::tuple score_batches(const PyBinding& self, const edgeonnx_batch* batches, size_t n_batches, int64_t n_rows, const py::dict* out,
                        int64_t first_row) {
  const size_t n = self.results.size();
  py::dict values;
  py::object masks = py::none();
  constexpr size_t kInline = 8;
  edgeonnx_output few[kInline];
  std::vector<edgeonnx_output> many(n > kInline ? n : 0);
  edgeonnx_output* outputs = n > kInline ? many.data() : few;
  for (size_t i = 0; i < n; ++i) {
    const BoundResult& result = self.results[i];
    const bool is_given = out && !out->empty() && out->contains(result.name);
    py::array array = is_given ? checked_out((*out)[result.name], result, n_rows) : new_array(result.dtype, result.shape, n_rows);
    outputs[i] = {array.mutable_data(), n_rows > 1 ? array.strides(0) : array.itemsize() * result.width, nullptr};
    if (PyDict_SetItem(values.ptr(), result.name.ptr(), array.ptr()) != 0) throw py::error_already_set();
    if (result.nullable) {
      py::array mask = new_array(self.mask_dtype, {0}, n_rows);
      outputs[i].mask = static_cast<uint8_t*>(mask.mutable_data());
      if (masks.is_none()) masks = py::dict();
      masks[result.name] = std::move(mask);
    }
  }
  edgeonnx_call call{};
  call.struct_size = sizeof call;
  call.check = check_signals;  // takes the GIL, and is not asked in what is over at once
  call.first_row = first_row;
  constexpr size_t kInlineCasts = 32;
  struct {
    edgeonnx_report report;
    int64_t few_casts[kInlineCasts];  // written by the call
  } told;
  told.report = {};
  std::vector<int64_t> many_casts(self.n_casts > kInlineCasts ? self.n_casts : 0);
  call.n_changed = many_casts.empty() ? told.few_casts : many_casts.data();
  edgeonnx_report& report = told.report;
  report.struct_size = sizeof report;
  try {
    // Safe without the GIL: the caller holds the owners of the batches, `values` and `masks` own the results, and both outlive the call.
    // What is over at once keeps it, since getting it back from a busy thread may take milliseconds.
    std::optional<GilRelease> release;
    if (n_batches != 1 || !edgeonnx_binding_is_brief(self.binding.get(), n_rows)) release.emplace();
    checked([&](edgeonnx_error* error) {
      return edgeonnx_binding_score(self.binding.get(), batches, n_batches, outputs, n, &call, &report, error);
    });
  } catch (const StatusError&) {
    if (PyErr_Occurred()) throw py::error_already_set();  // a signal handler's exception, KeyboardInterrupt as a rule
    throw;
  }
  py::bytes raw_report(reinterpret_cast<const char*>(&told), sizeof report + (many_casts.empty() ? self.n_casts * sizeof(int64_t) : 0));
  if (!many_casts.empty()) raw_report += py::bytes(reinterpret_cast<const char*>(many_casts.data()), self.n_casts * sizeof(int64_t));
  return py::reinterpret_steal<py::tuple>(PyTuple_Pack(3, values.ptr(), masks.ptr(), raw_report.ptr()));
}

namespace {

py::tuple score(const PyBinding& self, const Table& table, const py::dict& out, int64_t first_row) {
  return score_batches(self, table.batches().data(), table.batches().size(), table.n_rows(), &out, first_row);
}

}  // namespace

void register_binding(py::module_& module) {
  py::class_<PyBinding>(module, "Binding", "A model tied to a layout of columns.")
      .def_property_readonly("names",
                             [](const PyBinding& self) {
                               py::list names;
                               for (const BoundResult& result : self.results) names.append(result.name);
                               return names;
                             })
      .def_property_readonly("casts",
                             [](const PyBinding& self) {
                               py::list casts;
                               for (const edgeonnx_cast& cast : self.binding.casts())
                                 casts.append(py::make_tuple(to_str(cast.column), cast.from, cast.to, cast.exact != 0, cast.rule));
                               return casts;
                             })
      .def_property_readonly("decimals",
                             [](const PyBinding& self) {
                               py::dict decimals;
                               for (const BoundResult& result : self.results) {
                                 if (is_decimal(result.type))
                                   decimals[result.name] = py::make_tuple(result.type, result.precision, result.scale);
                               }
                               return decimals;
                             })
      .def_property_readonly("explain", [](const PyBinding& self) { return to_str(self.binding.explain()); })
      .def("short_way", &short_way, py::arg("scores"), py::arg("origin"))
      .def("score", &score, py::arg("table"), py::arg("out"), py::arg("first_row"));
}

}  // namespace edgeonnx::python
