// Rewrites of model bytes: what they change, and that they leave the rest as it was.
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "onnx/rewrite.h"
#include "onnx_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

/// Rewrites, and checks that what comes out can be read. The bytes live as long as the result.
struct Rewritten {
  Rewritten(const Writer& before, const Rewrite& request)
      : bytes(rewrite(before.buffer(), read(before), request)), after(read_model(bytes, "rewritten")) {}
  std::vector<std::byte> bytes;
  Model after;
};

}  // namespace

TEST(test_find_zipmaps_reads_labels_and_scores) {
  Writer texts = named_attribute("classlabels_strings"), numbers = named_attribute("classlabels_int64s"), graph;
  texts.text(field::attribute::kStrings, "no");
  texts.text(field::attribute::kStrings, "yes");
  numbers.integer(field::attribute::kInts, 1);
  graph.message(field::graph::kNode, node("ZipMap", "ai.onnx.ml", {"s"}, {"texts"}, {texts}));
  graph.message(field::graph::kNode, zipmap_node("s", "numbers", {5, -7}));
  graph.message(field::graph::kNode, node("ZipMap", "ai.onnx.ml", {"s"}, {"both"}, {texts, numbers}));
  graph.message(field::graph::kNode, node("ZipMap", "elsewhere", {"s"}, {"foreign"}, {texts}));
  graph.message(field::graph::kNode, zipmap_node("s", "consumed", {1}));
  graph.message(field::graph::kNode, node("SequenceAt", "", {"consumed"}, {"z"}));
  for (const char* output : {"numbers", "both", "foreign", "consumed", "texts"}) {
    graph.message(field::graph::kOutput, zipmap_info(output));
  }
  const Writer bytes = model(graph);
  const std::vector<ZipMap> found = find_zipmaps(read(bytes));
  CHECK_EQUAL(found.size(), 2u);
  CHECK_EQUAL(found[0].output, "numbers");
  CHECK_EQUAL(found[0].scores, "s");
  CHECK(found[0].classes == (std::vector<std::string>{"5", "-7"}));
  CHECK_EQUAL(found[1].output, "texts");
  CHECK(found[1].classes == (std::vector<std::string>{"no", "yes"}));
}

TEST(test_fixed_batch_needs_one_number_in_all_inputs) {
  const auto batch_of = [](const std::vector<Writer>& inputs) {
    Writer graph;
    for (const Writer& input : inputs) graph.message(field::graph::kInput, input);
    return fixed_batch(read(model(graph)));
  };
  CHECK(batch_of({float_info("a", {3, 2}), float_info("b", {3})}) == 3);
  CHECK(!batch_of({float_info("a", {3, 2}), float_info("b", {1, 2})}));
  CHECK(!batch_of({float_info("a", {3, 2}), float_info("b", {kFree, 2})}));
  CHECK(!batch_of({float_info("a", {3, 2}), float_info("b", {})}));
  CHECK(!batch_of({zipmap_info("a")}));
  CHECK(!batch_of({}));
}

TEST(test_rewrite_nothing_asked_returns_the_same_bytes) {
  const Writer before = model(classifier_graph());
  CHECK(Rewritten(before, {}).bytes == before.buffer());
}

TEST(test_rewrite_cut_replaces_the_output_in_its_place) {
  const Writer before = model(classifier_graph());
  const Rewritten result(before, {.cut_zipmaps = true});
  const Model& after = result.after;
  CHECK(names(after.outputs) == (std::vector<std::string>{"label", "scores", "side"}));
  CHECK_EQUAL(after.outputs[1].type_text, "tensor(float)");
  CHECK_EQUAL(after.outputs[1].shape.size(), 2u);
  CHECK_EQUAL(after.outputs[1].shape[0].value, -1);
  CHECK_EQUAL(after.outputs[1].shape[1].value, 2);
  CHECK_EQUAL(after.nodes.size(), 3u);
  CHECK(after.producer_of("probabilities") == nullptr);
  CHECK_EQUAL(after.inputs[0].shape[0].value, 1);  // the batch stays fixed

  // Put the two pieces back, and the bytes must be the old ones: all else, unknown fields included, is as it was.
  Writer graph, expected;
  const Writer old_graph = classifier_graph();
  const Source source{"expected", old_graph.buffer().data()};
  Reader reader(old_graph.buffer(), source, "GraphProto");
  while (reader.next()) {
    const std::string_view content = reader.text();
    if (reader.number() == field::graph::kNode && content.find("ZipMap") != std::string_view::npos) continue;
    if (reader.number() == field::graph::kOutput && content.find("probabilities") != std::string_view::npos) {
      Writer classes, shape, tensor, type, info;
      classes.integer(field::dimension::kValue, 2);
      shape.message(field::shape::kDimension, Writer());
      shape.message(field::shape::kDimension, classes);
      tensor.integer(field::tensor_type::kElementType, 1);
      tensor.message(field::tensor_type::kShape, shape);
      type.message(field::type::kTensor, tensor);
      info.text(field::value_info::kName, "scores");
      info.message(field::value_info::kType, type);
      graph.message(field::graph::kOutput, info);
    } else {
      graph.verbatim(reader.field());
    }
  }
  CHECK(result.bytes == model(graph).buffer());
}

