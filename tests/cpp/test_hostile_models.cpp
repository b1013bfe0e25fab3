// Models that nobody means well with: sizes that cannot be, names that lead nowhere, bytes turned over. Each becomes an error or a plan
// that runs; ONNX Runtime is never asked, so what happens is this library's own doing.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "forest_models.h"
#include "plan/plan.h"
#include "plan/probe.h"
#include "plan/trial.h"
#include "random_ensembles.h"

namespace {

using namespace edgeonnx;
using tiny::Message;

struct Outcome {
  bool is_plan = false;
  std::string message;
};

/// Loads the model without ONNX Runtime. Where all of it is native, runs a few rows.
Outcome load(const std::string& model) {
  plan::Options options;
  options.selfcheck = false;
  const auto no_library = []() -> const ort::Library& { throw Error(Code::kRuntimeMissing, "there is none here"); };
  try {
    const plan::Plan made = plan::make_plan(tiny::as_span(model), no_library, options);
    std::vector<Type> types;
    std::vector<std::vector<int64_t>> inner;
    for (const plan::Port& port : made.inputs) {
      types.push_back(port.type);
      inner.emplace_back(port.shape.begin() + (port.shape.empty() ? 0 : 1), port.shape.end());
    }
    // An input that nothing reads may be of any type and size.
    const bool is_small = std::all_of(made.inputs.begin(), made.inputs.end(), [](const plan::Port& port) {
      return port.type != Type::kUndefined && port.type != Type::kString && port.width() > 0 && port.width() < 100000;
    });
    if (is_small) {
      for (const int64_t n : {1, 33}) (void)plan::try_plan(made, nullptr, plan::Probe(types, inner, n, 7, {}));
    }
    return {true, ""};
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

/// As load(), and a failed check for anything but an Error.
Outcome load_safely(const std::string& model, const std::string& what) {
  try {
    return load(model);
  } catch (const std::exception& error) {
    check::fail(__FILE__, __LINE__, what + ": " + error.what());
    return {};
  }
}

const int64_t kAbsurd[] = {std::numeric_limits<int64_t>::min(),
                           std::numeric_limits<int64_t>::max(),
                           std::numeric_limits<int64_t>::min() + 1,
                           int64_t{1} << 62,
                           int64_t{1} << 40,
                           int64_t{1} << 32,
                           (int64_t{1} << 31) - 1,
                           int64_t{1} << 31,
                           -(int64_t{1} << 31),
                           1 << 20,
                           -2,
                           -1,
                           0,
                           1,
                           2,
                           3,
                           7,
                           100};

/// x [N, 3] through one node to y, with further constants.
std::string one_node(const Message& node, const std::vector<Message>& initializers = {}, Type type = Type::kFloat,
                     const std::vector<tiny::Dimension>& shape = {"N", 3}, Type result = Type::kFloat) {
  return tiny::model({.nodes = {node},
                      .inputs = {tiny::tensor("x", type, shape)},
                      .outputs = {tiny::value_info("y", tiny::tensor_type(result))},
                      .initializers = initializers});
}
template <class T>
Message constant(const std::string& name, Type type, const std::vector<T>& values) {
  return tiny::initializer(name, type, {static_cast<int64_t>(values.size())}, values);
}
Message longs(const std::string& name, const std::vector<int64_t>& values) { return constant(name, Type::kInt64, values); }

void check_refused(const std::string& model, const std::string& what) {
  if (load_safely(model, what).is_plan) check::fail(__FILE__, __LINE__, what + " became a native plan");
}

/// Some node, or several, with every number drawn by `draw`.
std::vector<Message> nodes_by(std::mt19937& random) {
  const auto one = [&]() -> int64_t {
    if (random() % 3 == 0) return kAbsurd[random() % std::size(kAbsurd)];
    return static_cast<int64_t>(random() % 6) - 1;
  };
  const auto few = [&] {
    std::vector<int64_t> values(random() % 5);
    for (int64_t& each : values) each = one();
    return values;
  };
  const auto reals = [&] {
    std::vector<float> values(random() % 8);
    for (float& each : values) each = static_cast<float>(one());
    return values;
  };
  const std::string names[] = {"x", "b", "i", "a0", "a1", "a2", "c_ints", "c_reals", "c_none", "c_scalar", "nowhere", ""};
  const auto name = [&] { return names[random() % std::size(names)]; };
  static constexpr const char* kPlain[] = {
      "Identity", "Constant", "Concat",  "Gather", "Slice", "Split", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Add",   "Sub",
      "Mul",      "Div",      "Min",     "Max",    "Less",  "Equal", "And",     "Not",     "Neg",     "Abs",       "Relu",  "Sqrt",
      "IsNaN",    "Exp",      "Sigmoid", "Cast",   "Where", "Clip",  "MatMul",  "Gemm",    "Softmax", "ArgMax",    "Floor", "Greater"};
  static constexpr const char* kMl[] = {"Scaler",
                                        "Imputer",
                                        "Binarizer",
                                        "OneHotEncoder",
                                        "LabelEncoder",
                                        "Normalizer",
                                        "ArrayFeatureExtractor",
                                        "FeatureVectorizer",
                                        "LinearRegressor",
                                        "LinearClassifier"};
  std::vector<Message> nodes;
  for (size_t k = 0; k < 3; ++k) {
    const bool is_ml = random() % 3 == 0;
    const char* op = is_ml ? kMl[random() % std::size(kMl)] : kPlain[random() % std::size(kPlain)];
    std::vector<std::string> inputs;
    // Mostly what exists by now.
    for (size_t i = 1 + random() % 4; i-- > 0;)
      inputs.push_back(random() % 4 ? (k > 0 && random() % 2 ? "a" + std::to_string(k - 1) : random() % 2 ? "x" : "c_ints") : name());
    std::vector<std::string> outputs = {"a" + std::to_string(k)};
    if (random() % 4 == 0) outputs.push_back(random() % 2 ? "more" + std::to_string(k) : name());
    std::vector<Message> attributes;
    const auto add = [&](Message attribute) {
      if (random() % 2) attributes.push_back(std::move(attribute));
    };
    for (const char* each : {"axis", "to", "targets", "keepdims", "transA", "transB", "zeros", "select_last_index", "value_int",
                             "default_int64", "replaced_value_int64"})
      if (random() % 3 == 0) add(tiny::integer(each, one()));
    for (const char* each : {"axes", "split", "shape", "starts", "ends", "cats_int64s", "keys_int64s", "values_int64s", "classlabels_ints",
                             "inputdimensions", "value_ints", "imputed_value_int64s"})
      add(tiny::integers(each, few()));
    for (const char* each :
         {"offset", "scale", "coefficients", "intercepts", "imputed_value_floats", "keys_floats", "values_floats", "value_floats"})
      add(tiny::reals(each, reals()));
    for (const char* each : {"alpha", "beta", "threshold", "min", "max"}) add(tiny::real(each, static_cast<float>(one())));
    add(tiny::string("post_transform", random() % 2 ? "SOFTMAX" : "PROBIT"));
    add(tiny::string("norm", random() % 2 ? "L1" : "L2"));
    nodes.push_back(tiny::node(op, inputs, outputs, attributes, is_ml ? "ai.onnx.ml" : ""));
  }
  return nodes;
}

std::string random_graph(uint32_t seed) {
  std::mt19937 random(seed);
  const auto size = [&]() -> tiny::Dimension {
    if (random() % 12 == 0) return kAbsurd[random() % std::size(kAbsurd)];
    return static_cast<int64_t>(1 + random() % 4);
  };
  const auto list = [&] {
    std::vector<int64_t> values(random() % 6);
    for (int64_t& each : values) each = random() % 5 == 0 ? kAbsurd[random() % std::size(kAbsurd)] : static_cast<int64_t>(random() % 5) - 1;
    return values;
  };
  const Type types[] = {Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64, Type::kBool};
  const std::vector<int64_t> ints = list();
  std::vector<float> reals(random() % 13);
  for (float& each : reals) each = static_cast<float>(static_cast<int64_t>(random() % 9) - 4);
  const auto n_reals = static_cast<int64_t>(reals.size());
  tiny::Graph graph;
  graph.nodes = nodes_by(random);
  std::vector<tiny::Dimension> shape = {"N", size()};
  if (random() % 3 == 0) shape.push_back(size());
  if (random() % 8 == 0) shape.resize(1);
  graph.inputs = {tiny::tensor("x", random() % 2 ? Type::kFloat : types[random() % std::size(types)], shape),
                  tiny::tensor("b", Type::kBool, {"N", size()}), tiny::tensor("i", Type::kInt64, {"N", size()})};
  graph.outputs = {tiny::value_info("a2", tiny::tensor_type(Type::kFloat))};
  if (random() % 3 == 0) graph.outputs.push_back(tiny::value_info("a1", tiny::tensor_type(Type::kInt64)));
  graph.initializers = {
      longs("c_ints", ints),
      tiny::initializer("c_reals", Type::kFloat,
                        random() % 2 && n_reals % 3 == 0 ? std::vector<int64_t>{3, n_reals / 3} : std::vector<int64_t>{n_reals}, reals),
      constant<float>("c_none", Type::kFloat, {}), tiny::initializer<float>("c_scalar", Type::kFloat, {}, {2})};
  return tiny::model(graph, {{"", static_cast<int64_t>(9 + random() % 10)}, {"ai.onnx.ml", static_cast<int64_t>(1 + random() % 4)}});
}

/// Some bytes changed, cut out or put in.
std::string mutated(std::string bytes, std::mt19937& random) {
  for (size_t n = 1 + random() % 4; n-- > 0 && !bytes.empty();) {
    const size_t at = random() % bytes.size();
    switch (random() % 7) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes[at] = static_cast<char>(random() % 2 ? 0xFF : 0);
        break;
      case 3:
        bytes.erase(at, 1 + random() % 4);
        break;
      case 4:
        bytes.insert(at, 1 + random() % 4, static_cast<char>(random()));
        break;
      case 5:
        if (random() % 8 == 0) bytes.resize(at);
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] + (random() % 2 ? 1 : -1));
    }
  }
  return bytes;
}

