#include "convert/rules.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "convert/kinds.h"

namespace edgeonnx::convert {
namespace {

/// Decimal digits in front of and behind the point that hold every value of a type. `front` also says how large an integer may become.
struct Digits {
  int32_t front = 0;
  int32_t behind = 0;
};

/// Of whole numbers and decimals.
Digits digits_of(const DataType& type) {
  switch (kind_of(type.type)) {
    case kBitKind:
      return {1, 0};
    case kTinyintKind:
    case kInt8Kind:
      return {3, 0};
    case kSmallintKind:
    case kUint16Kind:
      return {5, 0};
    case kIntKind:
    case kUint32Kind:
      return {10, 0};
    case kBigintKind:
      return {19, 0};
    case kUint64Kind:
      return {20, 0};
    case kMoneyKind:
      return {15, 4};
    default:
      return {type.precision - type.scale, type.scale};
  }
}

/// How many digits in front of the point every number of the type may have; -1 where a decimal's negative values do not fit.
int32_t most_digits(Kind kind) {
  switch (kind) {
    case kInt8Kind:
      return 2;
    case kSmallintKind:
    case kFloat16Kind:
      return 4;
    case kIntKind:
      return 9;
    case kMoneyKind:
      return 14;
    case kBigintKind:
      return 18;
    case kRealKind:
    case kBfloat16Kind:
      return 38;
    case kFloatKind:
      return 308;
    default:
      return -1;
  }
}

/// Bits of a floating type's significand.
int32_t significand_bits(Kind kind) { return kind == kFloatKind ? 53 : kind == kRealKind ? 24 : kind == kFloat16Kind ? 11 : 8; }

/// How the sentence of an overflow into a decimal calls its source.
std::string family_name(Type type) { return is_decimal(type) && type != Type::kMoney ? "numeric" : display_name(type); }

/// Six decimals of seventeen digits, zeros behind them: SQL Server's text of a float that does not fit. Its up to 300 zeros are left out
/// beyond the 38 digits that its numbers can have: there the text is the shortest that reads back. `value` is any text of it.
std::string float_text(const std::string& value) {
  double x = 0;
  std::from_chars(value.data(), value.data() + value.size(), x);
  if (std::isnan(x)) return value;
  char text[64];
  if (std::fabs(x) >= 1e38 && std::isfinite(x)) return {text, std::to_chars(text, text + sizeof text, x).ptr};
  const auto print = [&](std::chars_format format, int digits) {
    return std::string(text, std::to_chars(text, text + sizeof text, x, format, digits).ptr);
  };
  if (!std::isfinite(x) || std::fabs(x) < 1e11) return print(std::chars_format::fixed, 6);
  std::string digits = print(std::chars_format::scientific, 16);
  const size_t exponent_at = digits.find('e');
  const int exponent = std::atoi(digits.c_str() + exponent_at + 1);
  digits.resize(exponent_at);
  std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
  digits.resize(static_cast<size_t>(exponent) + 7, '0');
  digits.insert(static_cast<size_t>(exponent) + 1, ".");
  return (x < 0 ? "-" : "") + digits;
}

}  // namespace

const char* rule_name(Rule rule) {
  constexpr const char* kNames[] = {"none", "same", "exact", "nearest", "truncate", "round", "checked", "nonzero"};
  return kNames[static_cast<size_t>(rule)];
}

Cell cell(Type from, Type to) { return cell_of(kind_of(from == Type::kNull ? to : from), kind_of(to)); }

bool is_exact(const DataType& from, const DataType& to) {
  const Rule rule = cell(from.type, to.type).rule;
  if (rule == Rule::kSame || rule == Rule::kExact) return true;
  const bool has_digits = rule == Rule::kChecked || is_decimal(from.type);
  if (!has_digits || rule == Rule::kNone || rule == Rule::kNonzero) return false;
  const Digits source = digits_of(from);
  if (kind_of(to.type) == kDecimalKind) return to.precision - to.scale >= source.front && to.scale >= source.behind;
  if (!is_decimal(from.type) || from.type == Type::kMoney) return false;
  const int32_t behind = to.type == Type::kMoney ? kMoneyScale : 0;
  if (source.behind > behind || source.front > most_digits(kind_of(to.type))) return false;
  if (!is_floating(to.type)) return true;
  // The twos of the power go into the exponent; its fives and the digits must fit the significand.
  const double most = (std::pow(10.0, from.precision) - 1) * std::pow(5.0, -from.scale);
  return most <= std::ldexp(1.0, significand_bits(kind_of(to.type)));
}

Error overflow_error(const DataType& from, const DataType& to, const std::string& value, const std::string& place) {
  const int32_t number = cell(from.type, to.type).sql_number;
  std::string text;
  switch (number) {
    case 220:
      text = "Arithmetic overflow error for data type " + display_name(to.type) + ", value = " + value + ".";
      break;
    case 232:
      text = "Arithmetic overflow error for type " + display_name(to.type) + ", value = " + float_text(value) + ".";
      break;
    case 237:
      text = "There is insufficient result space to convert a money value to " + display_name(to.type) + ".";
      break;
    default:
      const bool names_source = kind_of(to.type) == kDecimalKind || (is_decimal(from.type) && to.type == Type::kMoney);
      text = "Arithmetic overflow error converting " + (names_source ? family_name(from.type) : "expression") + " to data type " +
             (kind_of(to.type) == kDecimalKind ? "numeric" : display_name(to.type)) + ".";
  }
  // Two of the sentences tell the value already.
  text += (number == 220 || number == 232 ? " At " : " It is " + value + " at ") + place + "; on_overflow='null' makes such values NULL.";
  return Error(Code::kOverflow, text).with_sql_number(number).with_value(value);
}

}  // namespace edgeonnx::convert
