// Arrow C data in, and its bitmaps. Layouts: Arrow columnar format, "The Arrow C data interface".
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <tuple>
#include <utility>
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
      {"b", Type::kBit},         {"c", Type::kInt8},         {"C", Type::kUint8},      {"s", Type::kInt16},      {"S", Type::kUint16},
      {"i", Type::kInt32},       {"I", Type::kUint32},       {"l", Type::kInt64},      {"L", Type::kUint64},     {"e", Type::kFloat16},
      {"f", Type::kFloat},       {"g", Type::kDouble},       {"n", Type::kNull},       {"u", Type::kUndefined},  {"z", Type::kUndefined},
      {"tdD", Type::kUndefined}, {"tsu:", Type::kUndefined}, {"vu", Type::kUndefined}, {"+l", Type::kUndefined}, {"w:16", Type::kUndefined},
      {"tDs", Type::kUndefined}, {"??", Type::kUndefined},
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
  table.add("nulls", "+w:3").add("item", "n");
  table.add("words", "i").schema.dictionary = &values.schema;
  const std::vector<edgeonnx_field> fields = read_fields(table);
  CHECK_EQUAL(fields[0].type, EDGEONNX_TYPE_FLOAT);
  CHECK_EQUAL(fields[0].width, int64_t{2});
  for (size_t i = 1; i < fields.size(); ++i) CHECK_EQUAL(fields[i].type, EDGEONNX_TYPE_UNDEFINED);
}

TEST(test_arrow_fields_decimals_have_digits) {
  struct Example {
    const char* format;
    Type type;
    int precision, scale;
  };
  const Example examples[] = {
      {"d:10,2", Type::kDecimal128, 10, 2},       {"d:38,38", Type::kDecimal128, 38, 38}, {"d:5,-3", Type::kDecimal128, 5, -3},
      {"d:19,4,128", Type::kDecimal128, 19, 4},   {"d:9,2,32", Type::kDecimal32, 9, 2},   {"d:18,0,64", Type::kDecimal64, 18, 0},
      {"d:76,40,256", Type::kDecimal256, 76, 40},
  };
  Node table("+s");
  for (const Example& each : examples) table.add("d", each.format);
  table.add("pair", "+w:2").add("item", "d:9,3,32");
  const std::vector<edgeonnx_field> fields = read_fields(table);
  for (size_t i = 0; i < std::size(examples); ++i) {
    CHECK_EQUAL(fields[i].type, static_cast<int32_t>(examples[i].type));
    CHECK_EQUAL(fields[i].precision, examples[i].precision);
    CHECK_EQUAL(fields[i].scale, examples[i].scale);
  }
  const edgeonnx_field& pair = fields.back();
  CHECK(pair.type == EDGEONNX_TYPE_DECIMAL32 && pair.width == 2 && pair.precision == 9 && pair.scale == 3);
}

TEST(test_arrow_fields_malformed_decimals_have_no_type) {
  const char* malformed[] = {"d:",         "d:,",         "d:,2",       "d:ten,2",  "d:10,2x",      "d:10 ,2",
                             "d:10,2,127", "d:10,2,512",  "d:10,2,-32", "d:10,2,0", "d:10,2,128,1", "d:10;2",
                             "d:0,0",      "d:-1,0",      "d:77,0,256", "d:10,77",  "d:10,-77",     "d:99999999999,2",
                             "d",          "d:10,2,128 ", "d:10",       "d:10,",    "d:10,2,"};
  Node table("+s");
  for (const char* format : malformed) table.add("d", format);
  const std::vector<edgeonnx_field> fields = read_fields(table);
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].type != EDGEONNX_TYPE_UNDEFINED) check::fail(__FILE__, __LINE__, std::string(malformed[i]) + " was read");
  }
}

