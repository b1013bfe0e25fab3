// Arrow C data out.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "columns/arrow.h"

namespace edgeonnx::arrow {
namespace {

/// "" where Arrow has no such type.
std::string format_of(const edgeonnx_field& field) {
  switch (static_cast<Type>(field.type)) {
    case Type::kBool:
      return "b";
    case Type::kInt8:
      return "c";
    case Type::kUint8:
      return "C";
    case Type::kInt16:
      return "s";
    case Type::kUint16:
      return "S";
    case Type::kInt32:
      return "i";
    case Type::kUint32:
      return "I";
    case Type::kInt64:
      return "l";
    case Type::kUint64:
      return "L";
    case Type::kFloat16:
      return "e";
    case Type::kFloat:
      return "f";
    case Type::kDouble:
      return "g";
    case Type::kDecimal128:
      return "d:" + std::to_string(field.precision) + "," + std::to_string(field.scale);
    case Type::kMoney:
      return "d:" + std::to_string(kMoneyDigits) + "," + std::to_string(kMoneyScale);
    default:
      return "";
  }
}

/// A schema node that owns its strings and children.
struct SchemaNode {
  std::string format;
  std::string name;
  std::string metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
};

void release_schema(ArrowSchema* schema) {
  auto* node = static_cast<SchemaNode*>(schema->private_data);
  for (ArrowSchema& child : node->children) {
    if (child.release) child.release(&child);
  }
  delete node;
  schema->release = nullptr;
}

/// Metadata of one pair, as the interface lays it out: a number of pairs, and each text behind its length.
std::string metadata_of(std::string_view key, std::string_view value) {
  std::string metadata;
  const auto append = [&](int32_t number, std::string_view text) {
    metadata.append(reinterpret_cast<const char*>(&number), sizeof number).append(text);
  };
  append(1, "");
  append(static_cast<int32_t>(key.size()), key);
  append(static_cast<int32_t>(value.size()), value);
  return metadata;
}

constexpr int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

void fill_schema(ArrowSchema& schema, std::string format, std::string name, size_t n_children) {
  auto node = std::make_unique<SchemaNode>();
  node->format = std::move(format);
  node->name = std::move(name);
  node->children.resize(n_children);
  for (ArrowSchema& child : node->children) node->pointers.push_back(&child);
  schema = ArrowSchema{};
  schema.format = node->format.c_str();
  schema.name = node->name.c_str();
  schema.flags = kNullable;
  schema.n_children = static_cast<int64_t>(n_children);
  schema.children = node->pointers.data();
  schema.release = release_schema;
  schema.private_data = node.release();
}

/// What the struct array and all its children share: the caller's owner lives until the last of them is released.
struct Owner {
  void (*release)(void*) = nullptr;
  void* owner = nullptr;
  ~Owner() {
    if (release) release(owner);
  }
};

/// An array node that owns its packed bits and children.
struct ArrayNode {
  std::shared_ptr<Owner> owner;
  std::array<const void*, 2> buffers{};
  std::vector<uint8_t> validity;
  std::vector<uint8_t> bits;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
};

void release_array(ArrowArray* array) {
  auto* node = static_cast<ArrayNode*>(array->private_data);
  for (ArrowArray& child : node->children) {
    if (child.release) child.release(&child);  // a consumer may have moved a child out
  }
  delete node;
  array->release = nullptr;
}

ArrayNode& fill_array(ArrowArray& array, const std::shared_ptr<Owner>& owner, int64_t length, int64_t n_buffers, size_t n_children) {
  auto node = std::make_unique<ArrayNode>();
  node->owner = owner;
  node->children.resize(n_children);
  for (ArrowArray& child : node->children) node->pointers.push_back(&child);
  array = ArrowArray{};
  array.length = length;
  array.n_buffers = n_buffers;
  array.buffers = node->buffers.data();
  array.n_children = static_cast<int64_t>(n_children);
  array.children = node->pointers.data();
  array.release = release_array;
  ArrayNode& reference = *node;
  array.private_data = node.release();
  return reference;
}

/// One bit for each byte: set where (byte != 0) == value_of_set.
std::vector<uint8_t> pack(const uint8_t* bytes, int64_t n, bool value_of_set) {
  std::vector<uint8_t> bits(static_cast<size_t>((n + 7) / 8));
  for (int64_t i = 0; i < n; ++i) {
    if ((bytes[i] != 0) == value_of_set) bits[static_cast<size_t>(i >> 3)] |= static_cast<uint8_t>(1 << (i & 7));
  }
  return bits;
}

void fill_values(ArrayNode& node, const Packed& column, int64_t n_values) {
  node.buffers[1] = column.data;
  if (static_cast<Type>(column.field.type) == Type::kBool) {
    node.bits = pack(static_cast<const uint8_t*>(column.data), n_values, true);
    node.buffers[1] = node.bits.data();
  }
}

/// Releases what was filled before an exception; on success the struct is moved out.
template <class T>
struct Unfinished {
  T value{};
  ~Unfinished() {
    if (value.release) value.release(&value);
  }
  T take() { return std::exchange(value, T{}); }
};

}  // namespace

void write(std::span<const Packed> columns, int64_t n_rows, void (*release)(void*), void* owner, ArrowSchema& schema, ArrowArray& array) {
  for (const Packed& column : columns) {
    if (format_of(column.field).empty()) {
      throw Error(Code::kUnsupported, "column " + in_quotes(column.field.name) + " of type " +
                                          display_name(static_cast<Type>(column.field.type)) + " has no Arrow form here");
    }
  }
  Unfinished<ArrowSchema> fields;
  Unfinished<ArrowArray> arrays;
  fill_schema(fields.value, "+s", "", columns.size());
  const auto shared = std::make_shared<Owner>();
  fill_array(arrays.value, shared, n_rows, 1, columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const Packed& column = columns[i];
    const int64_t width = column.field.width;
    const std::string format = format_of(column.field);
    ArrowSchema& field = *fields.value.children[i];
    ArrowArray& values = *arrays.value.children[i];
    ArrayNode* node;
    if (width == 1) {
      fill_schema(field, format, column.field.name, 0);
      node = &fill_array(values, shared, n_rows, 2, 0);
      fill_values(*node, column, n_rows);
    } else {
      fill_schema(field, "+w:" + std::to_string(width), column.field.name, 1);
      fill_schema(*field.children[0], format, "item", 0);
      node = &fill_array(values, shared, n_rows, 1, 1);
      fill_values(fill_array(*values.children[0], shared, n_rows * width, 2, 0), column, n_rows * width);
    }
    if (static_cast<Type>(column.field.type) == Type::kMoney) {
      auto& owned = *static_cast<SchemaNode*>(field.private_data);
      owned.metadata = metadata_of(kTypeNameKey, "money");
      field.metadata = owned.metadata.data();
    }
    if (column.mask) {
      node->validity = pack(column.mask, n_rows, false);
      node->buffers[0] = node->validity.data();
      for (int64_t row = 0; row < n_rows; ++row) values.null_count += column.mask[row] != 0;
    }
  }
  shared->release = release;
  shared->owner = owner;
  schema = fields.take();
  array = arrays.take();
}

}  // namespace edgeonnx::arrow
