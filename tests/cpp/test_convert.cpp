// Every pair of types at its limits, against an oracle in long double, which holds every value of every type exactly.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "convert/convert.h"

namespace {

using edgeonnx::Code;
using edgeonnx::Error;
using edgeonnx::Type;
using namespace edgeonnx::convert;

using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64, "the oracle must hold int64, uint64 and double exactly");

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFirstBeyondReal = 3.4028235677973366e38;  // the first double that rounds to infinity

constexpr Type kTypes[] = {Type::kBool,   Type::kInt8,  Type::kUint8,  Type::kInt16, Type::kUint16, Type::kInt32,
                           Type::kUint32, Type::kInt64, Type::kUint64, Type::kFloat, Type::kDouble};

/// Calls body(T{}) with the C++ type that stores values of `type`.
template <class Body>
auto with_type(Type type, const Body& body) {
  switch (type) {
    case Type::kInt8:
      return body(int8_t{});
    case Type::kInt16:
      return body(int16_t{});
    case Type::kUint16:
      return body(uint16_t{});
    case Type::kInt32:
      return body(int32_t{});
    case Type::kUint32:
      return body(uint32_t{});
    case Type::kInt64:
      return body(int64_t{});
    case Type::kUint64:
      return body(uint64_t{});
    case Type::kFloat:
      return body(float{});
    case Type::kDouble:
      return body(double{});
    default:
      return body(uint8_t{});
  }
}

Exact load(Type type, const std::byte* at) {
  return with_type(type, [at]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<Exact>(value);
  });
}

/// Stores a value that the type holds.
void store(Type type, Exact value, std::byte* at) {
  with_type(type, [&]<class T>(T typed) {
    typed = static_cast<T>(value);
    std::memcpy(at, &typed, sizeof typed);
  });
}

struct Range {
  Exact least, most;
};
Range range_of(Type type) {
  if (type == Type::kBool) return {0, 1};
  return with_type(type, []<class T>(T) { return Range{std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()}; });
}

/// Whether a value of `type` can be exactly x.
bool holds(Type type, Exact x) {
  if (is_floating(type)) return std::isnan(x) || (type == Type::kFloat ? Exact{static_cast<float>(x)} : Exact{static_cast<double>(x)}) == x;
  const auto [least, most] = range_of(type);
  return x >= least && x <= most && std::truncl(x) == x && !(x == 0 && std::signbit(x));
}

/// T-SQL's assignment: the converted value, or false where it overflows.
bool oracle(Type to, Exact x, Exact* converted) {
  const auto [least, most] = range_of(to);
  if (to == Type::kBool) return *converted = x != 0, true;
  if (to == Type::kDouble) return *converted = static_cast<double>(x), true;
  if (to == Type::kFloat) return *converted = static_cast<float>(x), !(std::fabs(x) >= Exact{kFirstBeyondReal}) || std::isinf(x);
  *converted = std::truncl(x) + 0.0L;  // an integer zero has no sign
  return *converted >= least && *converted <= most;
}

bool same(Exact a, Exact b) { return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b)); }

/// The limits of all types with their neighbours, halves, powers beyond the mantissas, and what is no number.
std::vector<Exact> interesting_values(Type from) {
  std::vector<Exact> all = {0.0L,     -0.0L,   0.4L,     -0.4L,        0.5L,         1.5L, 2.5L,      -0.9375L,  DBL_MAX,
                            -DBL_MAX, FLT_MAX, -FLT_MAX, DBL_TRUE_MIN, FLT_TRUE_MIN, kNan, kInfinity, -kInfinity};
  for (const double x : {kFirstBeyondReal, std::nextafter(kFirstBeyondReal, 0.0)}) all.insert(all.end(), {x, -Exact{x}});
  for (int power : {7, 8, 15, 16, 24, 31, 32, 53, 63, 64}) {
    const Exact x = std::ldexp(Exact{1}, power);
    for (const Exact near : {x - 1, x, x + 1, x - 0.5L, x + 0.5L, x - 0.0625L}) all.insert(all.end(), {near, -near});
    for (const double near : {std::nextafter(static_cast<double>(x), 0.0), std::nextafter(static_cast<double>(x), kInfinity)})
      all.insert(all.end(), {near, -Exact{near}});
    for (const float near : {std::nextafter(static_cast<float>(x), 0.0f), std::nextafter(static_cast<float>(x), FLT_MAX)})
      all.insert(all.end(), {near, -Exact{near}});
  }
  std::erase_if(all, [from](Exact x) { return !holds(from, x); });
  return all;
}

