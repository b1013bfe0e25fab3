#include "plan/branches.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "plan/plan.h"

namespace edgeonnx::plan {
namespace {

template <class T>
T load(const std::byte* values, int64_t stride, int64_t row) {
  T value;
  std::memcpy(&value, values + row * stride, sizeof value);
  return value;
}

bool is_null(const FeatureColumn& column, int64_t row) { return column.is_null && column.is_null[row] != 0; }

/// Traces a value of the graph back to the inputs whose values it holds side by side.
class InputTracer {
 public:
  InputTracer(const onnx::Model& model, const std::vector<Port>& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].type == Type::kFloat && inputs[i].shape.size() == 2) inputs_.emplace(inputs[i].name, i);
    }
    for (const onnx::Node& node : model.nodes) {
      for (const std::string_view output : node.outputs) {
        if (!output.empty()) producers_.emplace(output, &node);
      }
    }
  }

  /// In the order of the row; nothing where the value holds anything else.
  std::optional<std::vector<size_t>> trace(std::string_view value) const {
    // Concats of Concats can name exponentially many parts, and a broken graph can run in circles.
    constexpr int kMostSteps = 1 << 16;
    std::vector<size_t> parts;
    std::vector<std::string_view> rest{value};
    for (int step = 0; !rest.empty(); ++step) {
      const std::string_view name = rest.back();
      rest.pop_back();
      if (step == kMostSteps) return std::nullopt;
      if (const auto input = inputs_.find(name); input != inputs_.end()) {
        parts.push_back(input->second);
        continue;
      }
      const auto producer = producers_.find(name);
      if (producer == producers_.end() || !keeps_values(*producer->second)) return std::nullopt;
      const auto& sources = producer->second->inputs;
      rest.insert(rest.end(), sources.rbegin(), sources.rend());
    }
    return parts;
  }

 private:
  /// Whether the node's one output is its inputs side by side, given that they have rank 2.
  static bool keeps_values(const onnx::Node& node) {
    if (!onnx::is_same_domain(node.domain, "") || node.inputs.empty() || node.outputs.size() != 1) return false;
    if (node.op_type == "Identity") return node.inputs.size() == 1;
    const onnx::Attribute* axis = node.attribute("axis");
    return node.op_type == "Concat" && axis && (axis->i == 1 || axis->i == -1);
  }

  std::unordered_map<std::string_view, size_t> inputs_;
  std::unordered_map<std::string_view, const onnx::Node*> producers_;
};

}  // namespace

size_t ThresholdSet::first_slot(float value) const {
  // Adding 0 makes -0.0, which equals 0.0, hash like it. The multiplier is 2^32 over the golden ratio.
  const uint32_t hash = std::bit_cast<uint32_t>(value + 0.0F) * 2654435769U;
  return hash >> (32 - std::countr_zero(slots_.size()));
}

bool ThresholdSet::contains(float value) const {
  if (slots_.empty()) return false;
  for (size_t i = first_slot(value);; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i] == value) return true;
    if (std::isnan(slots_[i])) return false;
  }
}

void ThresholdSet::insert(float threshold) {
  constexpr float kFree = std::numeric_limits<float>::quiet_NaN();
  if (std::isnan(threshold) || contains(threshold)) return;
  if (4 * (n_values_ + 1) > slots_.size()) {
    std::vector<float> before = std::exchange(slots_, std::vector<float>(std::max<size_t>(8, 2 * slots_.size()), kFree));
    n_values_ = 0;
    for (const float each : before) insert(each);
  }
  size_t i = first_slot(threshold);
  while (!std::isnan(slots_[i])) i = (i + 1) & (slots_.size() - 1);
  slots_[i] = threshold;
  ++n_values_;
}

BranchCheck::BranchCheck(const onnx::Model& model, const std::vector<Port>& inputs) {
  std::optional<InputTracer> tracer;
  for (const onnx::Node& node : model.nodes) {
    if (!onnx::is_tree_ensemble(node)) continue;
    ++n_ensembles_;
    std::optional<onnx::TreeEnsemble> trees = onnx::read_tree_ensemble(node);
    if (!trees || trees->tensor_type == Type::kDouble || !trees->sets.empty()) continue;
    if (!tracer) tracer.emplace(model, inputs);
    if (auto parts = tracer->trace(trees->input)) add(*std::move(trees), *std::move(parts));
  }
}

