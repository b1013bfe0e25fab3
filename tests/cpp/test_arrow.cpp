// Arrow C data in, and its bitmaps. Layouts: Arrow columnar format, "The Arrow C data interface".
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "base/type.h"
#include "check.h"
#include "columns/bitmap.h"
#include "edgeonnx/edgeonnx.h"

namespace {

using edgeonnx::Type;

/// An Arrow array with its schema, both owned by this object. Offsets, lengths and buffers are set as a producer would set them.
class Node {
 public:
  explicit Node(const char* format, int64_t length = 0, int64_t offset = 0) {
    schema.format = format;
    schema.name = "";
    schema.release = [](ArrowSchema* each) { each->release = nullptr; };
    array.length = length;
    array.offset = offset;
    array.null_count = -1;
    array.release = [](ArrowArray* each) { each->release = nullptr; };
    point();
  }
  Node(const Node&) = delete;

  /// Buffers in Arrow's order, validity first; the memory is the caller's.
  Node& buffers(std::initializer_list<const void*> all) {
    buffers_.assign(all);
    point();
    return *this;
  }
  Node& nulls(int64_t count) { return array.null_count = count, *this; }
  Node& add(const char* name, const char* format, int64_t length = 0, int64_t offset = 0) {
    Node& child = children_.emplace_back(format, length, offset);
    child.schema.name = name;
    schemas_.push_back(&child.schema);
    arrays_.push_back(&child.array);
    point();
    return child;
  }

  ArrowSchema schema{};
  ArrowArray array{};

 private:
  void point() {
    array.buffers = buffers_.data();
    array.n_buffers = static_cast<int64_t>(buffers_.size());
    schema.n_children = array.n_children = static_cast<int64_t>(children_.size());
    schema.children = schemas_.data();
    array.children = arrays_.data();
  }

