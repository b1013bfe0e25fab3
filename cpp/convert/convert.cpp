#include "convert/convert.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/cpu.h"
#include "columns/bitmap.h"
#include "convert/decimal.h"
#include "convert/decimals.h"
#include "convert/loop_table.h"

namespace edgeonnx::convert {
namespace {

// Values that are brought together before a loop: a few KiB, which stay in L1.
constexpr int64_t kBlock = 512;
constexpr size_t kBlockBytes = 32 * kBlock;

size_t index_of(Type type) { return static_cast<size_t>(std::find(kNumberTypes.begin(), kNumberTypes.end(), type) - kNumberTypes.begin()); }

template <class T>
void copy_strided(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, sizeof(T));
}

void copy_strided(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride, int64_t n, int64_t size) {
  struct Bytes16 {
    uint64_t words[2];
  };
  struct Bytes32 {
    uint64_t words[4];
  };
  switch (size) {
    case 1:
      return copy_strided<uint8_t>(from, from_stride, to, to_stride, n);
    case 2:
      return copy_strided<uint16_t>(from, from_stride, to, to_stride, n);
    case 4:
      return copy_strided<uint32_t>(from, from_stride, to, to_stride, n);
    case 8:
      return copy_strided<uint64_t>(from, from_stride, to, to_stride, n);
    case 16:
      return copy_strided<Bytes16>(from, from_stride, to, to_stride, n);
    default:
      return copy_strided<Bytes32>(from, from_stride, to, to_stride, n);
  }
}

/// Money's digits are fixed.
DataType with_digits(const DataType& type) { return type.type == Type::kMoney ? DataType{type.type, kMoneyDigits, kMoneyScale} : type; }

/// Whether a loop can work on the memory as it lies.
bool is_packed(const void* data, int64_t stride, int64_t size) {
  return stride == size && reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(std::min<int64_t>(size, 8)) == 0;
}

/// Brings values together before the loop, or spreads them behind it.
Outcome run_in_blocks(const Conversion& conversion, const Source& source, bool reads_packed, void* target, int64_t target_stride,
                      bool writes_packed, int64_t n, uint8_t* bad) {
  const bool is_bits = conversion.from.type == Type::kBit;
  const int64_t from_size = is_bits ? 1 : size_of(conversion.from.type);
  const int64_t to_size = size_of(conversion.to.type);
  alignas(64) std::byte from_block[kBlockBytes];
  alignas(64) std::byte to_block[kBlockBytes];
  const auto* from = static_cast<const std::byte*>(source.data);
  auto* to = static_cast<std::byte*>(target);
  Outcome outcome;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    const void* values = from_block;
    if (is_bits) {
      const auto* bits = static_cast<const uint8_t*>(source.data);
      for (int64_t i = 0; i < count; ++i) from_block[i] = static_cast<std::byte>(bit_at(bits, source.offset + begin + i));
    } else if (reads_packed) {
      values = from + begin * from_size;
    } else {
      copy_strided(from + begin * source.stride, source.stride, from_block, from_size, count, from_size);
    }
    std::byte* converted = writes_packed ? to + begin * to_size : to_block;
    const Outcome done = conversion.loop(conversion, values, converted, count, bad ? bad + begin : nullptr);
    if (!writes_packed) copy_strided(to_block, to_size, to + begin * target_stride, target_stride, count, to_size);
    outcome.n_changed += done.n_changed;
    if (done.first_bad >= 0 && outcome.first_bad < 0) outcome.first_bad = begin + done.first_bad;
  }
  return outcome;
}

}  // namespace

Loop number_loop(Type from, Type to) {
  const size_t row = index_of(from), column = index_of(to);
  if (row == kNumberTypes.size() || column == kNumberTypes.size()) return nullptr;
  switch (cpu()) {
    case Cpu::kAvx512:
      return avx512::kLoops[row][column];
    case Cpu::kAvx2:
      return avx2::kLoops[row][column];
    default:
      return scalar::kLoops[row][column];
  }
}

Conversion conversion(const DataType& given, const DataType& to) {
  (void)cpu();  // decimals ask for it only when they run
  const DataType& from = given.type == Type::kNull ? to : given;
  Conversion found{with_digits(from), with_digits(to)};
  // Bits are read as bytes; nothing is written as bits.
  const Type stored = from.type == Type::kBit ? Type::kBool : from.type;
  if (cell(from.type, to.type).rule == Rule::kNone) return found;
  found.loop = is_decimal(to.type)     ? loop_to_decimal(stored, to.type)
               : is_decimal(from.type) ? loop_from_decimal(to.type)
                                       : number_loop(stored, to.type);
  if (!found.loop) return found;
  const bool is_one_decimal = is_decimal(from.type) && is_decimal(to.type) && from.type != Type::kMoney && to.type != Type::kMoney &&
                              from.precision == to.precision && from.scale == to.scale;
  found.rule = is_one_decimal ? Rule::kSame : cell(from.type, to.type).rule;
  found.exact = is_exact(found.from, found.to);
  return found;
}

Outcome run(const Conversion& conversion, const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t* bad) {
  if (n == 0) return {};  // there may be no memory at all
  const bool reads_packed = conversion.from.type != Type::kBit && is_packed(source.data, source.stride, size_of(conversion.from.type));
  const bool writes_packed = is_packed(target, target_stride, size_of(conversion.to.type));
  if (reads_packed && writes_packed) return conversion.loop(conversion, source.data, target, n, bad);
  return run_in_blocks(conversion, source, reads_packed, target, target_stride, writes_packed, n, bad);
}

std::string value_text(const Source& source, const DataType& type, int64_t i) {
  const auto* at = static_cast<const std::byte*>(source.data) + i * source.stride;
  if (type.type == Type::kBit) return bit_at(static_cast<const uint8_t*>(source.data), source.offset + i) ? "1" : "0";
  if (is_decimal(type.type)) return decimal_text(at, with_digits(type));
  if (type.type == Type::kUint64) {
    uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return std::to_string(value);
  }
  if (is_floating(type.type)) {
    double value = 0;
    run(conversion(type, {Type::kDouble}), {at, 0, 0}, &value, sizeof value, 1, nullptr);
    if (std::isnan(value)) return std::signbit(value) ? "-nan" : "nan";  // some libraries write more
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
  int64_t value = 0;
  run(conversion(type, {Type::kInt64}), {at, 0, 0}, &value, sizeof value, 1, nullptr);
  return std::to_string(value);
}

}  // namespace edgeonnx::convert
