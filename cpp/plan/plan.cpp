#include "plan/plan.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "onnx/rewrite.h"
#include "plan/probe.h"

namespace edgeonnx::plan {
namespace {

constexpr int64_t kProbeRows = 5;

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(size < 0 ? "N" : std::to_string(size));
  return "[" + join(sizes) + "]";
}

/// Other files that a model may read are a hole: they are refused unless asked for, and must lie below the folder that was named.
void check_external_data(const onnx::Model& model, const Options& options) {
  for (const std::string& file : model.external_paths) {
    const std::string what = options.model_name + ": some of its weights lie in the file " + in_quotes(file);
    if (options.external_data_folder.empty()) {
      throw Error(Code::kUnsupported, what + "; load the model from its path with external_data=True, or save it as one file");
    }
    const std::filesystem::path path(file);
    const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
    if (path.is_absolute() || climbs) throw Error(Code::kInvalidModel, what + ", outside the folder of the model");
  }
}

std::string opset_note(const onnx::Model& model) {
  std::vector<std::string> opsets;
  for (const onnx::Opset& opset : model.opsets) {
    opsets.push_back((opset.domain.empty() ? "ai.onnx" : std::string(opset.domain)) + " " + std::to_string(opset.version));
  }
  return "opset: " + join(opsets);
}

/// "" where rows of a table can feed the input, else the reason.
std::string input_refusal(const ort::PortInfo& info) {
  if (!info.is_tensor) return "takes " + info.type_text + ", which a column can't feed";
  if (info.type == Type::kString)
    return "takes text (" + info.type_text + "), which is not supported; encode it as numbers before the model";
  if (size_of(info.type) == 0 || info.type == Type::kComplex64 || info.type == Type::kComplex128)
    return "takes " + info.type_text + ", which is not supported";
  if (info.has_shape && info.shape.empty()) return "is a scalar and has no dimension for the rows";
  if (!info.shape.empty() && std::find(info.shape.begin() + 1, info.shape.end(), 0) != info.shape.end())
    return "has a dimension of 0 and so takes no values";
  return "";
}

std::string output_refusal(const ort::PortInfo& info) {
  if (!info.is_tensor) return "returns " + info.type_text + ", which no column can hold";
  if (info.type == Type::kString) return "returns text (" + info.type_text + "), which is not supported";
  if (size_of(info.type) == 0 || info.type == Type::kComplex64 || info.type == Type::kComplex128)
    return "returns " + info.type_text + ", which is not supported";
  return "";
}

Port port_of(const ort::PortInfo& info, std::string refusal) {
  return {info.name, info.type_text, info.type, info.shape, std::move(refusal)};
}

/// Sizes behind the first; nothing if one of them is free.
std::optional<std::vector<int64_t>> inner_sizes(const Port& port) {
  if (!port.refusal.empty() || port.shape.empty()) return std::nullopt;
  std::vector<int64_t> inner(port.shape.begin() + 1, port.shape.end());
  if (std::any_of(inner.begin(), inner.end(), [](int64_t size) { return size < 0; })) return std::nullopt;
  return inner;
}

std::optional<std::vector<std::vector<int64_t>>> inner_sizes(const std::vector<Port>& ports) {
  std::vector<std::vector<int64_t>> all;
  for (const Port& port : ports) {
    auto inner = inner_sizes(port);
    if (!inner) return std::nullopt;
    all.push_back(*std::move(inner));
  }
  return all;
}

std::vector<Port> input_ports(const ort::Session& session, const onnx::Model& model) {
  std::vector<Port> ports;
  for (ort::PortInfo info : session.inputs()) {
    // Runtimes before 1.24 can't tell a scalar from a shape that is left open; the model can.
    const auto declared =
        std::find_if(model.inputs.begin(), model.inputs.end(), [&](const auto& input) { return input.name == info.name; });
    if (declared != model.inputs.end()) info.has_shape = declared->has_shape;
    ports.push_back(port_of(info, input_refusal(info)));
  }
  return ports;
}

/// Session outputs that can be read into columns.
std::vector<size_t> readable_tensors(const ort::Session& session) {
  std::vector<size_t> tensors;
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    if (output_refusal(session.outputs()[i]).empty()) tensors.push_back(i);
  }
  return tensors;
}

