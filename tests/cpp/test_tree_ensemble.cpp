// Tree ensembles as they are read from the attributes of their nodes, and what is refused.
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "onnx/tree_ensemble.h"
#include "tree_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

/// What is read of a node that feeds on `x`. The bytes live as long as the ensemble.
struct Reading {
  explicit Reading(const Writer& tree_node) {
    Writer graph;
    graph.message(field::graph::kNode, tree_node);
    bytes = model(graph);
    ensemble = read_tree_ensemble(read(bytes).nodes[0]);
  }
  Writer bytes;
  std::optional<TreeEnsemble> ensemble;
};

}  // namespace

TEST(test_read_tree_ensemble_makes_flat_nodes) {
  std::vector<ListedNode> nodes = {leaf(4, 9), {1, 5, 2, "BRANCH_GT", 1.5F, 8, 6, true}, leaf(1, 6), leaf(1, 8)};
  nodes[1].missing_tracks_true = true;
  const Reading reading(regressor("x", nodes));
  CHECK(reading.ensemble.has_value());
  if (!reading.ensemble) return;
  const TreeEnsemble& ensemble = *reading.ensemble;
  CHECK_EQUAL(ensemble.input, "x");
  CHECK(ensemble.roots == (std::vector<int32_t>{0, 1}));
  CHECK_EQUAL(ensemble.nodes.size(), 4u);
  CHECK(ensemble.nodes[0].mode == TreeMode::kLeaf && ensemble.nodes[1].mode == TreeMode::kGt);
  CHECK_EQUAL(ensemble.nodes[1].feature, 2);
  CHECK_EQUAL(ensemble.nodes[1].threshold, 1.5);
  CHECK_EQUAL(ensemble.weights.size(), 3u);
  CHECK_EQUAL(ensemble.weights[2].node, 0);  // of tree 4, behind those of tree 1
  CHECK_EQUAL(ensemble.weights[2].value, 0.0);
  CHECK_EQUAL(ensemble.nodes[1].true_child, 3);
  CHECK_EQUAL(ensemble.nodes[1].false_child, 2);
  CHECK(ensemble.nodes[1].missing_tracks_true && !ensemble.nodes[0].missing_tracks_true);
}

TEST(test_read_tree_ensemble_takes_shared_children) {
  // x in {1, 2}
  CHECK(Reading(regressor("x", {{0, 0, 0, "BRANCH_EQ", 1, 2, 1}, {0, 1, 0, "BRANCH_EQ", 2, 2, 3}, leaf(0, 2), leaf(0, 3)})).ensemble);
}

TEST(test_read_tree_ensemble_takes_thresholds_from_a_tensor) {
  const auto read_with = [](const Writer& values) {
    std::vector<Writer> attributes = structure(stump(0, 0, "BRANCH_LEQ", 0));
    for (const Writer& each : weights(stump(0, 0, "BRANCH_LEQ", 0))) attributes.push_back(each);
    attributes.push_back(tensor_attribute("nodes_values_as_tensor", values));
    const Reading reading(regressor_of("x", attributes));
    return reading.ensemble ? reading.ensemble->nodes[0].threshold : -1.0;
  };
  CHECK_EQUAL(read_with(raw_tensor<float>(Type::kFloat, {0.25F, 0, 0})), 0.25);
  constexpr uint32_t kFloatData = 4;
  Writer typed = tensor("", 1, {3});
  for (const float value : {0.75F, 0.0F, 0.0F}) typed.real(kFloatData, value);
  CHECK_EQUAL(read_with(typed), 0.75);
  Writer broken = tensor("", 1, {3});
  broken.text(kFloatData, "12345");  // a packed list of one float and a byte
  CHECK_EQUAL(read_with(broken), -1.0);
  CHECK_EQUAL(read_with(raw_tensor<float>(Type::kFloat, {0.25F, 0})), -1.0);
  CHECK_EQUAL(read_with(raw_tensor<uint8_t>(Type::kFloat, {1, 2, 3})), -1.0);
  CHECK_EQUAL(read_with(raw_tensor<double>(Type::kDouble, {0.1, 0, 0})), 0.1);
  CHECK_EQUAL(read_with(raw_tensor<int64_t>(Type::kInt64, {1, 0, 0})), -1.0);
  Writer external = raw_tensor<float>(Type::kFloat, {0.25F, 0, 0});
  external.integer(field::tensor::kDataLocation, 1);
  CHECK_EQUAL(read_with(external), -1.0);
}

