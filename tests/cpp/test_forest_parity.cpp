// Trees as plan_forest makes them, and their ending, against the library that $EDGEONNX_ORT_LIBRARY names, by the bit.
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "onnx/tree_ensemble.h"
#include "ort/library.h"
#include "ort/session.h"
#include "plan/forest.h"
#include "random_ensembles.h"
#include "tree_walk.h"

namespace {

using namespace edgeonnx;
using random_ensembles::Dice;
using random_ensembles::kFeatures;
using random_ensembles::Recipe;
using Rows = std::vector<std::vector<double>>;

const ort::Library& library() { return ort::Library::open(""); }

std::string text_of(const Recipe& recipe) {
  return std::string(recipe.is_positioned   ? "TreeEnsemble"
                     : recipe.is_classifier ? "classifier"
                                            : "regressor") +
         " " + onnx_name(recipe.input) + " targets " + std::to_string(recipe.n_targets) + " base " + std::to_string(recipe.n_base_values) +
         " " + recipe.aggregate + " " + recipe.transform + " " + (recipe.modes.size() > 1 ? "all" : recipe.modes[0]);
}

/// Rows as the input holds them.
template <class T>
std::vector<T> pack(const Rows& rows) {
  std::vector<T> values;
  for (const auto& row : rows) {
    for (const double value : row) values.push_back(static_cast<T>(value));
  }
  return values;
}

struct Answer {
  std::vector<double> scores;
  std::vector<int64_t> labels;
};

template <class T, class Out>
Answer run(const ort::Session& session, const Recipe& recipe, const Rows& rows) {
  std::vector<T> x = pack<T>(rows);
  const int64_t n = static_cast<int64_t>(rows.size());
  const std::vector<int64_t> in{n, kFeatures}, out{n, recipe.n_targets}, flat{n};
  std::vector<Out> y(static_cast<size_t>(n * recipe.n_targets));
  std::vector<int64_t> label(static_cast<size_t>(n), -1);
  const ort::TensorRef input{x.data(), recipe.input, in};
  const ort::TensorRef score{y.data(), recipe.is_positioned ? recipe.input : Type::kFloat, out};
  const ort::TensorRef labels{label.data(), Type::kInt64, flat};
  const ort::RunControl control(library());
  if (!recipe.is_classifier) {
    session.run({&input, 1}, std::array<size_t, 1>{0}, {&score, 1}, {}, control);
  } else if (recipe.has_text_labels) {
    session.run({&input, 1}, std::array<size_t, 1>{1}, {&score, 1}, {}, control);
  } else {
    session.run({&input, 1}, std::array<size_t, 2>{0, 1}, std::array<ort::TensorRef, 2>{labels, score}, {}, control);
  }
  return {{y.begin(), y.end()}, label};
}

Answer run(const ort::Session& session, const Recipe& recipe, const Rows& rows) {
  switch (recipe.input) {
    case Type::kDouble:
      return recipe.is_positioned ? run<double, double>(session, recipe, rows) : run<double, float>(session, recipe, rows);
    case Type::kInt32:
      return run<int32_t, float>(session, recipe, rows);
    case Type::kInt64:
      return run<int64_t, float>(session, recipe, rows);
    default:
      return run<float, float>(session, recipe, rows);
  }
}

template <class Sum, class Out>
Answer walk(const plan::ForestPlan& plan, const Rows& rows) {
  tree_walk::Walk<Sum, Out> walk(plan.trees, plan.aggregate, rows);
  walk.end(plan.ending);
  Answer answer{{}, walk.label};
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const std::vector<Out>& column : walk.outputs) answer.scores.push_back(static_cast<double>(column[i]));
  }
  return answer;
}

Answer walk(const plan::ForestPlan& plan, const Rows& rows) {
  if (plan.ending.writes_double) return walk<double, double>(plan, rows);
  return plan.trees.is_double ? walk<double, float>(plan, rows) : walk<float, float>(plan, rows);
}

