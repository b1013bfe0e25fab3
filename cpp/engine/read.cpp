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

}  // namespace

void read_inputs(const Binding& binding, const Morsel& morsel, Lane& lane) {
  const int64_t n = morsel.n_rows;
  lane.failure.reset();
  lane.any_row_null = false;
  if (binding.can_mask) lane.row_null.assign(static_cast<size_t>(n), 0);
  lane.input_refs.resize(binding.inputs.size());
  int64_t n_bytes = 0;
  for (const BoundInput& input : binding.inputs) n_bytes += round_up(n * input.row_bytes(), 64);
  int64_t offset = 0;
  for (size_t i = 0; i < binding.inputs.size(); ++i) {
    const BoundInput& input = binding.inputs[i];
    const Piece whole = piece_of(binding, morsel, input, 0, 0, n);
    if (input.fields.size() == 1 && whole.is_ready() && !whole.has_nulls()) {
      // Borrowed: ONNX Runtime only reads its inputs.
      lane.input_refs[i] = {const_cast<std::byte*>(whole.data()), input.type, {}};
      lane.tally.bytes_borrowed += n * input.row_bytes();
      continue;
    }
    std::byte* target = lane.inputs.reserve(static_cast<size_t>(n_bytes)) + offset;
    offset += round_up(n * input.row_bytes(), 64);
    input.fields.size() == 1 ? read_piece(binding, input, 0, whole, target, 0, lane) : gather(binding, morsel, input, target, lane);
    lane.input_refs[i] = {target, input.type, {}};
  }
}

}  // namespace edgeonnx::engine