/// EDGEONNX_TEST_SEEDS: how many of each kind.
uint32_t n_seeds() {
  const char* text = std::getenv("EDGEONNX_TEST_SEEDS");
  return text && *text ? static_cast<uint32_t>(std::atoi(text)) : 2000;
}

std::string pipeline() {
  forest_models::Shape shape;
  shape.n_trees = 3, shape.depth = 3, shape.n_classes = 2, shape.features = {0, 1, 4};
  tiny::Graph graph{
      .nodes = {tiny::node("Imputer", {"a"}, {"full"},
                           {tiny::reals("imputed_value_floats", {0.25F, 1}), tiny::real("replaced_value_float", 0)}, "ai.onnx.ml"),
                tiny::node("Scaler", {"full"}, {"scaled"}, {tiny::reals("offset", {1, 2}), tiny::reals("scale", {0.5F, 2})}, "ai.onnx.ml"),
                tiny::node("OneHotEncoder", {"b"}, {"hot"}, {tiny::integers("cats_int64s", {1, 2, 3}), tiny::integer("zeros", 1)},
                           "ai.onnx.ml"),
                tiny::node("Reshape", {"hot", "flat"}, {"hot_flat"}),
                tiny::node("Concat", {"scaled", "hot_flat"}, {"all"}, {tiny::integer("axis", 1)}),
                tiny::node("Gather", {"all", "order"}, {"turned"}, {tiny::integer("axis", 1)}), forest_models::forest("turned", shape),
                tiny::node("Slice", {"y", "starts", "ends", "axes"}, {"second"})},
      .inputs = {tiny::tensor("a", Type::kFloat, {"N", 2}), tiny::tensor("b", Type::kInt64, {"N", 1})},
      .outputs = forest_models::outputs_of(shape),
      .initializers = {longs("flat", {-1, 3}), longs("order", {4, 3, 2, 1, 0}), longs("starts", {1}), longs("ends", {2}),
                       longs("axes", {1})}};
  graph.outputs.push_back(tiny::tensor("second", Type::kFloat, {"N", 1}));
  return tiny::model(graph);
}

