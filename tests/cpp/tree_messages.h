// Builds the nodes of tree ensembles, as ai.onnx.ml lists them, for the tests of the model room.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/type.h"
#include "onnx_messages.h"

namespace messages {

using edgeonnx::Type;

/// A node as ai.onnx.ml 1 and 3 list it.
struct ListedNode {
  int64_t tree, id, feature;
  std::string mode;
  float threshold = 0;
  int64_t true_id = 0, false_id = 0;
  bool missing_tracks_true = false;
};
inline ListedNode leaf(int64_t tree, int64_t id) { return {tree, id, 0, "LEAF"}; }

/// One test with two leaves.
inline std::vector<ListedNode> stump(int64_t tree, int64_t feature, const std::string& mode, float threshold) {
  return {{tree, 0, feature, mode, threshold, 1, 2}, leaf(tree, 1), leaf(tree, 2)};
}

template <class Take>
Writer ints(std::string_view name, const std::vector<ListedNode>& nodes, Take&& take) {
  Writer list = named_attribute(name);
  for (const ListedNode& each : nodes) list.integer(field::attribute::kInts, static_cast<int64_t>(take(each)));
  return list;
}
inline Writer ints(std::string_view name, const std::vector<int64_t>& values) {
  Writer list = named_attribute(name);
  for (const int64_t value : values) list.integer(field::attribute::kInts, value);
  return list;
}

/// A weight of each leaf, for one target.
inline std::vector<Writer> weights(const std::vector<ListedNode>& nodes) {
  std::vector<ListedNode> leaves;
  for (const ListedNode& each : nodes) {
    if (each.mode == "LEAF") leaves.push_back(each);
  }
  Writer n_targets = named_attribute("n_targets");
  n_targets.integer(field::attribute::kI, 1);
  Writer values = named_attribute("target_weights");
  for (size_t i = 0; i < leaves.size(); ++i) values.real(field::attribute::kFloats, static_cast<float>(i));
  return {n_targets, values, ints("target_treeids", leaves, [](const auto& each) { return each.tree; }),
          ints("target_nodeids", leaves, [](const auto& each) { return each.id; }),
          ints("target_ids", leaves, [](const auto&) { return 0; })};
}

/// The attributes of TreeEnsembleRegressor, but for the thresholds and the weights.
inline std::vector<Writer> structure(const std::vector<ListedNode>& nodes) {
  Writer modes = named_attribute("nodes_modes");
  for (const ListedNode& each : nodes) modes.text(field::attribute::kStrings, each.mode);
  return {modes,
          ints("nodes_treeids", nodes, [](const auto& each) { return each.tree; }),
          ints("nodes_nodeids", nodes, [](const auto& each) { return each.id; }),
          ints("nodes_featureids", nodes, [](const auto& each) { return each.feature; }),
          ints("nodes_truenodeids", nodes, [](const auto& each) { return each.true_id; }),
          ints("nodes_falsenodeids", nodes, [](const auto& each) { return each.false_id; }),
          ints("nodes_missing_value_tracks_true", nodes, [](const auto& each) { return each.missing_tracks_true; })};
}

inline Writer regressor_of(std::string_view input, std::vector<Writer> attributes) {
  return node("TreeEnsembleRegressor", "ai.onnx.ml", {input}, {"y"}, attributes);
}
inline Writer regressor(std::string_view input, const std::vector<ListedNode>& nodes) {
  std::vector<Writer> attributes = structure(nodes);
  attributes.push_back(named_attribute("nodes_values"));
  for (const ListedNode& each : nodes) attributes.back().real(field::attribute::kFloats, each.threshold);
  for (const Writer& each : weights(nodes)) attributes.push_back(each);
  return regressor_of(input, attributes);
}

inline Writer tensor_attribute(std::string_view name, const Writer& value) {
  Writer attribute = named_attribute(name);
  attribute.message(field::attribute::kT, value);
  return attribute;
}
template <class T>
Writer raw_tensor(Type type, const std::vector<T>& values) {
  Writer result = tensor("", static_cast<int64_t>(type), {static_cast<int64_t>(values.size())});
  result.bytes(field::tensor::kRawData, std::as_bytes(std::span(values)));
  return result;
}

inline Writer concat(const std::vector<std::string_view>& parts, std::string_view whole, int64_t axis) {
  Writer attribute = named_attribute("axis");
  attribute.integer(field::attribute::kI, axis);
  return node("Concat", "", parts, {whole}, {attribute});
}

}  // namespace messages
