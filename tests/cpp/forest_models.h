// Tree ensembles of a wanted size as nodes of a model, for tests that score tables with them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tiny_model.h"

namespace forest_models {

using edgeonnx::Type;

struct Shape {
  int64_t n_trees = 20;
  int64_t depth = 5;      ///< every leaf lies so deep
  int64_t n_classes = 0;  ///< 0: a regressor
  std::vector<int64_t> features = {0, 1, 2};
  double spread = 3;  ///< thresholds lie between plus and minus that
  uint32_t seed = 1;
  bool has_text_labels = false;  ///< "class 0" and so on
};

/// The node: input `x`; outputs "y", or "label" and "y".
inline tiny::Message forest(const std::string& x, const Shape& shape) {
  std::mt19937 random(shape.seed);
  const auto real = [&random](double spread) { return static_cast<float>((static_cast<double>(random() % 2001) / 1000 - 1) * spread); };
  std::vector<int64_t> trees, ids, features, true_ids, false_ids, leaf_trees, leaf_ids, leaf_targets;
  std::vector<std::string> modes;
  std::vector<float> values, weights;
  const int64_t n_splits = (int64_t{1} << shape.depth) - 1;
  const int64_t n_targets = std::max<int64_t>(1, shape.n_classes);
  for (int64_t tree = 0; tree < shape.n_trees; ++tree) {
    for (int64_t id = 0; id < 2 * n_splits + 1; ++id) {
      const bool is_leaf = id >= n_splits;
      trees.push_back(tree), ids.push_back(id);
      features.push_back(is_leaf ? 0 : shape.features[random() % shape.features.size()]);
      modes.emplace_back(is_leaf ? "LEAF" : "BRANCH_LEQ");
      values.push_back(is_leaf ? 0 : real(shape.spread));
      true_ids.push_back(is_leaf ? 0 : 2 * id + 1), false_ids.push_back(is_leaf ? 0 : 2 * id + 2);
      for (int64_t target = 0; is_leaf && target < n_targets; ++target) {
        leaf_trees.push_back(tree), leaf_ids.push_back(id), leaf_targets.push_back(target);
        weights.push_back(real(0.1));
      }
    }
  }
  const std::string prefix = shape.n_classes > 0 ? "class" : "target";
  std::vector<tiny::Message> attributes = {tiny::integers("nodes_treeids", trees),
                                           tiny::integers("nodes_nodeids", ids),
                                           tiny::integers("nodes_featureids", features),
                                           tiny::strings("nodes_modes", modes),
                                           tiny::reals("nodes_values", values),
                                           tiny::integers("nodes_truenodeids", true_ids),
                                           tiny::integers("nodes_falsenodeids", false_ids),
                                           tiny::integers(prefix + "_treeids", leaf_trees),
                                           tiny::integers(prefix + "_nodeids", leaf_ids),
                                           tiny::integers(prefix + "_ids", leaf_targets),
                                           tiny::reals(prefix + "_weights", weights)};
  if (shape.n_classes == 0) {
    attributes.push_back(tiny::integer("n_targets", 1));
    return tiny::node("TreeEnsembleRegressor", {x}, {"y"}, attributes, "ai.onnx.ml");
  }
  std::vector<int64_t> labels;
  for (int64_t k = 0; k < shape.n_classes; ++k) labels.push_back(10 + 3 * k);
  std::vector<std::string> texts;
  for (int64_t k = 0; k < shape.n_classes; ++k) texts.push_back("class " + std::to_string(k));
  attributes.push_back(shape.has_text_labels ? tiny::strings("classlabels_strings", texts) : tiny::integers("classlabels_int64s", labels));
  attributes.push_back(tiny::string("post_transform", "SOFTMAX"));
  return tiny::node("TreeEnsembleClassifier", {x}, {"label", "y"}, attributes, "ai.onnx.ml");
}

inline std::vector<tiny::Message> outputs_of(const Shape& shape) {
  const tiny::Message y = tiny::tensor("y", Type::kFloat, {"N", std::max<int64_t>(1, shape.n_classes)});
  if (shape.n_classes == 0) return {y};
  return {tiny::tensor("label", Type::kInt64, {"N"}), y};
}

/// The ensemble alone: x [N, width].
inline std::string model(const Shape& shape, int64_t width, Type type = Type::kFloat) {
  return tiny::model(
      {.nodes = {forest("x", shape)}, .inputs = {tiny::tensor("x", type, {"N", width})}, .outputs = outputs_of(shape), .initializers = {}});
}

/// Behind a scaler: x [N, width].
inline std::string scaled_model(const Shape& shape, int64_t width) {
  std::vector<float> offset, scale;
  for (int64_t i = 0; i < width; ++i) {
    offset.push_back(0.125F * static_cast<float>(i) - 0.3F);
    scale.push_back(1 / (0.7F + 0.1F * static_cast<float>(i)));
  }
  return tiny::model(
      {.nodes = {tiny::node("Scaler", {"x"}, {"scaled"}, {tiny::reals("offset", offset), tiny::reals("scale", scale)}, "ai.onnx.ml"),
                 forest("scaled", shape)},
       .inputs = {tiny::tensor("x", Type::kFloat, {"N", width})},
       .outputs = outputs_of(shape),
       .initializers = {}});
}

}  // namespace forest_models
