// Element types: what edgeonnx.h numbers, with their sizes and their names in SQL and ONNX.
#pragma once

#include <cstdint>
#include <string>

namespace edgeonnx {

enum class Type : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kBit = 256,
  kDecimal32 = 257,
  kDecimal64 = 258,
  kDecimal128 = 259,
  kDecimal256 = 260,
  kMoney = 261,  ///< laid out as a decimal128 of scale 4, with the range and the rules of SQL's money
  kNull = 262,   ///< every value is NULL, and of whatever type is wanted; there are no values in memory
};

/// Bytes of one value; 0 where values have no fixed size in bytes (strings, bits, undefined, null).
constexpr int64_t size_of(Type type) {
  switch (type) {
    case Type::kUint8:
    case Type::kInt8:
    case Type::kBool:
      return 1;
    case Type::kUint16:
    case Type::kInt16:
    case Type::kFloat16:
    case Type::kBfloat16:
      return 2;
    case Type::kFloat:
    case Type::kInt32:
    case Type::kUint32:
    case Type::kDecimal32:
      return 4;
    case Type::kInt64:
    case Type::kUint64:
    case Type::kDouble:
    case Type::kComplex64:
    case Type::kDecimal64:
      return 8;
    case Type::kComplex128:
    case Type::kDecimal128:
    case Type::kMoney:
      return 16;
    case Type::kDecimal256:
      return 32;
    default:
      return 0;
  }
}

constexpr bool is_floating(Type type) {
  return type == Type::kFloat || type == Type::kDouble || type == Type::kFloat16 || type == Type::kBfloat16;
}

constexpr bool is_decimal(Type type) { return type >= Type::kDecimal32 && type <= Type::kMoney; }

constexpr int32_t kMostDigits = 38;       ///< of a decimal in SQL
constexpr int32_t kMostArrowDigits = 76;  ///< of a decimal256
constexpr int32_t kMoneyDigits = 19;
constexpr int32_t kMoneyScale = 4;

/// A type with the parameters that only decimals have.
struct DataType {
  Type type = Type::kUndefined;
  int32_t precision = 0;  ///< digits in all
  int32_t scale = 0;      ///< digits behind the point; may be negative in Arrow

  bool operator==(const DataType&) const = default;
};

/// "real", "bigint" ...; "" where SQL has no such type.
const char* sql_name(Type type);
/// The element type as ONNX spells it: "float", "int64" ...
const char* onnx_name(Type type);
/// How messages call the type: its SQL name, or the ONNX name where SQL has none.
std::string display_name(Type type);
/// Likewise, with the parameters: "decimal(10,2)".
std::string display_name(const DataType& type);

}  // namespace edgeonnx
