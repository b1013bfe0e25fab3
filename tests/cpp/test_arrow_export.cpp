// Arrow C data out: what is described, who owns it and until when, and what fails. Layouts: Arrow columnar format.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "base/type.h"
#include "check.h"
#include "edgeonnx/edgeonnx.h"

namespace {

int64_t n_allocations_left = -1;  // how many may still succeed; -1: all
int64_t n_blocks = 0;             // allocated and not freed

}  // namespace

void* operator new(size_t n_bytes) {
  if (n_allocations_left == 0) throw std::bad_alloc();
  if (n_allocations_left > 0) --n_allocations_left;
  void* block = std::malloc(n_bytes > 0 ? n_bytes : 1);
  if (!block) throw std::bad_alloc();
  ++n_blocks;
  return block;
}

void operator delete(void* block) noexcept {
  n_blocks -= block != nullptr;
  std::free(block);
}
void operator delete(void* block, size_t) noexcept { operator delete(block); }

namespace {

using edgeonnx::Type;

/// An export under way: counts its releases.
struct Export {
  std::vector<edgeonnx_field> fields;
  std::vector<edgeonnx_column> columns;
  std::vector<const uint8_t*> masks;
  int n_released = 0;
  ArrowSchema schema{};
  ArrowArray array{};

  template <class T>
  void add(const char* name, Type type, int64_t width, const std::vector<T>& values, const uint8_t* mask = nullptr) {
    fields.push_back({name, nullptr, width, static_cast<int32_t>(type), 0, 0});
    edgeonnx_column column{};
    column.data = values.data();
    column.stride = static_cast<int64_t>(sizeof(T)) * width;
    columns.push_back(column);
    masks.push_back(mask);
  }
  edgeonnx_status run(int64_t n_rows) {
    return edgeonnx_arrow_export(
        fields.data(), columns.data(), masks.data(), fields.size(), n_rows, [](void* n) { ++*static_cast<int*>(n); }, &n_released, &schema,
        &array, nullptr);
  }
};

TEST(test_arrow_export_values_lie_where_they_lay_and_masks_become_bits) {
  const int64_t before = edgeonnx_live_objects();
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<uint8_t> bools = {1, 0, 1, 1, 0, 0, 0, 0, 1}, mask = {0, 1, 0, 0, 0, 0, 0, 0, 7};
  const std::vector<float> triples(27);
  Export exported;
  std::string name = "plain";
  exported.add(name.c_str(), Type::kDouble, 1, values, mask.data());
  exported.add("flag", Type::kBool, 1, bools);
  exported.add("triple", Type::kFloat, 3, triples, mask.data());
  CHECK_EQUAL(exported.run(9), EDGEONNX_OK);
  name.assign("other");  // names are copied
  CHECK_EQUAL(edgeonnx_live_objects(), before + 1);

  const ArrowArray& array = exported.array;
  CHECK_EQUAL(std::string(exported.schema.format), std::string("+s"));
  CHECK_EQUAL(array.length, int64_t{9});
  CHECK_EQUAL(array.n_buffers, int64_t{1});
  CHECK_EQUAL(std::string(exported.schema.children[0]->format) + exported.schema.children[0]->name, std::string("gplain"));
  CHECK(array.children[0]->buffers[1] == values.data());
  CHECK_EQUAL(array.children[0]->null_count, int64_t{2});
  const auto* valid = static_cast<const uint8_t*>(array.children[0]->buffers[0]);
  CHECK(valid[0] == 0b11111101 && (valid[1] & 1) == 0);
  CHECK_EQUAL(std::string(exported.schema.children[1]->format), std::string("b"));
  const auto* bits = static_cast<const uint8_t*>(array.children[1]->buffers[1]);
  CHECK(bits[0] == 0b00001101 && (bits[1] & 1) == 1);
  CHECK(array.children[1]->buffers[0] == nullptr && array.children[1]->null_count == 0);
  CHECK_EQUAL(std::string(exported.schema.children[2]->format), std::string("+w:3"));
  CHECK_EQUAL(array.children[2]->null_count, int64_t{2});
  const ArrowArray& items = *array.children[2]->children[0];
  CHECK(items.length == 27 && items.buffers[1] == triples.data() && std::string(exported.schema.children[2]->children[0]->format) == "f");

  exported.schema.release(&exported.schema);
  CHECK(exported.schema.release == nullptr);
  CHECK_EQUAL(exported.n_released, 0);
  exported.array.release(&exported.array);
  CHECK(exported.array.release == nullptr);
  CHECK_EQUAL(exported.n_released, 1);
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_arrow_export_child_moved_out_keeps_the_memory_alive) {
  const std::vector<float> values = {1, 2};
  Export exported;
  exported.add("a", Type::kFloat, 1, values);
  exported.add("b", Type::kFloat, 1, values);
  CHECK_EQUAL(exported.run(2), EDGEONNX_OK);
  ArrowArray moved = *exported.array.children[1];
  exported.array.children[1]->release = nullptr;
  exported.array.release(&exported.array);
  CHECK_EQUAL(exported.n_released, 0);
  CHECK_EQUAL(static_cast<const float*>(moved.buffers[1])[1], 2.0f);
  moved.release(&moved);
  CHECK_EQUAL(exported.n_released, 1);
  exported.schema.release(&exported.schema);
}

TEST(test_arrow_export_read_back_gives_the_same_columns) {
  const std::vector<uint8_t> mask = {0, 0, 1};
  const std::vector<std::byte> memory(3 * 2 * 8);
  constexpr Type types[] = {Type::kBool,   Type::kInt8,  Type::kUint8,  Type::kInt16,   Type::kUint16, Type::kInt32,
                            Type::kUint32, Type::kInt64, Type::kUint64, Type::kFloat16, Type::kFloat,  Type::kDouble};
  for (const Type type : types) {
    for (const int64_t width : {1, 2}) {
      if (type == Type::kBool && width > 1) continue;  // lists of bits can be handed out but not borrowed back
      Export exported;
      exported.add("x", type, width, memory, mask.data());
      exported.columns[0].stride = width * size_of(type);
      CHECK_EQUAL(exported.run(3), EDGEONNX_OK);
      edgeonnx_field field;
      edgeonnx_column column;
      int64_t n_rows;
      CHECK_EQUAL(edgeonnx_arrow_fields(&exported.schema, &field, 1, nullptr), EDGEONNX_OK);
      CHECK_EQUAL(edgeonnx_arrow_columns(&exported.schema, &exported.array, &column, 1, &n_rows, nullptr), EDGEONNX_OK);
      if (type != Type::kBool) {
        CHECK(field.type == static_cast<int32_t>(type) && field.width == width);
        CHECK(column.data == memory.data() && column.stride == width * size_of(type));
      }
      CHECK(n_rows == 3 && column.validity && (column.validity[0] & 7) == 0b011);
      exported.schema.release(&exported.schema);
      exported.array.release(&exported.array);
    }
  }
}

TEST(test_arrow_export_decimals_keep_their_digits) {
  const std::vector<int64_t> memory = {12345, 0, -5, -1};
  const std::vector<uint8_t> mask = {0, 1};
  Export exported;
  exported.add("d", Type::kDecimal128, 1, memory, mask.data());
  exported.add("m", Type::kMoney, 1, memory);
  for (edgeonnx_column& column : exported.columns) column.stride = 16;
  exported.fields[0].precision = 25;
  exported.fields[0].scale = 17;
  CHECK_EQUAL(exported.run(2), EDGEONNX_OK);
  CHECK_EQUAL(std::string(exported.schema.children[0]->format), std::string("d:25,17"));
  CHECK_EQUAL(std::string(exported.schema.children[1]->format), std::string("d:19,4"));
  CHECK(exported.array.children[0]->buffers[1] == memory.data() && exported.array.children[0]->null_count == 1);

  edgeonnx_field fields[2];
  edgeonnx_column columns[2];
  int64_t n_rows = 0;
  CHECK_EQUAL(edgeonnx_arrow_fields(&exported.schema, fields, 2, nullptr), EDGEONNX_OK);
  CHECK_EQUAL(edgeonnx_arrow_columns(&exported.schema, &exported.array, columns, 2, &n_rows, nullptr), EDGEONNX_OK);
  CHECK(fields[0].type == EDGEONNX_TYPE_DECIMAL128 && fields[0].precision == 25 && fields[0].scale == 17);
  CHECK(columns[0].data == memory.data() && columns[0].stride == 16 && columns[0].validity && (columns[0].validity[0] & 3) == 0b01);
  CHECK(columns[1].data == memory.data() && columns[1].stride == 16 && !columns[1].validity);
  exported.schema.release(&exported.schema);
  exported.array.release(&exported.array);
}

TEST(test_arrow_export_failure_releases_the_owner_once_and_fills_nothing) {
  const std::vector<float> values(4);
  const int64_t before = edgeonnx_live_objects();
  struct Example {
    edgeonnx_status status;
    void (*spoil)(Export& exported, int64_t& n_rows);
  };
  const Example examples[] = {
      {EDGEONNX_INVALID_ARGUMENT, [](Export& exported, int64_t&) { exported.columns[0].stride = 8; }},
      {EDGEONNX_UNSUPPORTED, [](Export& exported, int64_t&) { exported.fields[1].type = EDGEONNX_TYPE_STRING; }},
      {EDGEONNX_UNSUPPORTED,
       [](Export& exported, int64_t&) { exported.fields[1].type = EDGEONNX_TYPE_BFLOAT16, exported.columns[1].stride = 2; }},
      {EDGEONNX_INVALID_ARGUMENT, [](Export&, int64_t& n_rows) { n_rows = -1; }},
      {EDGEONNX_INVALID_ARGUMENT, [](Export& exported, int64_t&) { exported.fields[1].width = -1; }},
      {EDGEONNX_INVALID_ARGUMENT, [](Export& exported, int64_t&) { exported.columns[1].data = nullptr; }},
  };
  for (const Example& each : examples) {
    Export exported;
    exported.add("a", Type::kFloat, 1, values);
    exported.add("b", Type::kFloat, 1, values);
    int64_t n_rows = 2;
    each.spoil(exported, n_rows);
    CHECK_EQUAL(exported.run(n_rows), each.status);
    CHECK_EQUAL(exported.n_released, 1);
    CHECK(exported.schema.release == nullptr && exported.array.release == nullptr);
  }
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_arrow_export_out_of_memory_anywhere_fills_nothing_and_keeps_nothing) {
  const std::vector<uint8_t> values(4), mask(2);
  const int64_t before = edgeonnx_live_objects();
  for (n_allocations_left = 0;; ++n_allocations_left) {
    const int64_t n_allowed = n_allocations_left;
    n_allocations_left = -1;
    Export exported;
    exported.add("a name that is too long to lie inside the string", Type::kBool, 1, values, mask.data());
    exported.add("b", Type::kUint8, 2, values);
    n_allocations_left = n_allowed;
    const int64_t n_held = n_blocks;
    const edgeonnx_status status = exported.run(2);
    n_allocations_left = -1;
    if (status == EDGEONNX_OK) {
      CHECK(n_allowed > 10);
      exported.schema.release(&exported.schema);
      exported.array.release(&exported.array);
    } else {
      CHECK_EQUAL(status, EDGEONNX_OUT_OF_MEMORY);
      CHECK(exported.schema.release == nullptr && exported.array.release == nullptr);
    }
    CHECK_EQUAL(exported.n_released, 1);
    CHECK_EQUAL(n_blocks, n_held);
    n_allocations_left = n_allowed;
    if (status == EDGEONNX_OK) break;
  }
  n_allocations_left = -1;
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_arrow_export_null_pointer_is_an_invalid_argument) {
  const std::vector<float> values(2);
  Export e;
  e.add("a", Type::kFloat, 1, values);
  const auto release = [](void* n) { ++*static_cast<int*>(n); };
  const auto call = [&](const edgeonnx_field* fields, const edgeonnx_column* columns, ArrowSchema* schema, ArrowArray* array) {
    e.n_released = 0;
    const edgeonnx_status status = edgeonnx_arrow_export(fields, columns, nullptr, 1, 2, release, &e.n_released, schema, array, nullptr);
    CHECK_EQUAL(e.n_released, 1);
    return status;
  };
  CHECK_EQUAL(call(nullptr, e.columns.data(), &e.schema, &e.array), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(call(e.fields.data(), nullptr, &e.schema, &e.array), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(call(e.fields.data(), e.columns.data(), nullptr, &e.array), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(call(e.fields.data(), e.columns.data(), &e.schema, nullptr), EDGEONNX_INVALID_ARGUMENT);
}

TEST(test_arrow_export_column_without_name_gets_an_empty_one) {
  const std::vector<float> values(2);
  Export exported;
  exported.add(nullptr, Type::kFloat, 1, values);
  CHECK_EQUAL(exported.run(2), EDGEONNX_OK);
  if (!exported.array.release) return;
  CHECK_EQUAL(std::string(exported.schema.children[0]->name), std::string());
  exported.schema.release(&exported.schema);
  exported.array.release(&exported.array);
}

TEST(test_arrow_export_no_rows_and_no_columns_are_tables_too) {
  Export exported;
  CHECK_EQUAL(exported.run(0), EDGEONNX_OK);
  CHECK(exported.array.length == 0 && exported.array.n_children == 0);
  exported.schema.release(&exported.schema);
  exported.array.release(&exported.array);
  CHECK_EQUAL(exported.n_released, 1);
}

}  // namespace

int main() { return check::run(); }