std::string pair_text(Type from, Type to) { return display_name(from) + " -> " + display_name(to); }

/// Converts `values` from and to the given strides (negative ones begin at the far end) and checks every value, the flags and the index.
void check_conversion(Type from, Type to, const std::vector<Exact>& values, int64_t from_stride, int64_t to_stride) {
  const int64_t n = static_cast<int64_t>(values.size());
  const auto room = [n](Type type, int64_t stride) { return static_cast<size_t>((n - 1) * std::abs(stride) + size_of(type)); };
  std::vector<std::byte> source(room(from, from_stride)), target(room(to, to_stride), std::byte{0xAB});
  std::byte* first_source = source.data() + (from_stride < 0 ? (1 - n) * from_stride : 0);
  std::byte* first_target = target.data() + (to_stride < 0 ? (1 - n) * to_stride : 0);
  for (int64_t i = 0; i < n; ++i) store(from, values[static_cast<size_t>(i)], first_source + i * from_stride);
  for (const bool flags : {false, true}) {
    std::vector<uint8_t> bad(static_cast<size_t>(n), 7);
    const int64_t failed = loop(from, to)({first_source, from_stride, 0}, first_target, to_stride, n, flags ? bad.data() : nullptr);
    int64_t expected_failed = -1;
    for (int64_t i = 0; i < n; ++i) {
      const Exact x = values[static_cast<size_t>(i)];
      Exact expected = 0;
      const bool fits = oracle(to, x, &expected);
      if (!fits) expected = 0;
      if (!fits && expected_failed < 0) expected_failed = i;
      const Exact converted = load(to, first_target + i * to_stride);
      if (!same(converted, expected)) {
        check::fail(
            __FILE__, __LINE__,
            pair_text(from, to) + ": " + std::to_string(x) + " became " + std::to_string(converted) + ", not " + std::to_string(expected));
      }
      if (flags && bad[static_cast<size_t>(i)] != (fits ? 7 : 1))
        check::fail(__FILE__, __LINE__, pair_text(from, to) + ": flag of " + std::to_string(x));
    }
    if (failed != expected_failed) {
      check::fail(__FILE__, __LINE__,
                  pair_text(from, to) + ": first bad value at " + std::to_string(failed) + ", not " + std::to_string(expected_failed));
    }
  }
}

TEST(test_convert_limits_of_every_pair_match_exact_arithmetic) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) {
      for (const Exact value : interesting_values(from)) check_conversion(from, to, {value}, size_of(from), size_of(to));
    }
  }
}

TEST(test_convert_any_stride_gives_the_same_values) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) {
      const std::vector<Exact> values = interesting_values(from);
      const int64_t size = size_of(from), width = size_of(to);
      for (const int64_t stride : {size, size + 1, 3 * size, -size, -size - 3}) {
        for (const int64_t to_stride : {width, width + 1, 5 * width, -width}) check_conversion(from, to, values, stride, to_stride);
      }
    }
  }
}

TEST(test_convert_stride_zero_repeats_one_value) {
  const double x = 41.9;
  std::vector<int32_t> y(37);
  CHECK_EQUAL(loop(Type::kDouble, Type::kInt32)({&x, 0, 0}, y.data(), 4, 37, nullptr), int64_t{-1});
  CHECK(y == std::vector<int32_t>(37, 41));
}

TEST(test_convert_bad_value_at_any_place_of_a_long_column_is_the_first_told) {
  constexpr int64_t n = 131;
  for (const Type from : {Type::kDouble, Type::kFloat, Type::kInt64}) {
    for (int64_t at = 0; at < n; ++at) {
      std::vector<Exact> values(n, 200);
      values[static_cast<size_t>(at)] = 256;
      values[n - 1] = -1;
      check_conversion(from, Type::kUint8, values, size_of(from), 1);
    }
  }
}

