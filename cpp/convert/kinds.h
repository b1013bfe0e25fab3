// Rows and columns of the matrix, and the matrix itself. Known at compile time, since the loops are generated from it.
#pragma once

#include <cstddef>
#include <string_view>

#include "convert/rules.h"

namespace edgeonnx::convert {

/// A type as the matrix sees it: storage forms of one SQL type are one kind.
enum Kind : size_t {
  kBitKind,
  kTinyintKind,
  kSmallintKind,
  kIntKind,
  kBigintKind,
  kDecimalKind,
  kMoneyKind,
  kRealKind,
  kFloatKind,
  kInt8Kind,
  kUint16Kind,
  kUint32Kind,
  kUint64Kind,
  kFloat16Kind,
  kBfloat16Kind,
  kNoKind,
};

constexpr Kind kind_of(Type type) {
  switch (type) {
    case Type::kBit:
    case Type::kBool:
      return kBitKind;
    case Type::kUint8:
      return kTinyintKind;
    case Type::kInt16:
      return kSmallintKind;
    case Type::kInt32:
      return kIntKind;
    case Type::kInt64:
      return kBigintKind;
    case Type::kDecimal32:
    case Type::kDecimal64:
    case Type::kDecimal128:
    case Type::kDecimal256:
      return kDecimalKind;
    case Type::kMoney:
      return kMoneyKind;
    case Type::kFloat:
      return kRealKind;
    case Type::kDouble:
      return kFloatKind;
    case Type::kInt8:
      return kInt8Kind;
    case Type::kUint16:
      return kUint16Kind;
    case Type::kUint32:
      return kUint32Kind;
    case Type::kUint64:
      return kUint64Kind;
    case Type::kFloat16:
      return kFloat16Kind;
    case Type::kBfloat16:
      return kBfloat16Kind;
    default:
      return kNoKind;
  }
}

// = same   E exact   P nearest   X checked   T truncate   R round   B non-zero is 1; behind the colon the number of an overflow.
// The family of the source decides the number: 220 integers to int, 232 real and float, 237 money, 8115 the rest; 8115 also where real
// and float meet bigint or decimal. Types that only ONNX has count as the SQL type that holds their values: int8 as smallint, uint16 as
// int, uint32 as bigint, uint64 as decimal, float16 and bfloat16 as real. Only decimals of more than SQL's 38 digits overflow a real.
// clang-format off
inline constexpr std::string_view kMatrix[kNoKind][kNoKind] = {
//             bit  tinyint   smallint  int       bigint    decimal   money     real      float     int8      uint16    uint32    uint64    float16   bfloat16
/* bit      */ {"=", "E",      "E",      "E",      "E",      "X:8115", "E",      "E",      "E",      "E",      "E",      "E",      "E",      "E",      "E"},
/* tinyint  */ {"B", "=",      "E",      "E",      "E",      "X:8115", "E",      "E",      "E",      "X:220",  "E",      "E",      "E",      "E",      "E"},
/* smallint */ {"B", "X:220",  "=",      "E",      "E",      "X:8115", "E",      "E",      "E",      "X:220",  "X:220",  "X:220",  "X:220",  "P",      "P"},
/* int      */ {"B", "X:220",  "X:220",  "=",      "E",      "X:8115", "E",      "P",      "E",      "X:220",  "X:220",  "X:220",  "X:220",  "P:220",  "P"},
/* bigint   */ {"B", "X:8115", "X:8115", "X:8115", "=",      "X:8115", "X:8115", "P",      "P",      "X:8115", "X:8115", "X:8115", "X:8115", "P:8115", "P"},
/* decimal  */ {"B", "T:8115", "T:8115", "T:8115", "T:8115", "R:8115", "R:8115", "P:8115", "P",      "T:8115", "T:8115", "T:8115", "T:8115", "P:8115", "P:8115"},
/* money    */ {"B", "R:237",  "R:237",  "R:237",  "R",      "R:8115", "=",      "P",      "P",      "R:237",  "R:237",  "R:237",  "R:237",  "P:237",  "P"},
/* real     */ {"B", "T:232",  "T:232",  "T:232",  "T:8115", "R:8115", "R:232",  "=",      "E",      "T:232",  "T:232",  "T:8115", "T:8115", "P:232",  "P:232"},
/* float    */ {"B", "T:232",  "T:232",  "T:232",  "T:8115", "R:8115", "R:232",  "P:232",  "=",      "T:232",  "T:232",  "T:8115", "T:8115", "P:232",  "P:232"},
/* int8     */ {"B", "X:220",  "E",      "E",      "E",      "X:8115", "E",      "E",      "E",      "=",      "X:220",  "X:220",  "X:220",  "E",      "E"},
/* uint16   */ {"B", "X:220",  "X:220",  "E",      "E",      "X:8115", "E",      "E",      "E",      "X:220",  "=",      "E",      "E",      "P:220",  "P"},
/* uint32   */ {"B", "X:8115", "X:8115", "X:8115", "E",      "X:8115", "E",      "P",      "E",      "X:8115", "X:8115", "=",      "E",      "P:8115", "P"},
/* uint64   */ {"B", "X:8115", "X:8115", "X:8115", "X:8115", "X:8115", "X:8115", "P",      "P",      "X:8115", "X:8115", "X:8115", "=",      "P:8115", "P"},
/* float16  */ {"B", "T:232",  "T:232",  "T:232",  "T:8115", "R:8115", "R:232",  "E",      "E",      "T:232",  "T:232",  "T:8115", "T:8115", "=",      "P"},
/* bfloat16 */ {"B", "T:232",  "T:232",  "T:232",  "T:8115", "R:8115", "R:232",  "E",      "E",      "T:232",  "T:232",  "T:8115", "T:8115", "P:232",  "="},
};
// clang-format on

constexpr Rule rule_of_letter(char letter) {
  switch (letter) {
    case '=':
      return Rule::kSame;
    case 'E':
      return Rule::kExact;
    case 'P':
      return Rule::kNearest;
    case 'X':
      return Rule::kChecked;
    case 'T':
      return Rule::kTruncate;
    case 'R':
      return Rule::kRound;
    case 'B':
      return Rule::kNonzero;
    default:
      return Rule::kNone;
  }
}

constexpr Cell cell_of(Kind from, Kind to) {
  if (from == kNoKind || to == kNoKind) return {};
  const std::string_view text = kMatrix[from][to];
  Cell cell{rule_of_letter(text[0]), 0};
  for (size_t i = 2; i < text.size(); ++i) cell.sql_number = cell.sql_number * 10 + (text[i] - '0');
  return cell;
}

}  // namespace edgeonnx::convert
