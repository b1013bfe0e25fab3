// Whole numbers of 512 bits, for the decimals that 64 bits cannot hold: the unscaled value, a power of ten beside it, and what falls off.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace edgeonnx::convert {

/// A magnitude. Operations cut what does not fit and say so.
class Wide {
 public:
  Wide() = default;
  explicit Wide(uint64_t value) { limbs_[0] = value; }
  /// From two's complement, lowest byte first.
  static Wide magnitude_of(const void* bytes, size_t n_bytes, bool* is_negative);

  bool is_zero() const;
  int bit_length() const;
  /// index < 512.
  bool bit(int index) const { return (limbs_[static_cast<size_t>(index) / 64] >> (index % 64)) & 1; }
  /// Whether any of the lowest n bits is set; n >= 0.
  bool any_below(int n) const;
  /// Whether it is below 2^64.
  bool is_short() const;
  uint64_t low() const { return limbs_[0]; }
  uint64_t high() const { return limbs_[1]; }
  bool operator<(const Wide& other) const;

  Wide& operator+=(uint64_t value);
  /// times 10^digits; digits >= 0. False where it does not fit.
  bool scale_up(int digits);
  /// Divided by 10^digits and cut; digits >= 0. True where something was cut.
  bool scale_down(int digits);
  /// n < 512; cuts what leaves at the top.
  Wide& shift_left(int n);
  /// Any n >= 0.
  Wide& shift_right(int n);

  std::string text() const;

 private:
  uint64_t multiply(uint64_t factor);
  uint64_t divide(uint64_t divisor);

  std::array<uint64_t, 8> limbs_{};
};

/// 10^digits, digits from 0 to 76 + 76.
const Wide& power_of_ten(int digits);

}  // namespace edgeonnx::convert
