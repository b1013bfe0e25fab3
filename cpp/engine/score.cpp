#include "engine/score.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/pool.h"
#include "engine/selection.h"

namespace edgeonnx::engine {
namespace {

// Work that is over before a person or a database would have thought of stopping it; multiplications, roughly.
constexpr int64_t kTrifle = 1 << 24;

/// Why the call must end now, if it must. By the calling thread only, since the check is the caller's own.
const char* stop_reason(const CallOptions& options, bool asks_check) {
  if (options.cancel && options.cancel->requested.load()) return "scoring was stopped";
  if (options.deadline_ns > 0 && now_ns() >= options.deadline_ns) return "scoring was stopped at its deadline";
  if (asks_check && options.check && options.check(options.check_data) != 0) return "scoring was stopped";
  return nullptr;
}

bool can_stop(const CallOptions& options) { return options.cancel || options.check || options.deadline_ns > 0; }

void check_call(const Binding& binding, std::span<const Batch> batches, std::span<const Output> outputs, const CallOptions& options) {
  if (outputs.size() != binding.results.size()) {
    throw Error(Code::kInvalidArgument, "memory for " + std::to_string(binding.results.size()) + " results is needed, " +
                                            std::to_string(outputs.size()) + " given");
  }
  const int64_t fixed = binding.scorer->plan().fixed_batch;
  if (options.selection && batches.size() != 1) {
    throw Error(Code::kInvalidArgument, "a selection is of one batch, and there are " + std::to_string(batches.size()));
  }
  if (options.n_selected < 0 || options.max_scratch_bytes < 0 || options.n_threads < -1) {
    throw Error(Code::kInvalidArgument, "n_selected and max_scratch_bytes must not be negative, nor n_threads but for -1");
  }
  int64_t n_rows = 0;
  for (const Batch& batch : batches) {
    if (batch.n_rows < 0) throw Error(Code::kInvalidArgument, "a batch has a negative number of rows");
    const int64_t n_scored = options.selection ? options.n_selected : batch.n_rows;
    n_rows += n_scored;
    if (n_scored == 0) continue;
    // Rows of one run may depend on each other in such a model, so none can be made up to fill it.
    if (fixed > 1 && n_scored % fixed != 0) {
      throw Error(Code::kShapeMismatch, "the model scores exactly " + std::to_string(fixed) +
                                            " rows at a time, and a batch of the data has " + std::to_string(n_scored) +
                                            ", no multiple of that; cut or join the batches");
    }
    for (const BoundInput& input : binding.inputs) {
      for (const size_t field : input.fields) {
        const bool has_values = binding.fields[field].type != Type::kNull;
        if (!batch.columns || (has_values && !batch.columns[field].data))
          throw Error(Code::kInvalidArgument, "column " + in_quotes(binding.fields[field].name) + " has no data");
      }
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (n_rows == 0) break;
    if (!outputs[i].data) throw Error(Code::kInvalidArgument, "result " + in_quotes(binding.results[i].name) + " has no memory");
    if (binding.results[i].nullable && !outputs[i].mask) {
      throw Error(Code::kInvalidArgument, "result " + in_quotes(binding.results[i].name) + " may be NULL and needs a mask");
    }
  }
}

std::vector<Morsel> cut(std::span<const Batch> batches, int64_t morsel_rows, const CallOptions& options) {
  std::vector<Morsel> morsels;
  int64_t first_row = 0;
  for (const Batch& batch : batches) {
    const int64_t n_rows = options.selection ? options.n_selected : batch.n_rows;
    for (int64_t begin = 0; begin < n_rows; begin += morsel_rows) {
      morsels.push_back({&batch, begin, std::min(morsel_rows, n_rows - begin), first_row + begin, options.first_row, options.selection});
    }
    first_row += n_rows;
  }
  return morsels;
}

/// What one lane takes for a morsel of so many rows, at the most.
int64_t lane_bytes(const Binding& binding, int64_t n_rows, const CallOptions& options) {
  const plan::Plan& plan = binding.scorer->plan();
  constexpr int64_t kGap = 64;  // each thing begins on a cache line
  n_rows = std::max(n_rows, plan.padded_rows);
  int64_t n_bytes = n_rows * binding.between_bytes + kGap * binding.n_between;
  for (const BoundInput& input : binding.inputs) {
    n_bytes += n_rows * input.row_bytes() + kGap * static_cast<int64_t>(input.fields.size());
  }
  for (const BoundTensor& tensor : binding.tensors) n_bytes += n_rows * tensor.row_bytes() + kGap;
  if (options.selection) n_bytes += selection_bytes(binding, n_rows);
  for (const auto* part : {&plan.front, &plan.tail}) {
    if (*part) n_bytes += static_cast<int64_t>((*part)->program.workspace_bytes(n_rows));
  }
  return n_bytes;
}

/// How a call is spread over lanes and morsels.
struct Spread {
  int64_t morsel_rows;
  int n_threads;
};

/// As the plan and the scorer have it, or less where max_scratch_bytes asks for that. Throws Error(kOutOfMemory) where no less will do.
Spread spread_of(const Binding& binding, int64_t n_rows, const CallOptions& options) {
  const plan::Plan& plan = binding.scorer->plan();
  const int most = binding.scorer->n_threads();
  const int n_threads = options.n_threads == 0 ? most : std::min(std::abs(options.n_threads), most);
  Spread spread{binding.morsel_rows, n_threads};
  if (options.max_scratch_bytes == 0) return spread;
  const int64_t least = std::max<int64_t>(1, plan.fixed_batch);
  while (spread.morsel_rows > least && lane_bytes(binding, std::min(n_rows, spread.morsel_rows), options) > options.max_scratch_bytes) {
    spread.morsel_rows = std::max(least, spread.morsel_rows / 2 / least * least);
  }
  const int64_t n_bytes = lane_bytes(binding, std::min(n_rows, spread.morsel_rows), options);
  if (n_bytes > options.max_scratch_bytes) {
    throw Error(Code::kOutOfMemory, "scoring takes at least " + std::to_string(n_bytes) + " bytes of working memory, more than the " +
                                        std::to_string(options.max_scratch_bytes) + " that max_scratch_bytes allows");
  }
  spread.n_threads = static_cast<int>(std::min<int64_t>(n_threads, options.max_scratch_bytes / std::max<int64_t>(1, n_bytes)));
  return spread;
}

/// Lanes on loan from the scorer for the length of a call.
class Lanes {
 public:
  Lanes(const Scorer& scorer, int n, size_t n_casts) : scorer_(scorer) {
    for (int i = 0; i < n; ++i) {
      lanes_.push_back(scorer.take_lane());
      lanes_.back()->tally.clear(n_casts);
    }
  }
  ~Lanes() {
    for (auto& lane : lanes_) scorer_.give_lane(std::move(lane));
  }
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  Lane& operator[](int i) { return *lanes_[static_cast<size_t>(i)]; }
  auto begin() const { return lanes_.begin(); }
  auto end() const { return lanes_.end(); }

 private:
  const Scorer& scorer_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

class Call {
 public:
  Call(const Binding& binding, std::vector<Morsel> morsels, std::span<const Output> outputs, const CallOptions& options, int n_lanes)
      : binding_(binding),
        morsels_(std::move(morsels)),
        outputs_(outputs),
        options_(options),
        lanes_(*binding.scorer, n_lanes, binding.casts.size()) {}

  void run(bool in_pool, int n_lanes) {
    if (in_pool) {
      Pool::shared().run(
          n_lanes, [this](int lane) { work(lane); }, can_stop(options_) ? std::function<void()>([this] { poll(); }) : nullptr);
    } else {
      polls_itself_ = can_stop(options_);
      work(0);
    }
    for (const auto& lane : lanes_) {
      if (stop_ && lane->control) lane->control->reset();
    }
    if (failure_ && (!stop_ || failure_->code() != Code::kCancelled)) throw *failure_;
    if (!failure_ && failed_ != kNone) throw std::bad_alloc();
    if (stop_) throw Error(Code::kCancelled, stop_reason_);
  }

  Counts tally(int64_t* n_threads) const {
    Counts sum;
    for (const auto& lane : lanes_) {
      *n_threads += lane->tally.n_morsels > 0;
      sum.add(lane->tally);
      for (size_t i = 0; options_.n_changed && i < binding_.casts.size(); ++i) options_.n_changed[i] += lane->tally.n_changed[i];
    }
    return sum;
  }

 private:
  /// By the calling thread only. Ends runs that are under way, not just those to come.
  void poll() {
    const char* const reason = stop_reason(options_, !stop_);
    if (!reason && !stop_) return;
    if (!stop_) stop_reason_ = reason;
    stop_ = true;
    for (const auto& lane : lanes_) {
      if (lane->control) lane->control->terminate();
    }
  }

  void work(int lane) {
    size_t begin = 0;
    size_t end = 0;
    while (take(begin, end)) {
      for (size_t index = begin; index < end; ++index) {
        if (polls_itself_) poll();
        // Morsels are handed out in order, so all before a failed one are in somebody's hands, who will tell of an earlier bad row.
        if (stop_ || index > failed_.load()) return;
        score_one(index, lanes_[lane]);
      }
    }
  }

  /// The next morsels for a lane: several that follow each other, since the processor has fetched ahead where the last one ended; fewer
  /// towards the end, so that all lanes end together.
  bool take(size_t& begin, size_t& end) {
    constexpr size_t kMost = 16;
    const size_t n_lanes = static_cast<size_t>(lanes_.end() - lanes_.begin());
    begin = next_.load();
    do {
      if (begin >= morsels_.size()) return false;
      end = begin + std::clamp<size_t>((morsels_.size() - begin) / (4 * n_lanes), 1, kMost);
    } while (!next_.compare_exchange_weak(begin, end));
    return true;
  }

  void score_one(size_t index, Lane& lane) {
    try {
      score_morsel(binding_, morsels_[index], outputs_, lane);
    } catch (const Error& error) {
      fail(index, error);
    } catch (const std::bad_alloc&) {
      fail(index, std::nullopt);
    } catch (const std::exception& error) {
      fail(index, Error(Code::kInternal, error.what()));
    }
  }

  /// Nothing for an error: memory ran out, and making an Error takes some.
  void fail(size_t index, std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    if (index >= failed_.load()) return;
    failed_ = index;
    failure_ = std::move(error);
  }

  const Binding& binding_;
  const std::vector<Morsel> morsels_;
  const std::span<const Output> outputs_;
  const CallOptions& options_;
  Lanes lanes_;
  std::atomic<size_t> next_{0};
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::atomic<size_t> failed_{kNone};
  std::atomic<bool> stop_{false};
  const char* stop_reason_ = "";
  bool polls_itself_ = false;  ///< the one lane is the calling thread
  std::mutex mutex_;
  std::optional<Error> failure_;
};

/// One morsel on the caller's thread, with nothing around it that a single row would feel.
void score_trifle(const Binding& binding, const Morsel& morsel, std::span<const Output> outputs, int64_t* n_changed, Report& report) {
  struct Loan {
    const Scorer& scorer;
    std::unique_ptr<Lane> lane = scorer.take_lane();
    ~Loan() { scorer.give_lane(std::move(lane)); }
  } loan{*binding.scorer};
  loan.lane->tally.clear(binding.casts.size());
  score_morsel(binding, morsel, outputs, *loan.lane);
  report.tally = loan.lane->tally;
  if (n_changed) std::copy(loan.lane->tally.n_changed.begin(), loan.lane->tally.n_changed.end(), n_changed);
  report.n_threads = 1;
  report.ns_total = report.tally.ns_convert + report.tally.ns_run + report.tally.ns_write;
}

}  // namespace

Report score(const Binding& binding, std::span<const Batch> batches, std::span<const Output> outputs, const CallOptions& options) {
  binding.scorer->check_usable();
  // The rows may all be scored before the token is looked at again.
  if (const char* reason = stop_reason(options, false)) throw Error(Code::kCancelled, reason);
  check_call(binding, batches, outputs, options);
  Report report;
  report.n_columns_read = binding.n_columns_read;
  report.n_columns_unread = binding.n_columns_unread;
  for (const Batch& batch : batches) report.n_rows += options.selection ? options.n_selected : batch.n_rows;
  const Spread spread = spread_of(binding, report.n_rows, options);
  // A call on the caller's own thread is the cheapest, but can't be stopped in the middle of a run.
  const bool is_trifle = report.n_rows < kTrifle / std::max<int64_t>(1, binding.row_cost);  // the product may overflow
  if (is_trifle && batches.size() == 1 && report.n_rows > 0 && report.n_rows <= spread.morsel_rows) {
    score_trifle(binding, {&batches[0], 0, report.n_rows, 0, options.first_row, options.selection}, outputs, options.n_changed, report);
  } else if (report.n_rows > 0) {
    const int64_t start = now_ns();
    std::vector<Morsel> morsels = cut(batches, spread.morsel_rows, options);
    const int n_lanes = static_cast<int>(std::min<size_t>(static_cast<size_t>(spread.n_threads), morsels.size()));
    const bool in_pool = n_lanes > 1 || (!is_trifle && options.n_threads != 1 && can_stop(options));
    Call call(binding, std::move(morsels), outputs, options, n_lanes);
    call.run(in_pool, n_lanes);
    if (options.n_changed) std::fill_n(options.n_changed, binding.casts.size(), 0);
    report.tally = call.tally(&report.n_threads);
    report.ns_total = now_ns() - start;
  } else if (options.n_changed) {
    std::fill_n(options.n_changed, binding.casts.size(), 0);
  }
  if (binding.counts_branches) report.n_branch_changes = report.tally.n_branch_changes;
  return report;
}

}  // namespace edgeonnx::engine
