// Steps in order, from the columns of a table to tensors of results, a tile of rows at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/type.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// One value a row, `stride` bytes apart. Nothing need be aligned.
struct ColumnView {
  const std::byte* data = nullptr;
  int64_t stride = 0;
};

/// Working memory of one thread, kept from run to run. It serves any program, and best the same one again.
class Workspace {
 public:
  Workspace() = default;

 private:
  friend class Program;
  Buffer memory_;
  std::vector<std::byte*> homes_;      ///< memory of every register
  std::vector<std::byte*> registers_;  ///< where it lies for the tile at hand
  std::byte* scratch_ = nullptr;
  int64_t program_ = 0;  ///< for which all of this was laid out, by its number; 0: for none
  int64_t n_rows_ = 0;   ///< likewise
};

class Program {
 public:
  /// A tensor [n, columns.size()], row by row.
  struct Output {
    Type type = Type::kUndefined;
    std::vector<Register> columns;
  };

  /// types: of all registers; the first n_inputs are what run() is given. Every other register is written by one step, before any that
  /// reads it.
  Program(std::vector<Type> types, size_t n_inputs, std::vector<std::unique_ptr<Step>> steps, std::vector<Output> outputs);

  size_t n_inputs() const { return n_inputs_; }
  const std::vector<Output>& outputs() const { return outputs_; }

  /// Working memory of a run of n rows.
  size_t workspace_bytes(int64_t n) const;

  /// inputs: one a register below n_inputs(). outputs[i]: memory of outputs()[i], n rows without gaps; null where nobody
  /// wants it. Any thread may run it, with a workspace
  /// of its own. Once the workspace has served as many rows nothing is allocated.
  void run(std::span<const ColumnView> inputs, int64_t n, std::span<std::byte* const> outputs, Workspace& workspace) const;

 private:
  size_t column_bytes(size_t i, int64_t n) const;
  void lay_out(Workspace& workspace, int64_t n) const;
  void run_tile(std::span<const ColumnView> inputs, int64_t begin, int64_t n, std::span<std::byte* const> outputs,
                Workspace& workspace) const;

  std::vector<Type> types_;
  size_t n_inputs_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Output> outputs_;
  std::vector<int32_t> direct_output_;  ///< of a register: the output whose memory it is, or -1
  int64_t tile_rows_;
  int64_t number_;  ///< tells programs apart, those too that lie where another one lay
};

}  // namespace edgeonnx::kernels