  std::vector<const void*> buffers_{nullptr};
  std::deque<Node> children_;
  std::vector<ArrowSchema*> schemas_;
  std::vector<ArrowArray*> arrays_;
};

struct Read {
  edgeonnx_status status = EDGEONNX_OK;
  std::string message;
  int64_t n_rows = -1;
  std::vector<edgeonnx_column> columns;
};

Read read_columns(const Node& node) {
  Read read;
  char text[512] = "";
  edgeonnx_error error{text, sizeof text, 0, "", "", -1, 0, 0};
  read.columns.resize(static_cast<size_t>(node.schema.n_children));
  read.status = edgeonnx_arrow_columns(&node.schema, &node.array, read.columns.data(), read.columns.size(), &read.n_rows, &error);
  read.message = text;
  return read;
}

std::vector<edgeonnx_field> read_fields(const Node& node) {
  std::vector<edgeonnx_field> fields(static_cast<size_t>(node.schema.n_children));
  CHECK_EQUAL(edgeonnx_arrow_fields(&node.schema, fields.data(), fields.size(), nullptr), EDGEONNX_OK);
  return fields;
}

TEST(test_bitmap_count_equals_a_walk_over_single_bits) {
  std::mt19937 random(3);
  std::vector<uint8_t> bits(64);
  for (uint8_t& byte : bits) byte = static_cast<uint8_t>(random());
  for (int64_t begin = 0; begin < 70; ++begin) {
    int64_t expected = 0;
    for (int64_t n = 0; begin + n <= 512; ++n) {
      CHECK_EQUAL(edgeonnx::count_bits(bits.data(), begin, n), expected);
      if (begin + n < 512) expected += (bits[static_cast<size_t>(begin + n) / 8] >> ((begin + n) % 8)) & 1;
    }
  }
}

TEST(test_arrow_fields_every_format_has_its_type) {
  struct Example {
    const char* format;
    Type type;
  };
  const Example examples[] = {
      {"b", Type::kBit},          {"c", Type::kInt8},           {"C", Type::kUint8},      {"s", Type::kInt16},
      {"S", Type::kUint16},       {"i", Type::kInt32},          {"I", Type::kUint32},     {"l", Type::kInt64},
      {"L", Type::kUint64},       {"e", Type::kFloat16},        {"f", Type::kFloat},      {"g", Type::kDouble},
      {"n", Type::kUndefined},    {"u", Type::kUndefined},      {"z", Type::kUndefined},  {"tdD", Type::kUndefined},
      {"tsu:", Type::kUndefined}, {"d:10,2", Type::kUndefined}, {"vu", Type::kUndefined}, {"+l", Type::kUndefined},
      {"w:16", Type::kUndefined}, {"tDs", Type::kUndefined},    {"??", Type::kUndefined},
  };
  Node table("+s");
  for (const Example& each : examples) table.add(each.format, each.format);
  const std::vector<edgeonnx_field> fields = read_fields(table);
  for (size_t i = 0; i < fields.size(); ++i) {
    CHECK_EQUAL(fields[i].type, static_cast<int32_t>(examples[i].type));
    CHECK_EQUAL(fields[i].name, std::string(examples[i].format));
    CHECK_EQUAL(fields[i].width, int64_t{1});
    CHECK(fields[i].type_name && *fields[i].type_name);
  }
}

TEST(test_arrow_fields_lists_have_a_width_and_dictionaries_no_type) {
  Node table("+s"), values("u");
  table.add("pair", "+w:2").add("item", "f");
  table.add("bits", "+w:8").add("item", "b");
  table.add("empty", "+w:0").add("item", "f");
  table.add("texts", "+w:3").add("item", "u");
  table.add("nested", "+w:3").add("item", "+w:2").add("item", "f");
  table.add("words", "i").schema.dictionary = &values.schema;
  const std::vector<edgeonnx_field> fields = read_fields(table);
  CHECK_EQUAL(fields[0].type, EDGEONNX_TYPE_FLOAT);
  CHECK_EQUAL(fields[0].width, int64_t{2});
  for (size_t i = 1; i < fields.size(); ++i) CHECK_EQUAL(fields[i].type, EDGEONNX_TYPE_UNDEFINED);
}

TEST(test_arrow_columns_offsets_of_struct_child_and_values_add_up) {
  std::vector<float> floats(64), list_values(64);
  for (size_t i = 0; i < 64; ++i) floats[i] = static_cast<float>(i), list_values[i] = static_cast<float>(1000 + i);
  const uint8_t bits[8] = {}, child_bits[8] = {}, value_bits[8] = {};
  Node table("+s", 4, 3);
  table.add("plain", "f", 20, 5).buffers({bits, floats.data()});
  table.add("flag", "b", 20, 2).buffers({nullptr, bits});
  Node& list = table.add("list", "+w:3", 20, 1).buffers({child_bits});
  list.add("item", "f", 60, 4).buffers({value_bits, list_values.data()});
  table.add("text", "u", 20).buffers({nullptr, bits, bits});

  const Read read = read_columns(table);
  CHECK_EQUAL(read.status, EDGEONNX_OK);
  CHECK_EQUAL(read.n_rows, int64_t{4});
  const edgeonnx_column& plain = read.columns[0];
  CHECK_EQUAL(*static_cast<const float*>(plain.data), 8.0f);  // 3 of the struct, 5 of the child
  CHECK_EQUAL(plain.stride, int64_t{4});
  CHECK(plain.validity == bits && plain.value_validity == nullptr);
  CHECK_EQUAL(plain.offset, int64_t{8});
  const edgeonnx_column& flag = read.columns[1];
  CHECK(flag.data == bits && flag.validity == nullptr);
  CHECK_EQUAL(flag.offset, int64_t{5});
  const edgeonnx_column& lists = read.columns[2];
  CHECK_EQUAL(*static_cast<const float*>(lists.data), 1016.0f);  // list 3 + 1, its values behind 4 others
  CHECK_EQUAL(lists.stride, int64_t{12});
  CHECK(lists.validity == child_bits && lists.value_validity == value_bits);
  CHECK_EQUAL(lists.offset, int64_t{4});
  CHECK_EQUAL(lists.value_offset, int64_t{16});
  CHECK(read.columns[3].data == nullptr);
}

TEST(test_arrow_columns_bitmap_without_nulls_is_left_out) {
  const float value = 0;
  const uint8_t bits[1] = {0xFF};
  Node table("+s", 1);
  table.add("none", "f", 1).nulls(0).buffers({bits, &value});
  table.add("unknown", "f", 1).nulls(-1).buffers({bits, &value});
  table.add("absent", "f", 1).nulls(-1).buffers({nullptr, &value});
  const Read read = read_columns(table);
  CHECK(read.columns[0].validity == nullptr);
  CHECK(read.columns[1].validity == bits);
  CHECK(read.columns[2].validity == nullptr);
}

TEST(test_arrow_columns_struct_validity_is_accepted_only_without_nulls) {
  const float values[4] = {};
  const uint8_t bits[1] = {0b00001100};
  Node table("+s", 2, 2);
  table.buffers({bits}).add("x", "f", 4).buffers({nullptr, values});
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_OK);
  table.array.offset = 1;
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_NULL_VALUE);
  table.nulls(0);
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_OK);
}