/// Whether the freed model answers like the original one. Throws where the original can't be run on made-up rows.
bool freed_batch_agrees(const ort::Session& original, const ort::Session& freed, const onnx::Model& model, const ort::Library& library,
                        int64_t batch) {
  const auto inner = inner_sizes(input_ports(original, model));
  const std::vector<size_t> tensors = readable_tensors(original);
  if (!inner || tensors.empty()) return false;
  for (const uint32_t seed : {0u, 1u, 2u}) {
    const Probe probe(original, *inner, batch * kProbeRows, seed);
    const auto expected = probe.run(original, library, tensors, batch);
    try {
      if (!agree(expected, probe.run(freed, library, tensors, batch * kProbeRows))) return false;
    } catch (const Error&) {
      return false;
    }
  }
  return true;
}

/// Makes the session; where the model fixes its batch size, the one with a freed batch dimension if it can be shown to answer the same.
void make_session(Plan& plan, onnx::Bytes bytes, const onnx::Model& model, onnx::Rewrite request, const ort::Library& library,
                  const ort::SessionOptions& options) {
  std::vector<std::byte> rewritten;
  const auto session_for = [&](const onnx::Rewrite& wanted) {
    if (!wanted.any()) return std::make_unique<ort::Session>(library, bytes, options);
    rewritten = onnx::rewrite(bytes, model, wanted);
    return std::make_unique<ort::Session>(library, rewritten, options);
  };
  plan.session = session_for(request);
  const std::optional<int64_t> batch = onnx::fixed_batch(model);
  if (!batch) return;
  const std::string fixed = "the model fixes its batch size at " + std::to_string(*batch);
  std::string reason = "the answers change when it is freed";
  try {
    request.free_batch = true;
    auto freed = session_for(request);
    if (freed_batch_agrees(*plan.session, *freed, model, library, *batch)) {
      plan.session = std::move(freed);
      plan.notes.push_back("batch: " + fixed + "; freed, since " + std::to_string(3 * kProbeRows * *batch) +
                           " probe rows were answered the same");
      return;
    }
  } catch (const Error& error) {
    reason = std::string("it can't be freed: ") + error.what();
  }
  plan.batch_mode = BatchMode::kFixed;
  plan.fixed_batch = *batch;
  plan.notes.push_back("batch: " + fixed + " and " + reason + "; rows are scored " + std::to_string(*batch) + " at a time, which is slow");
}

bool has_trees(const onnx::Model& model) { return std::any_of(model.nodes.begin(), model.nodes.end(), onnx::is_tree_ensemble); }

// Below this a second copy of a model's weights is nothing beside what a run touches anyway.
constexpr size_t kSmallModelBytes = 1 << 20;

/// Small dense models run so fast that threads of one session slow each other down, in its shared arena by all appearances; measured at 5 %
/// for a 64-64 perceptron on two threads.
void keep_small_model(Plan& plan, onnx::Bytes bytes, const onnx::Model& model, const onnx::Rewrite& request, const ort::Library& library,
                      const ort::SessionOptions& options) {
  if (bytes.size() > kSmallModelBytes || has_trees(model) || !model.external_paths.empty() || !plan.session->is_on_cpu()) return;
  auto kept = std::make_shared<const std::vector<std::byte>>(request.any() ? onnx::rewrite(bytes, model, request)
                                                                           : std::vector<std::byte>(bytes.begin(), bytes.end()));
  plan.another_session = [kept, &library, options] { return std::make_unique<ort::Session>(library, *kept, options); };
}

