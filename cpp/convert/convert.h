// One type to another, checked: what each pair of types does, and the loops that do it.
// The rules are T-SQL's assignment conversion; learn.microsoft.com, "CAST and CONVERT (Transact-SQL)" and the pages of the data types.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/type.h"

namespace edgeonnx::convert {

enum class Rule {
  kNone,      ///< no conversion between these types
  kSame,      ///< equal types
  kExact,     ///< every value survives
  kNearest,   ///< nearest value of the target; out of range is an overflow
  kTruncate,  ///< toward zero; out of range, NaN and infinities are overflows
  kChecked,   ///< exact, or an overflow
  kNonzero,   ///< bit: anything but zero is 1
};

Rule rule(Type from, Type to);

/// T-SQL's number for a value that does not fit: 220 (integers), 232 (real, float), 8115 (bigint on either side).
int32_t overflow_number(Type from, Type to);

/// Where values stand: value i at data + i * stride, or bit offset + i for Type::kBit.
struct Source {
  const void* data = nullptr;
  int64_t stride = 0;
  int64_t offset = 0;
};

/// Converts n values into target, target_stride bytes apart. A value that does not fit becomes 0; if `bad` is given, bad[i] is set to 1
/// for it and otherwise left alone. Returns the index of the first value that does not fit, or -1.
using Loop = int64_t (*)(const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t* bad);

/// The loop for a pair, kSame included (a strided copy); null where rule() is kNone.
Loop loop(Type from, Type to);

/// Value i as text, for messages.
std::string value_text(const Source& source, Type type, int64_t i);

/// The overflow error for one value, in SQL Server's words, with number and value.
Error overflow_error(Type from, Type to, const std::string& value);

}  // namespace edgeonnx::convert
