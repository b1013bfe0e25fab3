// Parts of a graph as models of their own: what is kept, what is declared anew, and that all else stays as it was.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "onnx/subgraph.h"
#include "onnx_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

/// A part, read back. The bytes live as long as it does.
struct Part {
  Part(const Writer& before, const Subgraph& part)
      : bytes(subgraph(before.buffer(), read(before), part)), after(read_model(bytes, "part")) {}
  int n_times(std::string_view what) const {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    int n = 0;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
    return n;
  }
  std::vector<std::byte> bytes;
  Model after;
};

std::vector<std::string> operators(const Model& model) {
  std::vector<std::string> all;
  for (const Node& node : model.nodes) all.emplace_back(node.op_type);
  return all;
}

using Names = std::vector<std::string>;

// The nodes of classifier_graph(): MatMul x, w -> y; LinearClassifier y -> label, scores; ZipMap scores -> probabilities; If label -> side.

}  // namespace

TEST(test_subgraph_of_all_nodes_is_the_same_model) {
  const Writer before = model(classifier_graph());
  const Model old = read(before);
  const Part part(before, {{true, true, true, true}, {{"x", Type::kFloat, {4}}}, {"label", "probabilities", "side"}});
  CHECK(names(part.after.inputs) == names(old.inputs));
  CHECK(names(part.after.outputs) == names(old.outputs));
  CHECK(operators(part.after) == operators(old));
  CHECK_EQUAL(part.after.inputs[0].shape[0].value, 1);  // declared as before
  CHECK_EQUAL(part.after.outputs[2].shape[0].value, 3);
  CHECK_EQUAL(part.after.outputs[1].type_text, old.outputs[1].type_text);
}

TEST(test_subgraph_is_fed_values_in_the_place_of_its_inputs) {
  const Part part(model(classifier_graph()), {{false, true, false, false}, {{"y", Type::kDouble, {2}}}, {"scores", "label"}});
  const Model& after = part.after;
  CHECK(operators(after) == Names{"LinearClassifier"});
  CHECK(names(after.inputs) == Names{"y"});
  CHECK_EQUAL(after.inputs[0].type_text, "tensor(double)");
  CHECK_EQUAL(after.inputs[0].shape.size(), 2u);
  CHECK_EQUAL(after.inputs[0].shape[0].value, -1);
  CHECK_EQUAL(after.inputs[0].shape[1].value, 2);
  CHECK(names(after.outputs) == (Names{"scores", "label"}));
  CHECK_EQUAL(after.outputs[0].type_text, "");  // the model does not tell it
  CHECK_EQUAL(after.outputs[1].type_text, "tensor(int64)");
  // The annotation of y would contradict its declaration as an input.
  CHECK_EQUAL(part.n_times("probabilities"), 0);
}

TEST(test_subgraph_inputs_of_any_rank_are_declared) {
  const Part part(
      model(classifier_graph()),
      {{false, true, true, false}, {{"y", Type::kBool, {}}, {"x", Type::kFloat, {}}, {"z", Type::kInt64, {3, 1, 5}}}, {"probabilities"}});
  CHECK(names(part.after.inputs) == (Names{"y", "x", "z"}));
  CHECK_EQUAL(part.after.inputs[0].type_text, "tensor(bool)");
  CHECK_EQUAL(part.after.inputs[0].shape.size(), 1u);
  CHECK_EQUAL(part.after.inputs[1].shape.size(), 2u);  // an input of the model keeps its declaration
  CHECK_EQUAL(part.after.inputs[2].shape.size(), 4u);
  CHECK_EQUAL(part.after.inputs[2].shape[3].value, 5);
}

TEST(test_subgraph_keeps_constants_opsets_and_what_it_does_not_know) {
  const Part part(model(classifier_graph()), {{true, false, false, false}, {{"x", Type::kFloat, {4}}}, {"y"}});
  const Model& after = part.after;
  CHECK_EQUAL(after.initializers.size(), 1u);
  CHECK_EQUAL(after.initializers[0].raw.size(), 32u);
  CHECK_EQUAL(after.opsets.size(), 2u);
  CHECK_EQUAL(after.opset("ai.onnx.ml"), 3);
  CHECK_EQUAL(after.producer_version, "1.0");
  CHECK_EQUAL(after.graph_name, "classifier");
  // w, a constant that is declared as an input too, stays declared; the annotation of y, an output now, is gone.
  const Writer w = float_info("w", {1, 4}), y = float_info("y", {1, 2});
  const auto text = [](const Writer& info) {
    return std::string_view(reinterpret_cast<const char*>(info.buffer().data()), info.buffer().size());
  };
  CHECK_EQUAL(part.n_times(text(w)), 1);
  CHECK_EQUAL(part.n_times(text(y)), 0);
  CHECK_EQUAL(part.n_times("kept"), 3);  // the graph, x, w
}

TEST(test_subgraph_annotations_between_kept_nodes_stay) {
  const Part part(model(classifier_graph()), {{true, true, false, false}, {{"x", Type::kFloat, {4}}}, {"label"}});
  const Writer y = float_info("y", {1, 2});
  CHECK_EQUAL(part.n_times(std::string_view(reinterpret_cast<const char*>(y.buffer().data()), y.buffer().size())), 1);
  CHECK(names(part.after.outputs) == Names{"label"});
}

TEST(test_subgraph_of_no_nodes_has_its_ports_alone) {
  const Part part(model(classifier_graph()), {{false, false, false, false}, {}, {}});
  CHECK(part.after.nodes.empty() && part.after.inputs.empty() && part.after.outputs.empty());
  CHECK_EQUAL(part.after.initializers.size(), 1u);
}

int main() { return check::run(); }
