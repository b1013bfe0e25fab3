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
  each_field(attribute, field::attribute::kFloats,
             [&](const Reader& list) { list.each_real([&](float value) { values.push_back(value); }); });
  return values;
}

std::vector<int64_t> read_ints(const Attribute& attribute) {
  std::vector<int64_t> values;
  each_field(attribute, field::attribute::kInts,
             [&](const Reader& list) { list.each_integer([&](int64_t value) { values.push_back(value); }); });
  return values;
}

std::vector<std::string_view> read_strings(const Attribute& attribute) {
  std::vector<std::string_view> values;
  each_field(attribute, field::attribute::kStrings, [&](const Reader& list) { values.push_back(list.text()); });
  return values;
}

}  // namespace edgeonnx::onnx
