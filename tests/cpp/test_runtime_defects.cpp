// Which nodes a release of ONNX Runtime is known to compute wrongly: the pattern, the releases around each border, and what depends on it.
#include <string>
#include <vector>

#include "check.h"
#include "plan/runtime_defects.h"
#include "tree_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

Writer text(std::string_view name, std::string_view value) {
  Writer attribute = named_attribute(name);
  attribute.text(field::attribute::kS, value);
  return attribute;
}

Writer reals(std::string_view name, const std::vector<float>& values) {
  Writer list = named_attribute(name);
  for (const float value : values) list.real(field::attribute::kFloats, value);
  return list;
}

/// What a classifier gives to two leaves.
struct Leaves {
  std::vector<int64_t> labels{0, 1};
  std::vector<int64_t> classes{1, 1};
  std::vector<float> weights{0.25F, 0};
  std::string transform = "NONE";
  std::vector<float> base_values;
};

Writer classifier(const Leaves& leaves) {
  std::vector<Writer> attributes = structure(stump(0, 0, "BRANCH_LEQ", 1));
  attributes.push_back(ints("classlabels_int64s", leaves.labels));
  attributes.push_back(ints("class_ids", leaves.classes));
  attributes.push_back(ints("class_treeids", {0, 0}));
  attributes.push_back(ints("class_nodeids", {1, 2}));
  attributes.push_back(reals("class_weights", leaves.weights));
  attributes.push_back(text("post_transform", leaves.transform));
  if (!leaves.base_values.empty()) attributes.push_back(reals("base_values", leaves.base_values));
  return node("TreeEnsembleClassifier", "ai.onnx.ml", {"x"}, {"label", "scores"}, attributes);
}

/// A tree of ai.onnx.ml 5 whose root has the children `when_true` and `when_false`.
Writer positioned(int64_t when_true, bool true_is_leaf, int64_t when_false, bool false_is_leaf, uint8_t mode = 0) {
  return node("TreeEnsemble", "ai.onnx.ml", {"x"}, {"y"},
              {ints("tree_roots", {0}), ints("nodes_truenodeids", {when_true, 0}), ints("nodes_falsenodeids", {when_false, 1}),
               ints("nodes_trueleafs", {true_is_leaf, 1}), ints("nodes_falseleafs", {false_is_leaf, 1}),
               tensor_attribute("nodes_modes", raw_tensor<uint8_t>(Type::kUint8, {mode, 0}))});
}

Writer equalities(const std::string& mode) {
  std::vector<ListedNode> nodes = stump(0, 0, "BRANCH_EQ", 1);
  for (const ListedNode& each : stump(1, 0, mode, 2)) nodes.push_back(each);
  return regressor("x", nodes);
}

/// The releases, of those around all borders, that are said to be wrong about the node.
std::string wrong_in(const Writer& tree_node) {
  Writer graph;
  graph.message(field::graph::kNode, tree_node);
  const Writer bytes = model(graph);
  const Model read_back = read(bytes);
  const plan::RuntimeDefects defects(read_back);
  std::string releases;
  for (const char* version :
       {"1.19.0", "1.20.1", "1.21.0", "1.22.1", "1.23.0", "1.23.2", "1.24.1", "1.25.1", "1.26.0", "1.27.0", "1.28.0", "1.32.0"}) {
    if (!defects.in(version).empty()) releases += std::string(version) + " ";
  }
  return releases;
}

}  // namespace

TEST(test_forests_of_two_classes_are_wrong_in_two_releases) {
  CHECK_EQUAL(wrong_in(classifier({})), "1.26.0 1.27.0 ");
  CHECK_EQUAL(wrong_in(classifier({.base_values = {0.5F}})), "1.26.0 1.27.0 ");
  CHECK_EQUAL(wrong_in(classifier({.weights = {0.25F, -0.1F}})), "");
  CHECK_EQUAL(wrong_in(classifier({.classes = {0, 1}})), "");
  CHECK_EQUAL(wrong_in(classifier({.labels = {0, 1, 2}})), "");
}

