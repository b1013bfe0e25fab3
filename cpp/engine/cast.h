// One column into another type, without a model: T-SQL's CAST.
#pragma once

#include "engine/binding.h"
#include "engine/morsel.h"

namespace edgeonnx::engine {

struct CastOptions {
  Coercion coercion = Coercion::kTsql;
  OnOverflow on_overflow = OnOverflow::kError;
  bool not_null = false;
  int64_t n_threads = 0;  ///< 0: default_threads() where there is work for them
};

/// Converts n_rows rows of a column of one value a row. A NULL stays NULL. Returns the number of values altered. Throws Error for a pair
/// that the coercion does not allow, and for the first value that does not fit or is NULL where that is an error.
int64_t cast_column(const Field& field, const Column& column, int64_t n_rows, const DataType& to, const CastOptions& options,
                    const Output& result);

}  // namespace edgeonnx::engine