/// -0.0 is not 0.0; NaN is NaN.
bool is_same(double a, double b) { return std::isnan(a) ? std::isnan(b) : std::memcmp(&a, &b, sizeof a) == 0; }

/// Whole numbers that the type holds, and what they become on the way to a float.
void round_to_integers(Type type, Rows& rows, Dice& dice) {
  const double most = type == Type::kInt32 ? 2147483647.0 : 9007199254740993.0;
  for (auto& row : rows) {
    for (double& value : row) {
      if (dice.one_in(20)) value = dice.pick(std::vector<double>{16777217, 16777219, -16777217, most, -most});
      value = std::isnan(value) ? 0 : std::round(std::clamp(value, -most, most));
    }
  }
}

Rows as_compared(const Rows& rows, Type type) {
  Rows compared = rows;
  if (type == Type::kDouble) return compared;
  for (auto& row : compared) {
    for (double& value : row) value = static_cast<double>(static_cast<float>(value));
  }
  return compared;
}

int n_compared = 0;
std::map<std::string, int> refusals;

void compare(uint32_t seed) {
  Dice dice(seed);
  const Recipe recipe = random_ensembles::recipe(dice);
  random_ensembles::Lists lists(recipe, dice);
  const std::string bytes = lists.model();
  Rows rows;
  for (int i = 0; i < 300; ++i) rows.push_back(lists.row());
  if (recipe.input == Type::kInt32 || recipe.input == Type::kInt64) round_to_integers(recipe.input, rows, dice);

  std::string reason;
  const onnx::Model model = onnx::read_model(tiny::as_span(bytes), "trees");
  const auto ensemble = onnx::read_tree_ensemble(model.nodes[0], &reason);
  const auto plan = ensemble ? plan::plan_forest(*ensemble, recipe.input, reason) : std::nullopt;
  if (!plan) {
    ++refusals[reason];
    return;
  }
  ++n_compared;
  Answer expected;
  try {
    const ort::Session session(library(), tiny::as_span(bytes), {});
    expected = run(session, recipe, rows);
  } catch (const Error& error) {
    check::fail(__FILE__, __LINE__, "seed " + std::to_string(seed) + ", " + text_of(recipe) + ": ONNX Runtime says " + error.what());
    return;
  }
  const Answer answer = walk(*plan, as_compared(rows, recipe.input));
  for (size_t i = 0; i < expected.scores.size(); ++i) {
    const size_t row = i / static_cast<size_t>(recipe.n_targets);
    const bool has_label = recipe.is_classifier && !recipe.has_text_labels;
    if (is_same(answer.scores[i], expected.scores[i]) && (!has_label || answer.labels[row] == expected.labels[row])) continue;
    std::cerr << "  row " << row << ":";
    for (const double value : rows[row]) std::cerr << " " << value;
    std::cerr << "; expected " << expected.scores[i] << ", label " << expected.labels[row] << "; got " << answer.scores[i] << ", label "
              << answer.labels[row] << "\n";
    check::fail(__FILE__, __LINE__, "seed " + std::to_string(seed) + ", " + text_of(recipe));
    return;
  }
}

}  // namespace

TEST(test_plan_forest_random_ensembles_equal_onnx_runtime) {
  constexpr uint32_t kSeeds = 4000;
  for (uint32_t seed = 0; seed < kSeeds && check::n_failures() < 20; ++seed) compare(seed);
  for (const auto& [reason, n] : refusals) std::cout << "  refused " << n << ": " << reason << "\n";
  std::cout << "  compared " << n_compared << "\n";
  CHECK(n_compared > static_cast<int>(kSeeds) * 3 / 4);
}

int main() {
  const char* path = getenv("EDGEONNX_ORT_LIBRARY");
  if (path == nullptr || *path == '\0') {
    std::cerr << "test_forest_parity: set EDGEONNX_ORT_LIBRARY to an ONNX Runtime library\n";
    return 1;
  }
  return check::run();
}
