// The matrix of conversions as data: rules, numbers, which pairs keep every value, and the words of SQL Server.
#include <string>

#include "base/error.h"
#include "check.h"
#include "convert/convert.h"
#include "exact.h"

namespace {

using namespace exact;
using edgeonnx::Code;
using edgeonnx::DataType;
using edgeonnx::Error;
using edgeonnx::convert::Cell;
using edgeonnx::convert::cell;
using edgeonnx::convert::conversion;
using edgeonnx::convert::is_exact;
using edgeonnx::convert::Rule;

constexpr Type kAll[] = {Type::kBool,       Type::kUint8,  Type::kInt16,  Type::kInt32,   Type::kInt64,
                         Type::kDecimal128, Type::kMoney,  Type::kFloat,  Type::kDouble,  Type::kInt8,
                         Type::kUint16,     Type::kUint32, Type::kUint64, Type::kFloat16, Type::kBfloat16};

std::string pair_text(Type from, Type to) { return display_name(from) + " -> " + display_name(to); }

bool is_integer(Type type) { return !is_floating(type) && !is_decimal(type) && type != Type::kBool; }

/// The number of an overflow from `from` into an integer, money or a float: its family's.
int32_t family_number(Type from) {
  if (from == Type::kMoney) return 237;
  if (is_floating(from)) return 232;
  return from == Type::kInt64 || from == Type::kUint32 || from == Type::kUint64 || from == Type::kDecimal128 ? 8115 : 220;
}

/// The cell, worked out from the ranges of the types.
Cell expected_cell(Type from, Type to) {
  if (from == to) return {Rule::kSame, 0};
  if (to == Type::kBool) return {Rule::kNonzero, 0};
  const bool is_whole = is_integer(from) || from == Type::kBool;
  if (to == Type::kDecimal128) return {is_whole ? Rule::kChecked : Rule::kRound, 8115};
  const bool is_wide = from == Type::kInt64 || from == Type::kUint64;
  if (to == Type::kMoney) {
    if (!is_whole) return {Rule::kRound, family_number(from)};
    return is_wide ? Cell{Rule::kChecked, 8115} : Cell{Rule::kExact, 0};
  }
  if (is_integer(to)) {
    if (from == Type::kDecimal128) return {Rule::kTruncate, 8115};
    if (from == Type::kMoney) return {Rule::kRound, to == Type::kInt64 ? 0 : 237};
    const bool is_big = to == Type::kInt64 || to == Type::kUint32 || to == Type::kUint64;
    if (is_floating(from)) return {Rule::kTruncate, is_big ? 8115 : 232};
    const bool is_within = range_of(from).least >= range_of(to).least && range_of(from).most <= range_of(to).most;
    return is_within ? Cell{Rule::kExact, 0} : Cell{Rule::kChecked, family_number(from)};
  }
  // Into a floating type. Decimals of more than 38 digits go beyond a real, none beyond a float.
  if (from == Type::kDecimal128) return {Rule::kNearest, to == Type::kDouble ? 0 : 8115};
  if (from == Type::kMoney) return {Rule::kNearest, to == Type::kFloat16 ? 237 : 0};
  const Exact most = std::max(range_of(from).most, -range_of(from).least);
  const bool overflows = round_to(format_of(to), most) > range_of(to).most;
  const Format target = format_of(to);
  bool survives = false;
  if (is_floating(from)) {
    const Format source = format_of(from);
    survives = target.precision >= source.precision && target.least <= source.least && target.most >= source.most;
  } else {
    // Whole numbers of so many bits are all there; a limit that is a power of two is there too.
    survives = std::ilogb(range_of(from).most) < target.precision && !overflows;
  }
  return {survives ? Rule::kExact : Rule::kNearest, survives || !overflows ? 0 : family_number(from)};
}

TEST(test_rules_are_those_of_the_matrix) {
  for (const Type from : kAll) {
    for (const Type to : kAll) {
      if (from == Type::kDecimal128 && to == from) continue;  // rounds, unless the digits are the same
      const Cell expected = expected_cell(from, to), found = cell(from, to);
      if (found.rule != expected.rule) {
        check::fail(__FILE__, __LINE__,
                    pair_text(from, to) + " is '" + rule_name(found.rule) + "', not '" + rule_name(expected.rule) + "'");
      }
      if (found.sql_number != expected.sql_number) {
        check::fail(
            __FILE__, __LINE__,
            pair_text(from, to) + " overflows with " + std::to_string(found.sql_number) + ", not " + std::to_string(expected.sql_number));
      }
    }
  }
  CHECK(cell(Type::kDecimal128, Type::kDecimal128).rule == Rule::kRound);
  CHECK_EQUAL(cell(Type::kDecimal128, Type::kDecimal128).sql_number, 8115);
}

TEST(test_rules_storage_forms_of_one_sql_type_are_one_row) {
  for (const Type to : kAll) {
    for (const Type form : {Type::kDecimal32, Type::kDecimal64, Type::kDecimal256}) {
      CHECK(cell(form, to).rule == cell(Type::kDecimal128, to).rule);
      CHECK_EQUAL(cell(form, to).sql_number, cell(Type::kDecimal128, to).sql_number);
    }
    CHECK(cell(Type::kBit, to).rule == cell(Type::kBool, to).rule);
  }
}

TEST(test_rules_know_no_conversion_of_text_and_complex_numbers) {
  for (const Type none : {Type::kUndefined, Type::kString, Type::kComplex64, Type::kComplex128}) {
    for (const Type other : kAll) {
      CHECK(cell(none, other).rule == Rule::kNone && cell(other, none).rule == Rule::kNone);
      CHECK(conversion({none}, {other}).loop == nullptr && conversion({other}, {none}).loop == nullptr);
      CHECK(conversion({none}, {other}).rule == Rule::kNone);
    }
  }
  // Nothing is written as single bits, nor as a decimal of another width.
  for (const Type unwritten : {Type::kBit, Type::kDecimal32, Type::kDecimal64, Type::kDecimal256}) {
    CHECK(conversion({Type::kInt32}, {unwritten, 9, 0}).loop == nullptr);
    CHECK(conversion({Type::kInt32}, {unwritten, 9, 0}).rule == Rule::kNone);
  }
}

TEST(test_rules_same_decimals_are_the_same_type) {
  const DataType decimal{Type::kDecimal128, 10, 2};
  CHECK(conversion(decimal, decimal).rule == Rule::kSame);
  CHECK(conversion({Type::kDecimal32, 9, 2}, {Type::kDecimal128, 9, 2}).rule == Rule::kSame);
  CHECK(conversion(decimal, {Type::kDecimal128, 11, 2}).rule == Rule::kRound);
  CHECK(conversion(decimal, {Type::kDecimal128, 10, 3}).rule == Rule::kRound);
  CHECK(conversion({Type::kMoney}, {Type::kDecimal128, 19, 4}).rule == Rule::kRound);
  CHECK(conversion({Type::kDecimal128, 19, 4}, {Type::kMoney}).rule == Rule::kRound);
}

TEST(test_exact_means_that_every_value_survives) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) {
      bool all_survive = true;
      for (const Exact value : interesting_values(from)) {
        const Converted done = convert(to, value);
        all_survive = all_survive && done.fits && !done.is_changed;
      }
      if (all_survive != is_exact({from}, {to})) check::fail(__FILE__, __LINE__, pair_text(from, to));
      CHECK_EQUAL(conversion({from}, {to}).exact, is_exact({from}, {to}));
    }
  }
}

