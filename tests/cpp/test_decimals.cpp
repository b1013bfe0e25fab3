// Decimals and money to and from every type, against an oracle that reckons in decimal digits.
#include <random>
#include <string>

#include "check.h"
#include "convert/convert.h"
#include "convert/decimal.h"
#include "digits.h"

namespace {

using namespace digits;
using edgeonnx::DataType;
using edgeonnx::Type;
using edgeonnx::convert::Conversion;
using edgeonnx::convert::conversion;
using edgeonnx::convert::Outcome;
using edgeonnx::convert::run;
using exact::kTypes;

const DataType kMoney{Type::kMoney, 19, 4};

const DataType kSources[] = {{Type::kDecimal32, 9, 0},     {Type::kDecimal32, 9, 2},
                             {Type::kDecimal32, 9, 9},     {Type::kDecimal32, 5, -3},
                             {Type::kDecimal64, 18, 0},    {Type::kDecimal64, 18, 4},
                             {Type::kDecimal64, 18, 18},   {Type::kDecimal64, 18, -5},
                             {Type::kDecimal128, 38, 0},   {Type::kDecimal128, 10, 2},
                             {Type::kDecimal128, 38, 11},  {Type::kDecimal128, 38, 22},
                             {Type::kDecimal128, 38, 25},  {Type::kDecimal128, 38, 38},
                             {Type::kDecimal128, 38, -9},  {Type::kDecimal256, 76, 0},
                             {Type::kDecimal256, 76, 2},   {Type::kDecimal256, 76, 24},
                             {Type::kDecimal256, 76, 53},  {Type::kDecimal256, 76, 76},
                             {Type::kDecimal256, 76, -20}, kMoney,
                             {Type::kDecimal256, 76, -76}};

std::vector<DataType> targets() {
  std::vector<DataType> all = {kMoney};
  for (const Type type : kTypes) all.push_back({type});
  constexpr std::pair<int, int> kDigits[] = {{1, 0}, {5, 2}, {10, 10}, {18, 0}, {19, 4}, {38, 0}, {38, 10}, {38, 22}, {38, 23}, {38, 38}};
  for (const auto& [precision, scale] : kDigits) all.push_back({Type::kDecimal128, precision, scale});
  return all;
}

std::string pair_text(const DataType& from, const DataType& to) {
  return edgeonnx::display_name(from) + " -> " + edgeonnx::display_name(to);
}

/// One value as it lies in memory, and what it is.
struct Value {
  std::vector<std::byte> bytes;
  Number number;
  bool is_number = true;
};

Value decimal_value(const DataType& type, const std::string& unscaled, bool is_negative) {
  return {bytes_of(unscaled, is_negative, static_cast<size_t>(size_of(type.type))), number_of(unscaled, is_negative, type.scale)};
}

/// What must become of a value.
struct Expected {
  std::vector<std::byte> bytes;  ///< zeros where it does not fit
  bool fits = true;
  bool is_changed = false;
};

Expected as_decimal(const Value& value, const DataType& to) {
  Expected done{std::vector<std::byte>(16)};
  if (!value.is_number) return done.fits = false, done;
  const auto [unscaled, is_changed] = unscaled_at(value.number, to.scale, true);
  const std::string most = to.type != Type::kMoney    ? std::string(static_cast<size_t>(to.precision), '9')
                           : value.number.is_negative ? "9223372036854775808"
                                                      : "9223372036854775807";
  done.fits = compare(unscaled, most) <= 0;
  done.is_changed = done.fits && is_changed;
  if (done.fits) done.bytes = bytes_of(unscaled, value.number.is_negative, 16);
  return done;
}

Expected as_number(const Value& value, const DataType& from, Type to) {
  const size_t size = static_cast<size_t>(size_of(to));
  Expected done{std::vector<std::byte>(size)};
  const Number& number = value.number;
  if (to == Type::kBool) {
    done.bytes[0] = std::byte{!number.is_zero()};
    done.is_changed = !number.is_zero() && number != number_of("1", false, 0);
  } else if (is_floating(to)) {
    const exact::Format format = exact::format_of(to);
    const Exact magnitude = nearest(format, number);
    done.fits = magnitude <= format.largest();
    done.is_changed = done.fits && compare_magnitudes(number_of(magnitude), number) != 0;
    if (done.fits) exact::store(to, number.is_negative ? -magnitude : magnitude, done.bytes.data());
  } else {
    const auto [whole, is_changed] = unscaled_at(number, 0, from.type == Type::kMoney);
    const exact::Range range = exact::range_of(to);
    const bool is_negative = number.is_negative && whole != "0";
    done.fits = compare(whole, number_of(is_negative ? -range.least : range.most).whole) <= 0;
    done.is_changed = done.fits && is_changed;
    if (done.fits) done.bytes = bytes_of(whole, is_negative, size);
  }
  return done;
}

bool is_same(const DataType& to, const std::byte* found, const std::byte* expected) {
  // Minus zero is zero: a decimal has no sign for it.
  if (is_floating(to.type)) return exact::load(to.type, found) == exact::load(to.type, expected);
  return std::equal(found, found + size_of(to.type), expected);
}

struct Placement {
  int64_t from_offset, from_gap, to_offset, to_gap;
};
constexpr Placement kPacked{0, 0, 0, 0};

/// Converts a column and checks every value, flag and count.
void check_column(const DataType& from, const DataType& to, const std::vector<Value>& values, const std::vector<Expected>& expected,
                  const Placement& at = kPacked) {
  const int64_t n = static_cast<int64_t>(values.size()), size = size_of(from.type), width = size_of(to.type);
  const int64_t stride = size + at.from_gap, to_stride = width + at.to_gap;
  std::vector<std::byte> source(static_cast<size_t>(at.from_offset + n * stride)),
      target(static_cast<size_t>(at.to_offset + n * to_stride));
  int64_t first_bad = -1, n_changed = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto& [bytes, fits, is_changed] = expected[static_cast<size_t>(i)];
    std::copy_n(values[static_cast<size_t>(i)].bytes.begin(), size, source.begin() + at.from_offset + i * stride);
    if (!fits && first_bad < 0) first_bad = i;
    n_changed += is_changed;
  }
  const Conversion found = conversion(from, to);
  for (const bool flags : {false, true}) {
    std::fill(target.begin(), target.end(), std::byte{0xAB});
    std::vector<uint8_t> bad(values.size(), 7);
    const Outcome outcome =
        run(found, {source.data() + at.from_offset, stride, 0}, target.data() + at.to_offset, to_stride, n, flags ? bad.data() : nullptr);
    for (size_t i = 0; i < values.size(); ++i) {
      const std::byte* converted = target.data() + at.to_offset + static_cast<int64_t>(i) * to_stride;
      const Number& number = values[i].number;
      const std::string text = pair_text(from, to) + ": " + (number.is_negative ? "-" : "") + number.whole + "." + number.fraction;
      if (!is_same(to, converted, expected[i].bytes.data())) check::fail(__FILE__, __LINE__, text + " became another value");
      if (flags && bad[i] != (expected[i].fits ? 7 : 1)) check::fail(__FILE__, __LINE__, text + ": flag");
    }
    if (outcome.first_bad != first_bad) {
      check::fail(__FILE__, __LINE__,
                  pair_text(from, to) + ": first bad value at " + std::to_string(outcome.first_bad) + ", not " + std::to_string(first_bad));
    }
    // Without flags an overflow ends the work, and nobody asks for the count.
    if (outcome.n_changed != n_changed && (flags || first_bad < 0)) {
      check::fail(__FILE__, __LINE__,
                  pair_text(from, to) + ": " + std::to_string(outcome.n_changed) + " changed, not " + std::to_string(n_changed));
    }
  }
}

