// One morsel: rows of one batch that are converted, run and written by one thread.
#pragma once

#include <cstdint>
#include <span>

#include "engine/binding.h"
#include "engine/lane.h"

namespace edgeonnx::engine {

using Output = ::edgeonnx_output;

struct Morsel {
  const Batch* batch = nullptr;
  int64_t begin = 0;  ///< first row within the batch
  int64_t n_rows = 0;
  int64_t first_row = 0;           ///< the same row counted over all batches of the call
  int64_t row_base = 0;            ///< what errors add to first_row
  const uint32_t* rows = nullptr;  ///< selected rows of the batch, of which the morsel has [begin, begin + n_rows); null: all are

  /// Row `r` of the morsel, as errors count it.
  int64_t error_row(int64_t r) const { return row_base + first_row + r; }
};

/// Scores the rows of the morsel and writes its results. Throws Error for its first bad row, or when the run fails.
void score_morsel(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, Lane& lane);

}  // namespace edgeonnx::engine
