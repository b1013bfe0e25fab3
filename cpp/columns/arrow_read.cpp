// Arrow C data in.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "columns/arrow.h"
#include "columns/bitmap.h"

namespace edgeonnx::arrow {
namespace {

struct Format {
  Type type = Type::kUndefined;
  const char* name = "";
  int precision = 0;
  int scale = 0;
};

/// "d:precision,scale[,bits]".
Format decimal(std::string_view format) {
  std::vector<int> numbers;
  const char* at = format.data() + 2;
  const char* end = format.data() + format.size();
  while (true) {
    const auto [next, code] = std::from_chars(at, end, numbers.emplace_back());
    if (code != std::errc()) return {Type::kUndefined, "decimal"};
    if (next == end) break;
    if (*next != ',') return {Type::kUndefined, "decimal"};
    at = next + 1;
  }
  if (numbers.size() == 2) numbers.push_back(128);
  if (numbers.size() != 3) return {Type::kUndefined, "decimal"};
  const int precision = numbers[0], scale = numbers[1], bits = numbers[2];
  const Type type = bits == 32    ? Type::kDecimal32
                    : bits == 64  ? Type::kDecimal64
                    : bits == 128 ? Type::kDecimal128
                    : bits == 256 ? Type::kDecimal256
                                  : Type::kUndefined;
  const bool is_possible = precision >= 1 && precision <= kMostArrowDigits && scale >= -kMostArrowDigits && scale <= kMostArrowDigits;
  if (!is_possible || type == Type::kUndefined) return {Type::kUndefined, "decimal"};
  return {type, "decimal", precision, scale};
}

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
      {"n", {Type::kNull, "null"}},
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
  if (format.starts_with("d:")) return decimal(format);
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

/// The value of a key in a schema's metadata: a number of pairs, and each text behind its length, all 32-bit integers.
std::string_view metadata_value(const char* metadata, std::string_view key) {
  if (!metadata) return {};
  const auto number = [&metadata] {
    int32_t value;
    std::memcpy(&value, metadata, sizeof value);
    metadata += sizeof value;
    return value;
  };
  const auto text = [&] {
    const int32_t length = std::max(0, number());
    const std::string_view value(metadata, static_cast<size_t>(length));
    metadata += length;
    return value;
  };
  for (int32_t pairs = number(); pairs > 0; --pairs) {
    const std::string_view name = text();
    const std::string_view value = text();
    if (name == key) return value;
  }
  return {};
}

/// SQL's money travels as a decimal of 19 digits; Flight SQL has a key for what a database calls the type.
bool is_money(const ArrowSchema& schema, const Format& format) {
  return format.type == Type::kDecimal128 && format.precision == kMoneyDigits && format.scale == kMoneyScale &&
         equal_ignoring_case(metadata_value(schema.metadata, kTypeNameKey), "money");
}

/// The values below fixed-size lists, which may lie in each other.
struct Nested {
  const ArrowSchema* values;
  int depth = 0;
  int64_t width = 1;
};

Nested unnest(const ArrowSchema& schema) {
  Nested nested{&schema};
  for (int64_t size; !nested.values->dictionary && nested.values->n_children == 1 && (size = list_size(nested.values->format)) >= 0;) {
    if (__builtin_mul_overflow(nested.width, size, &nested.width)) nested.width = 0;
    nested.values = nested.values->children[0];
    ++nested.depth;
  }
  return nested;
}

edgeonnx_field read_field(const ArrowSchema& schema) {
  edgeonnx_field field{};
  field.name = schema.name ? schema.name : "";
  field.width = 1;
  if (schema.dictionary) {
    field.type_name = "dictionary";
    return field;
  }
  const Nested nested = unnest(schema);
  Format format = primitive(nested.values->format);
  field.width = nested.width;
  // A list of bits has no row stride in bytes; such a column can't be borrowed. One of NULLs has no values.
  const bool has_values = format.type != Type::kBit && format.type != Type::kNull && nested.width > 0;
  if (nested.depth > 0 && (nested.values->dictionary || !has_values)) {
    format = {Type::kUndefined, "fixed_size_list"};
  }
  if (is_money(schema, format)) format.type = Type::kMoney;
  field.type = static_cast<int32_t>(format.type);
  field.type_name = format.name;
  field.precision = static_cast<int16_t>(format.precision);
  field.scale = static_cast<int16_t>(format.scale);
  return field;
}

/// The validity bitmap of an array, or null where it holds no NULL.
const uint8_t* validity_of(const ArrowArray& array) {
  if (array.null_count == 0 || array.n_buffers < 1) return nullptr;
  return static_cast<const uint8_t*>(array.buffers[0]);
}

/// Whether a row that is no NULL has a NULL among its `per_row` inner lists, of which the first is `first_value`.
bool has_null_list(const Column& column, const ArrowArray& lists, int64_t first_value, int64_t n_rows, int64_t per_row) {
  const uint8_t* validity = validity_of(lists);
  if (!validity || count_bits(validity, first_value, n_rows * per_row) == n_rows * per_row) return false;
  for (int64_t r = 0; r < n_rows; ++r) {
    const bool is_null = column.validity && !bit_at(column.validity, column.offset + r);
    if (!is_null && count_bits(validity, first_value + r * per_row, per_row) != per_row) return true;
  }
  return false;
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
    if (type == Type::kNull) continue;
    const int64_t first = child.offset + array.offset;
    column.offset = first;
    column.validity = validity_of(child);
    const Nested nested = unnest(*schema.children[i]);
    const ArrowArray* values = &child;
    int64_t first_value = first;
    int64_t n_values = array.length;
    const ArrowSchema* list = schema.children[i];
    for (int depth = 0; depth < nested.depth; ++depth, list = list->children[0]) {
      const int64_t size = list_size(list->format);
      if (depth > 0 && has_null_list(column, *values, first_value, array.length, n_values / std::max<int64_t>(1, array.length))) {
        throw Error(Code::kNullValue, "column " + in_quotes(field.name) +
                                          " has NULL lists inside its lists; make the whole row NULL, or the single values inside them");
      }
      values = values->children[0];
      first_value = first_value * size + values->offset;
      n_values *= size;
      if (values->length < first_value - values->offset + n_values) {
        throw Error(Code::kInvalidArgument, "column " + in_quotes(field.name) + " of the Arrow array has fewer values than its lists need");
      }
    }
    column.stride = packed_stride(type, field.width);
    const auto* data = static_cast<const std::byte*>(values->n_buffers > 1 ? values->buffers[1] : nullptr);
    // An empty array may have no buffer at all.
    column.data = data && type != Type::kBit ? data + first_value * size_of(type) : data;
    if (nested.depth > 0) {
      column.value_validity = validity_of(*values);
      column.value_offset = first_value;
    }
  }
  return array.length;
}

}  // namespace edgeonnx::arrow
