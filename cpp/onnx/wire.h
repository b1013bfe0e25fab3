// Protobuf's wire format without a protobuf library: a bounds-checked reader over one message, and a writer.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace edgeonnx::onnx {

using Bytes = std::span<const std::byte>;

/// Wire types. Groups (3 and 4) are refused: ONNX has none.
enum class Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// What messages call the bytes ("model 'iris.onnx'"), and the byte that offsets in messages count from.
struct Source {
  std::string what;
  const std::byte* begin = nullptr;
};

/// A message ends in the middle of a field.
class Overrun : public Error {
 public:
  explicit Overrun(const std::string& message) : Error(Code::kInvalidModel, message) {}
};

/// Walks the fields of one message. Everything it hands out points into the message's bytes. Every failure is an Error(kInvalidModel) that
/// names the source, the byte and the message's type.
class Reader {
 public:
  /// `source` and `type` ("NodeProto") are for messages and must outlive the reader.
  Reader(Bytes message, const Source& source, const char* type) : Reader(message, source, type, 0) {}

  /// Goes to the next field; false at the end of the message. Throws Overrun where the field does not fit into the message.
  bool next();

  /// Of the current field:
  uint32_t number() const { return number_; }
  Wire wire() const { return wire_; }
  Bytes field() const { return field_; }  ///< all of it, tag and length included

  /// The value of the current field. Throws if its wire type is another one.
  int64_t integer() const;
  float real() const;
  Bytes bytes() const;
  std::string_view text() const;
  /// A message nested in this one. Throws beyond 100 levels, protobuf's own limit.
  Reader message(const char* type) const;

  /// Calls take(int64_t) for each number of a repeated field, whether it is packed or not. Further fields of the same number may be taken
  /// along, so that a long list is not read field by field.
  template <class Take>
  void each_integer(Take&& take);
  /// Likewise take(float).
  template <class Take>
  void each_real(Take&& take);
  /// Likewise take(std::string_view).
  template <class Take>
  void each_text(Take&& take);

  /// Throws Error: "<source> is broken at byte <where the current field begins>: <type>: <problem>".
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  Reader(Bytes message, const Source& source, const char* type, int depth)
      : source_(&source), type_(type), depth_(depth), field_(message.first(0)), rest_(message) {}

  void expect(Wire wire) const {
    if (wire_ != wire) fail_wire(wire);
  }
  [[noreturn]] void fail_wire(Wire expected) const;
  std::string at_field() const;
  uint64_t take_varint();
  Bytes take(uint64_t n_bytes);
  /// Goes on from field to field while step(byte behind the tag, end of the message) knows where the next one begins; it gives null where
  /// the field is better left to next().
  template <class Step>
  void follow(Step&& step);

  const Source* source_;
  const char* type_;
  int depth_;
  uint32_t number_ = 0;
  Wire wire_ = Wire::kVarint;
  uint64_t value_ = 0;  // of varints and fixed32
  Bytes payload_;       // of bytes
  Bytes field_;
  Bytes rest_;
};

/// Builds a message field by field.
class Writer {
 public:
  void integer(uint32_t number, int64_t value);
  void real(uint32_t number, float value);
  void bytes(uint32_t number, Bytes value);
  void text(uint32_t number, std::string_view value) { bytes(number, std::as_bytes(std::span(value))); }
  void message(uint32_t number, const Writer& nested) { bytes(number, nested.out_); }
  /// Whole fields as they stand elsewhere.
  void verbatim(Bytes fields) { out_.insert(out_.end(), fields.begin(), fields.end()); }
  /// Tag and length of a bytes field whose `n_bytes` come later.
  void head(uint32_t number, uint64_t n_bytes);

  const std::vector<std::byte>& buffer() const { return out_; }

 private:
  void varint(uint64_t value);
  void tag(uint32_t number, Wire wire) { varint(uint64_t{number} << 3 | static_cast<uint64_t>(wire)); }

  std::vector<std::byte> out_;
};

template <class Step>
void Reader::follow(Step&& step) {
  const std::byte tag = static_cast<std::byte>(number_ << 3 | static_cast<uint32_t>(wire_));
  if (number_ > 15) return;  // its tag has two bytes
  const std::byte* at = rest_.data();
  const std::byte* const end = at + rest_.size();
  while (at != end && *at == tag) {
    const std::byte* const next = step(at + 1, end);
    if (!next) break;
    at = next;
  }
  rest_ = rest_.last(static_cast<size_t>(end - at));
}

template <class Take>
void Reader::each_integer(Take&& take) {
  if (wire_ == Wire::kVarint) {
    take(static_cast<int64_t>(value_));
    return follow([&](const std::byte* at, const std::byte* end) -> const std::byte* {
      constexpr std::byte kMore{0x80};
      if (end - at >= 1 && at[0] < kMore) return take(std::to_integer<int64_t>(at[0])), at + 1;
      if (end - at >= 2 && at[1] < kMore)
        return take(std::to_integer<int64_t>(at[0] ^ kMore) | std::to_integer<int64_t>(at[1]) << 7), at + 2;
      return nullptr;
    });
  }
  expect(Wire::kBytes);
  Reader packed = *this;
  packed.rest_ = payload_;
  while (!packed.rest_.empty()) take(static_cast<int64_t>(packed.take_varint()));
}

template <class Take>
void Reader::each_real(Take&& take) {
  const auto decode = [](const std::byte* four) {
    uint32_t bits = 0;
    for (size_t k = 0; k < sizeof(float); ++k) bits |= std::to_integer<uint32_t>(four[k]) << (8 * k);
    return std::bit_cast<float>(bits);
  };
  if (wire_ == Wire::kFixed32) {
    take(std::bit_cast<float>(static_cast<uint32_t>(value_)));
    return follow([&](const std::byte* at, const std::byte* end) -> const std::byte* {
      if (static_cast<size_t>(end - at) < sizeof(float)) return nullptr;
      return take(decode(at)), at + sizeof(float);
    });
  }
  expect(Wire::kBytes);
  if (payload_.size() % sizeof(float) != 0) fail("a packed list of floats has " + std::to_string(payload_.size()) + " bytes");
  for (size_t at = 0; at < payload_.size(); at += sizeof(float)) take(decode(payload_.data() + at));
}

template <class Take>
void Reader::each_text(Take&& take) {
  take(text());
  follow([&](const std::byte* at, const std::byte* end) -> const std::byte* {
    if (at == end || *at >= std::byte{0x80}) return nullptr;
    const std::ptrdiff_t n_bytes = std::to_integer<std::ptrdiff_t>(*at);
    if (end - (at + 1) < n_bytes) return nullptr;
    return take(std::string_view(reinterpret_cast<const char*>(at + 1), static_cast<size_t>(n_bytes))), at + 1 + n_bytes;
  });
}

}  // namespace edgeonnx::onnx