TEST(test_exact_looks_at_the_digits_of_decimals) {
  const auto decimal = [](int32_t precision, int32_t scale) { return DataType{Type::kDecimal128, precision, scale}; };
  struct Example {
    DataType from, to;
    bool exact;
  };
  const DataType money{Type::kMoney, 19, 4};
  const Example examples[] = {
      {decimal(10, 2), decimal(10, 2), true},
      {decimal(10, 2), decimal(12, 4), true},
      {decimal(10, 2), decimal(11, 4), false},  // 8 digits in front, 7 there
      {decimal(10, 2), decimal(38, 1), false},
      {{Type::kDecimal256, 40, 2}, decimal(38, 2), false},
      {{Type::kDecimal32, 3, -2}, decimal(5, 0), true},
      {{Type::kDecimal32, 3, -2}, decimal(4, 0), false},
      {{Type::kBool}, decimal(1, 0), true},
      {{Type::kBit}, decimal(3, 3), false},
      {{Type::kUint8}, decimal(3, 0), true},
      {{Type::kUint8}, decimal(3, 1), false},
      {{Type::kInt8}, decimal(3, 0), true},
      {{Type::kInt16}, decimal(5, 0), true},
      {{Type::kInt16}, decimal(4, 0), false},
      {{Type::kInt32}, decimal(10, 0), true},
      {{Type::kUint32}, decimal(12, 2), true},
      {{Type::kInt32}, decimal(11, 2), false},
      {{Type::kInt64}, decimal(19, 0), true},
      {{Type::kInt64}, decimal(18, 0), false},
      {{Type::kUint64}, decimal(20, 0), true},
      {{Type::kUint64}, decimal(19, 0), false},
      {{Type::kDouble}, decimal(38, 10), false},
      {{Type::kFloat16}, decimal(38, 24), false},  // infinity
      {money, decimal(19, 4), true},
      {money, decimal(19, 3), false},
      {money, decimal(18, 4), false},
      {decimal(18, 4), money, true},
      {decimal(19, 4), money, false},  // 999999999999999.9999
      {decimal(5, 5), money, false},
      {decimal(9, 0), {Type::kInt32}, true},
      {decimal(10, 0), {Type::kInt32}, false},
      {decimal(9, 1), {Type::kInt32}, false},
      {decimal(18, 0), {Type::kInt64}, true},
      {decimal(19, 0), {Type::kInt64}, false},
      {decimal(4, 0), {Type::kInt16}, true},
      {decimal(2, 0), {Type::kInt8}, true},
      {decimal(2, 0), {Type::kUint8}, false},  // negative
      {decimal(15, 0), {Type::kUint64}, false},
      {decimal(7, 0), {Type::kFloat}, true},
      {decimal(8, 0), {Type::kFloat}, false},
      {decimal(15, 0), {Type::kDouble}, true},
      {decimal(16, 0), {Type::kDouble}, false},
      {decimal(3, 1), {Type::kDouble}, false},
      {decimal(3, 0), {Type::kFloat16}, true},
      {decimal(4, 0), {Type::kFloat16}, false},
      {decimal(2, 0), {Type::kBfloat16}, true},
      {decimal(3, 0), {Type::kBfloat16}, false},
      {decimal(1, 0), {Type::kBool}, false},
      {money, {Type::kDouble}, false},
      {money, {Type::kInt64}, false},
      {{Type::kInt64}, money, false},
      {{Type::kUint32}, money, true},
  };
  for (const Example& each : examples) {
    if (is_exact(each.from, each.to) != each.exact)
      check::fail(__FILE__, __LINE__, edgeonnx::display_name(each.from) + " -> " + edgeonnx::display_name(each.to));
  }
}