void make_output_ports(Plan& plan, const onnx::Model& model, const std::vector<onnx::ZipMap>& zipmaps) {
  const std::vector<ort::PortInfo>& tensors = plan.session->outputs();
  const auto index_of = [&](std::string_view name) {
    const auto at = std::find_if(tensors.begin(), tensors.end(), [&](const auto& info) { return info.name == name; });
    if (at == tensors.end()) throw Error(Code::kInternal, "the session lost the output " + in_quotes(name));
    return static_cast<size_t>(at - tensors.begin());
  };
  for (const onnx::ValueInfo& output : model.outputs) {
    const auto zipmap = std::find_if(zipmaps.begin(), zipmaps.end(), [&](const auto& each) { return each.output == output.name; });
    if (zipmap == zipmaps.end()) {
      const size_t tensor = index_of(output.name);
      plan.outputs.push_back({port_of(tensors[tensor], output_refusal(tensors[tensor])), tensor, 0, false});
      continue;
    }
    const size_t tensor = index_of(zipmap->scores);
    plan.notes.push_back("ZipMap: " + in_quotes(zipmap->output) + " is cut out; its " + std::to_string(zipmap->classes.size()) +
                         " classes are columns");
    for (size_t i = 0; i < zipmap->classes.size(); ++i) {
      Port port{zipmap->output + "_" + zipmap->classes[i],
                tensors[tensor].type_text,
                tensors[tensor].type,
                {-1},
                output_refusal(tensors[tensor])};
      plan.outputs.push_back({std::move(port), tensor, static_cast<int64_t>(i), true});
    }
  }
}

/// Fills in what the model leaves open about its outputs, where its inputs tell enough to run it.
void complete_output_ports(Plan& plan, const ort::Library& library) {
  plan.tensors.resize(plan.session->outputs().size());
  const auto inner = inner_sizes(plan.inputs);
  if (!inner) return;
  const std::vector<size_t> tensors = readable_tensors(*plan.session);
  std::vector<TensorShape> shapes;
  try {
    shapes = probe_shapes(plan, library, *inner, tensors);
  } catch (const Error& error) {
    plan.notes.push_back(std::string("outputs: a run over rows of ones failed, so shapes are as declared: ") + error.what());
    return;
  }
  for (size_t i = 0; i < tensors.size(); ++i) plan.tensors[tensors[i]] = std::move(shapes[i]);
  for (OutputPort& output : plan.outputs) {
    const auto& tensor = plan.tensors[output.tensor];
    if (!tensor || output.is_slice || !tensor->refusal.empty()) continue;
    output.port.shape = tensor->shape;
    if (!output.port.shape.empty()) output.port.shape[0] = -1;
  }
}

// Rows of a morsel: enough to bury the cost of a run (some microseconds), few enough that what a run touches stays in a core's cache and
// that a stop request is heard soon.
constexpr int64_t kMostRows = 16384;
constexpr int64_t kTreeRows = 1024;  // a row costs so much that the cost of a run is buried here already
constexpr int64_t kMorselBytes = 5 << 18;
constexpr int64_t kMorselMultiplications = 1 << 25;
constexpr int64_t kEndless = int64_t{1} << 40;
constexpr int64_t kRowMultiple = 128;  // matrix kernels work on blocks of rows

/// Whether a row may take any time at all: loops, and functions that may hold one.
bool may_loop(const onnx::Model& model) {
  constexpr int32_t kGraph = 5;  // AttributeProto.AttributeType
  const auto has_subgraph = [](const onnx::Node& node) {
    return std::any_of(node.attributes.begin(), node.attributes.end(), [](const onnx::Attribute& each) { return each.type == kGraph; });
  };
  return model.n_functions > 0 || std::any_of(model.nodes.begin(), model.nodes.end(), has_subgraph);
}

