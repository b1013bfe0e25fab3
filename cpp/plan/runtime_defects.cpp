#include "plan/runtime_defects.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "onnx/attribute.h"
#include "onnx/tree_ensemble.h"
#include "onnx/tree_lists.h"

namespace edgeonnx::plan {

struct RuntimeDefect {
  std::string_view op_type;
  std::pair<int, int> first;  ///< 1.N.P as (N, P): the first release that is wrong
  std::pair<int, int> fixed;  ///< the first that is right again
  bool (*matches)(const onnx::Node& node);
  bool spares_first_output;  ///< the first output, a classifier's label, is right
  bool hangs;                ///< or never comes back
  const char* what;
  const char* right;
  const char* report;
};

namespace {

/// A classifier of two classes whose leaves all give the score of one of them, none of it negative: scores are probabilities, as those of
/// forests are.
bool has_one_positive_score(const onnx::Node& node) {
  const onnx::Attribute* numbers = node.attribute("classlabels_int64s");
  const onnx::Attribute* texts = node.attribute("classlabels_strings");
  const size_t n_classes = (texts ? onnx::read_strings(*texts).size() : 0) + (numbers ? onnx::read_ints(*numbers).size() : 0);
  if (n_classes != 2) return false;
  const std::vector<int64_t> classes = onnx::ints_of(node, "class_ids");
  if (classes.empty() || std::any_of(classes.begin(), classes.end(), [&](int64_t each) { return each != classes[0]; })) return false;
  const std::vector<double> weights = onnx::reals_of(node, "class_weights").values;
  return std::none_of(weights.begin(), weights.end(), [](double weight) { return weight < 0; });
}

bool is_logistic(const onnx::Node& node) {
  const onnx::Attribute* transform = node.attribute("post_transform");
  return transform && transform->s == "LOGISTIC";
}

/// LOGISTIC is left out: there 1.26 and 1.27 compare the score with 0, all others with 0.5, and no standard says who is right.
bool loses_its_half(const onnx::Node& node) { return !is_logistic(node) && has_one_positive_score(node); }

bool loses_its_sigmoid(const onnx::Node& node) {
  return is_logistic(node) && onnx::reals_of(node, "base_values").values.size() != 2 && has_one_positive_score(node);
}

/// A tree whose root has a leaf and a node for children, of one number.
bool has_root_taken_for_a_leaf(const onnx::Node& node) {
  const std::vector<int64_t> when_true = onnx::ints_of(node, "nodes_truenodeids"), when_false = onnx::ints_of(node, "nodes_falsenodeids");
  const std::vector<int64_t> true_leafs = onnx::ints_of(node, "nodes_trueleafs"), false_leafs = onnx::ints_of(node, "nodes_falseleafs");
  const size_t n = std::min({when_true.size(), when_false.size(), true_leafs.size(), false_leafs.size()});
  const std::vector<int64_t> roots = onnx::ints_of(node, "tree_roots");
  return std::any_of(roots.begin(), roots.end(), [&](int64_t root) {
    const auto at = static_cast<size_t>(root);
    return root >= 0 && at < n && when_true[at] == when_false[at] && !(true_leafs[at] && false_leafs[at]);
  });
}

bool has_members(const onnx::Node& node) {
  const std::vector<int64_t> modes = onnx::uint8_tensor_of(node, "nodes_modes");
  return std::find(modes.begin(), modes.end(), static_cast<int64_t>(onnx::TreeMode::kMember)) != modes.end();
}

/// Nothing but comparisons for equality, two of them or more, some of which the runtime makes one test for a set.
bool has_only_equalities(const onnx::Node& node) {
  const onnx::Attribute* modes = node.attribute("nodes_modes");
  if (!modes) return false;
  const std::vector<std::string_view> names = onnx::read_strings(*modes);
  const auto is_other = [](std::string_view name) { return name != "BRANCH_EQ" && name != "LEAF"; };
  return std::none_of(names.begin(), names.end(), is_other) && std::count(names.begin(), names.end(), "BRANCH_EQ") > 1;
}

// Each was run on the releases around its borders, and beside 1.32.0, over thousands of random ensembles: these conditions are the ones
// that tell those with differences from those without.
constexpr std::pair<int, int> kAlways{0, 0};
constexpr RuntimeDefect kDefects[] = {
    // microsoft/onnxruntime#28557
    {"TreeEnsembleClassifier",
     {26, 0},
     {28, 0},
     loses_its_half,
     false,
     false,
     "gives wrong labels and scores where the leaves hold probabilities of one of two classes",
     "1.25 and older and 1.28 and newer",
     "28557"},
    // microsoft/onnxruntime#27533
    {"TreeEnsembleClassifier",
     kAlways,
     {26, 0},
     loses_its_sigmoid,
     true,
     false,
     "leaves out LOGISTIC where the leaves of one of two classes have no negative weight",
     "1.26 and newer",
     "27533"},
    // microsoft/onnxruntime#24679
    {"TreeEnsemble", {21, 0}, {24, 0}, has_root_taken_for_a_leaf, false, false, "takes some roots for leaves", "1.24 and newer", "24679"},
    // microsoft/onnxruntime#25400
    {"TreeEnsemble",
     {21, 0},
     {23, 0},
     has_members,
     false,
     true,
     "gives wrong answers or never comes back where BRANCH_MEMBER is used",
     "1.23 and newer",
     "25400"},
    // microsoft/onnxruntime#24636
    {"TreeEnsembleClassifier",
     {21, 0},
     {23, 0},
     has_only_equalities,
     false,
     false,
     "gives wrong answers where all comparisons are BRANCH_EQ",
     "1.20 and older and 1.23 and newer",
     "24636"},
    {"TreeEnsembleRegressor",
     {21, 0},
     {23, 0},
     has_only_equalities,
     false,
     false,
     "gives wrong answers where all comparisons are BRANCH_EQ",
     "1.20 and older and 1.23 and newer",
     "24636"},
};

/// (26, 0) of "1.26.0"
std::pair<int, int> release_of(const std::string& version) {
  const auto number_behind = [&version](size_t dot) {
    int number = 0;
    if (dot != std::string::npos) (void)std::from_chars(version.data() + dot + 1, version.data() + version.size(), number);
    return number;
  };
  const size_t dot = version.find('.');
  return {number_behind(dot), number_behind(dot == std::string::npos ? dot : version.find('.', dot + 1))};
}

bool is_matched(const RuntimeDefect& defect, const onnx::Node& node) {
  try {
    return defect.op_type == node.op_type && defect.matches(node);
  } catch (const Error&) {
    return false;  // lists that nobody can read: whoever runs the model says so
  }
}

}  // namespace

bool RuntimeDefects::may_hang() const {
  return std::any_of(model_.nodes.begin(), model_.nodes.end(), [](const onnx::Node& node) {
    return onnx::is_tree_ensemble(node) && std::any_of(std::begin(kDefects), std::end(kDefects), [&](const RuntimeDefect& defect) {
             return defect.hangs && defect.op_type == node.op_type;
           });
  });
}

std::vector<Suspect> RuntimeDefects::in(const std::string& version) const {
  const std::pair<int, int> release = release_of(version);
  std::vector<Suspect> found;
  for (const RuntimeDefect& defect : kDefects) {
    if (release < defect.first || release >= defect.fixed) continue;
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      if (onnx::is_tree_ensemble(model_.nodes[i]) && is_matched(defect, model_.nodes[i])) found.push_back({i, &defect});
    }
  }
  return found;
}

