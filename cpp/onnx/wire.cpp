#include "onnx/wire.h"

#include <utility>

namespace edgeonnx::onnx {

namespace {

constexpr int kMaxDepth = 100;  // protobuf's default recursion limit: what it refuses, ONNX Runtime cannot load
constexpr int kMaxVarintBytes = 10;

const char* wire_name(Wire wire) {
  switch (wire) {
    case Wire::kVarint:
      return "varint";
    case Wire::kFixed64:
      return "fixed64";
    case Wire::kBytes:
      return "bytes";
    case Wire::kFixed32:
      return "fixed32";
  }
  return "unknown";
}

}  // namespace

std::string Reader::at_field() const { return "byte " + std::to_string(field_.data() - source_->begin) + ": " + type_ + ": "; }

void Reader::fail(const std::string& problem) const {
  throw Error(Code::kInvalidModel, source_->what + " is broken at " + at_field() + problem);
}

void Reader::fail_wire(Wire expected) const {
  fail("field " + std::to_string(number_) + " has wire type " + wire_name(wire_) + ", expected " + wire_name(expected));
}

uint64_t Reader::take_varint() {
  if (!rest_.empty() && std::to_integer<uint8_t>(rest_.front()) < 0x80) {  // most tags, lengths and numbers
    return std::to_integer<uint64_t>(std::exchange(rest_, rest_.subspan(1)).front());
  }
  uint64_t value = 0;
  for (int k = 0; k < kMaxVarintBytes; ++k) {
    if (rest_.empty()) throw Overrun(source_->what + " is broken at " + at_field() + "a number is cut off");
    const uint64_t byte = std::to_integer<uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    value |= (byte & 0x7f) << (7 * k);  // bits beyond the 64th fall away, as protobuf has it
    if (byte < 0x80) return value;
  }
  fail("a number has more than 10 bytes");
}

Bytes Reader::take(uint64_t n_bytes) {
  if (n_bytes > rest_.size()) {
    throw Overrun(source_->what + " is broken at " + at_field() + "field " + std::to_string(number_) + " needs " + std::to_string(n_bytes) +
                  " bytes, " + std::to_string(rest_.size()) + " are left");
  }
  return std::exchange(rest_, rest_.subspan(static_cast<size_t>(n_bytes))).first(static_cast<size_t>(n_bytes));
}

bool Reader::next() {
  field_ = rest_;
  if (rest_.empty()) return false;
  const uint64_t tag = take_varint();
  if (tag >> 3 == 0 || tag > UINT32_MAX) fail(std::to_string(tag >> 3) + " is no field number");
  number_ = static_cast<uint32_t>(tag >> 3);
  wire_ = static_cast<Wire>(tag & 7);
  switch (wire_) {
    case Wire::kVarint:
      value_ = take_varint();
      break;
    case Wire::kFixed64:
      take(8);
      break;
    case Wire::kBytes:
      payload_ = take(take_varint());
      break;
    case Wire::kFixed32: {
      value_ = 0;
      const Bytes four = take(4);
      for (size_t k = 0; k < 4; ++k) value_ |= std::to_integer<uint64_t>(four[k]) << (8 * k);
      break;
    }
    default:
      fail("field " + std::to_string(number_) + " has the wire type " + std::to_string(tag & 7) + ", which ONNX does not use");
  }
  field_ = field_.first(field_.size() - rest_.size());
  return true;
}

int64_t Reader::integer() const {
  expect(Wire::kVarint);
  return static_cast<int64_t>(value_);
}

float Reader::real() const {
  expect(Wire::kFixed32);
  return std::bit_cast<float>(static_cast<uint32_t>(value_));
}

Bytes Reader::bytes() const {
  expect(Wire::kBytes);
  return payload_;
}

std::string_view Reader::text() const {
  const Bytes content = bytes();
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

Reader Reader::message(const char* type) const {
  const Bytes content = bytes();
  if (depth_ + 1 >= kMaxDepth) fail("messages are nested more than " + std::to_string(kMaxDepth) + " levels deep");
  return Reader(content, *source_, type, depth_ + 1);
}

void Writer::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::byte>(value | 0x80));
  out_.push_back(static_cast<std::byte>(value));
}

void Writer::integer(uint32_t number, int64_t value) {
  tag(number, Wire::kVarint);
  varint(static_cast<uint64_t>(value));
}

void Writer::real(uint32_t number, float value) {
  tag(number, Wire::kFixed32);
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  for (int k = 0; k < 4; ++k) out_.push_back(static_cast<std::byte>(bits >> (8 * k)));
}

void Writer::bytes(uint32_t number, Bytes value) {
  head(number, value.size());
  verbatim(value);
}

void Writer::head(uint32_t number, uint64_t n_bytes) {
  tag(number, Wire::kBytes);
  varint(n_bytes);
}

}  // namespace edgeonnx::onnx
