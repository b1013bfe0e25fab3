// Whole numbers of 512 bits, against digit strings.
#include <random>
#include <string>

#include "check.h"
#include "convert/wide.h"
#include "digits.h"

namespace {

using edgeonnx::convert::power_of_ten;
using edgeonnx::convert::Wide;

Wide wide_of(const std::string& digits) {
  bool is_negative = true;
  const std::vector<std::byte> bytes = digits::bytes_of(digits, false, 33);
  const Wide value = Wide::magnitude_of(bytes.data(), bytes.size(), &is_negative);
  CHECK(!is_negative);
  return value;
}

std::string some_digits(size_t n, std::mt19937& random) {
  std::string text(n, '0');
  for (char& digit : text) digit = static_cast<char>('0' + random() % 10);
  return digits::without_leading_zeros(text);
}

TEST(test_wide_magnitude_of_twos_complement_of_every_width) {
  std::mt19937 random(1);
  for (const auto& [n_bytes, n_digits] : {std::pair<size_t, size_t>{4, 9}, {8, 18}, {16, 38}, {32, 76}}) {
    for (size_t length = 1; length <= n_digits; ++length) {
      for (const bool is_negative : {false, true}) {
        const std::string text = some_digits(length, random);
        if (text == "0" && is_negative) continue;
        bool found = !is_negative;
        CHECK_EQUAL(Wide::magnitude_of(digits::bytes_of(text, is_negative, n_bytes).data(), n_bytes, &found).text(), text);
        CHECK_EQUAL(found, is_negative);
      }
    }
    // The lowest number has no positive twin in its width.
    std::vector<std::byte> lowest(n_bytes);
    lowest.back() = std::byte{0x80};
    bool is_negative = false;
    const Wide magnitude = Wide::magnitude_of(lowest.data(), n_bytes, &is_negative);
    CHECK(is_negative);
    CHECK_EQUAL(magnitude.bit_length(), static_cast<int>(8 * n_bytes));
    CHECK(!magnitude.any_below(static_cast<int>(8 * n_bytes) - 1));
  }
}

TEST(test_wide_scales_by_powers_of_ten) {
  std::mt19937 random(2);
  for (int digits = 0; digits <= 76; ++digits) {
    const std::string text = some_digits(76, random);
    Wide up = wide_of(text);
    CHECK(up.scale_up(digits));
    CHECK_EQUAL(up.text(), digits::without_leading_zeros(text + std::string(static_cast<size_t>(digits), '0')));
    CHECK(!up.scale_down(digits));
    CHECK_EQUAL(up.text(), text);
    const size_t kept = text.size() > static_cast<size_t>(digits) ? text.size() - static_cast<size_t>(digits) : 0;
    const bool is_cut = text.substr(kept).find_first_not_of('0') != std::string::npos;
    CHECK_EQUAL(up.scale_down(digits), is_cut);
    CHECK_EQUAL(up.text(), kept ? text.substr(0, kept) : "0");
  }
  for (int digits = 0; digits <= 152; ++digits)
    CHECK_EQUAL(power_of_ten(digits).text(), "1" + std::string(static_cast<size_t>(digits), '0'));
}

TEST(test_wide_scale_up_says_where_it_does_not_fit) {
  Wide most(1);
  most.shift_left(511);
  CHECK(!Wide(most).scale_up(1));
  CHECK(Wide(most).scale_up(0));
  CHECK(Wide(1).scale_up(154));  // 2^512 is 1.3e154
  CHECK(!Wide(1).scale_up(155));
  CHECK(!Wide(14).scale_up(153 + 19));
  CHECK(Wide().scale_up(190));
}

TEST(test_wide_shifts_and_bits) {
  std::mt19937 random(3);
  for (const int n : {0, 1, 31, 63, 64, 65, 128, 200, 255, 256}) {
    const Wide value = wide_of(some_digits(70, random));
    Wide shifted = value;
    shifted.shift_left(n);
    CHECK_EQUAL(shifted.bit_length(), value.bit_length() + n);
    CHECK(!shifted.any_below(n));
    for (int i = 0; i < value.bit_length(); ++i) CHECK_EQUAL(shifted.bit(i + n), value.bit(i));
    CHECK_EQUAL(shifted.shift_right(n).text(), value.text());
    Wide cut = value;
    cut.shift_right(n);
    CHECK_EQUAL(cut.bit_length(), std::max(0, value.bit_length() - n));
    for (int i = 0; i < cut.bit_length(); ++i) CHECK_EQUAL(cut.bit(i), value.bit(i + n));
  }
  Wide one(1);
  CHECK(!Wide(one).any_below(0) && Wide(one).any_below(1) && Wide(one).any_below(2000));
  CHECK(Wide(one).shift_right(1).is_zero() && Wide(one).shift_right(512).is_zero() && Wide(one).shift_right(5000).is_zero());
  one.shift_left(511);
  CHECK(one.bit(511) && one.bit_length() == 512 && !one.any_below(511) && one.any_below(512));
  CHECK(one.shift_left(1).is_zero());
  CHECK(!Wide().any_below(2000));
  CHECK_EQUAL(Wide().bit_length(), 0);
}

TEST(test_wide_adds_with_carry) {
  Wide value = wide_of("340282366920938463463374607431768211455");  // 2^128 - 1
  CHECK_EQUAL((value += 1).text(), std::string("340282366920938463463374607431768211456"));
  CHECK(value.low() == 0 && value.high() == 0 && value.bit(128) && value.bit_length() == 129);
  CHECK_EQUAL((Wide(7) += 5).text(), std::string("12"));
  CHECK_EQUAL((Wide(~uint64_t{0}) += ~uint64_t{0}).text(), std::string("36893488147419103230"));
  CHECK_EQUAL((Wide(3) += 0).text(), std::string("3"));
}

TEST(test_wide_is_ordered_as_numbers_are) {
  std::mt19937 random(4);
  std::vector<std::string> texts = {"0", "1", "18446744073709551615", "18446744073709551616"};
  for (size_t n = 1; n <= 76; n += 5) texts.push_back(some_digits(n, random));
  for (const std::string& a : texts) {
    for (const std::string& b : texts) CHECK_EQUAL(wide_of(a) < wide_of(b), digits::compare(a, b) < 0);
  }
  CHECK(wide_of("18446744073709551615").is_short() && !wide_of("18446744073709551616").is_short());
  CHECK(Wide().is_zero() && Wide().is_short() && !Wide(1).is_zero());
}

}  // namespace

int main() { return check::run(); }
