#include "engine/cast.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <optional>

#include "base/text.h"
#include "engine/allowed.h"
#include "engine/piece.h"
#include "engine/pool.h"
#include "engine/quota.h"

namespace edgeonnx::engine {
namespace {

constexpr int64_t kBlockRows = 16384;    // with their flags in L2
constexpr int64_t kFewBytes = 32 << 20;  // below, waking other threads costs more than they save

/// Marks the NULLs of a converted piece, `n` rows of it, and puts zeros there.
void write_nulls(const Piece& piece, const ConvertedPiece& done, int64_t n, bool flags_bad, bool not_null, const Scratch& scratch,
                 std::byte* target, uint8_t* mask) {
  const int64_t size = size_of(piece.conversion.to.type);
  const bool has_bad = flags_bad && done.outcome.first_bad >= 0;
  for (int64_t r = 0; r < n; ++r) {
    const size_t at = static_cast<size_t>(r);
    const bool is_null = (done.has_nulls && scratch.is_null[at]) || (has_bad && scratch.bad[at]);
    if (mask) mask[r] = is_null;
    if (!is_null) continue;
    std::memset(target + r * size, 0, static_cast<size_t>(size));
    const int64_t row = piece.first_row + r;
    if (not_null) {
      throw Error(Code::kNullValue, where(piece, row) + " is NULL and the type is NOT NULL").at_row(row).at_column(piece.field.name);
    }
    if (!mask) throw Error(Code::kInvalidArgument, where(piece, row) + " is NULL and the result has no mask").at_row(row);
  }
}

/// One call, its blocks spread over threads.
class ColumnCast {
 public:
  ColumnCast(const Field& field, const Column& column, int64_t n_rows, const convert::Conversion& conversion, const CastOptions& options,
             const Output& result)
      : field_(field), column_(column), n_rows_(n_rows), conversion_(conversion), options_(options), result_(result) {}

  int64_t run() {
    const int64_t row_bytes = size_of(conversion_.from.type) + size_of(conversion_.to.type);
    const int64_t wanted = options_.n_threads > 0 ? options_.n_threads : n_rows_ * row_bytes < kFewBytes ? 1 : default_threads();
    const int n_lanes = static_cast<int>(std::clamp<int64_t>(n_rows_ / kBlockRows, 1, wanted));
    if (n_lanes == 1) {
      work();
    } else {
      Pool::shared().run(n_lanes, [this](int) { work(); }, nullptr);
    }
    if (failure_) throw *failure_;
    if (is_out_of_memory_) throw std::bad_alloc();
    return n_changed_;
  }

 private:
  /// Blocks are taken in order, so that all before a failed one are in somebody's hands, who will tell of an earlier row.
  void work() {
    try {
      Scratch scratch;
      for (int64_t row; (row = next_.fetch_add(kBlockRows)) < n_rows_ && row < first_failed_;) n_changed_ += convert_block(row, scratch);
    } catch (const Error& error) {
      fail(error);
    } catch (const std::bad_alloc&) {
      is_out_of_memory_ = true;
    } catch (const std::exception& error) {
      fail(Error(Code::kInternal, error.what()));
    }
  }

  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (failure_ && failure_->row() <= error.row()) return;
    failure_ = error;
    first_failed_ = error.row();
  }

  int64_t convert_block(int64_t row, Scratch& scratch) const {
    const bool flags_bad = options_.on_overflow == OnOverflow::kNull;
    const Piece piece{field_, column_, conversion_, row, std::min(kBlockRows, n_rows_ - row), row};
    auto* target = static_cast<std::byte*>(result_.data) + row * size_of(conversion_.to.type);
    uint8_t* mask = result_.mask ? result_.mask + row : nullptr;
    const ConvertedPiece done = convert_piece(piece, target, flags_bad, scratch);
    const bool is_bad = done.outcome.first_bad >= 0;
    // A NULL before the value that did not fit may be the first bad row.
    const int64_t n_good = is_bad && !flags_bad ? done.outcome.first_bad : piece.n;
    if (done.has_nulls || is_bad) {
      write_nulls(piece, done, n_good, flags_bad, options_.not_null, scratch, target, mask);
    } else if (mask) {
      std::memset(mask, 0, static_cast<size_t>(piece.n));
    }
    if (n_good < piece.n) throw overflow_of(piece, done, "");
    return done.outcome.n_changed;
  }

  const Field& field_;
  const Column& column_;
  const int64_t n_rows_;
  const convert::Conversion& conversion_;
  const CastOptions& options_;
  const Output& result_;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> n_changed_{0};
  std::atomic<int64_t> first_failed_{std::numeric_limits<int64_t>::max()};
  std::atomic<bool> is_out_of_memory_{false};
  std::mutex mutex_;
  std::optional<Error> failure_;
};

}  // namespace

int64_t cast_column(const Field& field, const Column& column, int64_t n_rows, const DataType& to, const CastOptions& options,
                    const Output& result) {
  const convert::Conversion conversion = convert::conversion(field.data_type(), to);
  if (const std::string refusal = refusal_of(conversion, options.coercion, field.name); !refusal.empty()) {
    throw Error(Code::kTypeMismatch,
                "column " + in_quotes(field.name) + " is " + field.type_name + ", asked for as " + display_name(to) + refusal)
        .at_column(field.name);
  }
  if (field.width != 1) {
    throw Error(Code::kShapeMismatch,
                "column " + in_quotes(field.name) + " has " + std::to_string(field.width) + " values a row; only single values are cast");
  }
  if (n_rows > 0 && ((!column.data && field.type != Type::kNull) || !result.data)) {
    throw Error(Code::kInvalidArgument, "column " + in_quotes(field.name) + " or its result has no data");
  }
  return ColumnCast(field, column, n_rows, conversion, options, result).run();
}

}  // namespace edgeonnx::engine
