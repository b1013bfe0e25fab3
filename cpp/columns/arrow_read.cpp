// Arrow C data in.
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "columns/arrow.h"
#include "columns/bitmap.h"

namespace edgeonnx::arrow {
namespace {

struct Format {
  Type type = Type::kUndefined;
  const char* name = "";
};

/// Types of one fixed-size value; everything else is a column that no input takes, named for the messages.
Format primitive(std::string_view format) {
  struct Entry {
    const char* format;
    Format value;
  };
  static constexpr Entry kEntries[] = {
      {"b", {Type::kBit, "bool"}},
      {"c", {Type::kInt8, "int8"}},
      {"C", {Type::kUint8, "uint8"}},
      {"s", {Type::kInt16, "int16"}},
      {"S", {Type::kUint16, "uint16"}},
      {"i", {Type::kInt32, "int32"}},
      {"I", {Type::kUint32, "uint32"}},
      {"l", {Type::kInt64, "int64"}},
      {"L", {Type::kUint64, "uint64"}},
      {"e", {Type::kFloat16, "float16"}},
      {"f", {Type::kFloat, "float"}},
      {"g", {Type::kDouble, "double"}},
      {"n", {Type::kUndefined, "null"}},
      {"u", {Type::kUndefined, "string"}},
      {"U", {Type::kUndefined, "large_string"}},
      {"vu", {Type::kUndefined, "string_view"}},
      {"z", {Type::kUndefined, "binary"}},
      {"Z", {Type::kUndefined, "large_binary"}},
      {"+l", {Type::kUndefined, "list"}},
      {"+L", {Type::kUndefined, "large_list"}},
      {"+s", {Type::kUndefined, "struct"}},
      {"+m", {Type::kUndefined, "map"}},
  };
  for (const Entry& entry : kEntries) {
    if (format == entry.format) return entry.value;
  }
  if (format.starts_with("d:")) return {Type::kUndefined, "decimal"};
  if (format.starts_with("td")) return {Type::kUndefined, "date"};
  if (format.starts_with("tt")) return {Type::kUndefined, "time"};
  if (format.starts_with("ts")) return {Type::kUndefined, "timestamp"};
  if (format.starts_with("tD") || format.starts_with("ti")) return {Type::kUndefined, "interval"};
  return {Type::kUndefined, "unknown Arrow type"};
}

/// k of "+w:k", or -1.
int64_t list_size(std::string_view format) {
  if (!format.starts_with("+w:")) return -1;
  int32_t size = -1;
  const char* end = format.data() + format.size();
  return std::from_chars(format.data() + 3, end, size).ptr == end && size >= 0 ? size : -1;
}

edgeonnx_field read_field(const ArrowSchema& schema) {
  edgeonnx_field field{};
  field.name = schema.name ? schema.name : "";
  field.width = 1;
  if (schema.dictionary) {
    field.type_name = "dictionary";
    return field;
  }
  Format format = primitive(schema.format);
  if (const int64_t size = list_size(schema.format); size >= 0 && schema.n_children == 1) {
    format = primitive(schema.children[0]->format);
    field.width = size;
    // A list of bits has no row stride in bytes; such a column can't be borrowed.
    if (schema.children[0]->dictionary || format.type == Type::kBit || size == 0) format = {Type::kUndefined, "fixed_size_list"};
  }
  field.type = static_cast<int32_t>(format.type);
  field.type_name = format.name;
  return field;
}

/// The validity bitmap of an array, or null where it holds no NULL.
const uint8_t* validity_of(const ArrowArray& array) {
  if (array.null_count == 0 || array.n_buffers < 1) return nullptr;
  return static_cast<const uint8_t*>(array.buffers[0]);
}

void check_struct(const ArrowSchema& schema, size_t n) {
  if (!schema.release || !schema.format) throw Error(Code::kInvalidArgument, "the Arrow schema has been released");
  if (std::strcmp(schema.format, "+s") != 0) {
    throw Error(Code::kInvalidArgument, "the Arrow data are not a table: expected a struct (format '+s'), format is " +
                                            in_quotes(schema.format) + "; pass a record batch, a table, or a mapping of names to arrays");
  }
  if (n != static_cast<size_t>(schema.n_children))
    throw Error(Code::kInvalidArgument, "room for every child of the Arrow schema is needed");
}

}  // namespace

void read_fields(const ArrowSchema& schema, std::span<edgeonnx_field> fields) {
  check_struct(schema, fields.size());
  for (size_t i = 0; i < fields.size(); ++i) fields[i] = read_field(*schema.children[i]);
}

int64_t read_columns(const ArrowSchema& schema, const ArrowArray& array, std::span<Column> columns) {
  check_struct(schema, columns.size());
  if (!array.release) throw Error(Code::kInvalidArgument, "the Arrow array has been released");
  if (array.n_children != schema.n_children)
    throw Error(Code::kInvalidArgument, "Arrow array and schema differ in their number of children");
  if (const uint8_t* validity = validity_of(array); validity && count_bits(validity, array.offset, array.length) != array.length) {
    throw Error(Code::kNullValue, "the Arrow struct array has NULL rows of its own; flatten it into columns first");
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const edgeonnx_field field = read_field(*schema.children[i]);
    const ArrowArray& child = *array.children[i];
    const Type type = static_cast<Type>(field.type);
    Column& column = columns[i] = Column{};
    if (type == Type::kUndefined) continue;
    if (child.length < array.offset + array.length) {
      throw Error(Code::kInvalidArgument, "column " + in_quotes(field.name) + " of the Arrow array is shorter than the table");
    }
    const int64_t first = child.offset + array.offset;
    column.offset = first;
    column.validity = validity_of(child);
    const bool is_list = list_size(schema.children[i]->format) >= 0;
    const ArrowArray& values = is_list ? *child.children[0] : child;
    if (is_list && values.length < (first + array.length) * field.width) {
      throw Error(Code::kInvalidArgument, "column " + in_quotes(field.name) + " of the Arrow array has fewer values than its lists need");
    }
    const int64_t first_value = is_list ? values.offset + first * field.width : first;
    column.stride = packed_stride(type, field.width);
    const auto* data = static_cast<const std::byte*>(values.n_buffers > 1 ? values.buffers[1] : nullptr);
    // An empty array may have no buffer at all.
    column.data = data && type != Type::kBit ? data + first_value * size_of(type) : data;
    if (is_list) {
      column.value_validity = validity_of(values);
      column.value_offset = first_value;
    }
  }
  return array.length;
}

}  // namespace edgeonnx::arrow