TEST(test_read_tree_ensemble_refuses_what_is_malformed) {
  const std::vector<ListedNode> good = {
      {0, 0, 0, "BRANCH_LEQ", 1, 1, 2}, {0, 1, 0, "BRANCH_LEQ", 2, 3, 4}, leaf(0, 2), leaf(0, 3), leaf(0, 4), leaf(1, 0)};
  const auto is_read = [&](auto&& change) {
    std::vector<ListedNode> nodes = good;
    change(nodes);
    return Reading(regressor("x", nodes)).ensemble.has_value();
  };
  CHECK(is_read([](auto&) {}));
  CHECK(!is_read([](auto& nodes) { nodes[1].true_id = 0; }));   // back to the root
  CHECK(!is_read([](auto& nodes) { nodes[0].true_id = 0; }));   // to itself
  CHECK(!is_read([](auto& nodes) { nodes[1].false_id = 5; }));  // beyond the nodes
  CHECK(!is_read([](auto& nodes) { nodes[1].true_id = -1; }));
  CHECK(!is_read([](auto& nodes) { nodes[1].true_id = int64_t{1} << 32; }));  // node 0 in 32 bits
  CHECK(!is_read([](auto& nodes) { nodes[1].feature = -1; }));
  CHECK(!is_read([](auto& nodes) { nodes[1].feature = int64_t{1} << 31; }));
  CHECK(!is_read([](auto& nodes) { nodes[1].mode = "BRANCH_MEMBER"; }));
  CHECK(!is_read([](auto& nodes) { nodes.insert(nodes.begin() + 5, leaf(0, 2)); }));  // a second node 2
  CHECK(!is_read([](auto& nodes) { nodes[4].tree = 1; }));
  CHECK(!is_read([](auto& nodes) { std::swap(nodes[4], nodes[5]); }));  // a tree in two pieces
  CHECK(!is_read([](auto& nodes) { nodes.clear(); }));

  std::vector<Writer> attributes = structure(good);
  for (const Writer& each : weights(good)) attributes.push_back(each);
  CHECK(!Reading(regressor_of("x", attributes)).ensemble);  // no thresholds
  attributes.push_back(named_attribute("nodes_values"));
  for (size_t i = 0; i < good.size(); ++i) attributes.back().real(field::attribute::kFloats, 1);
  CHECK(Reading(regressor_of("x", attributes)).ensemble);
  CHECK(!Reading(regressor_of("", attributes)).ensemble);
  CHECK(!Reading(node("TreeEnsembleClassifier", "ai.onnx.ml", {"x"}, {"y"}, attributes)).ensemble);  // no classes
  CHECK(!Reading(node("TreeEnsembleRegressor", "", {"x"}, {"y"}, attributes)).ensemble);
  CHECK(!Reading(node("TreeEnsembleRegressor", "ai.onnx.ml", {}, {"y"}, attributes)).ensemble);
  for (size_t i = 0; i < attributes.size(); ++i) {
    std::vector<Writer> longer = attributes;  // one entry more in one of the lists, or n_targets 0
    longer[i].integer(field::attribute::kI, 0);
    longer[i].integer(field::attribute::kInts, 0);
    longer[i].text(field::attribute::kStrings, "LEAF");
    longer[i].real(field::attribute::kFloats, 0);
    CHECK(!Reading(regressor_of("x", longer)).ensemble);
  }
  attributes.push_back(tensor_attribute("nodes_values_as_tensor", raw_tensor<float>(Type::kFloat, std::vector<float>(6))));
  CHECK(!Reading(regressor_of("x", attributes)).ensemble);  // thresholds twice
}

