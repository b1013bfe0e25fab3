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
};

/// Bytes of one value; 0 where values have no fixed size in bytes (strings, bits, undefined).
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
      return 4;
    case Type::kInt64:
    case Type::kUint64:
    case Type::kDouble:
    case Type::kComplex64:
      return 8;
    case Type::kComplex128:
      return 16;
    default:
      return 0;
  }
}

constexpr bool is_floating(Type type) {
  return type == Type::kFloat || type == Type::kDouble || type == Type::kFloat16 || type == Type::kBfloat16;
}

/// "real", "bigint" ...; "" where SQL has no such type.
const char* sql_name(Type type);
/// The element type as ONNX spells it: "float", "int64" ...
const char* onnx_name(Type type);
/// How messages call the type: its SQL name, or the ONNX name where SQL has none.
std::string display_name(Type type);

}  // namespace edgeonnx