TEST(test_convert_no_values_touches_nothing) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) CHECK_EQUAL(loop(from, to)({nullptr, size_of(from), 0}, nullptr, size_of(to), 0, nullptr), int64_t{-1});
  }
}

TEST(test_convert_documented_examples) {
  struct Example {
    Type from, to;
    Exact value, converted;
  };
  const Example examples[] = {
      {Type::kDouble, Type::kInt32, 10.6496, 10},
      {Type::kDouble, Type::kInt32, -10.6496, -10},
      {Type::kDouble, Type::kInt32, 2147483647.9, 2147483647},
      {Type::kDouble, Type::kInt32, -2147483648.9, -2147483648.0L},
      {Type::kDouble, Type::kUint8, -0.9, 0},
      {Type::kFloat, Type::kUint8, 255.9375, 255},
      {Type::kDouble, Type::kBool, 0.4, 1},
      {Type::kInt32, Type::kFloat, 16777217, 16777216},
      {Type::kInt64, Type::kDouble, 9007199254740993.0L, 9007199254740992.0L},
      {Type::kInt64, Type::kBool, -4294967296.0L, 1},
      {Type::kDouble, Type::kFloat, 3.4028235677973362e38, FLT_MAX},
      {Type::kDouble, Type::kInt64, -9223372036854775808.0L, -9223372036854775808.0L},
  };
  for (const auto& [from, to, value, converted] : examples) {
    std::byte source[8], target[8];
    store(from, value, source);
    CHECK_EQUAL(loop(from, to)({source, 0, 0}, target, 0, 1, nullptr), int64_t{-1});
    CHECK_EQUAL(load(to, target), converted);
  }
}

TEST(test_convert_overflow_carries_number_and_words_of_sql_server) {
  struct Example {
    Type from, to;
    Exact value;
    int32_t number;
    std::string text;
  };
  const std::string expression = "Arithmetic overflow error converting expression to data type ";
  const Example examples[] = {
      {Type::kInt32, Type::kUint8, 300, 220, "Arithmetic overflow error for data type tinyint, value = 300."},
      {Type::kInt16, Type::kUint8, -1, 220, "Arithmetic overflow error for data type tinyint, value = -1."},
      {Type::kInt32, Type::kInt16, 32768, 220, "Arithmetic overflow error for data type smallint, value = 32768."},
      {Type::kDouble, Type::kInt32, 3568120942.000003, 232, "Arithmetic overflow error for type int, value = 3568120942.000003."},
      {Type::kDouble, Type::kFloat, kFirstBeyondReal, 232, "Arithmetic overflow error for type real"},
      {Type::kFloat, Type::kInt16, -32769, 232, "Arithmetic overflow error for type smallint, value = -32769.000000."},
      {Type::kDouble, Type::kUint8, 256, 232, "Arithmetic overflow error for type tinyint, value = 256.000000."},
      // six decimals of seventeen digits, zeros behind them
      {Type::kDouble, Type::kInt32, 12345678901234567890.0, 232,
       "Arithmetic overflow error for type int, value = 12345678901234567000.000000."},
      {Type::kDouble, Type::kInt32, 123456789012.1234567, 232, "Arithmetic overflow error for type int, value = 123456789012.123460."},
      {Type::kDouble, Type::kInt32, -1e23, 232, "Arithmetic overflow error for type int, value = -99999999999999992000000.000000."},
      {Type::kInt64, Type::kInt32, 2147483648.0L, 8115, expression + "int"},
      {Type::kInt64, Type::kUint8, 256, 8115, expression + "tinyint"},
      {Type::kDouble, Type::kInt64, 9223372036854775808.0L, 8115, expression + "bigint"},
      {Type::kFloat, Type::kInt64, kNan, 8115, expression + "bigint"},
  };
  for (const Example& each : examples) {
    std::byte source[8], target[8];
    store(each.from, each.value, source);
    CHECK_EQUAL(loop(each.from, each.to)({source, 0, 0}, target, 0, 1, nullptr), int64_t{0});
    const Error error = overflow_error(each.from, each.to, value_text({source, 0, 0}, each.from, 0));
    CHECK(error.code() == Code::kOverflow);
    CHECK_EQUAL(error.sql_number(), each.number);
    CHECK_EQUAL(std::string(error.what()).substr(0, each.text.size()), each.text);
  }
}

