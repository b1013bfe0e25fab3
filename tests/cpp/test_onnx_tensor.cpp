// Constant tensors: every type in raw and in typed fields, and what is refused.
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "check.h"
#include "onnx/tensor.h"
#include "onnx_messages.h"

using namespace edgeonnx;
using namespace messages;
using TensorValues = edgeonnx::onnx::Tensor;

namespace {

// Fields of TensorProto that hold values one by one.
constexpr uint32_t kFloatData = 4, kInt32Data = 5, kInt64Data = 7, kDoubleData = 10, kUint64Data = 11;

template <class T>
Writer raw(Type type, const std::vector<int64_t>& shape, const std::vector<T>& values) {
  Writer made = tensor("t", static_cast<int64_t>(type), shape);
  made.bytes(field::tensor::kRawData, std::as_bytes(std::span(values)));
  return made;
}

/// Values in a typed field, packed or one by one.
Writer integers(Type type, uint32_t field, const std::vector<int64_t>& values, bool is_packed) {
  Writer made = tensor("t", static_cast<int64_t>(type), {static_cast<int64_t>(values.size())});
  if (!is_packed) {
    for (const int64_t value : values) made.integer(field, value);
    return made;
  }
  Writer packed;  // a varint is a field without its tag
  for (const int64_t value : values) {
    Writer one;
    one.integer(1, value);
    packed.verbatim(onnx::Bytes(one.buffer()).subspan(1));
  }
  made.bytes(field, packed.buffer());
  return made;
}

std::optional<TensorValues> read_back(const Writer& message) { return onnx::read_tensor(onnx::Bytes(message.buffer())); }

template <class T>
void check_raw(Type type) {
  using Limits = std::numeric_limits<T>;
  const std::vector<T> values = {Limits::lowest(), Limits::max(), 0, 1, static_cast<T>(3), static_cast<T>(100)};
  const auto found = read_back(raw(type, {2, 3}, values));
  CHECK(found.has_value());
  if (!found) return;
  CHECK(found->type == type && found->shape == (std::vector<int64_t>{2, 3}));
  CHECK_EQUAL(found->n_values(), 6);
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::is_floating_point_v<T>) {
      CHECK_EQUAL(found->reals[i], static_cast<double>(values[i]));
    } else {
      CHECK_EQUAL(found->integers[i], static_cast<int64_t>(values[i]));
    }
    CHECK_EQUAL(found->real(static_cast<int64_t>(i)), static_cast<double>(values[i]));
  }
}

}  // namespace

TEST(test_tensor_raw_values_of_every_type) {
  check_raw<float>(Type::kFloat);
  check_raw<double>(Type::kDouble);
  check_raw<int8_t>(Type::kInt8);
  check_raw<uint8_t>(Type::kUint8);
  check_raw<int16_t>(Type::kInt16);
  check_raw<uint16_t>(Type::kUint16);
  check_raw<int32_t>(Type::kInt32);
  check_raw<uint32_t>(Type::kUint32);
  check_raw<int64_t>(Type::kInt64);
  const auto flags = read_back(raw<uint8_t>(Type::kBool, {3}, {0, 1, 1}));
  CHECK(flags && flags->integers == (std::vector<int64_t>{0, 1, 1}));
}

TEST(test_tensor_special_floats_keep_their_bits) {
  const float values[] = {-0.0F, std::numeric_limits<float>::infinity(), std::nanf(""), std::numeric_limits<float>::denorm_min()};
  const auto found = read_back(raw(Type::kFloat, {4}, std::vector<float>(values, values + 4)));
  CHECK(found && std::signbit(found->reals[0]) && std::isinf(found->reals[1]) && std::isnan(found->reals[2]));
  CHECK(found && static_cast<float>(found->reals[3]) == values[3]);
}

