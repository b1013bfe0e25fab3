// Types as callers of the C interface describe them, checked.
#pragma once

#include "base/sql_type.h"
#include "base/text.h"
#include "capi/guard.h"
#include "columns/column.h"

namespace edgeonnx::capi {

template <class Enum>
Enum enum_of(int32_t value, int32_t last, const char* name) {
  if (value < 0 || value > last) throw Error(Code::kInvalidArgument, std::string(name) + " has no value " + std::to_string(value));
  return static_cast<Enum>(value);
}

/// Digits count for decimals only, and those of money are fixed.
inline DataType data_type_of(int32_t type, int32_t precision, int32_t scale) {
  const Type given = static_cast<Type>(type);
  if (given == Type::kMoney) return {given, kMoneyDigits, kMoneyScale};
  return is_decimal(given) ? DataType{given, precision, scale} : DataType{given};
}

inline Field field_of(const edgeonnx_field& given) {
  const DataType type = data_type_of(given.type, given.precision, given.scale);
  const std::string name = in_quotes(text_or(given.name, ""));
  if (given.width < 1) throw Error(Code::kInvalidArgument, "column " + name + " has no values a row");
  if (type.type == Type::kBit && given.width > 1) {
    throw Error(Code::kInvalidArgument, "column " + name + " has " + std::to_string(given.width) +
                                            " bits a row; only single bits can be read, use EDGEONNX_TYPE_BOOL");
  }
  const bool has_digits = is_decimal(type.type) && type.type != Type::kMoney;
  if (has_digits && (type.precision < 1 || type.precision > kMostArrowDigits || std::abs(type.scale) > kMostArrowDigits)) {
    throw Error(Code::kInvalidArgument, "column " + name + " is a decimal of precision " + std::to_string(type.precision) + " and scale " +
                                            std::to_string(type.scale) + "; 1 to 76 and -76 to 76 can be read");
  }
  return {text_or(given.name, ""),
          given.type_name ? given.type_name : display_name(type),
          type.type,
          given.width,
          type.precision,
          type.scale,
          {}};
}

inline Declaration declaration_of(const edgeonnx_result& given) {
  const DataType type = data_type_of(given.type, given.precision, given.scale);
  if (type.type == Type::kDecimal128 &&
      (type.precision < 1 || type.precision > kMostDigits || type.scale < 0 || type.scale > type.precision)) {
    throw Error(Code::kInvalidArgument, "result " + in_quotes(text_or(given.output, "")) + " is declared " + display_name(type) +
                                            "; 1 to 38 digits are possible, and no more of them behind the point");
  }
  return {type, given.not_null != 0};
}

}  // namespace edgeonnx::capi
