// Numbers and decimals to decimals.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>

#include "convert/decimal.h"
#include "convert/decimals.h"
#include "convert/loop_table.h"

namespace edgeonnx::convert {
namespace {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

constexpr int64_t kBlock = 256;
constexpr int kMostShortScale = 22;  // 53 bits times ten to it are below 2^127

uint128 power128(int digits) { return (static_cast<uint128>(power_of_ten(digits).high()) << 64) | power_of_ten(digits).low(); }

uint64_t load(const std::byte* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Where decimals are written: 128 bits each, within what the declared type holds.
class Target {
 public:
  Target(const DataType& type, void* to, uint8_t* bad)
      : to_(static_cast<std::byte*>(to)),
        bad_(bad),
        is_money_(type.type == Type::kMoney),
        limit_(is_money_ ? static_cast<uint128>(std::numeric_limits<int64_t>::max()) : power128(type.precision) - 1),
        power_(power128(type.scale)),
        most_integer_(limit_ / power_) {}

  uint128 power() const { return power_; }

  void write_integer(int64_t i, uint64_t magnitude, bool is_negative) {
    const bool fits = magnitude <= most_integer_;
    write(i, fits ? magnitude * power_ : 0, is_negative, {fits, false});
  }

  void write(int64_t i, uint128 magnitude, bool is_negative, const Converted& done) {
    const bool fits = done.fits && magnitude <= limit_ + (is_money_ && is_negative);
    const int128 value = fits ? static_cast<int128>(is_negative ? 0 - magnitude : magnitude) : 0;
    std::memcpy(to_ + i * 16, &value, sizeof value);
    outcome.n_changed += fits && done.is_changed;
    if (fits) return;
    if (outcome.first_bad < 0) outcome.first_bad = i;
    if (bad_) bad_[i] = 1;
  }

  Outcome outcome;

 private:
  std::byte* to_;
  uint8_t* bad_;
  bool is_money_;
  uint128 limit_;
  uint128 power_;  // ten to the scale
  uint128 most_integer_;
};

/// Below 2^127, or not at all.
Converted short_enough(const Wide& value, bool is_changed, uint128* magnitude) {
  *magnitude = (static_cast<uint128>(value.high()) << 64) | value.low();
  return {value.bit_length() < 128, is_changed};
}

/// The exact binary value, rounded half away from zero at the target's scale.
void write_double(Target& target, int64_t i, double x, int scale) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const int biased = static_cast<int>((bits >> 52) & 0x7ff);
  const uint64_t mantissa = (bits & ((uint64_t{1} << 52) - 1)) | (biased ? uint64_t{1} << 52 : 0);
  const int exponent = std::max(biased, 1) - 1075;  // the magnitude is mantissa * 2^exponent
  const bool is_negative = x < 0;
  if (exponent > 128) return target.write(i, 0, false, {false, false});  // NaN and infinities too
  if (scale <= kMostShortScale && exponent < 0) {
    const uint128 product = mantissa * target.power();  // below 2^127
    if (exponent <= -128) return target.write(i, 0, false, {true, product != 0});
    const uint128 half = static_cast<uint128>(1) << (-exponent - 1);
    return target.write(i, (product + half) >> -exponent, is_negative, {true, (product & (half + (half - 1))) != 0});
  }
  Wide product(mantissa);
  product.scale_up(scale);
  bool is_changed = false;
  if (exponent >= 0) {
    product.shift_left(exponent);
  } else {
    const bool half = -exponent <= product.bit_length() && product.bit(-exponent - 1);
    is_changed = product.any_below(-exponent);
    product.shift_right(-exponent);
    if (half) product += 1;
  }
  uint128 magnitude = 0;
  const Converted done = short_enough(product, is_changed, &magnitude);
  target.write(i, magnitude, is_negative, done);
}

Outcome number_to_decimal(const Conversion& conversion, const void* from, void* to, int64_t n, uint8_t* bad) {
  Target target(conversion.to, to, bad);
  const Type source = conversion.from.type == Type::kBit ? Type::kBool : conversion.from.type;  // bits come as bytes
  const auto* bytes = static_cast<const std::byte*>(from);
  if (source == Type::kUint64) {
    for (int64_t i = 0; i < n; ++i) target.write_integer(i, load(bytes + 8 * i), false);
    return target.outcome;
  }
  union {
    int64_t integers[kBlock];
    double doubles[kBlock];
  } block;
  const Loop widen = number_loop(source, is_floating(source) ? Type::kDouble : Type::kInt64);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    widen({}, bytes + begin * size_of(source), &block, count, nullptr);
    for (int64_t i = 0; i < count; ++i) {
      if (is_floating(source)) {
        write_double(target, begin + i, block.doubles[i], conversion.to.scale);
      } else {
        const int64_t x = block.integers[i];
        target.write_integer(begin + i, x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x), x < 0);
      }
    }
  }
  return target.outcome;
}

Outcome decimal_to_decimal(const Conversion& conversion, const void* from, void* to, int64_t n, uint8_t* bad) {
  Target target(conversion.to, to, bad);
  const int64_t stride = size_of(conversion.from.type);
  for (int64_t i = 0; i < n; ++i) {
    Decimal value = read_decimal(static_cast<const std::byte*>(from) + i * stride, conversion.from);
    Converted done = rescale(value, conversion.to.scale, true);
    uint128 magnitude = 0;
    done.fits &= short_enough(value.magnitude, false, &magnitude).fits;
    target.write(i, magnitude, value.is_negative, done);
  }
  return target.outcome;
}

Outcome copy_money(const Conversion&, const void* from, void* to, int64_t n, uint8_t*) {
  std::memcpy(to, from, static_cast<size_t>(n) * 16);
  return {};
}

}  // namespace

Loop loop_to_decimal(Type from, Type to) {
  if (to != Type::kDecimal128 && to != Type::kMoney) return nullptr;
  if (from == Type::kMoney && to == Type::kMoney) return copy_money;
  return is_decimal(from) ? decimal_to_decimal : number_to_decimal;
}

}  // namespace edgeonnx::convert