TEST(test_tensor_values_one_by_one_or_packed) {
  const std::vector<int64_t> values = {-128, 127, 0, 5};
  for (const bool is_packed : {false, true}) {
    for (const Type type : {Type::kInt8, Type::kInt16, Type::kInt32}) {
      const auto found = read_back(integers(type, kInt32Data, values, is_packed));
      CHECK(found && found->integers == values);
    }
    const auto longs = read_back(integers(Type::kInt64, kInt64Data, {std::numeric_limits<int64_t>::min(), -1, 1}, is_packed));
    CHECK(longs && longs->integers == (std::vector<int64_t>{std::numeric_limits<int64_t>::min(), -1, 1}));
    const auto flags = read_back(integers(Type::kBool, kInt32Data, {1, 0}, is_packed));
    CHECK(flags && flags->integers == (std::vector<int64_t>{1, 0}));
  }
  const std::vector<float> reals = {0.5F, -3};
  Writer floats = tensor("t", 1, {2}), packed = floats;
  for (const float value : reals) floats.real(kFloatData, value);
  packed.bytes(kFloatData, std::as_bytes(std::span(reals)));
  for (const Writer& each : {floats, packed}) {
    const auto found = read_back(each);
    CHECK(found && found->reals == (std::vector<double>{0.5, -3}));
  }
  const std::vector<double> wide = {0.1, -1e300};
  Writer doubles = tensor("t", 11, {2});
  doubles.bytes(kDoubleData, std::as_bytes(std::span(wide)));
  const auto found = read_back(doubles);
  CHECK(found && found->reals == wide);
}

TEST(test_tensor_scalars_and_empty_ones) {
  const auto scalar = read_back(raw<float>(Type::kFloat, {}, {2}));
  CHECK(scalar && scalar->shape.empty() && scalar->n_values() == 1);
  const auto empty = read_back(raw<float>(Type::kFloat, {0}, {}));
  CHECK(empty && empty->n_values() == 0);
  const auto folded = read_back(raw<int64_t>(Type::kInt64, {3, 0, 5}, {}));
  CHECK(folded && folded->n_values() == 0);
  CHECK(!read_back(raw<float>(Type::kFloat, {}, {})));
}

TEST(test_tensor_of_another_size_than_its_shape_is_refused) {
  const std::vector<float> three = {1, 2, 3};
  CHECK(read_back(raw(Type::kFloat, {3}, three)));
  CHECK(!read_back(raw(Type::kFloat, {2}, three)));
  CHECK(!read_back(raw(Type::kFloat, {4}, three)));
  CHECK(!read_back(raw(Type::kFloat, {-3}, three)));
  CHECK(!read_back(raw(Type::kFloat, {-1, -3}, three)));
  CHECK(!read_back(raw(Type::kDouble, {3}, three)));
  CHECK(!read_back(raw(Type::kFloat, {int64_t{1} << 32, int64_t{1} << 32}, three)));      // their product is 2^64
  CHECK(!read_back(raw<float>(Type::kFloat, {int64_t{1} << 32, int64_t{1} << 32}, {})));  // which wraps around to 0
  CHECK(!read_back(raw(Type::kFloat, {std::numeric_limits<int64_t>::max(), 3}, three)));
  CHECK(!read_back(integers(Type::kFloat, kInt32Data, {1, 2}, true)));  // another type's field
  CHECK(!read_back(raw<uint8_t>(Type::kFloat, {1}, {0, 0, 0, 0, 9})));  // a byte too many
}

TEST(test_tensor_of_other_types_or_files_is_refused) {
  CHECK(!read_back(raw<uint64_t>(Type::kUint64, {1}, {1})));
  CHECK(!read_back(integers(Type::kUint64, kUint64Data, {1}, true)));
  CHECK(!read_back(raw<uint16_t>(Type::kFloat16, {1}, {1})));
  CHECK(!read_back(raw<uint16_t>(Type::kBfloat16, {1}, {1})));
  CHECK(!read_back(raw<uint8_t>(Type::kUndefined, {1}, {1})));
  CHECK(!read_back(tensor("t", 8, {0})));     // text
  CHECK(!read_back(tensor("t", 17, {0})));    // a float of one byte
  CHECK(!read_back(tensor("t", 9999, {0})));  // none
  CHECK(!read_back(external_tensor("t", "weights.bin")));
}

TEST(test_tensor_of_an_initializer_and_of_an_attribute) {
  Writer graph, attribute = named_attribute("value");
  attribute.message(field::attribute::kT, raw<float>(Type::kFloat, {2}, {4, 5}));
  graph.message(field::graph::kNode, node("Constant", "", {}, {"c"}, {attribute}));
  graph.message(field::graph::kInitializer, raw<int64_t>(Type::kInt64, {1}, {7}));
  graph.message(field::graph::kInitializer, external_tensor("outside", "weights.bin"));
  const Writer bytes = model(graph);
  const Model made = read(bytes);
  const auto constant = onnx::read_tensor(*made.nodes[0].attribute("value"));
  CHECK(constant && constant->reals == (std::vector<double>{4, 5}));
  const auto initializer = onnx::read_tensor(made.initializers[0]);
  CHECK(initializer && initializer->integers == std::vector<int64_t>{7});
  CHECK(!onnx::read_tensor(made.initializers[1]));
}

int main() { return check::run(); }
