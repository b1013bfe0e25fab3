#include "engine/score.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/pool.h"

namespace edgeonnx::engine {
namespace {

// Work that is over before a person or a database would have thought of stopping it; multiplications, roughly.
constexpr int64_t kTrifle = 1 << 24;
constexpr const char* kStopped = "scoring was stopped";

void check_call(const Binding& binding, std::span<const Batch> batches, std::span<const Output> outputs) {
  if (outputs.size() != binding.results.size()) {
    throw Error(Code::kInvalidArgument, "memory for " + std::to_string(binding.results.size()) + " results is needed, " +
                                            std::to_string(outputs.size()) + " given");
  }
  const int64_t fixed = binding.scorer->plan().fixed_batch;
  int64_t n_rows = 0;
  for (const Batch& batch : batches) {
    if (batch.n_rows < 0) throw Error(Code::kInvalidArgument, "a batch has a negative number of rows");
    n_rows += batch.n_rows;
    if (batch.n_rows == 0) continue;
    // Rows of one run may depend on each other in such a model, so none can be made up to fill it.
    if (fixed > 1 && batch.n_rows % fixed != 0) {
      throw Error(Code::kShapeMismatch, "the model scores exactly " + std::to_string(fixed) +
                                            " rows at a time, and a batch of the data has " + std::to_string(batch.n_rows) +
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

std::vector<Morsel> cut(std::span<const Batch> batches, int64_t morsel_rows, int64_t row_base) {
  std::vector<Morsel> morsels;
  int64_t first_row = 0;
  for (const Batch& batch : batches) {
    for (int64_t begin = 0; begin < batch.n_rows; begin += morsel_rows) {
      morsels.push_back({&batch, begin, std::min(morsel_rows, batch.n_rows - begin), first_row + begin, row_base});
    }
    first_row += batch.n_rows;
  }
  return morsels;
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
      Pool::shared().run(n_lanes, [this](int lane) { work(lane); }, can_stop() ? std::function<void()>([this] { poll(); }) : nullptr);
    } else {
      work(0);  // too short to be worth asking anyone
    }
    for (const auto& lane : lanes_) {
      if (stop_ && lane->control) lane->control->reset();
    }
    if (failure_ && (!stop_ || failure_->code() != Code::kCancelled)) throw *failure_;
    if (!failure_ && failed_ != kNone) throw std::bad_alloc();
    if (stop_) throw Error(Code::kCancelled, kStopped);
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
  bool can_stop() const { return options_.cancel || options_.check; }

  /// By the calling thread only. Ends runs that are under way, not just those to come.
  void poll() {
    const bool wanted =
        (options_.cancel && options_.cancel->requested.load()) || (options_.check && !stop_ && options_.check(options_.check_data) != 0);
    if (!wanted && !stop_) return;
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
  if (options.cancel && options.cancel->requested.load()) throw Error(Code::kCancelled, kStopped);
  check_call(binding, batches, outputs);
  const plan::Plan& plan = binding.scorer->plan();
  Report report;
  report.n_columns_read = binding.n_columns_read;
  report.n_columns_unread = binding.n_columns_unread;
  for (const Batch& batch : batches) report.n_rows += batch.n_rows;
  // A call on the caller's own thread is the cheapest, but can't be stopped in the middle of a run.
  const bool is_trifle = report.n_rows < kTrifle / std::max<int64_t>(1, plan.row_cost);  // the product may overflow
  if (is_trifle && batches.size() == 1 && report.n_rows > 0 && report.n_rows <= plan.morsel_rows) {
    score_trifle(binding, {&batches[0], 0, report.n_rows, 0, options.first_row}, outputs, options.n_changed, report);
  } else if (report.n_rows > 0) {
    const int64_t start = now_ns();
    std::vector<Morsel> morsels = cut(batches, plan.morsel_rows, options.first_row);
    const int n_lanes = static_cast<int>(std::min<size_t>(static_cast<size_t>(binding.scorer->n_threads()), morsels.size()));
    const bool in_pool = n_lanes > 1 || (!is_trifle && (options.cancel || options.check));
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