void choose_morsel(Plan& plan, const onnx::Model& model, int64_t wanted) {
  int64_t row_bytes = 0;
  for (const Port& port : plan.inputs) row_bytes += std::max<int64_t>(1, port.width()) * size_of(port.type);
  for (const OutputPort& output : plan.outputs) row_bytes += std::max<int64_t>(1, output.port.width()) * size_of(output.port.type);
  // The numbers of a tree ensemble are nodes, of which a row meets few.
  const bool is_trees = has_trees(model);
  const int64_t n_weights = is_trees ? 0 : model.n_weights;
  // What lies between inputs and outputs is not told; dense layers of n weights in all are some sqrt(n) values wide.
  row_bytes += 2 * static_cast<int64_t>(sizeof(float) * std::sqrt(static_cast<double>(n_weights)));
  plan.row_cost = may_loop(model) ? kEndless : model.n_weights + row_bytes;
  const int64_t by_work = std::max<int64_t>(64, kMorselMultiplications / std::max<int64_t>(1, n_weights));
  const int64_t most =
      std::min({is_trees ? kTreeRows : kMostRows, by_work, std::max<int64_t>(1, kMorselBytes / std::max<int64_t>(1, row_bytes))});
  plan.morsel_rows = wanted > 0 ? wanted : most > kRowMultiple ? most / kRowMultiple * kRowMultiple : most;
  if (plan.batch_mode == BatchMode::kFixed) {
    plan.morsel_rows = (plan.morsel_rows + plan.fixed_batch - 1) / plan.fixed_batch * plan.fixed_batch;
  }
}

}  // namespace

int64_t Port::width() const {
  if (shape.empty()) return 1;
  const bool is_free = std::any_of(shape.begin() + 1, shape.end(), [](int64_t size) { return size < 0; });
  return is_free ? -1 : std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<TensorShape> probe_shapes(const Plan& plan, const ort::Library& library, const std::vector<std::vector<int64_t>>& inner,
                                      const std::vector<size_t>& tensors) {
  const bool is_free = plan.batch_mode == BatchMode::kFree;
  const int64_t n_rows = is_free ? kProbeRows : plan.fixed_batch;
  const auto answers = Probe(*plan.session, inner, n_rows, 0).run(*plan.session, library, tensors, n_rows);
  std::vector<TensorShape> shapes;
  for (const Probe::Answer& answer : answers) {
    TensorShape result{answer.shape, 0, ""};
    const int64_t n_values = std::accumulate(answer.shape.begin(), answer.shape.end(), int64_t{1}, std::multiplies<>());
    // With one row a run, whatever comes back belongs to that row.
    const bool one_a_row = n_rows == 1 || (!answer.shape.empty() && answer.shape[0] == n_rows);
    if (one_a_row) {
      result.width = n_values / n_rows;
      if (is_free) result.shape[0] = -1;
    } else {
      result.refusal =
          "has the shape " + shape_text(answer.shape) + " for " + std::to_string(n_rows) + " rows, so it is not one result a row";
    }
    shapes.push_back(std::move(result));
  }
  return shapes;
}

Plan make_plan(onnx::Bytes bytes, const ort::Library& library, const Options& options) {
  const onnx::Model model = onnx::read_model(bytes, options.model_name);
  check_external_data(model, options);
  const std::vector<onnx::ZipMap> zipmaps = onnx::find_zipmaps(model);
  Plan plan;
  plan.notes.push_back(opset_note(model));
  onnx::Rewrite request;
  request.cut_zipmaps = !zipmaps.empty();
  ort::SessionOptions session_options;
  session_options.providers = options.providers;
  if (!model.external_paths.empty()) session_options.external_data_folder = options.external_data_folder;
  make_session(plan, bytes, model, request, library, session_options);
  request.free_batch = onnx::fixed_batch(model) && plan.batch_mode == BatchMode::kFree;
  keep_small_model(plan, bytes, model, request, library, session_options);
  plan.inputs = input_ports(*plan.session, model);
  make_output_ports(plan, model, zipmaps);
  complete_output_ports(plan, library);
  choose_morsel(plan, model, options.morsel_rows);
  plan.branches = BranchCheck(model, plan.inputs);
  return plan;
}

}  // namespace edgeonnx::plan