std::vector<Expected> expectations(const DataType& from, const DataType& to, const std::vector<Value>& values) {
  std::vector<Expected> all;
  for (const Value& value : values) all.push_back(is_decimal(to.type) ? as_decimal(value, to) : as_number(value, from, to.type));
  return all;
}

/// Whether a double holds the unscaled value with room for a half: such values take a road of their own.
bool is_small(const DataType& from, const Value& value) {
  return is_decimal(from.type) && compare(unscaled_at(value.number, std::max(from.scale, 0), false).digits, "4503599627370496") <= 0;
}

/// All at once, which is the road for large values; the small ones each by itself, and those of them that fit in a long column.
void check_values(const DataType& from, const DataType& to, const std::vector<Value>& values) {
  const std::vector<Expected> expected = expectations(from, to, values);
  check_column(from, to, values, expected);
  std::vector<Value> small;
  std::vector<Expected> small_expected;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!is_small(from, values[i])) continue;
    check_column(from, to, {values[i]}, {expected[i]});
    if (!expected[i].fits) continue;
    small.push_back(values[i]);
    small_expected.push_back(expected[i]);
  }
  for (size_t i = 0; !small.empty() && small.size() < 600; ++i) {
    small.push_back(Value(small[i]));
    small_expected.push_back(Expected(small_expected[i]));
  }
  check_column(from, to, small, small_expected);
}

