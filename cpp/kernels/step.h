// One step of a program: from columns of a tile of rows to other columns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/type.h"

namespace edgeonnx::kernels {

/// Where the columns of the tile lie: one pointer a register, to packed values of the register's type. Nothing need be aligned; an output
/// overlaps no input.
using Registers = std::byte* const*;

/// Index of a column in Registers.
using Register = int32_t;

class Step {
 public:
  virtual ~Step() = default;

  /// Reads and writes rows [0, n) of the registers that it was made for. `scratch`: scratch_bytes(n) bytes on a cache line boundary, with
  /// nothing in them. Any thread may run any step at any time; nothing is allocated.
  virtual void run(Registers registers, int64_t n, std::byte* scratch) const = 0;

  /// For at most n_rows rows.
  virtual size_t scratch_bytes(int64_t n_rows) const {
    (void)n_rows;
    return 0;
  }
};

}  // namespace edgeonnx::kernels
