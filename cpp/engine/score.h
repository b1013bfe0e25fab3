// A score call: batches cut into morsels, morsels spread over threads, the first bad row told.
#pragma once

#include <span>

#include "engine/binding.h"
#include "engine/cancel.h"
#include "engine/morsel.h"

namespace edgeonnx::engine {

struct CallOptions {
  const Cancel* cancel = nullptr;
  int (*check)(void*) = nullptr;  ///< asked by the calling thread only; non-zero stops the call
  void* check_data = nullptr;
  int64_t first_row = 0;                ///< what errors call row 0
  int64_t* n_changed = nullptr;         ///< null, or memory for one number a cast of the binding: values altered, written on success
  const uint32_t* selection = nullptr;  ///< null, or n_selected rows of the one batch, which are scored alone
  int64_t n_selected = 0;
  int64_t deadline_ns = 0;        ///< 0, or what now_ns() must stay below
  int64_t max_scratch_bytes = 0;  ///< 0: as much as it takes
  int n_threads = 0;              ///< 0: those of the scorer; 1: the calling thread alone; -1: one of the pool, while the calling one polls
};

struct Report {
  int64_t n_rows = 0;
  int64_t n_threads = 0;
  int64_t ns_total = 0;
  int64_t n_branch_changes = -1;  ///< -1: not counted
  int64_t n_columns_read = 0;     ///< columns bound to inputs that some node uses
  int64_t n_columns_unread = 0;   ///< columns bound to inputs that none uses
  Counts tally;
};

/// Scores all rows of all batches. Throws one Error: that of the first bad row, whatever the number of threads; kCancelled when stopped.
Report score(const Binding& binding, std::span<const Batch> batches, std::span<const Output> outputs, const CallOptions& options);

}  // namespace edgeonnx::engine