/// Metadata of a field as the C data interface lays them out.
std::string metadata_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string bytes;
  const auto add_number = [&](size_t number) {
    const auto value = static_cast<int32_t>(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  add_number(pairs.size());
  for (const auto& [key, value] : pairs) {
    add_number(key.size());
    bytes += key;
    add_number(value.size());
    bytes += value;
  }
  return bytes;
}

TEST(test_arrow_fields_money_is_a_decimal_that_its_metadata_call_so) {
  const std::string key = "ARROW:FLIGHT:SQL:TYPE_NAME";
  struct Example {
    const char* format;
    std::string metadata;
    Type type;
  };
  const Example examples[] = {
      {"d:19,4", metadata_of({{key, "money"}}), Type::kMoney},
      {"d:19,4", metadata_of({{"", ""}, {"unit", "EUR"}, {key, "MONEY"}, {"more", "x"}}), Type::kMoney},
      {"d:19,4,128", metadata_of({{key, "Money"}}), Type::kMoney},
      {"d:19,4", metadata_of({}), Type::kDecimal128},
      {"d:19,4", metadata_of({{key, "decimal"}}), Type::kDecimal128},
      {"d:19,4", metadata_of({{key, "moneys"}}), Type::kDecimal128},
      {"d:19,4", metadata_of({{"money", key}}), Type::kDecimal128},
      {"d:18,4", metadata_of({{key, "money"}}), Type::kDecimal128},
      {"d:19,3", metadata_of({{key, "money"}}), Type::kDecimal128},
      {"d:19,4,256", metadata_of({{key, "money"}}), Type::kDecimal256},
      {"l", metadata_of({{key, "money"}}), Type::kInt64},
  };
  Node table("+s");
  for (const Example& each : examples) {
    table.add("m", each.format).schema.metadata = each.metadata.data();
  }
  const std::vector<edgeonnx_field> fields = read_fields(table);
  for (size_t i = 0; i < fields.size(); ++i) CHECK_EQUAL(fields[i].type, static_cast<int32_t>(examples[i].type));
}

TEST(test_arrow_fields_lists_in_lists_are_one_row_of_values) {
  Node table("+s"), values("u");
  Node& matrix = table.add("matrix", "+w:3");
  matrix.add("item", "+w:2").add("item", "f");
  table.add("deep", "+w:2").add("item", "+w:1").add("item", "+w:5").add("item", "g");
  table.add("flags", "+w:2").add("item", "+w:4").add("item", "b");
  table.add("nothing", "+w:2").add("item", "+w:0").add("item", "f");
  table.add("ragged", "+w:2").add("item", "+l").add("item", "f");
  table.add("words", "+w:2").add("item", "+w:2").add("item", "i").schema.dictionary = &values.schema;
  table.add("huge", "+w:2147483647").add("item", "+w:2147483647").add("item", "+w:2147483647").add("item", "f");
  const std::vector<edgeonnx_field> fields = read_fields(table);
  CHECK(fields[0].type == EDGEONNX_TYPE_FLOAT && fields[0].width == 6);
  CHECK(fields[1].type == EDGEONNX_TYPE_DOUBLE && fields[1].width == 10);
  for (size_t i = 2; i < fields.size(); ++i) {
    if (fields[i].type != EDGEONNX_TYPE_UNDEFINED) check::fail(__FILE__, __LINE__, fields[i].name);
  }
}

TEST(test_arrow_columns_lists_in_lists_add_up_their_offsets) {
  std::vector<double> values(200);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  const std::vector<uint8_t> all(32, 0xFF);
  std::vector<uint8_t> some(32, 0xFF);
  Node table("+s", 4, 2);
  Node& outer = table.add("matrix", "+w:3", 10, 1).buffers({all.data()});
  Node& inner = outer.add("item", "+w:2", 60, 5).buffers({all.data()});
  inner.add("item", "g", 180, 7).buffers({some.data(), values.data()});
  const Read read = read_columns(table);
  CHECK_EQUAL(read.status, EDGEONNX_OK);
  const edgeonnx_column& column = read.columns[0];
  // Row 2 + 1; list 3 * 3 + 5 of the inner ones; value 14 * 2 + 7.
  CHECK_EQUAL(*static_cast<const double*>(column.data), 35.0);
  CHECK_EQUAL(column.stride, int64_t{6 * 8});
  CHECK(column.validity == all.data() && column.offset == 3);
  CHECK(column.value_validity == some.data() && column.value_offset == 35);

  // A NULL among the inner lists has no place in a row of values; outside the rows it does no harm.
  std::vector<uint8_t> inner_nulls(32, 0xFF);
  inner.buffers({inner_nulls.data()});
  inner_nulls[1] = static_cast<uint8_t>(~(1 << (13 % 8)));  // list 13, just before the first
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_OK);
  inner_nulls[1] = static_cast<uint8_t>(~(1 << (14 % 8)));
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_NULL_VALUE);
  inner.nulls(0);
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_OK);
}

TEST(test_arrow_columns_lists_in_lists_with_too_few_values_are_told) {
  const std::vector<float> values(64);
  for (const auto& [n_lists, n_values, status] :
       {std::tuple{6, 12, EDGEONNX_OK}, {5, 12, EDGEONNX_INVALID_ARGUMENT}, {6, 11, EDGEONNX_INVALID_ARGUMENT}}) {
    Node table("+s", 2);
    table.add("matrix", "+w:3", 2).add("item", "+w:2", n_lists).add("item", "f", n_values).buffers({nullptr, values.data()});
    CHECK_EQUAL(read_columns(table).status, static_cast<edgeonnx_status>(status));
  }
}

TEST(test_arrow_columns_decimals_stand_a_width_apart) {
  const std::vector<std::byte> memory(20 * 32);
  for (const auto& [format, size] : {std::pair{"d:9,2,32", 4}, {"d:18,2,64", 8}, {"d:38,2", 16}, {"d:76,2,256", 32}}) {
    Node table("+s", 4, 3);
    table.add("d", format, 20, 5).buffers({nullptr, memory.data()});
    table.add("pairs", "+w:2", 8).add("item", format, 16, 1).buffers({nullptr, memory.data()});
    const Read read = read_columns(table);
    CHECK_EQUAL(read.status, EDGEONNX_OK);
    CHECK(read.columns[0].data == memory.data() + 8 * size && read.columns[0].stride == size);
    CHECK(read.columns[1].data == memory.data() + 7 * size && read.columns[1].stride == 2 * size);
  }
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

TEST(test_arrow_columns_of_nulls_alone_have_no_memory_and_a_length) {
  Node table("+s", 4);
  Node& nulls = table.add("nulls", "n", 4);
  nulls.array.n_buffers = 0;
  const Read read = read_columns(table);
  CHECK_EQUAL(read.status, EDGEONNX_OK);
  CHECK(read.n_rows == 4 && read.columns[0].data == nullptr && read.columns[0].validity == nullptr);
  nulls.array.length = 3;
  CHECK_EQUAL(read_columns(table).status, EDGEONNX_INVALID_ARGUMENT);
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