void check_mutations(const std::string& model, const std::string& what) {
  CHECK(load_safely(model, what).is_plan);
  int n_plans = 0, n_errors = 0;
  for (uint32_t seed = 0; seed < n_seeds(); ++seed) {
    std::mt19937 random(seed);
    const Outcome outcome = load_safely(mutated(model, random), what + ", seed " + std::to_string(seed));
    ++(outcome.is_plan ? n_plans : n_errors);
  }
  std::cout << what << ": " << n_plans << " plans, " << n_errors << " errors\n";
  if (n_seeds() >= 100) CHECK(n_plans > 0 && n_errors > 0);  // neither all harmless nor all torn to pieces
}

}  // namespace

TEST(test_hostile_tree_bytes_end_in_an_error_or_a_plan) {
  forest_models::Shape shape;
  shape.n_trees = 3, shape.depth = 3;
  check_mutations(forest_models::model(shape, 3), "regressor");
  shape.n_classes = 3;
  check_mutations(forest_models::scaled_model(shape, 3), "scaled classifier");
}

TEST(test_hostile_pipeline_bytes_end_in_an_error_or_a_plan) { check_mutations(pipeline(), "pipeline"); }

TEST(test_hostile_random_ensembles_end_in_an_error_or_a_plan) {
  for (uint32_t seed = 0; seed < n_seeds() / 4; ++seed) {
    random_ensembles::Dice dice(seed);
    const std::string model = random_ensembles::Lists(random_ensembles::recipe(dice), dice).model();
    std::mt19937 random(seed);
    for (int i = 0; i < 4; ++i) (void)load_safely(mutated(model, random), "ensemble " + std::to_string(seed));
  }
}

