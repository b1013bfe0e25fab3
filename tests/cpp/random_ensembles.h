// Random tree ensembles as models of one node, with all that ai.onnx.ml allows in them, and rows that try their tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tiny_model.h"

namespace random_ensembles {

using edgeonnx::Type;

inline constexpr int64_t kFeatures = 3;

class Dice {
 public:
  explicit Dice(uint32_t seed) : generator_(seed) {}
  int64_t below(int64_t n) { return static_cast<int64_t>(generator_() % static_cast<uint64_t>(n)); }
  bool one_in(int64_t n) { return below(n) == 0; }
  template <class T>
  T pick(const std::vector<T>& values) {
    return values[static_cast<size_t>(below(static_cast<int64_t>(values.size())))];
  }
  double real() { return static_cast<double>(below(2001) - 1000) / 128; }

 private:
  std::mt19937_64 generator_;
};

/// A value that tests or rows may have: small whole numbers mostly, what is next to them, and what is special.
inline double special(Dice& dice, bool is_double) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double denormal = is_double ? std::numeric_limits<double>::denorm_min() : std::numeric_limits<float>::denorm_min();
  switch (dice.below(12)) {
    case 0:
      return dice.pick(std::vector<double>{kInfinity, -kInfinity, std::nan(""), denormal, -denormal});
    case 1:
      return dice.pick(std::vector<double>{0, -0.0, 0.5, -0.5, 2147483648.0, -2147483648.0, 1e30, -1e30, 16777216, 64, 65});
    case 2:
      return static_cast<double>(dice.below(70));
    case 3:
      return static_cast<double>(static_cast<float>(dice.real()));
    default:
      return static_cast<double>(dice.below(8)) - 2;
  }
}

/// The value or one of its neighbours.
inline double beside(Dice& dice, double value, bool is_double) {
  const double end = dice.pick(std::vector<double>{-1, 1}) * std::numeric_limits<double>::infinity();
  if (dice.below(2) == 0 || std::isnan(value)) return value;
  return is_double ? std::nextafter(value, end) : static_cast<double>(std::nextafter(static_cast<float>(value), static_cast<float>(end)));
}

struct Recipe {
  Type input = Type::kFloat;
  bool is_classifier = false;
  bool is_positioned = false;  ///< ai.onnx.ml 5
  bool uses_tensors = false;   ///< of the versions before
  bool has_text_labels = false;
  int64_t n_targets = 1;
  int64_t n_base_values = 0;
  std::string aggregate = "SUM";
  std::string transform = "NONE";
  std::vector<std::string> modes;
  bool has_missing = false;
  int64_t n_trees = 3;
  int64_t depth = 3;
  bool weighs_all_targets = true;  ///< each leaf
  bool is_positive = false;
  int64_t only_target = -1;
};

/// The lists of a model, filled node by node.
class Lists {
 public:
  Lists(const Recipe& recipe, Dice& dice) : recipe_(recipe), dice_(dice), is_double_(recipe.input == Type::kDouble) {
    for (int64_t k = 0; k < recipe.n_base_values; ++k)
      base_values_.push_back(dice.one_in(4) ? -0.0 : 0.25 * static_cast<double>(k) - 0.125);
    for (int64_t tree = 0; tree < recipe.n_trees; ++tree) {
      tree_ = tree;
      next_id_ = 0;
      const bool is_leaf = dice.one_in(8);
      if (recipe.is_positioned) {
        roots_.push_back(static_cast<int64_t>(modes_.size()));
        append_positioned(is_leaf ? 0 : recipe.depth, is_leaf);
      } else {
        append_named(is_leaf ? 0 : recipe.depth);
      }
    }
  }