TEST(test_read_tree_ensemble_takes_opset_5) {
  struct Lists {
    std::vector<uint8_t> modes = {1, 4};  // LT, EQ
    std::vector<float> splits = {0.5F, 2};
    std::vector<int64_t> features = {0, 1}, true_ids = {1, 0}, true_leaves = {0, 1}, false_ids = {2, 1}, false_leaves = {1, 1};
    std::vector<int64_t> roots = {0}, targets = {0, 2, 0};
    std::vector<float> values = {1, 2, 3}, members = {};
    int64_t n_targets = 3;
  };
  const auto ensemble_of = [](const Lists& lists, bool is_raw = true) {
    constexpr uint32_t kInt32Data = 5;
    Writer n_targets = named_attribute("n_targets");
    n_targets.integer(field::attribute::kI, lists.n_targets);
    Writer typed_modes = tensor("", static_cast<int64_t>(Type::kUint8), {2});
    for (const uint8_t mode : lists.modes) typed_modes.integer(kInt32Data, mode);
    return Reading(node("TreeEnsemble", "ai.onnx.ml", {"x"}, {"y"},
                        {tensor_attribute("nodes_modes", is_raw ? raw_tensor(Type::kUint8, lists.modes) : typed_modes),
                         tensor_attribute("nodes_splits", raw_tensor(Type::kFloat, lists.splits)), ints("nodes_featureids", lists.features),
                         ints("nodes_truenodeids", lists.true_ids), ints("nodes_trueleafs", lists.true_leaves),
                         ints("nodes_falsenodeids", lists.false_ids), ints("nodes_falseleafs", lists.false_leaves),
                         ints("tree_roots", lists.roots), ints("leaf_targetids", lists.targets),
                         tensor_attribute("leaf_weights", raw_tensor(Type::kFloat, lists.values)),
                         tensor_attribute("membership_values", raw_tensor(Type::kFloat, lists.members)), n_targets}))
        .ensemble;
  };
  const auto ensemble = ensemble_of({});
  CHECK(ensemble.has_value());
  if (!ensemble) return;
  CHECK_EQUAL(ensemble->nodes.size(), 5u);
  CHECK(ensemble->roots == (std::vector<int32_t>{0}));
  CHECK(ensemble->nodes[0].mode == TreeMode::kLt && ensemble->nodes[1].mode == TreeMode::kEq);
  CHECK_EQUAL(ensemble->nodes[0].true_child, 1);
  CHECK_EQUAL(ensemble->nodes[0].false_child, 4);
  CHECK_EQUAL(ensemble->nodes[1].true_child, 2);
  CHECK_EQUAL(ensemble->nodes[1].false_child, 3);
  CHECK_EQUAL(ensemble->nodes[1].threshold, 2.0);
  CHECK_EQUAL(ensemble->weights[1].node, 3);
  CHECK_EQUAL(ensemble->weights[1].target, 2);
  CHECK_EQUAL(ensemble->weights[1].value, 2.0);

  CHECK(ensemble_of({}, false) && ensemble_of({}, false)->nodes[1].mode == TreeMode::kEq);
  CHECK(!ensemble_of({.modes = {1, 7}}, false));
  const auto one_leaf = ensemble_of({.true_ids = {2, 0}, .true_leaves = {1, 1}});
  CHECK(one_leaf && one_leaf->roots == (std::vector<int32_t>{4}));
  const auto with_set = ensemble_of({.modes = {1, 6}, .members = {4, 5, std::nanf(""), 6}});
  CHECK(with_set && with_set->sets.size() == 1 && with_set->sets[0].node == 1);
  CHECK(with_set && with_set->sets[0].values == (std::vector<double>{4, 5}));
  CHECK(!ensemble_of({.n_targets = 2}));  // a leaf for target 2
  CHECK(!ensemble_of({.n_targets = 0}));
  CHECK(!ensemble_of({.values = {1, 2}}));       // too few
  CHECK(!ensemble_of({.splits = {0.5F}}));       // too few
  CHECK(!ensemble_of({.true_leaves = {0, 0}}));  // 1 to 0 to 1
  CHECK(!ensemble_of({.false_ids = {3, 1}}));    // no leaf 3
  CHECK(!ensemble_of({.false_ids = {-1, 1}}));   // no leaf -1, which would be node 1
  CHECK(!ensemble_of({.true_ids = {2, 0}}));     // no node 2
  CHECK(!ensemble_of({.true_ids = {-1, 0}}));    // likewise
  CHECK(!ensemble_of({.roots = {2}}));           // likewise
  CHECK(!ensemble_of({.roots = {}}));            // no tree
  CHECK(!ensemble_of({.false_leaves = {1}}));    // too few
}

int main() { return check::run(); }