TEST(test_hostile_random_graphs_end_in_an_error_or_a_plan) {
  int n_plans = 0;
  for (uint32_t seed = 0; seed < 10 * n_seeds(); ++seed)
    n_plans += load_safely(random_graph(seed), "graph " + std::to_string(seed)).is_plan;
  std::cout << n_plans << " plans\n";
}

TEST(test_hostile_sizes_that_multiply_beyond_all_bounds_are_refused) {
  constexpr int64_t kHuge = int64_t{1} << 32;
  check_refused(one_node(tiny::node("Reshape", {"x", "s"}, {"y"}), {longs("s", {-1, kHuge, kHuge, 3})}), "Reshape that wraps around");
  check_refused(one_node(tiny::node("Reshape", {"x", "s"}, {"y"}), {longs("s", {-1, -3, -1})}), "Reshape to negative sizes");
  check_refused(one_node(tiny::node("Reshape", {"x", "s"}, {"y"}), {longs("s", {0, -3, -1, -1})}), "Reshape with two open sizes");
  check_refused(one_node(tiny::node("Reshape", {"x", "s"}, {"y"}), {longs("s", {-1, -2, -2})}, Type::kFloat, {"N", 4}),
                "Reshape to -2 by -2");
  check_refused(one_node(tiny::node("LinearRegressor", {"x"}, {"y"}, {tiny::integer("targets", int64_t{1} << 62)}, "ai.onnx.ml"), {},
                         Type::kFloat, {"N", 4}),
                "LinearRegressor whose coefficients wrap around");
  check_refused(one_node(tiny::node("Split", {"x"}, {"y", "z"}, {tiny::integers("split", {-1, 4}), tiny::integer("axis", 1)})),
                "Split into less than nothing");
  check_refused(one_node(tiny::node("Split", {"x", "s"}, {"y", "z", "w"}, {tiny::integer("axis", 1)}),
                         {longs("s", {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max(), 5})}),
                "Split into parts that wrap around");
}

