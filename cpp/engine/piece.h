// A piece of a column on its way into another type, with its NULLs told apart from its values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "columns/column.h"
#include "convert/convert.h"

namespace edgeonnx::engine {

/// `n` rows of `field.width` values from row `row` of a batch on.
struct Piece {
  const Field& field;
  const Column& column;
  const convert::Conversion& conversion;
  int64_t row;
  int64_t n;
  int64_t first_row;  ///< `row`, as errors count it

  int64_t n_values() const { return n * field.width; }
  const std::byte* data() const { return static_cast<const std::byte*>(column.data) + row * column.stride; }
  bool has_nulls() const;
  /// True where the values can be read as they lie.
  bool is_ready() const { return conversion.from == conversion.to && column.stride == packed_stride(conversion.to.type, field.width); }
};

/// Memory for convert_piece, kept from piece to piece.
struct Scratch {
  Buffer rows;                   ///< rows of several values brought together
  Buffer valid_values;           ///< values with 0 in place of what lies under a NULL
  std::vector<uint8_t> is_null;  ///< per value: 1 where it is NULL; set where has_nulls
  std::vector<uint8_t> bad;      ///< per value: 1 where it did not fit; set where asked for
};

struct ConvertedPiece {
  bool has_nulls = false;
  convert::Outcome outcome;
  convert::Source values;  ///< what was converted
};

/// Converts into packed values. What lies under a NULL neither overflows nor counts as changed; what the target has there is undefined.
ConvertedPiece convert_piece(const Piece& piece, std::byte* target, bool flags_bad, Scratch& scratch);

/// The error for the first value that did not fit. `purpose`: ", for input 'x'" for instance.
Error overflow_of(const Piece& piece, const ConvertedPiece& converted, const std::string& purpose);

/// "row 7 of column 'x'".
std::string where(const Piece& piece, int64_t row);

}  // namespace edgeonnx::engine