void BranchCheck::add(onnx::TreeEnsemble trees, std::vector<size_t> inputs) {
  Ensemble ensemble{std::move(trees.nodes), std::move(trees.roots), std::move(inputs), features_.size(), 0};
  std::unordered_map<int32_t, int32_t> places;  // feature id to its place among the ensemble's features
  for (onnx::TreeNode& node : ensemble.nodes) {
    if (node.mode == onnx::TreeMode::kLeaf) continue;
    const auto [place, is_new] = places.emplace(node.feature, static_cast<int32_t>(places.size()));
    if (is_new) features_.push_back({node.feature, {}});
    node.feature = place->second;
    features_[ensemble.first_feature + node.feature].thresholds.insert(static_cast<float>(node.threshold));
  }
  ensemble.n_features = places.size();
  ensembles_.push_back(std::move(ensemble));
}

bool BranchCheck::feeds(size_t input) const {
  return std::any_of(ensembles_.begin(), ensembles_.end(), [&](const Ensemble& each) {
    return each.n_features > 0 && std::find(each.inputs.begin(), each.inputs.end(), input) != each.inputs.end();
  });
}

std::vector<InputValue> BranchCheck::layout(std::span<const int64_t> widths) const {
  std::vector<InputValue> values;
  for (const Ensemble& ensemble : ensembles_) {
    if (ensemble.n_features == 0) continue;
    std::vector<int64_t> ends;  // of the parts, in the ensemble's row
    for (const size_t input : ensemble.inputs) {
      if (widths[input] < 1) return {};
      ends.push_back((ends.empty() ? 0 : ends.back()) + widths[input]);
    }
    for (size_t i = 0; i < ensemble.n_features; ++i) {
      const int64_t id = features_[ensemble.first_feature + i].id;
      const auto end = std::upper_bound(ends.begin(), ends.end(), id);
      if (end == ends.end()) return {};
      values.push_back({ensemble.inputs[end - ends.begin()], end == ends.begin() ? id : id - *std::prev(end)});
    }
  }
  return values;
}

int64_t BranchCheck::count(std::span<const FeatureColumn> columns, int64_t n_rows) const {
  // Rounding is monotonic, so it changes a comparison with a float32 threshold only by rounding to the threshold itself. The few rows where
  // a value does so are worth a walk.
  std::vector<uint8_t> is_candidate(n_rows);
  for (size_t i = 0; i < columns.size(); ++i) {
    const FeatureColumn& column = columns[i];
    if (!column.exact) continue;
    const ThresholdSet& thresholds = features_[i].thresholds;
    for (int64_t row = 0; row < n_rows; ++row) {
      const float rounded = load<float>(column.rounded, column.rounded_stride, row);
      const double exact = load<double>(column.exact, column.exact_stride, row);
      if (exact != rounded && thresholds.contains(rounded)) is_candidate[row] = 1;
    }
  }
  int64_t n_changed = 0;
  for (int64_t row = 0; row < n_rows; ++row) {
    if (!is_candidate[row]) continue;
    n_changed += std::any_of(ensembles_.begin(), ensembles_.end(), [&](const Ensemble& ensemble) {
      return changes_branch(ensemble, columns.subspan(ensemble.first_feature, ensemble.n_features), row);
    });
  }
  return n_changed;
}

bool BranchCheck::changes_branch(const Ensemble& ensemble, std::span<const FeatureColumn> columns, int64_t row) {
  for (const int32_t root : ensemble.roots) {
    const onnx::TreeNode* node = &ensemble.nodes[root];
    while (node->mode != onnx::TreeMode::kLeaf) {
      const FeatureColumn& column = columns[node->feature];
      const float rounded = load<float>(column.rounded, column.rounded_stride, row);
      const bool is_true = onnx::goes_true(*node, rounded);
      if (rounded == node->threshold && column.exact && !is_null(column, row)) {
        const double exact = load<double>(column.exact, column.exact_stride, row);
        if (!std::isnan(exact) && onnx::goes_true(*node, exact) != is_true) return true;
      }
      node = &ensemble.nodes[is_true ? node->true_child : node->false_child];
    }
  }
  return false;
}

}  // namespace edgeonnx::plan