TEST(test_hostile_constants_without_values_are_refused) {
  const Message none = constant<float>("c", Type::kFloat, {});
  for (const char* op : {"Add", "Mul", "Less", "Max"})
    check_refused(one_node(tiny::node(op, {"x", "c"}, {"y"}), {none}, Type::kFloat, {"N", 1}), op);
  check_refused(one_node(tiny::node("Clip", {"x", "c"}, {"y"}), {none}), "Clip");
  check_refused(one_node(tiny::node("Clip", {"x", "", "c"}, {"y"}), {constant<float>("c", Type::kFloat, {1})}, Type::kInt32),
                "Clip of integers by reals");
  check_refused(one_node(tiny::node("Gather", {"x", "c"}, {"y"}, {tiny::integer("axis", 1)}), {none}), "Gather of nothing");
  check_refused(one_node(tiny::node("Gemm", {"x", "w", "c"}, {"y"}), {tiny::initializer<float>("w", Type::kFloat, {3, 0}, {}), none}),
                "Gemm");
  check_refused(one_node(tiny::node("MatMul", {"x", "w"}, {"y"}), {tiny::initializer<float>("w", Type::kFloat, {3, 0}, {})}), "MatMul");
}

TEST(test_hostile_indices_of_another_type_are_refused) {
  const Message reals = constant<float>("c", Type::kFloat, {0, 1, 2});
  forest_models::Shape shape;
  shape.n_trees = 1;
  const tiny::Graph graph{.nodes = {tiny::node("Gather", {"x", "c"}, {"g"}, {tiny::integer("axis", 1)}), forest_models::forest("g", shape)},
                          .inputs = {tiny::tensor("x", Type::kFloat, {"N", 3})},
                          .outputs = forest_models::outputs_of(shape),
                          .initializers = {reals}};
  check_refused(tiny::model(graph), "Gather before trees");
  check_refused(one_node(tiny::node("Slice", {"x", "c", "c", "c"}, {"y"}), {reals}), "Slice");
  check_refused(one_node(tiny::node("Split", {"x", "c"}, {"y", "z"}, {tiny::integer("axis", 1)}), {reals}, Type::kFloat, {"N", 4}),
                "Split");
  check_refused(one_node(tiny::node("ArrayFeatureExtractor", {"x", "c"}, {"y"}, {}, "ai.onnx.ml"), {reals}), "ArrayFeatureExtractor");
}

TEST(test_hostile_ensembles_with_billions_of_targets_are_refused) {
  for (const int64_t n : {int64_t{1} << 20, (int64_t{1} << 31) - 1, int64_t{1} << 31, int64_t{1} << 62}) {
    const Message forest =
        tiny::node("TreeEnsembleRegressor", {"x"}, {"y"},
                   {tiny::integers("nodes_treeids", {0, 0, 0}), tiny::integers("nodes_nodeids", {0, 1, 2}),
                    tiny::integers("nodes_featureids", {0, 0, 0}), tiny::strings("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"}),
                    tiny::reals("nodes_values", {0, 0, 0}), tiny::integers("nodes_truenodeids", {1, 0, 0}),
                    tiny::integers("nodes_falsenodeids", {2, 0, 0}), tiny::integers("target_treeids", {0, 0}),
                    tiny::integers("target_nodeids", {1, 2}), tiny::integers("target_ids", {0, 0}), tiny::reals("target_weights", {1, 2}),
                    tiny::integer("n_targets", n)},
                   "ai.onnx.ml");
    check_refused(one_node(forest), std::to_string(n) + " targets");
  }
}

