// The model reader: what it reads, what it refuses and in which words, and that no bytes can make it do worse.
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "onnx/attribute.h"
#include "onnx/rewrite.h"
#include "onnx_messages.h"

using namespace edgeonnx;
using namespace messages;

namespace {

std::string message_of(Bytes bytes) {
  try {
    read_model(bytes, "m.onnx");
  } catch (const Error& error) {
    return error.code() == Code::kInvalidModel ? error.what() : "another code";
  }
  return "";
}

std::string message_of(const Writer& bytes) { return message_of(Bytes(bytes.buffer())); }
std::string message_of(std::string_view bytes) { return message_of(std::as_bytes(std::span(bytes))); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST(test_read_model_classifier_reads_all_parts) {
  const Writer bytes = model(classifier_graph());
  const Model m = read(bytes);
  CHECK_EQUAL(m.ir_version, 8);
  CHECK_EQUAL(m.producer_name, "test");
  CHECK_EQUAL(m.producer_version, "1.0");
  CHECK_EQUAL(m.graph_name, "classifier");
  CHECK_EQUAL(m.opset(""), 17);
  CHECK_EQUAL(m.opset("ai.onnx"), 17);
  CHECK_EQUAL(m.opset("ai.onnx.ml"), 3);
  CHECK_EQUAL(m.opset("nobody"), 0);
  CHECK(names(m.inputs) == std::vector<std::string>{"x"});  // w has an initializer
  CHECK(names(m.outputs) == (std::vector<std::string>{"label", "probabilities", "side"}));
  CHECK_EQUAL(m.inputs[0].type_text, "tensor(float)");
  CHECK(m.inputs[0].has_shape);
  CHECK_EQUAL(m.inputs[0].shape.size(), 2u);
  CHECK_EQUAL(m.inputs[0].shape[1].value, 4);
  CHECK_EQUAL(m.outputs[1].type_text, "seq(map(int64,tensor(float)))");
  CHECK(m.outputs[1].kind == Kind::kSequence);
  CHECK_EQUAL(m.nodes.size(), 4u);
  CHECK_EQUAL(m.nodes[0].inputs[1], "w");
  CHECK(m.producer_of("scores") == &m.nodes[1]);
  CHECK(m.producer_of("x") == nullptr);
  CHECK(m.nodes[1].attribute("nobody") == nullptr);
  CHECK_EQUAL(m.initializers.size(), 1u);
  CHECK(m.initializers[0].type == Type::kFloat);
  CHECK_EQUAL(m.initializers[0].raw.size(), 32u);
  CHECK(m.external_paths.empty());
}

TEST(test_read_model_metadata_is_read_in_order) {
  Writer bytes = model(classifier_graph());
  for (const auto& [key, value] : {std::pair{"a", "1"}, {"b", ""}, {"a", "2"}}) {
    Writer entry;
    entry.text(field::key_value::kKey, key);
    entry.text(field::key_value::kValue, value);
    bytes.message(field::model::kMetadata, entry);
  }
  std::string all;
  for (const Property& each : read(bytes).metadata) all += std::string(each.key) + "=" + std::string(each.value) + ";";
  CHECK_EQUAL(all, "a=1;b=;a=2;");
  CHECK(read(model(classifier_graph())).metadata.empty());
}

TEST(test_read_model_metadata_of_another_wire_type_is_refused) {
  Writer entry, bytes = model(classifier_graph());
  entry.integer(field::key_value::kKey, 1);
  bytes.message(field::model::kMetadata, entry);
  CHECK(contains(message_of(bytes), "StringStringEntryProto"));
}

TEST(test_producer_of_the_empty_name_is_nobody) {
  Writer graph;
  graph.message(field::graph::kNode, node("Dropout", "", {"x"}, {"y", ""}));  // an output left out
  const Writer bytes = model(graph);
  const Model m = read(bytes);
  CHECK(m.producer_of("y") == &m.nodes[0]);
  CHECK(m.producer_of("") == nullptr);
}

TEST(test_n_weights_counts_lists_tensors_constants_subgraphs_and_functions) {
  CHECK_EQUAL(read(model(classifier_graph())).n_weights, 8 + 2 + 2 + 3);  // w, coefficients, class labels, inner_weights

  Writer single = named_attribute("value_float"), whole = named_attribute("value"), graph;
  single.real(field::attribute::kF, 1.0f);
  whole.message(field::attribute::kT, tensor("", 1, {2, 5}));
  graph.message(field::graph::kNode, node("Constant", "", {}, {"a"}, {single}));
  graph.message(field::graph::kNode, node("Constant", "ai.onnx", {}, {"b"}, {whole}));
  graph.message(field::graph::kInitializer, tensor("text", 8, {100}));  // no numbers
  Writer function, with_function = model(graph);
  function.message(field::function::kNode, node("Constant", "", {}, {"c"}, {whole}));
  with_function.message(field::model::kFunctions, function);
  const Model m = read(with_function);
  CHECK_EQUAL(m.n_weights, 1 + 10 + 10);
  CHECK_EQUAL(m.n_functions, 1);
}

TEST(test_n_weights_of_enormous_claims_stays_at_the_limit) {
  Writer graph;
  graph.message(field::graph::kInitializer, tensor("a", 1, {int64_t{1} << 40, int64_t{1} << 40}));
  graph.message(field::graph::kInitializer, tensor("b", 1, {int64_t{1} << 62}));
  CHECK_EQUAL(read(model(graph)).n_weights, std::numeric_limits<int64_t>::max());
}

TEST(test_read_tensor_negative_dimension_is_refused) {
  Writer graph;
  graph.message(field::graph::kInitializer, tensor("a", 1, {2, -3}));
  CHECK(contains(message_of(model(graph)), "TensorProto: the dimension -3"));
}

TEST(test_external_paths_lists_initializers_attributes_and_subgraphs) {
  Writer branch, constant = named_attribute("value"), graph;
  branch.message(field::graph::kInitializer, external_tensor("c", "../inner"));
  constant.message(field::attribute::kT, external_tensor("", "attribute"));
  graph.message(field::graph::kNode, node("If", "", {"x"}, {"y"}, {subgraph_attribute(branch)}));
  graph.message(field::graph::kNode, node("Constant", "", {}, {"z"}, {constant}));
  graph.message(field::graph::kInitializer, external_tensor("a", "outer"));
  const Writer bytes = model(graph);
  const Model m = read(bytes);
  CHECK(m.external_paths == (std::vector<std::string>{"../inner", "attribute", "outer"}));
  CHECK(m.initializers[0].is_external);
  CHECK_EQUAL(m.initializers[0].external_path, "outer");
}

TEST(test_type_text_is_spelled_as_in_onnx_runtime) {
  const Writer floats = tensor_type(1, {kFree});
  Writer sparse_element, sparse, opaque_name, opaque;
  sparse_element.integer(field::tensor_type::kElementType, 11);
  sparse.message(field::type::kSparseTensor, sparse_element);
  opaque_name.text(field::opaque::kName, "blob");
  opaque.message(field::type::kOpaque, opaque_name);
  const std::vector<std::pair<Writer, std::string>> expected = {
      {floats, "tensor(float)"},
      {tensor_type(8, {}), "tensor(string)"},
      {tensor_type(16, {}), "tensor(bfloat16)"},
      {tensor_type(17, {}), "tensor(float8e4m3fn)"},
      {tensor_type(22, {}), "tensor(int4)"},
      {tensor_type(256, {}), "tensor(undefined)"},
      {wrapped_type(field::type::kSequence, floats), "seq(tensor(float))"},
      {wrapped_type(field::type::kOptional, wrapped_type(field::type::kSequence, floats)), "optional(seq(tensor(float)))"},
      {map_type(8, floats), "map(string,tensor(float))"},
      {sparse, "sparse_tensor(double)"},
      {opaque, "opaque(blob)"},
      {Writer(), ""},
  };
  for (const auto& [type, text] : expected) {
    Writer graph;
    graph.message(field::graph::kOutput, value_info("y", type));
    const Writer bytes = model(graph);
    const Model m = read(bytes);
    CHECK_EQUAL(m.outputs[0].type_text, text);
  }
}

TEST(test_shape_absent_empty_symbolic_and_negative_are_told_apart) {
  Writer element, no_shape, graph;
  element.integer(field::tensor_type::kElementType, 1);
  no_shape.message(field::type::kTensor, element);
  graph.message(field::graph::kInput, value_info("absent", no_shape));
  graph.message(field::graph::kInput, float_info("scalar", {}));
  graph.message(field::graph::kInput, float_info("symbolic", {kFree, -5}));
  const Writer bytes = model(graph);
  const Model m = read(bytes);
  CHECK(!m.inputs[0].has_shape);
  CHECK(m.inputs[1].has_shape);
  CHECK(m.inputs[1].shape.empty());
  CHECK_EQUAL(m.inputs[2].shape[0].name, "N");
  CHECK_EQUAL(m.inputs[2].shape[0].value, -1);
  CHECK_EQUAL(m.inputs[2].shape[1].value, -1);
}

TEST(test_read_attribute_lists_packed_and_unpacked_are_equal) {
  const std::vector<int64_t> ints = {0, 1, -1, 300, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  Writer unpacked = named_attribute("list"), packed = named_attribute("list"), digits;
  for (const int64_t value : ints) unpacked.integer(field::attribute::kInts, value);
  for (const int64_t value : ints) {
    Writer one;
    one.integer(1, value);
    digits.verbatim(Bytes(one.buffer()).subspan(1));  // the varint behind its tag
  }
  packed.bytes(field::attribute::kInts, digits.buffer());
  unpacked.real(field::attribute::kFloats, 1.5f);
  unpacked.real(field::attribute::kFloats, -0.25f);
  const uint8_t two_floats[] = {0x00, 0x00, 0xc0, 0x3f, 0x00, 0x00, 0x80, 0xbe};
  packed.bytes(field::attribute::kFloats, std::as_bytes(std::span(two_floats)));
  for (Writer* attribute : {&unpacked, &packed}) {
    attribute->text(field::attribute::kStrings, "no");
    attribute->text(field::attribute::kStrings, "");
    attribute->integer(field::attribute::kI, -3);
    Writer graph;
    graph.message(field::graph::kNode, node("Any", "", {}, {}, {*attribute}));
    const Writer bytes = model(graph);
    const Model m = read(bytes);
    const Attribute* list = m.nodes[0].attribute("list");
    CHECK(read_ints(*list) == ints);
    CHECK(read_floats(*list) == (std::vector<float>{1.5f, -0.25f}));
    CHECK(read_strings(*list) == (std::vector<std::string_view>{"no", ""}));
    CHECK_EQUAL(list->i, -3);
    CHECK_EQUAL(m.n_weights, 8);
  }
}

TEST(test_read_attribute_packed_floats_of_five_bytes_are_refused) {
  Writer list = named_attribute("list"), graph;
  list.text(field::attribute::kFloats, "12345");
  graph.message(field::graph::kNode, node("Any", "", {}, {}, {list}));
  CHECK(contains(message_of(model(graph)), "a packed list of floats has 5 bytes"));
}

TEST(test_read_model_refusal_names_the_kind_of_file) {
  CHECK_EQUAL(message_of(std::string_view()), "model 'm.onnx' is empty: it has no bytes at all");
  for (const std::string_view garbage : {"PK\x03\x04 a zip file", "<html></html>", "{\"a\": 1}", "\x80\x04\x95 a pickle",
                                         "version https://git-lfs", "\x89HDF\r\n\x1a\n", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    CHECK(contains(message_of(garbage), "its bytes are not protobuf, from byte "));
  }
  CHECK(contains(message_of(tensor("w", 1, {2})), "another wire type than in a ModelProto"));

  Writer no_graph, no_version, no_opset;
  no_graph.integer(field::model::kIrVersion, 8);
  CHECK(contains(message_of(no_graph), "it is protobuf, but without a graph"));
  no_version.message(field::model::kGraph, classifier_graph());
  CHECK(contains(message_of(no_version), "without an ir_version"));
  no_opset.integer(field::model::kIrVersion, 8);
  no_opset.message(field::model::kGraph, classifier_graph());
  CHECK(contains(message_of(no_opset), "imports no operator set"));
}

TEST(test_read_model_broken_graph_names_message_and_byte) {
  Writer graph;
  graph.integer(field::graph::kNode, 1);
  // ir_version 2 bytes, producer_name 6, producer_version 5, tag and length of the graph 2
  CHECK_EQUAL(message_of(model(graph)), "model 'm.onnx' is broken at byte 15: GraphProto: field 1 has wire type varint, expected bytes");
  Writer cut;
  cut.text(field::graph::kNode, "\x0a\x7f");
  CHECK_EQUAL(message_of(model(cut)), "model 'm.onnx' is broken at byte 17: NodeProto: field 1 needs 127 bytes, 0 are left");
}

TEST(test_read_model_second_graph_or_type_is_refused) {
  Writer twice = model(classifier_graph());
  twice.message(field::model::kGraph, classifier_graph());
  CHECK(contains(message_of(twice), "has a second graph at byte "));
  Writer info = float_info("x", {1}), graph;
  info.message(field::value_info::kType, tensor_type(7, {1}));
  graph.message(field::graph::kInput, info);
  CHECK(contains(message_of(model(graph)), "a second TypeProto"));
}

TEST(test_read_model_deep_nesting_is_refused_beyond_the_limit) {
  const auto nested_graphs = [](int depth) {
    Writer graph;
    for (int k = 0; k < depth; ++k) {
      Writer outer;
      outer.message(field::graph::kNode, node("If", "", {}, {}, {subgraph_attribute(graph)}));
      graph = outer;
    }
    return model(graph);
  };
  CHECK_EQUAL(message_of(nested_graphs(30)), "");
  CHECK(contains(message_of(nested_graphs(1000)), "nested more than 100 levels deep"));
  Writer type, graph;
  for (int k = 0; k < 1000; ++k) type = wrapped_type(field::type::kSequence, type);
  graph.message(field::graph::kInput, value_info("x", type));
  CHECK(contains(message_of(model(graph)), "nested more than 100 levels deep"));
}

TEST(test_reader_hostile_varints_are_refused) {
  const auto walk = [&](std::string_view bytes) {
    const Bytes message = std::as_bytes(std::span(bytes));
    const Source here{"bytes", message.data()};
    Reader reader(message, here, "Message");
    while (reader.next()) {
    }
  };
  CHECK_ERROR(walk(std::string_view("\x00\x00", 2)), Code::kInvalidModel);                     // field number 0
  CHECK_ERROR(walk("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Code::kInvalidModel);  // 11 bytes
  CHECK_ERROR(walk("\xf8\xff\xff\xff\xff\x01"), Code::kInvalidModel);                          // a tag of more than 32 bits
  CHECK_ERROR(walk("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Code::kInvalidModel);      // 2^64 - 1 bytes
  CHECK_ERROR(walk("\x0b\x0c"), Code::kInvalidModel);                                          // a group
  CHECK_ERROR(walk("\x09 seven!"), Code::kInvalidModel);                                       // fixed64 in 7 bytes
}

TEST(test_read_model_cut_at_any_byte_is_told) {
  const Writer whole = model(classifier_graph());
  const size_t n_second_opset = 16;  // without it, it is a model still
  for (size_t n = 0; n < whole.buffer().size(); ++n) {
    const std::vector<std::byte> cut(whole.buffer().begin(),
                                     whole.buffer().begin() + static_cast<std::ptrdiff_t>(n));  // ends with its block
    const std::string message = message_of(Bytes(cut));
    const bool is_told = contains(message, " is empty") || contains(message, " is cut off: its " + std::to_string(n) + " bytes end") ||
                         contains(message, "without a graph") || contains(message, "imports no operator set");
    if (n + n_second_opset == whole.buffer().size() ? !message.empty() : !is_told) {
      check::fail(__FILE__, __LINE__, "cut at byte " + std::to_string(n) + ": '" + message + "'");
    }
  }
}

TEST(test_read_model_flipped_bytes_are_refused_or_can_be_worked_with) {
  const Writer whole = model(classifier_graph());
  std::mt19937 random(20240229);
  int n_read = 0;
  int n_refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = whole.buffer();
    for (uint32_t n_flips = 1 + random() % 4; n_flips > 0; --n_flips) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    Model m;
    try {
      m = read_model(bytes, "flipped");
    } catch (const Error& error) {
      ++n_refused;
      CHECK(error.code() == Code::kInvalidModel);
      continue;
    }
    ++n_read;
    for (const Node& each : m.nodes) {
      for (const Attribute& attribute : each.attributes) {
        read_floats(attribute);
        read_ints(attribute);
        read_strings(attribute);
      }
    }
    const std::vector<std::byte> rewritten = rewrite(bytes, m, {.cut_zipmaps = true, .free_batch = true});
    CHECK(read_model(rewritten, "rewritten").nodes.size() <= m.nodes.size());
  }
  CHECK(n_read > 1000);
  CHECK(n_refused > 1000);
}

int main() { return check::run(); }