  std::string model() const {
    using namespace tiny;
    std::vector<Message> attributes = {integers("nodes_featureids", features_), integers("nodes_truenodeids", true_ids_),
                                       integers("nodes_falsenodeids", false_ids_)};
    if (recipe_.has_missing) attributes.push_back(integers("nodes_missing_value_tracks_true", missing_));
    if (recipe_.is_positioned) {
      add_positioned(attributes);
    } else {
      add_named(attributes);
    }
    const std::vector<std::string> outputs = recipe_.is_classifier ? std::vector<std::string>{"label", "y"} : std::vector<std::string>{"y"};
    const char* name = recipe_.is_positioned ? "TreeEnsemble" : recipe_.is_classifier ? "TreeEnsembleClassifier" : "TreeEnsembleRegressor";
    Graph graph{.nodes = {node(name, {"x"}, outputs, attributes, "ai.onnx.ml")},
                .inputs = {tensor("x", recipe_.input, {"N", kFeatures})},
                .outputs = {},
                .initializers = {}};
    const Type score = recipe_.is_positioned ? recipe_.input : Type::kFloat;
    if (recipe_.is_classifier) graph.outputs.push_back(tensor("label", recipe_.has_text_labels ? Type::kString : Type::kInt64, {"N"}));
    graph.outputs.push_back(tensor("y", score, {"N", recipe_.n_targets}));
    return tiny::model(graph, {{"", 17}, {"ai.onnx.ml", recipe_.is_positioned ? 5 : recipe_.uses_tensors ? 3 : 1}});
  }

  std::vector<double> row() {
    std::vector<double> values;
    for (int64_t i = 0; i < kFeatures; ++i) {
      const std::vector<double>& tested = members_.empty() || dice_.one_in(2) ? thresholds_ : members_;
      values.push_back(dice_.one_in(3) ? special(dice_, is_double_) : beside(dice_, dice_.pick(tested), is_double_));
    }
    return values;
  }

 private:
  double weight() {
    const double value = static_cast<double>(static_cast<float>(dice_.real() * 0.1));
    if (dice_.one_in(30)) return 0;
    return recipe_.is_positive ? std::abs(value) / 8 : value;
  }

  int64_t append_node(const std::string& mode) {
    modes_.push_back(mode);
    trees_.push_back(tree_);
    ids_.push_back(next_id_++);
    features_.push_back(mode == "LEAF" ? 0 : dice_.below(kFeatures));
    thresholds_.push_back(mode == "LEAF" ? (dice_.one_in(4) ? dice_.real() : 0) : special(dice_, is_double_));
    missing_.push_back(mode != "LEAF" && dice_.one_in(3));
    true_ids_.push_back(0);
    false_ids_.push_back(0);
    true_leaves_.push_back(0);
    false_leaves_.push_back(0);
    if (mode == "BRANCH_MEMBER") append_members();
    return ids_.back();
  }

  void append_members() {
    if (!members_.empty()) members_.push_back(std::nan(""));
    const bool is_small = dice_.one_in(2);
    const int64_t n = 1 + dice_.below(is_small ? 5 : 40);
    const bool is_dense = dice_.one_in(2);
    for (int64_t k = 0; k < n; ++k) {
      const double large = dice_.pick(std::vector<double>{-2147483648.0, 2147483520.0, -3, 31, 64});
      const double any = static_cast<double>(dice_.below(is_dense ? 45 : 100)) - (is_dense ? 0 : 50);
      members_.push_back(is_small ? static_cast<double>(dice_.below(12)) / (dice_.one_in(12) ? 2 : 1) : dice_.one_in(20) ? large : any);
    }
  }

  /// Returns the number of the node in its tree.
  int64_t append_named(int64_t depth) {
    const bool is_leaf = depth == 0 || dice_.one_in(6);
    const size_t i = modes_.size();
    const int64_t id = append_node(is_leaf ? "LEAF" : dice_.pick(recipe_.modes));
    if (is_leaf) {
      append_weights(id);
      return id;
    }
    if (modes_[i] == "BRANCH_EQ" && dice_.one_in(2)) {
      append_chain(i, depth);
      return id;
    }
    true_ids_[i] = append_named(depth - 1);
    false_ids_[i] = append_named(depth - 1);
    return id;
  }

  /// Equality tests of one feature behind node i, whose true children are one node, or leaves with one value.
  void append_chain(size_t i, int64_t depth) {
    const bool shares = dice_.one_in(2);
    const int64_t target = append_named(shares ? depth - 1 : 0);
    true_ids_[i] = target;
    size_t last = i;
    for (int64_t k = dice_.below(6); k > 0; --k) {
      const size_t at = modes_.size();
      const int64_t id = append_node("BRANCH_EQ");
      features_[at] = features_[i];
      thresholds_[at] = dice_.one_in(5) ? thresholds_[at] : static_cast<double>(dice_.below(10));
      false_ids_[last] = id;
      true_ids_[at] = target;
      if (!shares && dice_.one_in(2)) {
        const size_t begin = weights_.size();
        true_ids_[at] = append_named(0);
        const size_t first = first_weight_of(target);
        if (begin < weights_.size() && first < begin) weights_[begin] = weights_[first];
      }
      last = at;
    }
    false_ids_[last] = append_named(depth - 1);
  }

