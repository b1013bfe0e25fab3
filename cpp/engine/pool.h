// The threads of the process: one pool for all models, so that many scorers together never run more threads than were granted.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace edgeonnx::engine {

class Pool {
 public:
  /// The pool of this process. A child of fork() gets a fresh one; the parent's threads do not exist there.
  static Pool& shared();

  /// Calls body(lane) on up to `n_lanes` threads of the pool, each with its own lane number from 0, and waits until all have returned.
  /// A body returns when there is nothing left to do, for itself or for any other lane.
  /// The calling thread sleeps meanwhile and calls poll(), if given, every few milliseconds; neither may throw.
  /// Throws Error(kOutOfMemory) where there is no thread and none can be started.
  void run(int n_lanes, const std::function<void(int)>& body, const std::function<void()>& poll);

 private:
  struct Job {
    const std::function<void(int)>* body;
    int n_lanes;
    int next_lane = 0;
    int n_done = 0;
    std::condition_variable done;
  };

  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> jobs_;
  int n_threads_ = 0;
  int n_idle_ = 0;
  int most_threads_ = 0;
};

/// Grows by one in every child of fork(): objects of an earlier generation can't be used.
int64_t fork_generation();

}  // namespace edgeonnx::engine