/// Unscaled values of at most `precision` digits: ends, halves, powers, limits of the other types and their neighbours, midpoints between
/// floats, and many of any length.
std::vector<std::string> interesting_digits(const DataType& type) {
  std::vector<std::string> all = {"0"};
  const auto add_around = [&](const std::string& text) {
    if (text != "0") all.push_back(minus_one(text));
    all.push_back(text);
    all.push_back(plus_one(text));
  };
  for (int zeros = 0; zeros < type.precision; ++zeros) {
    for (const char* lead : {"1", "5", "25", "15"}) add_around(lead + std::string(static_cast<size_t>(zeros), '0'));
  }
  const auto add_number = [&](const Number& x) {
    const auto [unscaled, is_changed] = unscaled_at(x, std::max(type.scale, 0), false);
    add_around(unscaled);
    if (type.scale < 0)
      all.push_back(unscaled.substr(0, unscaled.size() - std::min(unscaled.size() - 1, static_cast<size_t>(-type.scale))));
  };
  for (const int power : {7, 8, 15, 16, 24, 31, 32, 52, 53, 63, 64}) {
    for (const Exact offset : {0.0L, -0.5L, 0.5L}) add_number(number_of(std::ldexp(Exact{1}, power) + offset));
  }
  for (const Type other : {Type::kFloat16, Type::kBfloat16, Type::kFloat, Type::kDouble}) {
    const exact::Format format = exact::format_of(other);
    add_number(number_of(format.largest()));
    add_number(number_of(std::ldexp(2 - std::ldexp(Exact{1}, -format.precision), format.most)));  // where rounding goes beyond it
    for (const int power : {-30, -25, -24, -14, -3, 0, 10, 20, 30, 62}) {
      for (const Exact odd : {1.0L, 3.0L}) add_number(number_of(std::ldexp(1 + std::ldexp(odd, -format.precision), power)));
    }
    add_number(number_of(std::ldexp(Exact{1}, format.least - format.precision)));  // half of the smallest
  }
  // The ends of money, and what rounds to them and beyond.
  for (const char* text : {"922337203685477.5807", "922337203685477.5808", "922337203685477.58075", "922337203685477.58085"}) {
    add_number(number_of(std::string(text)));
  }
  std::mt19937 random(static_cast<unsigned>(type.precision * 100 + type.scale));
  for (int i = 0; i < 60; ++i) {
    std::string text(1 + random() % static_cast<unsigned>(type.precision), '0');
    for (char& digit : text) digit = static_cast<char>('0' + random() % 10);
    all.push_back(without_leading_zeros(text));
  }
  const std::string most = type.type == Type::kMoney ? "9223372036854775807" : std::string(static_cast<size_t>(type.precision), '9');
  all.push_back(most);
  std::erase_if(all, [&](const std::string& text) { return compare(text, most) > 0; });
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<Value> interesting_decimals(const DataType& type) {
  std::vector<Value> values;
  for (const std::string& unscaled : interesting_digits(type)) {
    values.push_back(decimal_value(type, unscaled, false));
    if (unscaled != "0") values.push_back(decimal_value(type, unscaled, true));
  }
  if (type.type == Type::kMoney) values.push_back(decimal_value(type, "9223372036854775808", true));
  std::shuffle(values.begin(), values.end(), std::mt19937(4));
  return values;
}

std::vector<Value> interesting_numbers(Type type) {
  std::vector<Value> values;
  for (const Exact x : exact::interesting_values(type)) {
    Value value;
    value.bytes.resize(static_cast<size_t>(size_of(type)));
    exact::store(type, x, value.bytes.data());
    value.is_number = std::isfinite(x);
    if (value.is_number) value.number = number_of(x);
    values.push_back(value);
  }
  return values;
}

TEST(test_decimals_to_every_type_match_digits) {
  for (const DataType& from : kSources) {
    const std::vector<Value> values = interesting_decimals(from);
    for (const DataType& to : targets()) check_values(from, to, values);
  }
}

TEST(test_decimals_beside_midpoints_of_floats_round_once) {
  // Where the quotient, as a double, is halfway between two floats and the decimal is not.
  const DataType from{Type::kDecimal64, 18, 15}, to{Type::kFloat};
  std::mt19937_64 random(11);
  std::vector<Value> values;
  while (values.size() < 500) {
    const auto middle = static_cast<double>(std::ldexp(static_cast<Exact>(random() >> 41 | 1 << 23) * 2 + 1, -24));  // from 1 to 2
    const int64_t unscaled = std::llround(static_cast<Exact>(middle) * 1e15L);
    if (static_cast<double>(unscaled) / 1e15 == middle) values.push_back(decimal_value(from, std::to_string(unscaled), random() % 2 == 1));
  }
  check_values(from, to, values);
}

TEST(test_decimals_from_every_type_match_digits) {
  for (const Type from : kTypes) {
    const std::vector<Value> values = interesting_numbers(from);
    for (const DataType& to : targets()) {
      if (is_decimal(to.type)) check_values({from}, to, values);
    }
  }
}

TEST(test_decimals_from_floats_of_any_size_match_digits) {
  std::mt19937_64 random(12);
  std::vector<Value> values;
  for (int exponent = -160; exponent <= 130; ++exponent) {
    const double x = std::ldexp(static_cast<double>(random() >> 11), exponent - 53) * (random() % 2 ? 1 : -1);
    Value value{std::vector<std::byte>(8), number_of(x)};
    std::memcpy(value.bytes.data(), &x, sizeof x);
    values.push_back(value);
  }
  for (const DataType& to : targets()) {
    if (is_decimal(to.type)) check_values({Type::kDouble}, to, values);
  }
}

TEST(test_decimals_anywhere_in_memory_are_the_same) {
  for (const DataType& from : kSources) {
    const std::vector<Value> values = interesting_decimals(from);
    for (const DataType& to : {DataType{Type::kDouble}, DataType{Type::kInt16}, DataType{Type::kDecimal128, 38, 10}, kMoney}) {
      const std::vector<Expected> expected = expectations(from, to, values);
      for (const Placement& at : {Placement{1, 0, 3, 0}, Placement{0, 5, 0, 0}, Placement{3, 8, 1, 7}}) {
        check_column(from, to, values, expected, at);
      }
    }
  }
  const std::vector<Value> doubles = interesting_numbers(Type::kDouble);
  const DataType to{Type::kDecimal128, 20, 3};
  check_column({Type::kDouble}, to, doubles, expectations({Type::kDouble}, to, doubles), {1, 3, 5, 1});
}

TEST(test_decimals_documented_examples) {
  struct Example {
    DataType from;
    std::string unscaled;
    bool is_negative;
    Type to;
    Exact converted;
  };
  const DataType decimal{Type::kDecimal128, 10, 4};
  const Example examples[] = {
      {decimal, "106496", false, Type::kInt32, 10},  {decimal, "106496", true, Type::kInt32, -10},
      {decimal, "19999", false, Type::kInt32, 1},    {kMoney, "15000", false, Type::kInt32, 2},
      {kMoney, "5000", true, Type::kInt32, -1},      {kMoney, "4999", true, Type::kInt32, 0},
      {kMoney, "2555000", false, Type::kUint8, 256}, {kMoney, "2554999", false, Type::kUint8, 255},
  };
  for (const auto& [from, unscaled, is_negative, to, converted] : examples) {
    const Value value = decimal_value(from, unscaled, is_negative);
    std::byte target[8];
    const Outcome outcome = run(conversion(from, {to}), {value.bytes.data(), 0, 0}, target, 0, 1, nullptr);
    const bool fits = converted <= exact::range_of(to).most;
    CHECK_EQUAL(outcome.first_bad, int64_t{fits ? -1 : 0});
    if (fits) CHECK_EQUAL(exact::load(to, target), converted);
  }
}

TEST(test_decimals_value_text_has_all_digits) {
  struct Example {
    DataType type;
    std::string unscaled;
    bool is_negative;
    std::string text;
  };
  const std::string nines(76, '9');
  const Example examples[] = {
      {{Type::kDecimal32, 9, 2}, "5", true, "-0.05"},
      {{Type::kDecimal32, 9, 9}, "123456789", false, "0.123456789"},
      {{Type::kDecimal64, 18, 0}, "0", false, "0"},
      {{Type::kDecimal64, 18, 3}, "0", false, "0.000"},
      {{Type::kDecimal128, 38, 2}, "1200", false, "12.00"},
      {{Type::kDecimal128, 5, -2}, "12", true, "-1200"},
      {{Type::kDecimal128, 5, -2}, "0", false, "0"},
      {{Type::kDecimal256, 76, 0}, nines, true, "-" + nines},
      {{Type::kMoney}, "9223372036854775808", true, "-922337203685477.5808"},
  };
  for (const Example& each : examples) {
    const Value value = decimal_value(each.type, each.unscaled, each.is_negative);
    CHECK_EQUAL(edgeonnx::convert::value_text({value.bytes.data(), 0, 0}, each.type, 0), each.text);
  }
}

}  // namespace

int main() { return check::run(); }
