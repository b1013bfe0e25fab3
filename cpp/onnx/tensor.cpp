#include "onnx/tensor.h"

#include <bit>
#include <cstring>

#include "base/text.h"
#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {
namespace {

// Fields of TensorProto that hold values one by one.
constexpr uint32_t kFloatData = 4;
constexpr uint32_t kInt32Data = 5;
constexpr uint32_t kInt64Data = 7;
constexpr uint32_t kDoubleData = 10;

/// Whether the bytes are whole values.
template <class T, class U>
bool decode(Bytes raw, std::vector<U>& values) {
  values.reserve(raw.size() / sizeof(T));
  for (size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, raw.data() + at, sizeof value);
    values.push_back(static_cast<U>(value));
  }
  return raw.size() % sizeof(T) == 0;
}

/// Whether the type is one that is read, and the bytes are values of it.
bool decode_raw(Bytes raw, Tensor& tensor) {
  switch (tensor.type) {
    case Type::kFloat:
      return decode<float>(raw, tensor.reals);
    case Type::kDouble:
      return decode<double>(raw, tensor.reals);
    case Type::kBool:
    case Type::kUint8:
      return decode<uint8_t>(raw, tensor.integers);
    case Type::kInt8:
      return decode<int8_t>(raw, tensor.integers);
    case Type::kUint16:
      return decode<uint16_t>(raw, tensor.integers);
    case Type::kInt16:
      return decode<int16_t>(raw, tensor.integers);
    case Type::kInt32:
      return decode<int32_t>(raw, tensor.integers);
    case Type::kUint32:
      return decode<uint32_t>(raw, tensor.integers);
    case Type::kInt64:
      return decode<int64_t>(raw, tensor.integers);
    default:
      return false;
  }
}

/// double_data, which a Reader has no call for: packed, or one by one in fixed64 fields.
void read_doubles(const Reader& reader, std::vector<double>& values) {
  (void)decode<double>(reader.wire() == Wire::kBytes ? reader.bytes() : reader.field().last(sizeof(double)), values);
}

std::optional<Tensor> read_tensor(Reader reader) {
  Tensor tensor;
  Bytes raw;
  std::vector<double> doubles;
  std::vector<int64_t> integers;
  bool is_external = false;
  while (reader.next()) {
    switch (reader.number()) {
      case field::tensor::kDims:
        reader.each_integer([&](int64_t size) { tensor.shape.push_back(size); });
        break;
      case field::tensor::kDataType:
        tensor.type = element_type(reader.integer());
        break;
      case field::tensor::kDataLocation:
        is_external = reader.integer() != 0;
        break;
      case field::tensor::kRawData:
        raw = reader.bytes();
        break;
      case kFloatData:
        reader.each_real([&](float value) { doubles.push_back(static_cast<double>(value)); });
        break;
      case kInt32Data:
      case kInt64Data:
        reader.each_integer([&](int64_t value) { integers.push_back(value); });
        break;
      case kDoubleData:
        read_doubles(reader, doubles);
        break;
    }
  }
  if (is_external || !decode_raw(raw, tensor)) return std::nullopt;
  if (raw.empty()) {
    tensor.reals = std::move(doubles);
    tensor.integers = std::move(integers);
  }
  int64_t n = 1;
  for (const int64_t size : tensor.shape) {
    if (size < 0 || (size > 0 && n > (int64_t{1} << 40) / size)) return std::nullopt;
    n *= size;
  }
  if (n != tensor.n_values()) return std::nullopt;
  return tensor;
}

}  // namespace

std::optional<Tensor> read_tensor(Bytes bytes) {
  const Source source{"a constant", bytes.data()};
  return read_tensor(Reader(bytes, source, "TensorProto"));
}

std::optional<Tensor> read_tensor(const Initializer& initializer) {
  return initializer.is_external ? std::nullopt : read_tensor(initializer.bytes);
}

std::optional<Tensor> read_tensor(const Attribute& attribute) {
  const Source source{"attribute " + in_quotes(attribute.name), attribute.bytes.data()};
  Reader reader(attribute.bytes, source, "AttributeProto");
  std::optional<Tensor> tensor;
  while (reader.next()) {
    if (reader.number() == field::attribute::kT) tensor = read_tensor(reader.message("TensorProto"));
  }
  return tensor;
}

}  // namespace edgeonnx::onnx
