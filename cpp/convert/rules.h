// What every pair of types does, as data: T-SQL's matrix of assignment conversions, with the element types that only ONNX has.
// Sources: learn.microsoft.com, "CAST and CONVERT (Transact-SQL)", "Data type conversion", and the pages of the single types.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/type.h"

namespace edgeonnx::convert {

enum class Rule : uint8_t {
  kNone,      ///< no conversion between these types
  kSame,      ///< equal types
  kExact,     ///< every value survives
  kNearest,   ///< nearest value of the target, ties to even
  kTruncate,  ///< toward zero; NaN and infinities do not fit
  kRound,     ///< at the target's scale, half away from zero; NaN and infinities do not fit
  kChecked,   ///< the value itself, or an overflow
  kNonzero,   ///< bit: anything but zero is 1
};

/// "same", "exact", "nearest" ...
const char* rule_name(Rule rule);

struct Cell {
  Rule rule = Rule::kNone;
  int32_t sql_number = 0;  ///< T-SQL's error number for a value that does not fit; 0: every value fits
};

/// The matrix, one row a source. NULLs alone are of any type.
Cell cell(Type from, Type to);

/// Whether every value of `from` survives in `to`: with the digits of decimals looked at, which the matrix leaves open.
bool is_exact(const DataType& from, const DataType& to);

/// The overflow error for one value: SQL Server's sentence with its number, then `place`, "row 7 of column 'x'", and the value.
Error overflow_error(const DataType& from, const DataType& to, const std::string& value, const std::string& place);

}  // namespace edgeonnx::convert
