// Scorer and Binding: a loaded model, and a model tied to a layout of columns.
#include <algorithm>
#include <optional>
#include <utility>

#include "core.h"

namespace edgeonnx::python {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

py::tuple shape_of(const edgeonnx_port& port) {
  py::tuple shape(port.rank);
  for (int32_t d = 0; d < port.rank; ++d) shape[d] = port.shape[d] < 0 ? py::object(py::none()) : py::object(py::int_(port.shape[d]));
  return shape;
}

py::tuple port_tuple(const edgeonnx_port& port) {
  return py::make_tuple(to_str(port.name), to_str(port.onnx_type), port.sql_type, shape_of(port));
}

std::unique_ptr<Scorer> make_scorer(const py::buffer& model, const std::string& ort_library, const std::string& model_name,
                                    const std::string& external_data_folder, const std::vector<std::pair<std::string, Pairs>>& providers,
                                    int64_t max_model_bytes, int64_t morsel_rows, int32_t n_threads) {
  const py::buffer_info bytes = model.request();
  std::vector<std::vector<const char*>> keys(providers.size()), values(providers.size());
  std::vector<edgeonnx_provider> raw;
  for (size_t i = 0; i < providers.size(); ++i) {
    for (const auto& [key, value] : providers[i].second) keys[i].push_back(key.c_str()), values[i].push_back(value.c_str());
    raw.push_back({providers[i].first.c_str(), keys[i].data(), values[i].data(), keys[i].size()});
  }
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  options.ort_library = ort_library.c_str();
  options.model_name = model_name.c_str();
  options.external_data_folder = external_data_folder.c_str();
  options.providers = raw.data();
  options.n_providers = raw.size();
  options.max_model_bytes = max_model_bytes;
  options.morsel_rows = morsel_rows;
  options.n_threads = n_threads;
  // The buffer is locked by `bytes` and all strings are C++ copies: nothing below touches Python.
  const py::gil_scoped_release release;
  return std::make_unique<Scorer>(bytes.ptr, static_cast<size_t>(bytes.size * bytes.itemsize), options);
}

/// (input or None, policy, constant or None)
using NullRule = std::tuple<std::optional<std::string>, int32_t, py::object>;

edgeonnx_null_rule null_rule_of(const NullRule& rule) {
  edgeonnx_null_rule raw{};
  raw.input = std::get<0>(rule) ? std::get<0>(rule)->c_str() : nullptr;
  raw.policy = std::get<1>(rule);
  const py::object& constant = std::get<2>(rule);
  if (constant.is_none()) return raw;
  raw.constant_is_integer = py::isinstance<py::int_>(constant);
  if (raw.constant_is_integer) raw.constant_integer = constant.cast<int64_t>();
  raw.constant = constant.cast<double>();
  return raw;
}

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

/// A binding with what a call needs of its results at hand.
struct PyBinding {
  explicit PyBinding(Binding made) : binding(std::move(made)) {
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
  }

