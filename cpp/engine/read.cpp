#include "engine/read.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "convert/interleave.h"
#include "engine/piece.h"

namespace edgeonnx::engine {
namespace {

// Rows that are gathered into a matrix at a time: a column's piece is then a few cache lines, and all pieces stay in L1 or L2.
constexpr int64_t kBlockRows = 512;

// Processors tell loads from earlier stores by the low 12 bits of their addresses. Where in these a target lies just ahead of its source,
// every load waits for a store that it has nothing to do with, and a conversion takes half as long again.
constexpr int64_t kPage = 4096;
constexpr int64_t kApart = 512;

/// A place for converted values at the target or kApart behind it.
std::byte* apart(std::byte* target, const std::byte* source) {
  const auto ahead = static_cast<int64_t>(reinterpret_cast<uintptr_t>(target) - reinterpret_cast<uintptr_t>(source)) & (kPage - 1);
  return ahead < kApart ? target + kApart : target;
}

/// The bytes that n values of an input take, with those that `apart` leaves out.
int64_t room_of(int64_t n_bytes) { return round_up(n_bytes, 64) + kApart; }

/// Puts the input's NULL value where `flags` is set and, if the policy is to give no results for such rows, masks them.
void replace(const BoundInput& input, const Piece& piece, const std::vector<uint8_t>& flags, bool masks, std::byte* target,
             int64_t morsel_row, Lane& lane) {
  const int64_t size = size_of(input.type);
  for (int64_t v = 0; v < piece.n_values(); ++v) {
    if (!flags[static_cast<size_t>(v)]) continue;
    std::memcpy(target + v * size, input.null_value.data(), static_cast<size_t>(size));
    if (masks) lane.row_null[static_cast<size_t>(morsel_row + v / piece.field.width)] = 1;
  }
  lane.any_row_null |= masks;
}

/// Converts the piece into packed values of the input's type, NULLs and overflows dealt with by their policies.
/// `morsel_row`: row of the morsel at which the piece begins.
void read_piece(const Binding& binding, const BoundInput& input, size_t which, const Piece& piece, std::byte* target, int64_t morsel_row,
                Lane& lane) {
  lane.tally.bytes_copied += piece.n_values() * size_of(piece.field.type);
  const bool flags_bad = binding.on_overflow == OnOverflow::kNull;
  const ConvertedPiece done = convert_piece(piece, target, flags_bad, lane.scratch);
  lane.tally.count_changed(input.casts[which], done.outcome.n_changed);
  const bool is_bad = done.outcome.first_bad >= 0;
  if (!is_bad && !done.has_nulls) return;
  const std::string name = in_quotes(binding.scorer->plan().inputs[input.input].name);
  if (is_bad && !flags_bad) lane.keep_first(overflow_of(piece, done, ", for input " + name));
  if (done.has_nulls && input.nulls == NullPolicy::kError) {
    const std::vector<uint8_t>& is_null = lane.scratch.is_null;
    const int64_t row = piece.first_row + (std::find(is_null.begin(), is_null.end(), 1) - is_null.begin()) / piece.field.width;
    lane.keep_first(Error(Code::kNullValue, where(piece, row) + " is NULL and input " + name +
                                                " takes no NULL; say what a NULL means with " +
                                                (is_floating(input.type) ? "nulls='nan', 'propagate' or a constant"
                                                                         : "nulls='propagate' or a constant ('nan' is for real and float)"))
                        .at_row(row)
                        .at_column(piece.field.name));
  }
  const bool masks = input.nulls == NullPolicy::kPropagate;
  if (is_bad && flags_bad) replace(input, piece, lane.scratch.bad, masks || input.nulls == NullPolicy::kError, target, morsel_row, lane);
  if (done.has_nulls && input.nulls != NullPolicy::kError) replace(input, piece, lane.scratch.is_null, masks, target, morsel_row, lane);
}

Piece piece_of(const Binding& binding, const Morsel& morsel, const BoundInput& input, size_t which, int64_t begin, int64_t n) {
  const size_t field = input.fields[which];
  return {binding.fields[field], morsel.batch->columns[field], input.conversions[which], morsel.begin + begin, n, morsel.error_row(begin)};
}

/// Many columns into the rows of one matrix, block by block.
void gather(const Binding& binding, const Morsel& morsel, const BoundInput& input, std::byte* target, Lane& lane) {
  const int64_t size = size_of(input.type);
  const int64_t block_rows = std::min(kBlockRows, morsel.n_rows);  // of wide rows a morsel has few
  lane.columns.resize(input.fields.size());
  for (int64_t begin = 0; begin < morsel.n_rows; begin += block_rows) {
    const int64_t n = std::min(block_rows, morsel.n_rows - begin);
    std::byte* block = nullptr;
    for (size_t c = 0; c < input.fields.size(); ++c) {
      const Piece piece = piece_of(binding, morsel, input, c, begin, n);
      if (piece.is_ready() && !piece.has_nulls()) {
        lane.columns[c] = piece.data();
        lane.tally.bytes_copied += n * size;
        continue;
      }
      if (!block) block = lane.block.reserve(static_cast<size_t>(block_rows * size) * input.fields.size());
      std::byte* packed = block + static_cast<int64_t>(c) * block_rows * size;
      read_piece(binding, input, c, piece, packed, begin, lane);
      lane.columns[c] = packed;
    }
    convert::interleave(lane.columns, size, n, target + begin * input.row_bytes(), input.row_bytes());
  }
}

/// The whole input as a tensor, row by row.
void read_tensor(const Binding& binding, const Morsel& morsel, size_t index, std::byte* target, Lane& lane) {
  const BoundInput& input = binding.inputs[index];
  const Piece whole = piece_of(binding, morsel, input, 0, 0, morsel.n_rows);
  if (input.fields.size() == 1 && whole.is_ready() && !whole.has_nulls() && !lane.device_run) {
    // Borrowed: ONNX Runtime only reads its inputs.
    lane.input_refs[index] = {const_cast<std::byte*>(whole.data()), input.type, {}};
    lane.tally.bytes_borrowed += morsel.n_rows * input.row_bytes();
    return;
  }
  if (input.fields.size() == 1) {
    target = apart(target, whole.data());
    read_piece(binding, input, 0, whole, target, 0, lane);
  } else {
    gather(binding, morsel, input, target, lane);
  }
  lane.input_refs[index] = {target, input.type, {}};
}

/// One column of an input that has many, or the one that it has: borrowed where it is of the input's type, whatever lies between its rows.
kernels::ColumnView read_column(const Binding& binding, const Morsel& morsel, const BoundInput& input, size_t which, std::byte* target,
                                Lane& lane) {
  const Piece piece = piece_of(binding, morsel, input, which, 0, morsel.n_rows);
  if (piece.conversion.from == piece.conversion.to && !piece.has_nulls()) {
    lane.tally.bytes_borrowed += piece.n_values() * size_of(input.type);
    return {piece.data(), piece.column.stride};
  }
  target = apart(target, piece.data());
  read_piece(binding, input, which, piece, target, 0, lane);
  return {target, packed_stride(input.type, piece.field.width)};
}

/// Sets lane.columns_read for the values of an input that native parts read: those of plan.columns in [begin, end).
std::byte* read_columns(const Binding& binding, const Morsel& morsel, size_t begin, size_t end, std::byte* target, Lane& lane) {
  const std::vector<plan::InputValue>& columns = binding.scorer->plan().columns;
  const BoundInput& input = binding.inputs[columns[begin].input];
  const int64_t size = size_of(input.type);
  if (binding.scorer->plan().feeds_session[input.input]) {
    const auto* tensor = static_cast<const std::byte*>(lane.input_refs[input.input].data);
    for (size_t i = begin; i < end; ++i) lane.columns_read[i] = {tensor + columns[i].value * size, input.row_bytes()};
    return target;
  }
  if (input.fields.size() == 1) {
    const kernels::ColumnView whole = read_column(binding, morsel, input, 0, target, lane);
    for (size_t i = begin; i < end; ++i) lane.columns_read[i] = {whole.data + columns[i].value * size, whole.stride};
    return target + room_of(morsel.n_rows * input.row_bytes());
  }
  for (size_t i = begin; i < end; ++i, target += room_of(morsel.n_rows * size)) {
    lane.columns_read[i] = read_column(binding, morsel, input, static_cast<size_t>(columns[i].value), target, lane);
  }
  return target;
}

/// Bytes that nothing of the morsel can exceed.
size_t most_bytes(const Binding& binding, int64_t n_rows) {
  int64_t n_bytes = 0;
  for (const BoundInput& input : binding.inputs) {
    n_bytes += n_rows * input.row_bytes() + (64 + kApart) * static_cast<int64_t>(input.fields.size());
  }
  return static_cast<size_t>(n_bytes);
}

}  // namespace

void read_inputs(const Binding& binding, const Morsel& morsel, Lane& lane) {
  const int64_t n = morsel.n_rows;
  const plan::Plan& plan = binding.scorer->plan();
  lane.failure.reset();
  lane.any_row_null = false;
  if (binding.can_mask) lane.row_null.assign(static_cast<size_t>(n), 0);
  lane.input_refs.resize(binding.inputs.size());
  lane.columns_read.resize(plan.columns.size());
  std::byte* target = lane.inputs.reserve(most_bytes(binding, n));
  for (size_t i = 0; i < binding.inputs.size(); ++i) {
    if (!plan.feeds_session[i]) continue;
    read_tensor(binding, morsel, i, target, lane);
    target += room_of(n * binding.inputs[i].row_bytes());
  }
  for (size_t begin = 0, end = 0; begin < plan.columns.size(); begin = end) {
    while (end < plan.columns.size() && plan.columns[end].input == plan.columns[begin].input) ++end;
    target = read_columns(binding, morsel, begin, end, target, lane);
  }
}

}  // namespace edgeonnx::engine
