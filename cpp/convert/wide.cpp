#include "convert/wide.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace edgeonnx::convert {
namespace {

__extension__ typedef unsigned __int128 uint128;

constexpr int kDigitsOfLimb = 19;

uint64_t short_power(int digits) {
  uint64_t power = 1;
  for (int i = 0; i < digits; ++i) power *= 10;
  return power;
}

}  // namespace

Wide Wide::magnitude_of(const void* bytes, size_t n_bytes, bool* is_negative) {
  Wide value;
  std::memcpy(value.limbs_.data(), bytes, n_bytes);
  *is_negative = (static_cast<const uint8_t*>(bytes)[n_bytes - 1] & 0x80) != 0;
  if (!*is_negative) return value;
  std::memset(reinterpret_cast<uint8_t*>(value.limbs_.data()) + n_bytes, 0xff, sizeof value.limbs_ - n_bytes);
  for (uint64_t& limb : value.limbs_) limb = ~limb;
  return value += 1;
}

bool Wide::is_zero() const {
  return std::all_of(limbs_.begin(), limbs_.end(), [](uint64_t limb) { return limb == 0; });
}

bool Wide::is_short() const {
  return std::all_of(limbs_.begin() + 1, limbs_.end(), [](uint64_t limb) { return limb == 0; });
}

int Wide::bit_length() const {
  for (size_t i = limbs_.size(); i-- > 0;) {
    if (limbs_[i]) return static_cast<int>(i) * 64 + 64 - std::countl_zero(limbs_[i]);
  }
  return 0;
}

bool Wide::operator<(const Wide& other) const {
  return std::lexicographical_compare(limbs_.rbegin(), limbs_.rend(), other.limbs_.rbegin(), other.limbs_.rend());
}

Wide& Wide::operator+=(uint64_t value) {
  for (uint64_t& limb : limbs_) {
    limb += value;
    if (limb >= value) break;
    value = 1;
  }
  return *this;
}

uint64_t Wide::multiply(uint64_t factor) {
  uint64_t carry = 0;
  for (uint64_t& limb : limbs_) {
    const uint128 product = static_cast<uint128>(limb) * factor + carry;
    limb = static_cast<uint64_t>(product);
    carry = static_cast<uint64_t>(product >> 64);
  }
  return carry;
}

uint64_t Wide::divide(uint64_t divisor) {
  uint64_t remainder = 0;
  for (size_t i = limbs_.size(); i-- > 0;) {
    if (limbs_[i] == 0 && remainder == 0) continue;
    const uint128 dividend = (static_cast<uint128>(remainder) << 64) | limbs_[i];
    limbs_[i] = static_cast<uint64_t>(dividend / divisor);
    remainder = static_cast<uint64_t>(dividend % divisor);
  }
  return remainder;
}

bool Wide::scale_up(int digits) {
  bool fits = true;
  for (; digits > 0; digits -= kDigitsOfLimb) fits &= multiply(short_power(std::min(digits, kDigitsOfLimb))) == 0;
  return fits;
}

bool Wide::scale_down(int digits) {
  bool is_cut = false;
  for (; digits > 0; digits -= kDigitsOfLimb) is_cut |= divide(short_power(std::min(digits, kDigitsOfLimb))) != 0;
  return is_cut;
}

Wide& Wide::shift_left(int n) {
  const size_t limbs = static_cast<size_t>(n) / 64;
  const int bits = n % 64;
  for (size_t i = limbs_.size(); i-- > 0;) {
    const uint64_t here = i >= limbs ? limbs_[i - limbs] : 0;
    const uint64_t below = i > limbs ? limbs_[i - limbs - 1] : 0;
    limbs_[i] = bits ? (here << bits) | (below >> (64 - bits)) : here;
  }
  return *this;
}

bool Wide::any_below(int n) const {
  for (size_t i = 0; i < limbs_.size() && n > 0; ++i, n -= 64) {
    if (limbs_[i] & (n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1)) return true;
  }
  return false;
}

Wide& Wide::shift_right(int n) {
  const size_t limbs = static_cast<size_t>(n) / 64;
  const int bits = n % 64;
  const auto limb = [this](size_t i) { return i < limbs_.size() ? limbs_[i] : 0; };
  for (size_t i = 0; i < limbs_.size(); ++i) {
    limbs_[i] = bits ? (limb(i + limbs) >> bits) | (limb(i + limbs + 1) << (64 - bits)) : limb(i + limbs);
  }
  return *this;
}

std::string Wide::text() const {
  Wide rest = *this;
  std::string digits;
  do {
    digits += static_cast<char>('0' + rest.divide(10));
  } while (!rest.is_zero());
  std::reverse(digits.begin(), digits.end());
  return digits;
}

const Wide& power_of_ten(int digits) {
  static const std::vector<Wide> powers = [] {
    std::vector<Wide> all{Wide(1)};
    for (int i = 0; i < 152; ++i) {
      all.push_back(all.back());
      all.back().scale_up(1);
    }
    return all;
  }();
  return powers[static_cast<size_t>(digits)];
}

}  // namespace edgeonnx::convert
