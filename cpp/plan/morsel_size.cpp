#include "plan/morsel_size.h"

#include <algorithm>
#include <cmath>

#include "plan/session_plan.h"

namespace edgeonnx::plan {
namespace {

// Rows of a morsel: enough to bury the cost of a run (some microseconds), few enough that what a run touches stays in a core's cache and
// that a stop request is heard soon.
constexpr int64_t kMostRows = 16384;
constexpr int64_t kTreeRows = 1024;  // a row costs so much that the cost of a run is buried here already
// On a device a cache is no measure: a morsel has to bury the launches of its kernels and the waits around its copies, for which it is made
// larger. Chosen, not measured.
constexpr int64_t kDeviceBytes = 1 << 22;
constexpr int64_t kMorselMultiplications = 1 << 25;
constexpr int64_t kEndless = int64_t{1} << 40;
constexpr int64_t kWidest = 1 << 24;  // a model may declare any width; beyond this the number tells nothing more
// Native parts touch little beside the columns themselves.
constexpr int64_t kNativeBytes = 1 << 19;
constexpr int64_t kFewestNativeRows = 4096;

/// Whether a row may take any time at all: loops, and functions that may hold one.
bool may_loop(const onnx::Model& model) {
  constexpr int32_t kGraph = 5;  // AttributeProto.AttributeType
  const auto has_subgraph = [](const onnx::Node& node) {
    return std::any_of(node.attributes.begin(), node.attributes.end(), [](const onnx::Attribute& each) { return each.type == kGraph; });
  };
  return model.n_functions > 0 || std::any_of(model.nodes.begin(), model.nodes.end(), has_subgraph);
}

}  // namespace

int64_t whole_blocks(int64_t n_rows) {
  constexpr int64_t kRowMultiple = 128;
  return n_rows > kRowMultiple ? n_rows / kRowMultiple * kRowMultiple : n_rows;
}

void choose_morsel(Plan& plan, const onnx::Model& model, int64_t wanted) {
  const auto bytes_of = [](const Port& port) { return std::clamp<int64_t>(port.width(), 1, kWidest) * size_of(port.type); };
  int64_t row_bytes = 0;
  for (const Port& port : plan.inputs) row_bytes += bytes_of(port);
  for (const OutputPort& output : plan.outputs) row_bytes += bytes_of(output.port);
  // The numbers of a tree ensemble are nodes, of which a row meets few.
  const bool is_trees = has_trees(model);
  const int64_t n_weights = is_trees ? 0 : model.n_weights;
  // What lies between inputs and outputs is not told; dense layers of n weights in all are some sqrt(n) values wide.
  plan.hidden_bytes = 2 * static_cast<int64_t>(sizeof(float) * std::sqrt(static_cast<double>(n_weights)));
  row_bytes += plan.hidden_bytes;
  plan.row_cost = may_loop(model) ? kEndless : model.n_weights + row_bytes;
  const int64_t by_work = std::max<int64_t>(64, kMorselMultiplications / std::max<int64_t>(1, n_weights));
  const bool is_on_device = plan.session && (plan.session->device() || !plan.session->why_no_device().empty());
  const int64_t n_bytes = plan.is_native() ? kNativeBytes : is_on_device ? kDeviceBytes : kSessionBytes;
  const int64_t by_bytes = std::max<int64_t>(1, n_bytes / std::max<int64_t>(1, row_bytes));
  const int64_t most = plan.is_native() ? std::clamp(by_bytes, kFewestNativeRows, kMostRows)
                       : is_on_device   ? std::min(kMostRows, by_bytes)
                                        : std::min({is_trees ? kTreeRows : kMostRows, by_work, by_bytes});
  plan.is_morsel_asked = wanted > 0;
  plan.morsel_rows = wanted > 0 ? wanted : whole_blocks(most);
  if (plan.batch_mode == BatchMode::kFixed) {
    plan.morsel_rows = (plan.morsel_rows + plan.fixed_batch - 1) / plan.fixed_batch * plan.fixed_batch;
  }
}

}  // namespace edgeonnx::plan
