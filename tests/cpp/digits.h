// An oracle for decimals: numbers as strings of decimal digits, of any length, with nothing lost.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "exact.h"

namespace digits {

using exact::Exact;

/// The whole number behind `text`, which has digits alone.
inline std::string plus_one(std::string text) {
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] != '9') return ++text[i], text;
    text[i] = '0';
  }
  return "1" + text;
}

/// Of a number that is not zero.
inline std::string minus_one(std::string text) {
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] != '0') {
      --text[i];
      break;
    }
    text[i] = '9';
  }
  return text;
}

inline std::string without_leading_zeros(const std::string& text) {
  const size_t first = text.find_first_not_of('0');
  return first == std::string::npos ? "0" : text.substr(first);
}

/// -1, 0 or 1, of two whole numbers.
inline int compare(const std::string& left, const std::string& right) {
  const std::string a = without_leading_zeros(left), b = without_leading_zeros(right);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b) < 0 ? -1 : a != b;
}

/// Two's complement, lowest byte first; the number must fit.
inline std::vector<std::byte> bytes_of(const std::string& unscaled, bool is_negative, size_t n_bytes) {
  std::vector<std::byte> bytes(n_bytes);
  for (const char digit : unscaled) {
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (std::byte& byte : bytes) {
      carry += 10 * std::to_integer<unsigned>(byte);
      byte = static_cast<std::byte>(carry & 0xFF);
      carry >>= 8;
    }
  }
  unsigned carry = 1;
  for (std::byte& byte : bytes) {
    if (!is_negative) break;
    carry += std::to_integer<unsigned>(~byte);
    byte = static_cast<std::byte>(carry & 0xFF);
    carry >>= 8;
  }
  return bytes;
}

/// A number with a sign, digits in front of the point and digits behind it; no zeros where they say nothing.
struct Number {
  bool is_negative = false;
  std::string whole = "0";
  std::string fraction;

  bool operator==(const Number&) const = default;
  bool is_zero() const { return whole == "0" && fraction.empty(); }
};

inline Number number_of(std::string text) {
  Number number;
  if (text[0] == '-') number.is_negative = true, text.erase(0, 1);
  const size_t point = text.find('.');
  number.whole = without_leading_zeros(text.substr(0, point));
  if (point != std::string::npos) number.fraction = text.substr(point + 1);
  number.fraction.erase(number.fraction.find_last_not_of('0') + 1);
  if (number.is_zero()) number.is_negative = false;
  return number;
}

/// Exactly the value, which is finite.
inline Number number_of(Exact value) {
  // As many digits behind the point as the mantissa has bits there.
  const int n_behind = value == 0 ? 0 : std::max(0, std::numeric_limits<Exact>::digits - 1 - std::ilogb(value));
  std::vector<char> text(static_cast<size_t>(n_behind) + 400);
  std::snprintf(text.data(), text.size(), "%.*Lf", n_behind, value);
  return number_of(std::string(text.data()));
}

/// The number that an unscaled one of this scale stands for.
inline Number number_of(const std::string& unscaled, bool is_negative, int scale) {
  std::string text = unscaled;
  if (scale <= 0) {
    text.append(static_cast<size_t>(-scale), '0');
  } else {
    const size_t behind = static_cast<size_t>(scale);
    if (text.size() <= behind) text.insert(0, behind + 1 - text.size(), '0');
    text.insert(text.size() - behind, ".");
  }
  return number_of((is_negative ? "-" : "") + text);
}

/// Compares without the signs: -1, 0 or 1.
inline int compare_magnitudes(const Number& a, const Number& b) {
  const int whole = compare(a.whole, b.whole);
  if (whole != 0) return whole;
  return a.fraction < b.fraction ? -1 : a.fraction != b.fraction;
}

struct Unscaled {
  std::string digits;
  bool is_changed;
};

/// The number at a scale of 0 or more, cut or rounded half away from zero.
inline Unscaled unscaled_at(const Number& number, int scale, bool rounds) {
  const size_t behind = static_cast<size_t>(scale);
  std::string padded = number.fraction + std::string(behind, '0');
  std::string text = number.whole + padded.substr(0, behind);
  if (rounds && number.fraction.size() > behind && number.fraction[behind] >= '5') text = plus_one(text);
  return {without_leading_zeros(text), number.fraction.size() > behind};
}

/// The nearest value of a format, ties to even, without the sign; a number beyond the largest gives one that is too.
inline Exact nearest(const exact::Format& format, const Number& number) {
  // Positive floats are ordered as their bits are; behind the largest stands the power of two that would follow it.
  const uint64_t end = exact::encode(format, format.largest()) + 1;
  const auto value = [&](uint64_t bits) { return bits == end ? std::ldexp(Exact{1}, format.most + 1) : exact::decode(format, bits); };
  const auto is_above = [&](uint64_t bits) { return compare_magnitudes(number_of(value(bits)), number) > 0; };
  // Where the search begins; what it finds is checked.
  const Exact guess = exact::round_to(format, std::strtold((number.whole + "." + number.fraction).c_str(), nullptr));
  uint64_t low = guess < format.largest() ? exact::encode(format, guess) : end - 1;
  while (low > 0 && is_above(low)) --low;
  uint64_t high = low + 1;
  while (high < end && !is_above(high)) low = high++;
  if (!is_above(high)) return value(high);
  const int side = compare_magnitudes(number, number_of((value(low) + value(high)) / 2));
  return value(side < 0 || (side == 0 && low % 2 == 0) ? low : high);
}

}  // namespace digits