TEST(test_rewrite_cut_scores_that_are_outputs_already_are_not_doubled) {
  Writer graph;
  graph.message(field::graph::kNode, node("Sigmoid", "", {"p"}, {"q"}));
  graph.message(field::graph::kNode, zipmap_node("q", "first", {0, 1}));
  graph.message(field::graph::kNode, zipmap_node("q", "second", {3, 4}));
  graph.message(field::graph::kNode, zipmap_node("p", "third", {3, 4}));  // from a graph input
  graph.message(field::graph::kNode, zipmap_node("p", "fourth", {5, 6}));
  graph.message(field::graph::kInput, float_info("p", {kFree, 2}));
  for (const char* output : {"third", "first"}) graph.message(field::graph::kOutput, zipmap_info(output));
  graph.message(field::graph::kOutput, float_info("q", {kFree, 2}));
  for (const char* output : {"second", "fourth"}) graph.message(field::graph::kOutput, zipmap_info(output));
  const Rewritten result(model(graph), {.cut_zipmaps = true});
  CHECK(names(result.after.outputs) == (std::vector<std::string>{"p", "q"}));
  CHECK_EQUAL(result.after.outputs[1].shape[0].name, "N");  // the declaration that was there
  CHECK_EQUAL(result.after.nodes.size(), 1u);
}

TEST(test_rewrite_free_names_the_batch_and_leaves_other_dimensions) {
  const Rewritten result(model(classifier_graph()), {.cut_zipmaps = true, .free_batch = true});
  const Model& after = result.after;
  CHECK_EQUAL(after.inputs[0].shape[0].name, "edgeonnx_batch");
  CHECK_EQUAL(after.inputs[0].shape[1].value, 4);
  CHECK_EQUAL(after.outputs[0].shape[0].name, "edgeonnx_batch");
  CHECK_EQUAL(after.outputs[0].type_text, "tensor(int64)");
  CHECK_EQUAL(after.outputs[1].shape[0].name, "edgeonnx_batch");
  CHECK_EQUAL(after.outputs[2].shape[0].value, 3);  // no batch
  CHECK_EQUAL(after.outputs[2].shape[1].value, 1);
  CHECK(!fixed_batch(after));

  // The declaration of w, an initializer, keeps its 1; value_info is gone; unknown fields of a changed port are still there.
  const std::string_view text(reinterpret_cast<const char*>(result.bytes.data()), result.bytes.size());
  const Writer w = float_info("w", {1, 4});
  CHECK(text.find(std::string_view(reinterpret_cast<const char*>(w.buffer().data()), w.buffer().size())) != std::string_view::npos);
  const auto n_kept = [&] {
    int n = 0;
    for (size_t at = text.find("kept"); at != std::string_view::npos; at = text.find("kept", at + 1)) ++n;
    return n;
  };
  CHECK_EQUAL(n_kept(), 1 + 2 + 2);  // the graph, x and w, label and side
}

TEST(test_rewrite_free_without_a_fixed_batch_changes_nothing) {
  Writer graph;
  graph.message(field::graph::kInput, float_info("x", {kFree, 4}));
  graph.message(field::graph::kOutput, float_info("y", {1}));
  graph.message(field::graph::kValueInfo, float_info("z", {1}));
  const Writer before = model(graph);
  CHECK(Rewritten(before, {.free_batch = true}).bytes == before.buffer());
}

TEST(test_rewrite_free_outputs_keeps_their_types_alone) {
  const Rewritten result(model(classifier_graph()), {.cut_zipmaps = true, .free_outputs = true});
  const Model& after = result.after;
  CHECK(names(after.outputs) == (std::vector<std::string>{"label", "scores", "side"}));
  CHECK_EQUAL(after.outputs[0].type_text, "tensor(int64)");
  CHECK(!after.outputs[0].has_shape);
  CHECK_EQUAL(after.outputs[2].type_text, "tensor(float)");
  CHECK(!after.outputs[2].has_shape);
  CHECK_EQUAL(after.outputs[1].shape.size(), 2u);  // what replaces a ZipMap is known
  CHECK_EQUAL(after.inputs[0].shape[0].value, 1);
  const std::string_view text(reinterpret_cast<const char*>(result.bytes.data()), result.bytes.size());
  const Writer y = float_info("y", {1, 2});
  CHECK(text.find(std::string_view(reinterpret_cast<const char*>(y.buffer().data()), y.buffer().size())) == std::string_view::npos);

  const Rewritten both(model(classifier_graph()), {.cut_zipmaps = true, .free_batch = true, .free_outputs = true});
  CHECK_EQUAL(both.after.inputs[0].shape[0].name, "edgeonnx_batch");
  CHECK(!both.after.outputs[0].has_shape);
}

TEST(test_rewrite_free_outputs_leaves_what_is_no_tensor) {
  Writer graph;
  graph.message(field::graph::kNode, node("Identity", "", {"x"}, {"y"}));
  graph.message(field::graph::kInput, float_info("x", {kFree, 4}));
  graph.message(field::graph::kOutput, zipmap_info("maps"));
  graph.message(field::graph::kOutput, value_info("y", tensor_type(1, {})));
  Writer untyped;
  untyped.text(field::value_info::kName, "untyped");
  graph.message(field::graph::kOutput, untyped);
  const Rewritten result(model(graph), {.free_outputs = true});
  CHECK(names(result.after.outputs) == (std::vector<std::string>{"maps", "y", "untyped"}));
  CHECK_EQUAL(result.after.outputs[0].type_text, "seq(map(int64,tensor(float)))");
  CHECK_EQUAL(result.after.outputs[1].type_text, "tensor(float)");
  CHECK(!result.after.outputs[1].has_shape);
}

int main() { return check::run(); }
