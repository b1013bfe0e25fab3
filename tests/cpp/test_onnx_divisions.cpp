// Divisions of integers: which ones are found, with which types, and what the model with guards looks like.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/refusal.h"
#include "check.h"
#include "onnx/divisions.h"
#include "onnx_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

constexpr int64_t kFloat = 1, kInt8 = 3, kInt32 = 6, kInt64 = 7, kBool = 9;

Writer info(std::string_view name, int64_t element) { return value_info(name, tensor_type(element, {kFree, 1})); }

/// A value that the model says nothing of.
Writer bare(std::string_view name) {
  Writer value;
  value.text(field::value_info::kName, name);
  return value;
}

Writer constant(std::string_view name, const std::vector<int64_t>& numbers, int64_t element = kInt64) {
  Writer made = tensor(name, element, {static_cast<int64_t>(numbers.size())});
  std::vector<std::byte> raw(numbers.size() * sizeof(int64_t));
  std::memcpy(raw.data(), numbers.data(), raw.size());
  made.bytes(field::tensor::kRawData, raw);
  return made;
}

Writer integer(std::string_view name, int64_t value) {
  Writer attribute = named_attribute(name);
  attribute.integer(field::attribute::kI, value);
  return attribute;
}

/// A graph of y = a / b.
struct GraphOf {
  explicit GraphOf(int64_t element, std::string_view op = "Div", const std::vector<Writer>& attributes = {}) {
    for (const char* name : {"a", "b"}) graph.message(field::graph::kInput, info(name, element));
    graph.message(field::graph::kNode, node(op, "", {"a", "b"}, {"y"}, attributes));
    graph.message(field::graph::kOutput, info("y", element));
  }
  Writer graph;
};

std::vector<Division> found(const Writer& graph) {
  const Writer bytes = model(graph);
  (void)read(bytes);
  return find_divisions(bytes.buffer());
}

/// The graph of a / b where b is a constant of the top graph.
Writer by_constant(const Writer& b, int64_t element = kInt64) {
  Writer graph;
  graph.message(field::graph::kInput, info("a", element));
  graph.message(field::graph::kInitializer, b);
  graph.message(field::graph::kNode, node("Div", "", {"a", "b"}, {"y"}));
  return graph;
}

std::vector<std::string> operators(const Model& model) {
  std::vector<std::string> all;
  for (const Node& each : model.nodes) all.emplace_back(each.op_type);
  return all;
}

size_t count(const Model& model, std::string_view op) {
  return static_cast<size_t>(std::count_if(model.nodes.begin(), model.nodes.end(), [op](const Node& each) { return each.op_type == op; }));
}

