#include "kernels/program.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "convert/interleave.h"

namespace edgeonnx::kernels {
namespace {

// Rows of a tile: many, since columns come from memory in stretches; but what lies between inputs and outputs must stay in a core's cache.
constexpr int64_t kMostRows = 1024;
constexpr int64_t kFewestRows = 128;
constexpr int64_t kTileBytes = 1 << 18;

constexpr size_t kLine = 64;
constexpr size_t kLinesAhead = 4;

size_t round_to_line(size_t n_bytes) { return (n_bytes + kLine - 1) / kLine * kLine; }

template <class T>
void pack(const ColumnView& column, int64_t n, std::byte* target) {
  const std::byte* from = column.data;
  for (int64_t r = 0; r < n; ++r, from += column.stride) std::memcpy(target + r * static_cast<int64_t>(sizeof(T)), from, sizeof(T));
}

void pack(const ColumnView& column, int64_t size, int64_t n, std::byte* target) {
  switch (size) {
    case 1:
      return pack<uint8_t>(column, n, target);
    case 2:
      return pack<uint16_t>(column, n, target);
    case 4:
      return pack<uint32_t>(column, n, target);
    default:
      return pack<uint64_t>(column, n, target);
  }
}

int64_t next_number() {
  static std::atomic<int64_t> last{0};
  return ++last;
}

}  // namespace

Program::Program(std::vector<Type> types, size_t n_inputs, std::vector<std::unique_ptr<Step>> steps, std::vector<Output> outputs)
    : types_(std::move(types)),
      n_inputs_(n_inputs),
      steps_(std::move(steps)),
      outputs_(std::move(outputs)),
      direct_output_(types_.size(), -1),
      number_(next_number()) {
  int64_t row_bytes = 0;
  for (size_t i = n_inputs_; i < types_.size(); ++i) row_bytes += size_of(types_[i]);
  const int64_t rows = kTileBytes / std::max<int64_t>(1, row_bytes);
  tile_rows_ = std::clamp(rows / kFewestRows * kFewestRows, kFewestRows, kMostRows);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].columns.size() != 1) continue;
    const auto only = static_cast<size_t>(outputs_[i].columns[0]);
    if (only >= n_inputs_ && direct_output_[only] < 0) direct_output_[only] = static_cast<int32_t>(i);
  }
}

size_t Program::column_bytes(size_t i, int64_t n) const {
  // A line more, so that columns of a power of two do not drive each other out of the cache.
  return round_to_line(static_cast<size_t>(n * size_of(types_[i]))) + kLine;
}

size_t Program::workspace_bytes(int64_t n) const {
  n = std::min(n, tile_rows_);
  size_t n_bytes = 0;
  for (size_t i = 0; i < types_.size(); ++i) n_bytes += column_bytes(i, n);
  size_t scratch_bytes = 0;
  for (const auto& step : steps_) scratch_bytes = std::max(scratch_bytes, step->scratch_bytes(n));
  return n_bytes + scratch_bytes;
}

void Program::lay_out(Workspace& workspace, int64_t n) const {
  workspace.program_ = 0;
  workspace.homes_.resize(types_.size());
  std::byte* memory = workspace.memory_.reserve(workspace_bytes(n));
  for (size_t i = 0; i < types_.size(); ++i) {
    workspace.homes_[i] = memory;
    memory += column_bytes(i, n);
  }
  workspace.registers_ = workspace.homes_;
  workspace.scratch_ = memory;
  workspace.program_ = number_;
  workspace.n_rows_ = n;
}

void Program::run_tile(std::span<const ColumnView> inputs, int64_t begin, int64_t n, std::span<std::byte* const> outputs,
                       Workspace& workspace) const {
  std::byte** registers = workspace.registers_.data();
  for (size_t i = 0; i < n_inputs_; ++i) {
    const ColumnView rows{inputs[i].data + begin * inputs[i].stride, inputs[i].stride};
    const int64_t size = size_of(types_[i]);
    if (n == 1 || rows.stride == size) {
      registers[i] = const_cast<std::byte*>(rows.data);  // steps only read their inputs
      // The processor fetches ahead along a column, but not to where the next tile takes it up again.
      for (size_t line = 0; line < kLinesAhead; ++line) __builtin_prefetch(rows.data + n * size + line * kLine);
    } else {
      pack(rows, size, n, registers[i] = workspace.homes_[i]);
    }
  }
  for (size_t i = n_inputs_; i < types_.size(); ++i) {
    if (direct_output_[i] < 0) continue;
    std::byte* output = outputs[static_cast<size_t>(direct_output_[i])];
    registers[i] = output ? output + begin * size_of(types_[i]) : workspace.homes_[i];
  }
  for (const auto& step : steps_) step->run(registers, n, workspace.scratch_);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    if (!outputs[i]) continue;
    const int64_t size = size_of(output.type);
    const auto width = static_cast<int64_t>(output.columns.size());
    std::byte* target = outputs[i] + begin * width * size;
    if (width == 1) {
      const std::byte* from = registers[output.columns[0]];
      if (from != target) std::memcpy(target, from, static_cast<size_t>(n * size));
      continue;
    }
    constexpr size_t kColumns = 256;
    const void* columns[kColumns];
    for (size_t first = 0; first < output.columns.size(); first += kColumns) {
      const size_t n_columns = std::min(kColumns, output.columns.size() - first);
      for (size_t c = 0; c < n_columns; ++c) columns[c] = registers[output.columns[first + c]];
      convert::interleave({columns, n_columns}, size, n, target + static_cast<int64_t>(first) * size, width * size);
    }
  }
}

void Program::run(std::span<const ColumnView> inputs, int64_t n, std::span<std::byte* const> outputs, Workspace& workspace) const {
  const int64_t tile = std::min(n, tile_rows_);
  if (workspace.program_ != number_ || workspace.n_rows_ < tile) lay_out(workspace, tile);
  for (int64_t begin = 0; begin < n; begin += tile_rows_) run_tile(inputs, begin, std::min(tile_rows_, n - begin), outputs, workspace);
}

}  // namespace edgeonnx::kernels
