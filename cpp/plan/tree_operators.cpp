// TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble.
#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/elementwise.h"
#include "kernels/forest_step.h"
#include "onnx/tree_ensemble.h"
#include "plan/forest.h"
#include "plan/operators.h"

namespace edgeonnx::plan {
namespace {

std::vector<int32_t> tested_features(const kernels::Trees& trees) {
  std::vector<int32_t> features;
  for (const kernels::Split& split : trees.splits) features.push_back(split.feature);
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

/// Some of the thresholds, so that rows can be placed on them.
void note_some_cuts(const kernels::Trees& trees, const std::vector<int32_t>& features, const std::vector<ColumnId>& columns,
                    Dataflow& flow) {
  constexpr size_t kMostCuts = 2048;
  const size_t step = std::max<size_t>(1, trees.splits.size() / kMostCuts);
  for (size_t i = 0; i < trees.splits.size(); i += step) {
    const auto at = std::lower_bound(features.begin(), features.end(), trees.splits[i].feature) - features.begin();
    flow.note_cuts(columns[static_cast<size_t>(at)], {&trees.splits[i].threshold, 1});
  }
}

/// Trees that hold each other would be laid out once for each.
void demand_trees(const kernels::Trees& trees) {
  std::vector<int32_t> last_seen(trees.splits.size(), -1);
  const size_t most = 4 * trees.splits.size() + (size_t{1} << 16);
  size_t n_seen = 0;
  std::vector<int32_t> rest;
  for (size_t t = 0; t < trees.roots.size(); ++t) {
    rest.assign(1, trees.roots[t]);
    while (!rest.empty()) {
      const int32_t node = rest.back();
      rest.pop_back();
      if (node < 0 || last_seen[static_cast<size_t>(node)] == static_cast<int32_t>(t)) continue;
      last_seen[static_cast<size_t>(node)] = static_cast<int32_t>(t);
      if (++n_seen > most) throw Refusal("its trees share most of their nodes");
      rest.push_back(trees.splits[static_cast<size_t>(node)].left);
      rest.push_back(trees.splits[static_cast<size_t>(node)].right);
    }
  }
}

void tree_ensemble(NodeContext& context) {
  const Value& value = context.matrix(0);
  context.demand_exact(value, "the way through the trees");
  std::string reason;
  const auto ensemble = onnx::read_tree_ensemble(context.node(), &reason);
  if (!ensemble) throw Refusal(reason);
  constexpr int32_t kMostTargets = 1 << 12;
  if (ensemble->n_targets > kMostTargets) throw Refusal("it has more than " + std::to_string(kMostTargets) + " targets");
  std::optional<ForestPlan> made = plan_forest(*ensemble, value.type, reason);
  if (!made) throw Refusal(reason);
  demand_trees(made->trees);
  if (made->n_features > value.inner[0]) throw Refusal("it tests a feature that the rows do not have");

  Dataflow& flow = context.flow();
  const auto forest = std::make_shared<const ForestPlan>(*std::move(made));
  const std::vector<int32_t> features = tested_features(forest->trees);
  const Type type = forest->trees.is_double ? Type::kDouble : Type::kFloat;
  std::vector<ColumnId> columns;
  for (const int32_t feature : features) {
    const ColumnId column = value.columns[static_cast<size_t>(feature)];
    columns.push_back(flow[column].type == type ? column : flow.add_one({column}, type, false, [](const auto& from, const auto& to) {
      return kernels::make_cast(from[0].type, to[0].type, from[0].at, to[0].at);
    }));
  }
  note_some_cuts(forest->trees, features, columns, flow);

  const Type score_type = forest->ending.writes_double ? Type::kDouble : Type::kFloat;
  const auto n_scores = static_cast<size_t>(forest->ending.n_outputs());
  const bool has_label = forest->ending.is_classifier && ensemble->text_labels.empty() && context.has_output(0);
  std::vector<Column> outputs(n_scores, {score_type, false, -1, {}});
  if (has_label) outputs.push_back({Type::kInt64, false, -1, {}});
  std::vector<ColumnId> results = flow.add(columns, outputs, [forest, has_label, n_scores](const auto& from, const auto& to) {
    std::vector<kernels::Register> inputs, scores;
    for (const auto& place : from) inputs.push_back(place.at);
    for (size_t i = 0; i < n_scores; ++i) scores.push_back(to[i].at);
    return kernels::make_forest(forest->trees, forest->aggregate, forest->ending, inputs, scores, has_label ? to.back().at : -1);
  });
  if (has_label) {
    context.output(0, {Type::kInt64, {}, {results.back()}, {}});
    results.pop_back();
  }
  context.output(forest->ending.is_classifier ? 1 : 0, {score_type, {static_cast<int64_t>(n_scores)}, std::move(results), {}});
}

constexpr NamedOperator kOperators[] = {
    {"TreeEnsembleRegressor", {tree_ensemble}},
    {"TreeEnsembleClassifier", {tree_ensemble}},
    {"TreeEnsemble", {tree_ensemble}},
};

}  // namespace

std::span<const NamedOperator> tree_operators() { return kOperators; }

}  // namespace edgeonnx::plan