TEST(test_arrow_columns_empty_array_without_buffers_is_read) {
  Node table("+s", 0);
  table.add("x", "f", 0).buffers({nullptr, nullptr});
  table.add("b", "b", 0).buffers({nullptr, nullptr});
  const Read read = read_columns(table);
  CHECK_EQUAL(read.status, EDGEONNX_OK);
  CHECK_EQUAL(read.n_rows, int64_t{0});
}

TEST(test_arrow_columns_broken_data_are_told) {
  const float values[8] = {};
  struct Example {
    const char* part;
    void (*spoil)(Node& table);
  };
  const Example examples[] = {
      {"schema has been released", [](Node& table) { table.schema.release = nullptr; }},
      {"array has been released", [](Node& table) { table.array.release = nullptr; }},
      {"'f'", [](Node& table) { table.schema.format = "f"; }},
      {"children", [](Node& table) { table.array.n_children = 0; }},
      {"'x'", [](Node& table) { table.array.children[0]->length = 2; }},
      {"'x'", [](Node& table) { table.array.offset = 2; }},
  };
  for (const Example& each : examples) {
    Node table("+s", 3);
    table.add("x", "f", 3).buffers({nullptr, values});
    CHECK_EQUAL(read_columns(table).status, EDGEONNX_OK);
    each.spoil(table);
    const Read read = read_columns(table);
    CHECK_EQUAL(read.status, EDGEONNX_INVALID_ARGUMENT);
    if (read.message.find(each.part) == std::string::npos) check::fail(__FILE__, __LINE__, read.message + " does not tell " + each.part);
  }
}

TEST(test_arrow_columns_list_with_too_few_values_is_told) {
  const float values[8] = {};
  Node table("+s", 3);
  table.add("pairs", "+w:2", 3).add("item", "f", 5).buffers({nullptr, values});
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_INVALID_ARGUMENT);
}

TEST(test_arrow_wrong_room_or_null_pointer_is_an_invalid_argument) {
  Node table("+s", 0);
  table.add("x", "f").buffers({nullptr, nullptr});
  edgeonnx_field field;
  edgeonnx_column column;
  int64_t n_rows;
  CHECK_EQUAL(edgeonnx_arrow_fields(nullptr, &field, 1, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_fields(&table.schema, nullptr, 1, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_fields(&table.schema, &field, 0, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_columns(&table.schema, nullptr, &column, 1, &n_rows, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_columns(nullptr, &table.array, &column, 1, &n_rows, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_columns(&table.schema, &table.array, nullptr, 1, &n_rows, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_arrow_columns(&table.schema, &table.array, &column, 1, nullptr, nullptr), EDGEONNX_INVALID_ARGUMENT);
}

}  // namespace

int main() { return check::run(); }
