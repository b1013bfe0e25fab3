// Arrow C data in and out: a struct-typed array becomes borrowed columns, and columns become a struct-typed array.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "columns/column.h"

namespace edgeonnx::arrow {

/// Where the metadata of a field tell what a database calls its type; Flight SQL's key. SQL's money travels as a decimal under it.
inline constexpr std::string_view kTypeNameKey = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The fields of a struct-typed schema, one per child. Strings point into the schema.
/// Throws Error(kInvalidArgument) for a schema that is released or not a struct.
void read_fields(const ArrowSchema& schema, std::span<edgeonnx_field> fields);

/// The columns of a struct-typed array, borrowed from it. Offsets of the struct and of its children are applied.
/// Throws Error(kInvalidArgument) where array and schema do not belong together, Error(kNullValue) where the struct itself has NULLs.
/// Returns the number of rows.
int64_t read_columns(const ArrowSchema& schema, const ArrowArray& array, std::span<Column> columns);

/// What write() describes: one packed column.
struct Packed {
  edgeonnx_field field;
  const void* data = nullptr;
  const uint8_t* mask = nullptr;  ///< one byte a row, 1 = NULL; null: no NULLs
};

/// Fills `schema` and `array`; the array calls release(owner) when it is released. On an exception nothing was filled and `release`
/// was not called. Format strings: Columnar format specification, "C data interface: format strings".
void write(std::span<const Packed> columns, int64_t n_rows, void (*release)(void*), void* owner, ArrowSchema& schema, ArrowArray& array);

}  // namespace edgeonnx::arrow
