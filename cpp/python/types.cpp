// Types without a model: how they are spelled, what becomes of one in another, and CAST over a column.
#include "core.h"

namespace edgeonnx::python {

namespace {

edgeonnx_result parse(const std::string& declaration) {
  edgeonnx_result result{};
  checked([&](edgeonnx_error* error) { return edgeonnx_result_parse(check_name(declaration), &result, error); });
  return result;
}

Declaration declaration_of(const std::string& text) {
  const edgeonnx_result parsed = parse(text);
  return {parsed.type, parsed.precision, parsed.scale, parsed.not_null != 0};
}

/// (rule, number of the overflow or None) for two types as declaration_of takes them.
py::tuple conversion_rule(const std::string& from, const std::string& to) {
  const char* rule = nullptr;
  int32_t sql_number = 0;
  checked([&](edgeonnx_error* error) { return edgeonnx_conversion_rule(parse(from).type, parse(to).type, &rule, &sql_number, error); });
  return py::make_tuple(rule, sql_number ? py::object(py::int_(sql_number)) : py::object(py::none()));
}

/// The only column of `table` in another type. Returns (values, mask, scale): decimals are raw bytes, and
/// there is no mask where nothing can be NULL. `out` may be None.
py::tuple cast(const Table& table, const std::string& to, int32_t coercion, int32_t on_overflow, int32_t n_threads, const py::object& out) {
  if (table.fields().size() != 1 || table.batches().size() > 1) {
    throw StatusError(EDGEONNX_INVALID_ARGUMENT, "one column in one piece is cast at a time");
  }
  const edgeonnx_result result = parse(to);
  const int64_t n_rows = table.n_rows();
  py::array values = out.is_none() ? new_array(dtype_of(result.type), {0}, n_rows) : py::reinterpret_borrow<py::array>(out);
  const edgeonnx_column none{};
  const edgeonnx_column& column = table.batches().empty() ? none : table.batches()[0].columns[0];
  edgeonnx_output output{values.mutable_data(), values.itemsize(), nullptr};
  py::object mask = py::none();
  const bool is_null = table.fields()[0].type == EDGEONNX_TYPE_NULL;
  if (is_null || column.validity || column.value_validity || on_overflow == EDGEONNX_ON_OVERFLOW_NULL) {
    py::array flags = new_array(py::dtype("bool"), {0}, n_rows);
    output.mask = static_cast<uint8_t*>(flags.mutable_data());
    mask = std::move(flags);
  }
  edgeonnx_cast_options options{};
  options.struct_size = sizeof options;
  options.coercion = coercion;
  options.on_overflow = on_overflow;
  options.n_threads = n_threads;
  {
    const py::gil_scoped_release release;  // the table owns the column, `values` and `mask` the result, and all outlive the call
    checked([&](edgeonnx_error* error) {
      return edgeonnx_column_cast(&table.fields()[0], &column, n_rows, &result, &options, &output, nullptr, error);
    });
  }
  return py::make_tuple(values, mask, result.scale);
}

}  // namespace

void register_types(py::module_& module) {
  module.def("declaration_of", &declaration_of, py::arg("text"));
  module.def("conversion_rule", &conversion_rule, py::arg("from_"), py::arg("to"));
  module.def("dtype_of", &dtype_of, py::arg("type"));
  module.def("cast", &cast, py::arg("table"), py::arg("to"), py::arg("coercion"), py::arg("on_overflow"), py::arg("n_threads"),
             py::arg("out"));
  module.def("cpu", [] {
    const char* name = nullptr;
    checked([&](edgeonnx_error* error) { return edgeonnx_cpu(&name, error); });
    return std::string(name);
  });
}

}  // namespace edgeonnx::python