TEST(test_overflow_error_is_the_sentence_of_sql_server_and_the_place) {
  struct Example {
    DataType from, to;
    int32_t number;
    std::string sentence;
    bool tells_value;
  };
  const DataType decimal{Type::kDecimal128, 10, 2}, money{Type::kMoney, 19, 4};
  const std::string expression = "Arithmetic overflow error converting expression to data type ";
  const Example examples[] = {
      {{Type::kInt32}, {Type::kUint8}, 220, "Arithmetic overflow error for data type tinyint, value = 7.", true},
      {{Type::kInt32}, {Type::kUint32}, 220, "Arithmetic overflow error for data type uint32, value = 7.", true},
      {{Type::kInt16}, {Type::kUint64}, 220, "Arithmetic overflow error for data type uint64, value = 7.", true},
      {{Type::kUint16}, {Type::kInt8}, 220, "Arithmetic overflow error for data type int8, value = 7.", true},
      {{Type::kInt32}, {Type::kFloat16}, 220, "Arithmetic overflow error for data type float16, value = 7.", true},
      {{Type::kDouble}, {Type::kInt32}, 232, "Arithmetic overflow error for type int, value = 7.000000.", true},
      {{Type::kDouble}, {Type::kFloat}, 232, "Arithmetic overflow error for type real, value = 7.000000.", true},
      {{Type::kFloat}, money, 232, "Arithmetic overflow error for type money, value = 7.000000.", true},
      {money, {Type::kInt32}, 237, "There is insufficient result space to convert a money value to int.", false},
      {money, {Type::kUint16}, 237, "There is insufficient result space to convert a money value to uint16.", false},
      {{Type::kInt64}, {Type::kInt32}, 8115, expression + "int.", false},
      {{Type::kInt64}, money, 8115, expression + "money.", false},
      {{Type::kUint32}, {Type::kInt32}, 8115, expression + "int.", false},
      {{Type::kDouble}, {Type::kInt64}, 8115, expression + "bigint.", false},
      {{Type::kDouble}, {Type::kUint32}, 8115, expression + "uint32.", false},
      {decimal, {Type::kInt16}, 8115, expression + "smallint.", false},
      {decimal, money, 8115, "Arithmetic overflow error converting numeric to data type money.", false},
      {decimal, decimal, 8115, "Arithmetic overflow error converting numeric to data type numeric.", false},
      {{Type::kDouble}, decimal, 8115, "Arithmetic overflow error converting float to data type numeric.", false},
      {{Type::kFloat}, decimal, 8115, "Arithmetic overflow error converting real to data type numeric.", false},
      {{Type::kInt32}, decimal, 8115, "Arithmetic overflow error converting int to data type numeric.", false},
      {{Type::kUint64}, decimal, 8115, "Arithmetic overflow error converting uint64 to data type numeric.", false},
      {money, decimal, 8115, "Arithmetic overflow error converting money to data type numeric.", false},
  };
  for (const auto& [from, to, number, sentence, tells_value] : examples) {
    const Error error = edgeonnx::convert::overflow_error(from, to, "7", "row 3 of column 'x'");
    CHECK(error.code() == Code::kOverflow);
    CHECK_EQUAL(error.sql_number(), number);
    CHECK_EQUAL(error.value(), std::string("7"));
    const std::string text = error.what(), start = sentence + (tells_value ? " At " : " It is 7 at ") + "row 3 of column 'x'";
    CHECK_EQUAL(text.substr(0, start.size()), start);
  }
}

