#include "onnx/attribute.h"

#include "base/text.h"
#include "onnx/field.h"

namespace edgeonnx::onnx {

namespace {

/// Calls take(reader) at each field `number` of the attribute.
template <class Take>
void each_field(const Attribute& attribute, uint32_t number, Take&& take) {
  const Source source{"attribute " + in_quotes(attribute.name), attribute.bytes.data()};
  Reader reader(attribute.bytes, source, "AttributeProto");
  while (reader.next()) {
    if (reader.number() == number) take(reader);
  }
}

}  // namespace

std::vector<float> read_floats(const Attribute& attribute) {
  std::vector<float> values;
  values.reserve(attribute.bytes.size() / 5);  // one by one, as ONNX writes them, each has a byte of its own besides
  each_field(attribute, field::attribute::kFloats, [&](Reader& list) { list.each_real([&](float value) { values.push_back(value); }); });
  return values;
}

std::vector<int64_t> read_ints(const Attribute& attribute) {
  std::vector<int64_t> values;
  values.reserve(attribute.bytes.size() / 2);
  each_field(attribute, field::attribute::kInts, [&](Reader& list) { list.each_integer([&](int64_t value) { values.push_back(value); }); });
  return values;
}

std::vector<std::string_view> read_strings(const Attribute& attribute) {
  std::vector<std::string_view> values;
  each_field(attribute, field::attribute::kStrings,
             [&](Reader& list) { list.each_text([&](std::string_view value) { values.push_back(value); }); });
  return values;
}

}  // namespace edgeonnx::onnx
