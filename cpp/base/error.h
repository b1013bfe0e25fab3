// The one way a failure travels inside the library: an Error is thrown where it is noticed and becomes a status in capi/.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace edgeonnx {

/// The statuses of edgeonnx.h, by the same numbers.
enum class Code : int32_t {
  kOk = 0,
  kInvalidArgument = 1,
  kInvalidState = 2,
  kNotFound = 3,
  kIo = 4,
  kInvalidModel = 5,
  kTypeMismatch = 6,
  kShapeMismatch = 7,
  kNullValue = 8,
  kOverflow = 9,
  kUnsupported = 10,
  kOutOfMemory = 11,
  kCancelled = 12,
  kInferenceFailed = 13,
  kRuntimeMissing = 14,
  kInternal = 15,
};

class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}

  Error& at_row(int64_t row) { return row_ = row, *this; }
  Error& at_column(std::string column) { return column_ = std::move(column), *this; }
  Error& with_value(std::string value) { return value_ = std::move(value), *this; }
  Error& with_sql_number(int32_t number) { return sql_number_ = number, *this; }

  Code code() const { return code_; }
  int64_t row() const { return row_; }
  const std::string& column() const { return column_; }
  const std::string& value() const { return value_; }
  int32_t sql_number() const { return sql_number_; }

 private:
  Code code_;
  int64_t row_ = -1;
  int32_t sql_number_ = 0;
  std::string column_;
  std::string value_;
};

}  // namespace edgeonnx