  Binding binding;
  std::vector<BoundResult> results;
  py::dtype mask_dtype{"bool"};
  int64_t matrix_width = -1;  // of the only column; -1 where there are several
  int32_t matrix_type = EDGEONNX_TYPE_UNDEFINED;
  size_t n_casts = static_cast<size_t>(edgeonnx_binding_n_casts(binding.get()));
};

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

/// Memory for the results, and the call. Returns (values by name, masks by name or None, report: the bytes of an edgeonnx_report and behind
/// them a 64-bit number per cast).
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
  call.check = check_signals;
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
    const GilRelease release;
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

py::tuple score(const PyBinding& self, const Table& table, const py::dict& out, int64_t first_row) {
  return score_batches(self, table.batches().data(), table.batches().size(), table.n_rows(), &out, first_row);
}

/// The short way for the commonest call: a matrix like the one that the binding was made for, which then needs no Table. None: not like it.
py::object score_matrix(const PyBinding& self, const py::array& matrix) {
  if (matrix.ndim() != 2 || matrix.shape(1) != self.matrix_width || type_of(matrix.dtype()) != self.matrix_type ||
      (matrix.shape(1) > 1 && matrix.strides(1) != matrix.itemsize())) {
    return py::none();
  }
  edgeonnx_column column{};
  column.data = matrix.data();
  column.stride = matrix.shape(0) > 1 ? matrix.strides(0) : matrix.itemsize() * matrix.shape(1);
  const edgeonnx_batch batch{&column, matrix.shape(0)};
  return score_batches(self, &batch, 1, matrix.shape(0), nullptr, 0);
}

std::unique_ptr<PyBinding> bind(const Scorer& self, const Table& table, int32_t coercion, int32_t on_overflow, bool by_position,
                                const std::vector<NullRule>& null_rules, const Pairs& renames,
                                const std::vector<std::pair<std::string, std::vector<std::string>>>& groups,
                                const std::vector<std::pair<std::string, Declaration>>& results, bool counts_branches) {
  std::vector<edgeonnx_null_rule> raw_nulls;
  for (const NullRule& rule : null_rules) raw_nulls.push_back(null_rule_of(rule));
  std::vector<edgeonnx_rename> raw_renames;
  for (const auto& [column, input] : renames) raw_renames.push_back({check_name(column), check_name(input)});
  std::vector<std::vector<const char*>> names(groups.size());
  std::vector<edgeonnx_column_group> raw_groups;
  for (size_t i = 0; i < groups.size(); ++i) {
    for (const std::string& column : groups[i].second) names[i].push_back(check_name(column));
    raw_groups.push_back({groups[i].first.c_str(), names[i].data(), names[i].size()});
  }
  std::vector<edgeonnx_result> raw_results;
  for (const auto& [output, declaration] : results) {
    const auto [type, precision, scale, not_null] = declaration;
    raw_results.push_back({check_name(output), type, precision, scale, not_null});
  }
  edgeonnx_binding_options options{};
  options.struct_size = sizeof options;
  options.coercion = coercion;
  options.on_overflow = on_overflow;
  options.by_position = by_position;
  options.null_rules = raw_nulls.data();
  options.n_null_rules = raw_nulls.size();
  options.renames = raw_renames.data();
  options.n_renames = raw_renames.size();
  options.groups = raw_groups.data();
  options.n_groups = raw_groups.size();
  options.results = raw_results.data();
  options.n_results = raw_results.size();
  options.counts_branches = counts_branches;
  std::optional<Binding> made;
  {
    const py::gil_scoped_release release;  // may run the model once to learn its shapes; only C++ copies are read
    made.emplace(self.bind(table.fields(), options));
  }
  auto binding = std::make_unique<PyBinding>(*std::move(made));
  if (by_position && table.fields().size() == 1) {
    binding->matrix_width = table.fields()[0].width;
    binding->matrix_type = table.fields()[0].type;
  }
  return binding;
}

}  // namespace

void register_scorer(py::module_& module) {
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
      .def("score", &score, py::arg("table"), py::arg("out"), py::arg("first_row"))
      .def("score_matrix", &score_matrix, py::arg("matrix").noconvert());
  py::class_<Scorer>(module, "Scorer", "A loaded model.")
      .def(py::init(&make_scorer), py::arg("model"), py::arg("ort_library"), py::arg("model_name"), py::arg("external_data_folder"),
           py::arg("providers"), py::arg("max_model_bytes"), py::arg("morsel_rows"), py::arg("n_threads"))
      .def_property_readonly("inputs",
                             [](const Scorer& self) {
                               py::list ports;
                               for (int64_t i = 0; i < self.n_inputs(); ++i) ports.append(port_tuple(self.input(i)));
                               return ports;
                             })
      .def_property_readonly("outputs",
                             [](const Scorer& self) {
                               py::list ports;
                               for (int64_t i = 0; i < self.n_outputs(); ++i) ports.append(port_tuple(self.output(i)));
                               return ports;
                             })
      .def_property_readonly("explain", [](const Scorer& self) { return to_str(self.explain()); })
      .def("bind", &bind, py::arg("table"), py::arg("coercion"), py::arg("on_overflow"), py::arg("by_position"), py::arg("null_rules"),
           py::arg("renames"), py::arg("groups"), py::arg("results"), py::arg("counts_branches"));
}

}  // namespace edgeonnx::python