TEST(test_logistic_is_left_out_by_old_releases) {
  const std::string old = "1.19.0 1.20.1 1.21.0 1.22.1 1.23.0 1.23.2 1.24.1 1.25.1 ";
  CHECK_EQUAL(wrong_in(classifier({.transform = "LOGISTIC"})), old);
  CHECK_EQUAL(wrong_in(classifier({.transform = "LOGISTIC", .base_values = {0.5F}})), old);
  CHECK_EQUAL(wrong_in(classifier({.transform = "LOGISTIC", .base_values = {0.5F, 0.5F}})), "");
  CHECK_EQUAL(wrong_in(classifier({.weights = {0.25F, -0.1F}, .transform = "LOGISTIC"})), "");
}

TEST(test_roots_are_taken_for_leaves_where_a_leaf_and_a_node_have_one_number) {
  CHECK_EQUAL(wrong_in(positioned(1, true, 1, false)), "1.21.0 1.22.1 1.23.0 1.23.2 ");
  CHECK_EQUAL(wrong_in(positioned(1, true, 1, true)), "");
  CHECK_EQUAL(wrong_in(positioned(0, true, 1, false)), "");
}

TEST(test_members_and_equalities_are_wrong_in_two_releases) {
  CHECK_EQUAL(wrong_in(positioned(0, true, 1, true, 6)), "1.21.0 1.22.1 ");
  CHECK_EQUAL(wrong_in(equalities("BRANCH_EQ")), "1.21.0 1.22.1 ");
  CHECK_EQUAL(wrong_in(equalities("BRANCH_LT")), "");
}

TEST(test_lists_that_nobody_can_read_are_no_defect) {
  CHECK_EQUAL(wrong_in(node("TreeEnsemble", "ai.onnx.ml", {"x"}, {"y"})), "");
  CHECK_EQUAL(wrong_in(node("TreeEnsembleClassifier", "ai.onnx.ml", {"x"}, {"label", "scores"})), "");
  CHECK_EQUAL(wrong_in(node("TreeEnsembleClassifier", "other", {"x"}, {"label", "scores"})), "");
}

TEST(test_what_depends_on_a_wrong_value_is_wrong) {
  Writer graph;
  graph.message(field::graph::kNode, node("Identity", "", {"x"}, {"copy"}));
  graph.message(field::graph::kNode, classifier({.transform = "LOGISTIC"}));
  graph.message(field::graph::kNode, node("Neg", "", {"scores"}, {"negated"}));
  graph.message(field::graph::kNode, node("Cast", "", {"label"}, {"text"}));
  const Writer bytes = model(graph);
  const Model read_back = read(bytes);
  const plan::RuntimeDefects defects(read_back);
  const std::vector<plan::Suspect> suspects = defects.in("1.25.1");
  CHECK_EQUAL(suspects.size(), 1u);
  const auto wrong = defects.wrong_values(suspects);
  CHECK(wrong.contains("scores") && wrong.contains("negated"));
  CHECK(!wrong.contains("label") && !wrong.contains("text") && !wrong.contains("copy"));  // the label does not go by LOGISTIC
  CHECK(!plan::RuntimeDefects::hangs(suspects[0]));
  CHECK(defects.sentence(suspects[0], "1.25.1").find("1.26 and newer are right") != std::string::npos);
}

TEST(test_releases_may_hang_in_trees_of_ai_onnx_ml_5_alone) {
  for (const auto& [tree_node, hangs] : {std::pair{positioned(0, true, 1, true, 6), true}, {classifier({}), false}}) {
    Writer graph;
    graph.message(field::graph::kNode, tree_node);
    const Writer bytes = model(graph);
    const Model read_back = read(bytes);
    CHECK_EQUAL(plan::RuntimeDefects(read_back).may_hang(), hangs);
  }
}

int main() { return check::run(); }