struct Guarded {
  explicit Guarded(const Writer& graph) : before(model(graph)), bytes(guard_divisions(before.buffer(), find_divisions(before.buffer()))) {
    after = read_model(bytes, "guarded");
  }
  Writer before;
  std::vector<std::byte> bytes;
  Model after;
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST(test_n_divisions_counts_every_div_and_mod) {
  Writer inner, graph = GraphOf(kFloat).graph;
  inner.message(field::graph::kNode, node("Mod", "ai.onnx", {"a", "b"}, {"z"}));
  graph.message(field::graph::kNode, node("If", "", {"c"}, {"d"}, {subgraph_attribute(inner)}));
  graph.message(field::graph::kNode, node("Div", "elsewhere", {"a", "b"}, {"e"}));
  CHECK_EQUAL(read(model(graph)).n_divisions, 2);
  CHECK_EQUAL(read(model(classifier_graph())).n_divisions, 0);
}

TEST(test_find_divisions_takes_integers_alone) {
  for (const int64_t element : {kInt8, kInt32, kInt64}) CHECK_EQUAL(found(GraphOf(element).graph).size(), 1u);
  for (const int64_t element : {kFloat, int64_t{10}, int64_t{11}, int64_t{16}, kBool}) CHECK(found(GraphOf(element).graph).empty());
  const std::vector<Division> one = found(GraphOf(kInt32).graph);
  CHECK(one[0].type == Type::kInt32);
  CHECK_EQUAL(one[0].name, "the node that makes 'y' (Div)");
  CHECK(one[0].may_meet_zero && one[0].may_meet_least);
  CHECK(!found(GraphOf(kInt8).graph)[0].may_meet_least);  // processors divide it as an int
  CHECK(!found(GraphOf(kInt64, "Mod", {integer("fmod", 1)}).graph)[0].may_meet_least);
  CHECK(found(GraphOf(kInt64, "Mod", {integer("fmod", 0)}).graph)[0].may_meet_least);
  Writer foreign;
  foreign.message(field::graph::kNode, node("Div", "elsewhere", {"a", "b"}, {"y"}));
  CHECK(found(foreign).empty());
}

TEST(test_find_divisions_passes_constants_that_suit) {
  CHECK(found(by_constant(constant("b", {2, 7, -3}))).empty());
  CHECK(found(by_constant(constant("b", {2, 0})))[0].may_meet_zero);
  CHECK(!found(by_constant(constant("b", {2, 0})))[0].may_meet_least);
  CHECK(!found(by_constant(constant("b", {2, -1})))[0].may_meet_zero);
  CHECK(found(by_constant(constant("b", {2, -1})))[0].may_meet_least);
  CHECK_EQUAL(found(by_constant(external_tensor("b", "file"))).size(), 1u);  // its type is float, that of `a` is not
  Writer twice = by_constant(constant("b", {2}));
  twice.message(field::graph::kInitializer, constant("b", {0}));
  CHECK_EQUAL(found(twice).size(), 1u);

  Writer dividend;
  dividend.message(field::graph::kInput, info("b", kInt64));
  dividend.message(field::graph::kInitializer, constant("a", {5, INT64_MAX}));
  dividend.message(field::graph::kNode, node("Div", "", {"a", "b"}, {"y"}));
  CHECK(!found(dividend)[0].may_meet_least);
}

TEST(test_find_divisions_reads_constant_nodes_unless_they_are_odd) {
  const auto graph_of = [](const std::vector<Writer>& tensors) {
    Writer value = named_attribute("value"), graph;
    for (const Writer& each : tensors) value.message(field::attribute::kT, each);
    graph.message(field::graph::kInput, info("a", kInt64));
    graph.message(field::graph::kNode, node("Constant", "", {}, {"b"}, {value}));
    graph.message(field::graph::kNode, node("Div", "", {"a", "b"}, {"y"}));
    return graph;
  };
  CHECK(found(graph_of({constant("", {4})})).empty());
  CHECK_EQUAL(found(graph_of({constant("", {0})})).size(), 1u);
  CHECK_EQUAL(found(graph_of({constant("", {0}), constant("", {4})})).size(), 1u);  // protobuf merges the two
}

TEST(test_find_divisions_infers_types) {
  const auto type_behind = [](const std::vector<Writer>& nodes) {
    Writer graph;
    graph.message(field::graph::kInput, info("x", kInt64));
    for (const Writer& each : nodes) graph.message(field::graph::kNode, each);
    graph.message(field::graph::kNode, node("Div", "", {"a", "b"}, {"y"}));
    const std::vector<Division> all = found(graph);
    return all.empty() ? Type::kFloat : all[0].type;
  };
  CHECK(type_behind({node("Cast", "", {"x"}, {"a"}, {integer("to", kInt32)})}) == Type::kInt32);
  CHECK(type_behind({node("Cast", "", {"x"}, {"a"}, {integer("to", kFloat)})}) == Type::kFloat);
  CHECK(type_behind({node("Shape", "", {"x"}, {"b"})}) == Type::kInt64);
  CHECK(type_behind({node("Squeeze", "", {"x"}, {"s"}), node("Abs", "", {"s"}, {"b"})}) == Type::kInt64);
  CHECK(type_behind({node("TopK", "", {"f", "k"}, {"t", "b"})}) == Type::kInt64);
  CHECK(type_behind({node("Where", "", {"c", "x", "z"}, {"b"})}) == Type::kInt64);
  CHECK(type_behind({node("Scaler", "ai.onnx.ml", {"x"}, {"b"})}) == Type::kFloat);
  CHECK(type_behind({node("Abs", "elsewhere", {"x"}, {"b"})}) == Type::kUndefined);
  CHECK(type_behind({}) == Type::kUndefined);
  // Where two tell different things, neither is believed.
  CHECK(type_behind({node("Cast", "", {"x"}, {"a"}, {integer("to", kFloat)}), node("Shape", "", {"x"}, {"b"})}) == Type::kUndefined);
}

TEST(test_find_divisions_looks_into_graphs_and_functions) {
  Writer branch, graph;
  branch.message(field::graph::kNode, node("Div", "", {"x", "n"}, {"z"}));
  branch.message(field::graph::kOutput, bare("z"));
  graph.message(field::graph::kInput, info("x", kInt32));
  graph.message(field::graph::kInitializer, constant("n", {1}));
  graph.message(field::graph::kNode, node("If", "", {"c"}, {"d"}, {subgraph_attribute(branch)}));
  graph.message(field::graph::kNode, node("Div", "", {"d", "e"}, {"y"}));
  std::vector<Division> all = found(graph);
  CHECK_EQUAL(all.size(), 2u);
  CHECK(all[0].type == Type::kUndefined);  // int32 by int64
  CHECK(all[1].type == Type::kInt32);      // what the branch makes

  Writer body, loop;
  for (const char* name : {"i", "go", "n"}) body.message(field::graph::kInput, bare(name));
  body.message(field::graph::kInitializer, constant("n", {5}));  // only a default: the loop may feed another
  body.message(field::graph::kNode, node("Div", "", {"v", "n"}, {"w"}));
  body.message(field::graph::kOutput, bare("go"));
  body.message(field::graph::kOutput, bare("w"));
  loop.message(field::graph::kInput, info("v", kInt64));
  loop.message(field::graph::kNode, node("Loop", "", {"m", "", "v"}, {"r"}, {subgraph_attribute(body)}));
  loop.message(field::graph::kNode, node("Mod", "", {"r", "s"}, {"y"}));
  all = found(loop);
  CHECK_EQUAL(all.size(), 2u);
  CHECK(all[0].type == Type::kInt64 && all[0].may_meet_zero);
  CHECK(all[1].type == Type::kInt64);

  Writer function, bytes = model(classifier_graph());
  function.message(field::function::kNode, node("Div", "", {"p", "q"}, {"r"}));
  bytes.message(field::model::kFunctions, function);
  all = find_divisions(bytes.buffer());
  CHECK_EQUAL(all.size(), 1u);
  CHECK(all[0].type == Type::kUndefined);
}

TEST(test_guard_divisions_without_any_returns_the_same_bytes) {
  for (const Writer& graph : {classifier_graph(), GraphOf(kFloat).graph, by_constant(constant("b", {2, 7}))}) {
    const Guarded result(graph);
    CHECK(result.bytes == result.before.buffer());
  }
  Division unknown = found(GraphOf(kInt64).graph)[0];
  const Writer bytes = model(GraphOf(kInt64).graph);
  unknown.node = read(bytes).nodes[0].bytes.data();
  unknown.type = Type::kUndefined;
  CHECK(guard_divisions(bytes.buffer(), {&unknown, 1}) == bytes.buffer());
}

TEST(test_guard_divisions_puts_nodes_before_the_division) {
  const Guarded div(GraphOf(kInt64).graph);
  CHECK_EQUAL(div.after.nodes.back().op_type, "Div");
  CHECK_EQUAL(div.after.nodes.back().inputs[0], "a");
  CHECK(div.after.producer_of(div.after.nodes.back().inputs[1])->op_type == "Mul");
  CHECK_EQUAL(count(div.after, "Gather"), 2u);
  std::vector<std::string> reasons;
  for (const Node& each : div.after.nodes) {
    if (each.op_type == "Gather") reasons.emplace_back(each.name);
  }
  CHECK(reasons[0].starts_with(std::string(kRefusalMark) + "8134: integer division by zero: the node that makes 'y' (Div) divides by 'b'"));
  CHECK(reasons[1].starts_with(std::string(kRefusalMark) + "8115: integer overflow: the node that makes 'y' (Div) divides -9223372036854"));

  const Guarded mod(GraphOf(kInt32, "Mod").graph);
  CHECK_EQUAL(count(mod.after, "Gather"), 1u);
  CHECK(mod.after.producer_of(mod.after.nodes.back().inputs[1])->op_type == "Add");
  const Guarded narrow(GraphOf(kInt8).graph);
  CHECK_EQUAL(count(narrow.after, "Gather"), 1u);
  CHECK(narrow.after.producer_of(narrow.after.nodes.back().inputs[1])->op_type == "Cast");
  const Guarded zero(by_constant(constant("b", {2, 0})));
  CHECK_EQUAL(count(zero.after, "Gather"), 1u);
  CHECK_EQUAL(count(zero.after, "Equal"), 0u);
}

TEST(test_guard_divisions_gives_every_node_a_name_of_its_own) {
  Writer graph = GraphOf(kInt64).graph;
  graph.message(field::graph::kNode, node("Div", "", {"y", "b"}, {"edgeonnx_division_of_mine"}));
  const Guarded result(graph);
  std::vector<std::string_view> made;
  for (const Node& each : result.after.nodes) made.insert(made.end(), each.outputs.begin(), each.outputs.end());
  std::sort(made.begin(), made.end());
  CHECK(std::adjacent_find(made.begin(), made.end()) == made.end());
  CHECK_EQUAL(count(result.after, "Gather"), 4u);
  CHECK_EQUAL(count(result.after, "Div"), 2u);
}

TEST(test_guard_divisions_reaches_inner_graphs_and_keeps_the_rest) {
  Writer branch, graph;
  branch.message(field::graph::kNode, node("Div", "", {"x", "x"}, {"z"}));
  branch.text(kUnknownField, "inner extra");
  graph.message(field::graph::kInput, info("x", kInt64));
  graph.message(field::graph::kNode, node("If", "", {"c"}, {"d"}, {subgraph_attribute(branch)}));
  graph.text(kUnknownField, "outer extra");
  const Guarded result(graph);
  CHECK(operators(result.after) == std::vector<std::string>{"If"});
  const std::string_view text(reinterpret_cast<const char*>(result.bytes.data()), result.bytes.size());
  for (const char* part : {"inner extra", "outer extra", "integer division by zero", "integer overflow"}) CHECK(contains(text, part));
}

TEST(test_guard_divisions_tests_for_floating_numbers) {
  const Writer bytes = model(GraphOf(kInt64).graph);
  std::vector<Division> all = find_divisions(bytes.buffer());
  all[0].type = Type::kFloat;
  const std::vector<std::byte> tested = guard_divisions(bytes.buffer(), all);
  CHECK(operators(read_model(tested, "tested")) == (std::vector<std::string>{"Floor", "Div"}));
}

TEST(test_guards_of_models_with_bytes_turned_over_can_be_read) {
  Writer branch, function, graph = GraphOf(kInt64).graph;
  branch.message(field::graph::kInitializer, constant("n", {0}));
  branch.message(field::graph::kValueInfo, info("z", kInt64));
  branch.message(field::graph::kNode, node("Mod", "", {"y", "n"}, {"z"}, {integer("fmod", 0)}));
  graph.message(field::graph::kNode, node("If", "", {"c"}, {"d"}, {subgraph_attribute(branch)}));
  function.message(field::function::kNode, node("Div", "", {"p", "q"}, {"r"}));
  Writer whole = model(graph);
  whole.message(field::model::kFunctions, function);
  std::mt19937 random(1);
  int n_guarded = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> bytes = whole.buffer();
    for (uint32_t k = 1 + random() % 3; k > 0; --k) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    try {
      (void)read_model(bytes, "m.onnx");
      std::vector<Division> all = find_divisions(bytes);
      for (Division& each : all) each.type = each.type == Type::kUndefined ? Type::kInt32 : each.type;
      (void)read_model(guard_divisions(bytes, all), "guarded");
      n_guarded += !all.empty();
    } catch (const Error& error) {
      CHECK(error.code() == Code::kInvalidModel && !contains(error.what(), "guarded"));
    }
  }
  CHECK(n_guarded > 1000);
}

int main() { return check::run(); }
