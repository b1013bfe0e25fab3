// Scorer: a loaded model, its ports, and how it is tied to a layout of columns.
#include <optional>
#include <utility>

#include "binding.h"

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
                                    int64_t max_model_bytes, int64_t morsel_rows, int32_t n_threads, bool native, bool selfcheck,
                                    bool deterministic, int32_t fallback) {
  const py::buffer_info bytes = model.request();
  std::vector<std::vector<const char*>> keys(providers.size()), values(providers.size());
  std::vector<edgeonnx_provider> raw;
  for (size_t i = 0; i < providers.size(); ++i) {
    for (const auto& [key, value] : providers[i].second) keys[i].push_back(check_name(key)), values[i].push_back(check_name(value));
    raw.push_back({check_name(providers[i].first), keys[i].data(), values[i].data(), keys[i].size()});
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
  options.native = native ? EDGEONNX_NATIVE_AUTO : EDGEONNX_NATIVE_OFF;
  options.skips_selfcheck = !selfcheck;
  options.deterministic = deterministic;
  options.fallback = fallback;
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
  std::vector<edgeonnx_row_shape> raw_shapes;
  for (size_t i = 0; i < table.fields().size(); ++i) {
    const std::vector<int64_t>& sizes = table.row_sizes()[i];
    if (sizes.size() > 1 && table.fields()[i].type != EDGEONNX_TYPE_UNDEFINED) raw_shapes.push_back({i, sizes.data(), sizes.size()});
  }
  options.row_shapes = raw_shapes.data();
  options.n_row_shapes = raw_shapes.size();
  std::optional<Binding> made;
  {
    const py::gil_scoped_release release;  // may run the model once to learn its shapes; only C++ copies are read
    made.emplace(self.bind(table.fields(), options));
  }
  return std::make_unique<PyBinding>(*std::move(made), table, by_position);
}

}  // namespace

void register_scorer(py::module_& module) {
  py::class_<Scorer>(module, "Scorer", "A loaded model.")
      .def(py::init(&make_scorer), py::arg("model"), py::arg("ort_library"), py::arg("model_name"), py::arg("external_data_folder"),
           py::arg("providers"), py::arg("max_model_bytes"), py::arg("morsel_rows"), py::arg("n_threads"), py::arg("native"),
           py::arg("selfcheck"), py::arg("deterministic"), py::arg("fallback"))
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
      .def_property_readonly("metadata",
                             [](const Scorer& self) {
                               py::dict entries;
                               for (const auto& [key, value] : self.metadata()) entries[to_str(key.c_str())] = to_str(value.c_str());
                               return entries;
                             })
      .def_property_readonly("warnings",
                             [](const Scorer& self) {
                               py::list sentences;
                               for (const std::string& each : self.warnings()) sentences.append(to_str(each.c_str()));
                               return sentences;
                             })
      .def_property_readonly("runtime", [](const Scorer& self) { return self.runtime(); })
      .def("bind", &bind, py::arg("table"), py::arg("coercion"), py::arg("on_overflow"), py::arg("by_position"), py::arg("null_rules"),
           py::arg("renames"), py::arg("groups"), py::arg("results"), py::arg("counts_branches"));
}

}  // namespace edgeonnx::python