TEST(test_convert_rules_are_those_of_the_matrix) {
  // Rows and columns: bit, tinyint, smallint, int, bigint, real, float. P of float -> real can overflow too.
  constexpr Type types[] = {Type::kBool, Type::kUint8, Type::kInt16, Type::kInt32, Type::kInt64, Type::kFloat, Type::kDouble};
  const char* matrix[] = {"=EEEEEE", "B=EEEEE", "BX=EEEE", "BXX=EPE", "BXXX=PP", "BTTTT=E", "BTTTTP="};
  const std::map<char, Rule> rules = {{'=', Rule::kSame},    {'E', Rule::kExact},    {'P', Rule::kNearest},
                                      {'X', Rule::kChecked}, {'T', Rule::kTruncate}, {'B', Rule::kNonzero}};
  for (size_t row = 0; row < std::size(types); ++row) {
    for (size_t column = 0; column < std::size(types); ++column) {
      if (rule(types[row], types[column]) != rules.at(matrix[row][column]))
        check::fail(__FILE__, __LINE__, pair_text(types[row], types[column]));
    }
  }
  for (const Type none : {Type::kUndefined, Type::kString, Type::kComplex64}) {
    CHECK(rule(none, Type::kFloat) == Rule::kNone && loop(none, Type::kFloat) == nullptr);
    CHECK(rule(Type::kFloat, none) == Rule::kNone && loop(Type::kFloat, none) == nullptr);
  }
}

TEST(test_convert_exact_rule_means_that_every_value_survives) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) {
      const Rule pair = rule(from, to);
      bool all_survive = true;
      for (const Exact value : interesting_values(from)) {
        Exact converted;
        all_survive &= oracle(to, value, &converted) && (converted == value || std::isnan(value));
      }
      if (all_survive != (pair == Rule::kSame || pair == Rule::kExact)) check::fail(__FILE__, __LINE__, pair_text(from, to));
    }
  }
}

TEST(test_convert_bits_from_any_offset) {
  const std::vector<uint8_t> bits = {0b10110100, 0b01100011, 0b11111110};
  for (const Type to : kTypes) {
    for (int64_t offset = 0; offset <= 17; ++offset) {
      std::vector<std::byte> target(7 * 9);
      CHECK_EQUAL(loop(Type::kBit, to)({bits.data(), 0, offset}, target.data(), 9, 7, nullptr), int64_t{-1});
      for (int64_t i = 0; i < 7; ++i)
        CHECK_EQUAL(load(to, target.data() + 9 * i), Exact(bits[static_cast<size_t>(offset + i) / 8] >> ((offset + i) % 8) & 1));
    }
  }
  CHECK(rule(Type::kBit, Type::kBool) == Rule::kSame);
  CHECK(rule(Type::kBit, Type::kDouble) == Rule::kExact);
  CHECK(loop(Type::kFloat, Type::kBit) == nullptr);
}

TEST(test_convert_any_byte_but_zero_is_a_true_bool) {
  const uint8_t bytes[] = {0, 1, 2, 255};
  for (const Type to : kTypes) {
    std::vector<std::byte> target(4 * 8);
    loop(Type::kBool, to)({bytes, 1, 0}, target.data(), 8, 4, nullptr);
    for (int64_t i = 0; i < 4; ++i) CHECK_EQUAL(load(to, target.data() + 8 * i), Exact(i > 0));
  }
}

TEST(test_convert_half_floats_move_but_do_not_convert) {
  const uint16_t halves[] = {0x3C00, 0x7E00, 0xFFFF};
  for (const Type type : {Type::kFloat16, Type::kBfloat16}) {
    uint16_t moved[3] = {};
    CHECK_EQUAL(loop(type, type)({halves + 2, -2, 0}, moved, 2, 3, nullptr), int64_t{-1});
    CHECK(moved[0] == 0xFFFF && moved[1] == 0x7E00 && moved[2] == 0x3C00);
    CHECK(rule(type, Type::kFloat) == Rule::kNone && rule(Type::kFloat, type) == Rule::kNone);
  }
}

}  // namespace

int main() { return check::run(); }