TEST(test_overflow_error_tells_floats_with_six_decimals_of_seventeen_digits_or_in_short) {
  const std::pair<const char*, const char*> examples[] = {
      {"3568120942.000003", "3568120942.000003"},
      {"-32769", "-32769.000000"},
      {"12345678901234567168", "12345678901234567000.000000"},
      {"123456789012.12346", "123456789012.123460"},
      {"-1e+23", "-99999999999999992000000.000000"},
      {"9.9e+37", "98999999999999993000000000000000000000.000000"},
      {"1e+38", "1e+38"},
      {"-1.7976931348623157e+308", "-1.7976931348623157e+308"},
      {"nan", "nan"},
      {"-inf", "-inf"},
  };
  for (const auto& [value, told] : examples) {
    const Error error = edgeonnx::convert::overflow_error({Type::kDouble}, {Type::kInt32}, value, "row 0");
    const std::string start = std::string("Arithmetic overflow error for type int, value = ") + told + ". At ";
    CHECK_EQUAL(std::string(error.what()).substr(0, start.size()), start);
    CHECK_EQUAL(error.value(), std::string(value));
  }
}

TEST(test_value_text_reads_back_as_the_value) {
  struct Example {
    Type type;
    Exact value;
    std::string text;
  };
  const Example examples[] = {
      {Type::kBool, 1, "1"},
      {Type::kInt8, -128, "-128"},
      {Type::kInt32, 300, "300"},
      {Type::kInt64, -9223372036854775808.0L, "-9223372036854775808"},
      {Type::kUint64, 18446744073709551615.0L, "18446744073709551615"},
      {Type::kFloat, -32769, "-32769"},
      {Type::kFloat16, 65504, "65504"},
      {Type::kDouble, 3568120942.000003, "3568120942.000003"},
      {Type::kDouble, -1e23, "-1e+23"},
      {Type::kDouble, kNan, "nan"},
      {Type::kDouble, -kInfinity, "-inf"},
  };
  for (const Example& each : examples) {
    std::byte memory[1 + 2 * 8] = {};
    const int64_t size = size_of(each.type);
    store(each.type, each.value, memory + 1 + size);  // unaligned, the second value
    CHECK_EQUAL(edgeonnx::convert::value_text({memory + 1, size, 0}, {each.type}, 1), each.text);
  }
  const uint8_t bits[] = {0b00010000};
  CHECK_EQUAL(edgeonnx::convert::value_text({bits, 0, 3}, {Type::kBit}, 1), std::string("1"));
  CHECK_EQUAL(edgeonnx::convert::value_text({bits, 0, 3}, {Type::kBit}, 2), std::string("0"));
}

}  // namespace

int main() { return check::run(); }
