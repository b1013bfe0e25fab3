#include "base/type.h"

namespace edgeonnx {

const char* sql_name(Type type) {
  switch (type) {
    case Type::kFloat:
      return "real";
    case Type::kDouble:
      return "float";
    case Type::kUint8:
      return "tinyint";
    case Type::kInt16:
      return "smallint";
    case Type::kInt32:
      return "int";
    case Type::kInt64:
      return "bigint";
    case Type::kBool:
    case Type::kBit:
      return "bit";
    case Type::kDecimal32:
    case Type::kDecimal64:
    case Type::kDecimal128:
    case Type::kDecimal256:
      return "decimal";
    case Type::kMoney:
      return "money";
    default:
      return "";
  }
}

const char* onnx_name(Type type) {
  switch (type) {
    case Type::kFloat:
      return "float";
    case Type::kUint8:
      return "uint8";
    case Type::kInt8:
      return "int8";
    case Type::kUint16:
      return "uint16";
    case Type::kInt16:
      return "int16";
    case Type::kInt32:
      return "int32";
    case Type::kInt64:
      return "int64";
    case Type::kString:
      return "string";
    case Type::kBool:
    case Type::kBit:
      return "bool";
    case Type::kFloat16:
      return "float16";
    case Type::kDouble:
      return "double";
    case Type::kUint32:
      return "uint32";
    case Type::kUint64:
      return "uint64";
    case Type::kComplex64:
      return "complex64";
    case Type::kComplex128:
      return "complex128";
    case Type::kBfloat16:
      return "bfloat16";
    case Type::kNull:
      return "null";
    default:
      return "undefined";
  }
}

std::string display_name(Type type) {
  const char* sql = sql_name(type);
  return *sql ? sql : onnx_name(type);
}

std::string display_name(const DataType& type) {
  if (!is_decimal(type.type) || type.type == Type::kMoney) return display_name(type.type);
  return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
}

}  // namespace edgeonnx
