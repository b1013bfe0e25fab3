#include "engine/pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "base/error.h"
#include "engine/quota.h"

namespace edgeonnx::engine {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);

std::atomic<int64_t> generation{0};
// Never destroyed: its threads sleep in it until the process ends, and a child of fork() must not join threads that it does not have.
std::atomic<Pool*> pool{nullptr};

void in_child() {
  generation.fetch_add(1);
  pool.store(nullptr);
}

}  // namespace

int64_t fork_generation() {
  static const int registered = pthread_atfork(nullptr, nullptr, in_child);
  (void)registered;
  return generation.load(std::memory_order_relaxed);
}

Pool& Pool::shared() {
  fork_generation();
  Pool* current = pool.load(std::memory_order_acquire);
  if (current) return *current;
  auto* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh)) return *fresh;
  delete fresh;
  return *current;
}

namespace {

/// Blocks all signals for the threads started meanwhile: a host's handlers expect its own threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void Pool::run(int n_lanes, const std::function<void(int)>& body, const std::function<void()>& poll) {
  Job job{&body, n_lanes, 0, 0, {}};
  std::unique_lock lock(mutex_);
  // Grows to what the widest job asked for, so that a quota holds for all models together and an explicit wish is honoured.
  most_threads_ = std::max(most_threads_, n_lanes);
  jobs_.push_back(&job);
  for (int missing = n_lanes - n_idle_; missing > 0 && n_threads_ < most_threads_; --missing) {
    try {
      const SignalsBlocked blocked;
      std::thread(&Pool::work, this).detach();
    } catch (const std::exception& error) {  // std::system_error or std::bad_alloc
      if (n_threads_ > 0) break;             // fewer threads do the work as well
      std::erase(jobs_, &job);
      throw Error(Code::kOutOfMemory, std::string("no thread can be started to score with: ") + error.what());
    }
    ++n_threads_;
  }
  n_lanes == 1 ? wake_.notify_one() : wake_.notify_all();
  const auto finished = [&] { return job.n_done == job.n_lanes; };
  if (!poll) {
    job.done.wait(lock, finished);
    return;
  }
  while (!job.done.wait_for(lock, kPollInterval, finished)) {
    lock.unlock();
    poll();
    lock.lock();
  }
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++n_idle_;
    wake_.wait(lock, [this] { return !jobs_.empty(); });
    --n_idle_;
    Job& job = *jobs_.front();
    const int lane = job.next_lane++;
    if (job.next_lane == job.n_lanes) jobs_.pop_front();
    lock.unlock();
    (*job.body)(lane);
    lock.lock();
    if (job.next_lane < job.n_lanes) {
      // A lane returns when no work is left: lanes that nobody has taken yet need not be run.
      job.n_lanes = job.next_lane;
      std::erase(jobs_, &job);
    }
    ++job.n_done;
    // The job stands on the stack of its caller, who leaves once the last lane is done: notify before letting go of the mutex.
    if (job.n_done == job.n_lanes) job.done.notify_one();
  }
}

}  // namespace edgeonnx::engine