TEST(test_hostile_graphs_that_double_their_columns_are_refused) {
  tiny::Graph graph{.nodes = {},
                    .inputs = {tiny::tensor("a0", Type::kFloat, {"N", 3})},
                    .outputs = {tiny::value_info("a60", tiny::tensor_type(Type::kFloat))},
                    .initializers = {}};
  for (int i = 0; i < 60; ++i) {
    const std::string from = "a" + std::to_string(i);
    graph.nodes.push_back(tiny::node("Concat", {from, from}, {"a" + std::to_string(i + 1)}, {tiny::integer("axis", 1)}));
  }
  check_refused(tiny::model(graph), "Concat");

  const Message two = longs("two", {0, 0});
  for (int i = 0; i < 60; ++i) {
    const std::string from = "a" + std::to_string(i);
    graph.nodes[static_cast<size_t>(i)] = tiny::node("Gather", {from, "two"}, {"a" + std::to_string(i + 1)}, {tiny::integer("axis", 1)});
  }
  graph.inputs = {tiny::tensor("a0", Type::kFloat, {"N", 1, 1 << 19})};
  graph.initializers = {two};
  check_refused(tiny::model(graph), "Gather");

  const tiny::Graph outer{
      .nodes = {tiny::node("Add", {"a", "b"}, {"y"})},
      .inputs = {tiny::tensor("a", Type::kFloat, {"N", 1 << 15, 1}), tiny::tensor("b", Type::kFloat, {"N", 1, 1 << 15})},
      .outputs = {tiny::value_info("y", tiny::tensor_type(Type::kFloat))},
      .initializers = {}};
  check_refused(tiny::model(outer), "Add of a column and a row");
}

TEST(test_hostile_wide_rows_through_many_nodes_take_no_memory_beyond_reason) {
  // A file of a few kilobytes that would become billions of operations.
  tiny::Graph graph{.nodes = {}, .inputs = {}, .outputs = {tiny::value_info("a200", tiny::tensor_type(Type::kFloat))}, .initializers = {}};
  graph.inputs.push_back(tiny::tensor("a0", Type::kFloat, {"N", 1 << 19}));
  for (int i = 0; i < 200; ++i) graph.nodes.push_back(tiny::node("Neg", {"a" + std::to_string(i)}, {"a" + std::to_string(i + 1)}));
  check_refused(tiny::model(graph), "Neg");
  for (int i = 0; i < 200; ++i)
    graph.nodes[static_cast<size_t>(i)] = tiny::node("Identity", {"a" + std::to_string(i)}, {"a" + std::to_string(i + 1)});
  (void)load_safely(tiny::model(graph), "Identity");
  graph.nodes = {tiny::node("Neg", {"a0"}, {"a200"})};
  for (int i = 0; i < 200; ++i) graph.inputs.push_back(tiny::tensor("b" + std::to_string(i), Type::kFloat, {"N", 1 << 20}));
  (void)load_safely(tiny::model(graph), "inputs");
}

TEST(test_hostile_names_that_lead_nowhere_or_in_circles_are_refused) {
  check_refused(one_node(tiny::node("Neg", {"y"}, {"y"})), "a node that reads itself");
  check_refused(one_node(tiny::node("Neg", {"nowhere"}, {"y"})), "an input that nobody makes");
  check_refused(one_node(tiny::node("Add", {}, {"y"})), "no inputs");
  check_refused(one_node(tiny::node("FeatureVectorizer", {}, {"y"}, {}, "ai.onnx.ml")), "FeatureVectorizer of nothing");
  check_refused(one_node(tiny::node("Concat", {}, {"y"}, {tiny::integer("axis", 1)})), "Concat of nothing");
  const tiny::Graph circle{
      .nodes = {tiny::node("Add", {"x", "b"}, {"a"}), tiny::node("Neg", {"a"}, {"b"}), tiny::node("Neg", {"b"}, {"y"})},
      .inputs = {tiny::tensor("x", Type::kFloat, {"N", 3})},
      .outputs = {tiny::value_info("y", tiny::tensor_type(Type::kFloat))},
      .initializers = {}};
  check_refused(tiny::model(circle), "a circle");
}

int main() { return check::run(); }