  size_t first_weight_of(int64_t id) const {
    for (size_t k = 0; k < weights_.size(); ++k) {
      if (weight_trees_[k] == tree_ && weight_nodes_[k] == id) return k;
    }
    return weights_.size();
  }

  void append_weights(int64_t id) {
    for (int64_t target = 0; target < recipe_.n_targets; ++target) {
      if (recipe_.only_target >= 0 && target != recipe_.only_target) continue;
      const int64_t n = recipe_.weighs_all_targets ? 1 : dice_.below(3);
      for (int64_t k = 0; k < n; ++k) {
        weight_trees_.push_back(tree_);
        weight_nodes_.push_back(id);
        weight_targets_.push_back(target);
        weights_.push_back(weight());
      }
    }
  }

  /// Returns the position of the node, which is no leaf. `is_leaf`: a root that is one.
  int64_t append_positioned(int64_t depth, bool is_leaf) {
    const size_t i = modes_.size();
    append_node(dice_.pick(recipe_.modes));
    if (is_leaf) {
      true_ids_[i] = false_ids_[i] = append_leaf();
      true_leaves_[i] = false_leaves_[i] = 1;
      return static_cast<int64_t>(i);
    }
    append_child(i, true_ids_, true_leaves_, depth - 1);
    append_child(i, false_ids_, false_leaves_, depth - 1);
    if (depth == 1 && dice_.one_in(3) && modes_.back() == modes_[i]) features_.back() = features_[i];
    return static_cast<int64_t>(i);
  }

  void append_child(size_t i, std::vector<int64_t>& ids, std::vector<int64_t>& leaves, int64_t depth) {
    const bool is_leaf = depth <= 0 || dice_.one_in(5);
    const int64_t id = is_leaf ? append_leaf() : append_positioned(depth, false);
    ids[i] = id;
    leaves[i] = is_leaf;
  }

  int64_t append_leaf() {
    if (!weights_.empty() && dice_.one_in(5)) return dice_.below(static_cast<int64_t>(weights_.size()));
    weight_targets_.push_back(recipe_.only_target >= 0 ? recipe_.only_target : dice_.below(recipe_.n_targets));
    weights_.push_back(weight());
    return static_cast<int64_t>(weights_.size()) - 1;
  }

