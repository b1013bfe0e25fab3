#include "onnx/value_info.h"

#include <array>
#include <utility>

#include "onnx/field.h"

namespace edgeonnx::onnx {

namespace {

/// What a TypeProto says; `type` and `shape` are those of a tensor.
struct TypeInfo {
  Kind kind = Kind::kUnknown;
  Type type = Type::kUndefined;
  bool has_shape = false;
  std::vector<Dimension> shape;
  std::string text;
};

std::string element_text(int64_t data_type) {
  constexpr int64_t kFirst = 17;
  constexpr std::array kLater = {"float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",
                                 "float4e2m1",   "float8e8m0",     "uint2",      "int2",           "float6e2m3", "float6e3m2"};
  if (data_type >= kFirst && data_type < kFirst + static_cast<int64_t>(kLater.size())) return kLater[data_type - kFirst];
  return onnx_name(element_type(data_type));
}

/// A message that may stand only once: protobuf would merge a second one into the first, and no writer makes one.
Reader only_message(const Reader& reader, bool& seen, const char* type) {
  if (std::exchange(seen, true)) reader.fail("a second " + std::string(type));
  return reader.message(type);
}

Dimension read_dimension(Reader reader) {
  Dimension dimension;
  while (reader.next()) {
    switch (reader.number()) {
      case field::dimension::kValue:
        dimension = {std::max<int64_t>(reader.integer(), -1), {}};
        break;
      case field::dimension::kParameter:
        dimension = {-1, reader.text()};
        break;
    }
  }
  return dimension;
}

void read_tensor_type(Reader reader, TypeInfo& info) {
  int64_t data_type = 0;
  while (reader.next()) {
    switch (reader.number()) {
      case field::tensor_type::kElementType:
        data_type = reader.integer();
        break;
      case field::tensor_type::kShape: {
        Reader shape = only_message(reader, info.has_shape, "TensorShapeProto");
        while (shape.next()) {
          if (shape.number() == field::shape::kDimension) info.shape.push_back(read_dimension(shape.message("Dimension")));
        }
        break;
      }
    }
  }
  info.type = element_type(data_type);
  info.text = element_text(data_type);
}

TypeInfo read_type(Reader reader);

/// The text of the TypeProto in field `number`, for a sequence, an optional or a map's value.
std::string nested_text(Reader reader, uint32_t number) {
  std::string text;
  bool seen = false;
  while (reader.next()) {
    if (reader.number() == number) text = read_type(only_message(reader, seen, "TypeProto")).text;
  }
  return text;
}

std::string map_text(Reader reader) {
  std::string text = nested_text(reader, field::map::kValueType);
  int64_t key_type = 0;
  while (reader.next()) {
    if (reader.number() == field::map::kKeyType) key_type = reader.integer();
  }
  return "map(" + element_text(key_type) + "," + text + ")";
}

std::string opaque_text(Reader reader) {
  std::string domain, name;
  while (reader.next()) {
    if (reader.number() == field::opaque::kDomain) domain = reader.text();
    if (reader.number() == field::opaque::kName) name = reader.text();
  }
  return "opaque(" + (domain.empty() ? name : domain + "," + name) + ")";
}

TypeInfo read_type(Reader reader) {
  TypeInfo info;
  bool seen = false;
  while (reader.next()) {
    switch (reader.number()) {
      case field::type::kTensor:
        read_tensor_type(only_message(reader, seen, "type"), info);
        info.kind = Kind::kTensor;
        info.text = "tensor(" + info.text + ")";
        break;
      case field::type::kSparseTensor: {
        TypeInfo values;
        read_tensor_type(only_message(reader, seen, "type"), values);
        info.kind = Kind::kSparseTensor;
        info.text = "sparse_tensor(" + values.text + ")";
        break;
      }
      case field::type::kSequence:
        info.kind = Kind::kSequence;
        info.text = "seq(" + nested_text(only_message(reader, seen, "type"), field::element::kType) + ")";
        break;
      case field::type::kOptional:
        info.kind = Kind::kOptional;
        info.text = "optional(" + nested_text(only_message(reader, seen, "type"), field::element::kType) + ")";
        break;
      case field::type::kMap:
        info.kind = Kind::kMap;
        info.text = map_text(only_message(reader, seen, "type"));
        break;
      case field::type::kOpaque:
        info.kind = Kind::kOpaque;
        info.text = opaque_text(only_message(reader, seen, "type"));
        break;
    }
  }
  return info;
}

}  // namespace

Type element_type(int64_t data_type) {
  const bool known = data_type >= static_cast<int64_t>(Type::kFloat) && data_type <= static_cast<int64_t>(Type::kBfloat16);
  return known ? static_cast<Type>(data_type) : Type::kUndefined;
}

ValueInfo read_value_info(Reader message) {
  ValueInfo value;
  bool seen = false;
  while (message.next()) {
    switch (message.number()) {
      case field::value_info::kName:
        value.name = message.text();
        break;
      case field::value_info::kType: {
        TypeInfo info = read_type(only_message(message, seen, "TypeProto"));
        value.kind = info.kind;
        value.type = info.type;
        value.has_shape = info.has_shape;
        value.shape = std::move(info.shape);
        value.type_text = std::move(info.text);
        break;
      }
    }
  }
  return value;
}

std::string_view name_of(Reader message) {
  std::string_view name;
  while (message.next()) {
    if (message.number() == field::value_info::kName) name = message.text();
  }
  return name;
}

}  // namespace edgeonnx::onnx
