// The working memory of one thread while it scores: kept from call to call, so that a prepared scorer allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "engine/piece.h"
#include "kernels/program.h"
#include "ort/device_run.h"
#include "ort/prepared_run.h"
#include "ort/session.h"

namespace edgeonnx::engine {

/// The next multiple of `to`.
constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// What a thread, or all of a call, did.
struct Counts {
  int64_t n_morsels = 0;
  int64_t bytes_copied = 0;
  int64_t bytes_borrowed = 0;
  int64_t ns_convert = 0;
  int64_t ns_run = 0;
  int64_t ns_write = 0;
  int64_t n_branch_changes = 0;

  void add(const Counts& other) {
    n_morsels += other.n_morsels;
    bytes_copied += other.bytes_copied;
    bytes_borrowed += other.bytes_borrowed;
    ns_convert += other.ns_convert;
    ns_run += other.ns_run;
    ns_write += other.ns_write;
    n_branch_changes += other.n_branch_changes;
  }
};

/// What one thread did; summed into the report of the call.
struct Tally : Counts {
  std::vector<int64_t> n_changed;  ///< per cast of the binding: values that were altered

  void clear(size_t n_casts) {
    static_cast<Counts&>(*this) = {};
    n_changed.assign(n_casts, 0);  // keeps its memory
  }
  /// `cast` may be kNoCast, of which nothing changes.
  void count_changed(size_t cast, int64_t n) {
    if (n) n_changed[cast] += n;
  }
};

struct Lane {
  /// Of a plan that is native as a whole.
  Lane() = default;
  /// `shared`: the session to run on, unless the lane is given one of its own.
  Lane(const ort::Library& library, const ort::Session& shared, std::unique_ptr<ort::Session> own)
      : control(std::in_place, library),
        own_session(std::move(own)),
        session(own_session ? own_session.get() : &shared),
        device_run(session->device() ? std::make_unique<ort::DeviceRun>(*session->device(), *session, session->captures()) : nullptr),
        inputs(memory()),
        outputs(memory()),
        between(memory()),
        padding(memory()) {}

  std::optional<ort::RunControl> control;
  const std::unique_ptr<ort::Session> own_session;
  const ort::Session* const session = nullptr;
  const std::unique_ptr<ort::DeviceRun> device_run;  ///< how the session is run where it is on a device; else null
  Buffer inputs;                                     ///< columns and tensors that could not be borrowed, one behind the other
  Buffer outputs;                                    ///< tensors that are not the caller's own memory
  Buffer block;                                      ///< packed columns on their way into a matrix
  Scratch scratch;
  Buffer selected_values;                ///< rows of a selection
  std::vector<Column> selected_columns;  ///< over them
  Batch selected{};
  Buffer branch_values;           ///< unrounded values that may change a branch, and a byte for each that is NULL
  std::vector<uint8_t> row_null;  ///< per row of the morsel: 1 where the row is masked out
  bool any_row_null = false;
  std::vector<kernels::ColumnView> columns_read;  ///< as Plan::columns has them
  std::vector<ort::TensorRef> input_refs;         ///< one an input of the plan; empty where the session does not take it
  kernels::Workspace front_workspace;
  kernels::Workspace tail_workspace;
  Buffer between;  ///< what the front makes for the session, and the session for the tail
  Buffer padding;  ///< a run with made-up rows in it
  std::vector<kernels::ColumnView> views;
  std::vector<std::byte*> made;
  std::vector<ort::TensorRef> session_inputs;
  std::vector<ort::TensorRef> session_outputs;
  std::vector<ort::TensorRef> output_refs;
  std::vector<std::vector<int64_t>> input_shapes;
  std::vector<std::vector<int64_t>> output_shapes;
  std::vector<const void*> columns;
  std::vector<uint8_t> is_direct;             ///< per output tensor: 1 where it is the caller's own memory
  std::unique_ptr<ort::PreparedRun> one_row;  ///< of the binding that this lane last scored a single row for
  int64_t one_row_binding = -1;
  std::optional<Error> failure;  ///< the first bad row of the morsel so far
  Tally tally;

  /// Of tensors: what a device copies from pinned memory, it copies by itself.
  Memory* memory() const { return device_run ? &session->device()->pinned() : nullptr; }

  void keep_first(Error error) {
    if (!failure || error.row() < failure->row()) failure = std::move(error);
  }
};

}  // namespace edgeonnx::engine
