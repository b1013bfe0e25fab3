// Streams and events of fake_cuda.cpp.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <thread>

#include "ort/cuda_runtime.h"

namespace fake_cuda {

inline std::atomic<int> most_delay_us{50};
inline std::atomic<unsigned> next_seed{1};

/// A place in a stream's work: reached or not.
class Mark {
 public:
  void reach() {
    const std::lock_guard lock(mutex_);
    is_reached_ = true;
    reached_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    reached_.wait(lock, [this] { return is_reached_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable reached_;
  bool is_reached_ = false;
};

}  // namespace fake_cuda

struct CUevent_st {
  std::mutex mutex;
  std::shared_ptr<fake_cuda::Mark> mark;  ///< of the last record; null: none yet
  int device = 0;

  std::shared_ptr<fake_cuda::Mark> last() {
    const std::lock_guard lock(mutex);
    return mark;
  }
};

struct CUstream_st {
  explicit CUstream_st(int on) : device(on), random(fake_cuda::next_seed.fetch_add(1)), thread([this] { work(); }) {}
  ~CUstream_st() {
    push(nullptr);
    thread.join();
  }

  void push(std::function<void()> task) {
    const std::lock_guard lock(mutex);
    tasks.push(std::move(task));
    wake.notify_one();
  }

  void work() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [this] { return !tasks.empty(); });
        task = std::move(tasks.front());
        tasks.pop();
      }
      if (!task) return;
      if (const int most = fake_cuda::most_delay_us.load()) {
        const auto delay = static_cast<int>(random() % static_cast<unsigned>(most + 1));
        if (delay > most / 2) std::this_thread::sleep_for(std::chrono::microseconds(delay));  // or at once
      }
      task();
    }
  }

  std::shared_ptr<fake_cuda::Mark> mark() {
    auto mark = std::make_shared<fake_cuda::Mark>();
    push([mark] { mark->reach(); });
    return mark;
  }

  const int device;
  std::mutex mutex;
  std::condition_variable wake;
  std::queue<std::function<void()>> tasks;
  std::minstd_rand random;
  std::thread thread;
};