  template <class T>
  static tiny::Message tensor_attribute(std::string_view name, Type type, const std::vector<T>& values) {
    const tiny::Message value = tiny::initializer("t", type, {static_cast<int64_t>(values.size())}, values);
    return tiny::Message().text(1, name).message(5, value).number(20, 4);
  }
  static std::vector<float> floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }
  tiny::Message real_tensor(std::string_view name, const std::vector<double>& values) const {
    return is_double_ ? tensor_attribute(name, Type::kDouble, values) : tensor_attribute(name, Type::kFloat, floats(values));
  }
  tiny::Message real_list(const std::string& name, const std::vector<double>& values) const {
    return recipe_.uses_tensors ? real_tensor(name + "_as_tensor", values) : tiny::reals(name, floats(values));
  }

  void add_named(std::vector<tiny::Message>& attributes) const {
    using namespace tiny;
    const std::string prefix = recipe_.is_classifier ? "class" : "target";
    attributes.push_back(integers("nodes_treeids", trees_));
    attributes.push_back(integers("nodes_nodeids", ids_));
    attributes.push_back(strings("nodes_modes", modes_));
    attributes.push_back(real_list("nodes_values", thresholds_));
    attributes.push_back(integers(prefix + "_treeids", weight_trees_));
    attributes.push_back(integers(prefix + "_nodeids", weight_nodes_));
    attributes.push_back(integers(prefix + "_ids", weight_targets_));
    if (!weights_.empty()) attributes.push_back(real_list(prefix + "_weights", weights_));
    attributes.push_back(string("post_transform", recipe_.transform));
    if (!base_values_.empty()) attributes.push_back(real_list("base_values", base_values_));
    if (!recipe_.is_classifier) {
      attributes.push_back(integer("n_targets", recipe_.n_targets));
      attributes.push_back(string("aggregate_function", recipe_.aggregate));
    } else if (recipe_.has_text_labels) {
      attributes.push_back(strings("classlabels_strings", std::vector<std::string>(static_cast<size_t>(recipe_.n_targets), "class")));
    } else {
      std::vector<int64_t> labels;
      for (int64_t k = 0; k < recipe_.n_targets; ++k) labels.push_back(5 + 2 * k);
      attributes.push_back(integers("classlabels_int64s", labels));
    }
  }

  void add_positioned(std::vector<tiny::Message>& attributes) const {
    using namespace tiny;
    const std::vector<std::string> names = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",   "BRANCH_GT",
                                            "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER"};
    std::vector<uint8_t> modes;
    for (const std::string& mode : modes_) {
      modes.push_back(static_cast<uint8_t>(std::find(names.begin(), names.end(), mode) - names.begin()));
    }
    attributes.push_back(tensor_attribute("nodes_modes", Type::kUint8, modes));
    attributes.push_back(real_tensor("nodes_splits", thresholds_));
    if (!members_.empty()) attributes.push_back(real_tensor("membership_values", members_));
    attributes.push_back(integers("nodes_trueleafs", true_leaves_));
    attributes.push_back(integers("nodes_falseleafs", false_leaves_));
    attributes.push_back(integers("tree_roots", roots_));
    attributes.push_back(integers("leaf_targetids", weight_targets_));
    attributes.push_back(real_tensor("leaf_weights", weights_));
    attributes.push_back(integer("n_targets", recipe_.n_targets));
    const std::vector<std::string> aggregates = {"AVERAGE", "SUM", "MIN", "MAX"};
    const std::vector<std::string> transforms = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};
    attributes.push_back(
        integer("aggregate_function", std::find(aggregates.begin(), aggregates.end(), recipe_.aggregate) - aggregates.begin()));
    attributes.push_back(
        integer("post_transform", std::find(transforms.begin(), transforms.end(), recipe_.transform) - transforms.begin()));
  }

  const Recipe recipe_;
  Dice& dice_;
  bool is_double_;
  int64_t tree_ = 0;
  int64_t next_id_ = 0;
  std::vector<std::string> modes_;
  std::vector<int64_t> trees_, ids_, features_, true_ids_, false_ids_, true_leaves_, false_leaves_, missing_, roots_;
  std::vector<double> thresholds_, members_, base_values_;
  std::vector<int64_t> weight_trees_, weight_nodes_, weight_targets_;
  std::vector<double> weights_;
};

inline Recipe recipe(Dice& dice) {
  Recipe recipe;
  const int64_t version = dice.below(4);
  recipe.is_positioned = version == 3;
  recipe.is_classifier = version < 2;
  recipe.uses_tensors = dice.one_in(2);
  recipe.input = dice.pick(recipe.is_classifier ? std::vector<Type>{Type::kFloat, Type::kDouble, Type::kInt32, Type::kInt64}
                                                : std::vector<Type>{Type::kFloat, Type::kDouble});
  recipe.n_targets = dice.pick(std::vector<int64_t>{1, 2, 2, 3, 4});
  recipe.transform = dice.pick(std::vector<std::string>{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"});
  if (!recipe.is_classifier) recipe.aggregate = dice.pick(std::vector<std::string>{"SUM", "AVERAGE", "MIN", "MAX"});
  const bool is_small = recipe.is_classifier && recipe.n_targets <= 2;
  if (!recipe.is_positioned) recipe.n_base_values = is_small ? dice.below(3) : dice.one_in(2) ? recipe.n_targets : 0;
  recipe.has_text_labels = recipe.is_classifier && dice.one_in(6);
  std::vector<std::string> all = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
  if (recipe.is_positioned) all.emplace_back("BRANCH_MEMBER");
  recipe.modes = dice.one_in(3) ? all : std::vector<std::string>{dice.pick(all)};
  if (dice.one_in(4)) recipe.modes = {"BRANCH_EQ"};
  recipe.has_missing = dice.one_in(2);
  recipe.n_trees = 1 + dice.below(5);
  recipe.depth = 1 + dice.below(5);
  recipe.weighs_all_targets = dice.below(3) > 0;
  recipe.is_positive = dice.one_in(2);
  if (dice.one_in(3)) recipe.only_target = dice.below(recipe.n_targets);
  return recipe;
}

}  // namespace random_ensembles
