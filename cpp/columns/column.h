// What a column is: a name and a type that are fixed for a layout, and borrowed memory that changes from batch to batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/type.h"
#include "edgeonnx/edgeonnx.h"

namespace edgeonnx {

/// The memory of a column, as the C interface hands it in. Owned by the caller for the length of a score call.
using Column = ::edgeonnx_column;
using Batch = ::edgeonnx_batch;

/// The fixed part of a column.
struct Field {
  std::string name;
  std::string type_name;  ///< as messages spell it
  Type type = Type::kUndefined;
  int64_t width = 1;      ///< values a row
  int32_t precision = 0;  ///< decimals only, as in DataType
  int32_t scale = 0;
  std::vector<int64_t> sizes;  ///< of a row, as whoever has the column sees them; empty: `width` values in a line

  DataType data_type() const { return {type, precision, scale}; }
};

/// Bytes between two rows that lie without a gap.
constexpr int64_t packed_stride(Type type, int64_t width) { return size_of(type) * width; }

}  // namespace edgeonnx
