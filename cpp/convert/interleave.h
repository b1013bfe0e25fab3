// Columns into the rows of a matrix: the step before any model that takes one [N, k] input.
#pragma once

#include <cstdint>
#include <span>

namespace edgeonnx::convert {

/// target[row * target_stride + column * value_size] = columns[column][row * value_size], for n rows of packed columns.
/// value_size: 1, 2, 4 or 8 bytes.
void interleave(std::span<const void* const> columns, int64_t value_size, int64_t n, void* target, int64_t target_stride);

}  // namespace edgeonnx::convert