std::string RuntimeDefects::sentence(const Suspect& suspect, const std::string& version) const {
  const onnx::Node& node = model_.nodes[suspect.node];
  const RuntimeDefect& defect = *suspect.defect;
  return "node " + std::string(node.op_type) + (node.name.empty() ? "" : " " + in_quotes(node.name)) + ": ONNX Runtime " + version + " " +
         defect.what + " (microsoft/onnxruntime#" + defect.report + "); " + defect.right + " are right";
}

bool RuntimeDefects::hangs(const Suspect& suspect) { return suspect.defect->hangs; }

std::unordered_set<std::string_view> RuntimeDefects::wrong_values(const std::vector<Suspect>& suspects) const {
  std::unordered_set<std::string_view> wrong;
  for (const Suspect& suspect : suspects) {
    const std::vector<std::string_view>& outputs = model_.nodes[suspect.node].outputs;
    for (size_t i = suspect.defect->spares_first_output ? 1 : 0; i < outputs.size(); ++i) wrong.insert(outputs[i]);
  }
  // Nodes stand behind those that make their inputs.
  for (const onnx::Node& node : model_.nodes) {
    const auto is_wrong = [&](std::string_view input) { return wrong.contains(input); };
    if (std::any_of(node.inputs.begin(), node.inputs.end(), is_wrong)) wrong.insert(node.outputs.begin(), node.outputs.end());
  }
  wrong.erase("");
  return wrong;
}

}  // namespace edgeonnx::plan
