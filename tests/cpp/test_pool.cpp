// The thread pool: lanes, many callers at once, polling, fork.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "child.h"
#include "engine/pool.h"

namespace {

using edgeonnx::Error;
using edgeonnx::engine::fork_generation;
using edgeonnx::engine::Pool;

/// Runs `n_items` items on `n_lanes` lanes as a score call does; true if every item was done once.
bool all_done_once(int n_lanes, int n_items) {
  std::vector<std::atomic<int>> done(static_cast<size_t>(n_items));
  std::atomic<int> next{0};
  Pool::shared().run(
      n_lanes,
      [&](int) {
        for (int i = next++; i < n_items; i = next++) ++done[static_cast<size_t>(i)];
      },
      nullptr);
  return std::all_of(done.begin(), done.end(), [](const auto& each) { return each == 1; });
}

// First, while this process has one thread: the sanitizers' runtimes allow a child of such a process everything.
TEST(test_pool_threads_that_cannot_be_started_fail_the_call_or_do_without) {
  CHECK_EQUAL(in_child([] {
                if (geteuid() == 0 && setuid(65534) != 0) return false;  // the limit does not bind root
                const rlimit none{0, 0};
                if (setrlimit(RLIMIT_NPROC, &none) != 0) return false;
                for (int attempt = 0; attempt < 3; ++attempt) {
                  try {
                    if (!all_done_once(2, 5)) return false;
                  } catch (const Error&) {
                  }
                }
                return true;
              }),
              0);
}

TEST(test_pool_child_of_fork_gets_threads_of_its_own) {
  const int64_t before = fork_generation();
  CHECK_EQUAL(in_child([before] { return fork_generation() == before + 1 && all_done_once(4, 100); }), 0);
  CHECK_EQUAL(fork_generation(), before);
}

TEST(test_pool_every_item_is_done_once) {
  for (const int n_lanes : {1, 2, 3, 8, 40}) {
    for (const int n_items : {0, 1, 2, 1000}) CHECK(all_done_once(n_lanes, n_items));
  }
}

TEST(test_pool_lanes_have_numbers_of_their_own) {
  constexpr int kLanes = 6;
  std::atomic<int> n_inside{0};
  std::vector<std::atomic<int>> taken(kLanes);
  // No lane leaves before all are in: all six exist.
  Pool::shared().run(
      kLanes,
      [&](int lane) {
        ++taken[static_cast<size_t>(lane)];
        ++n_inside;
        while (n_inside < kLanes) std::this_thread::yield();
      },
      nullptr);
  for (const auto& each : taken) CHECK_EQUAL(each.load(), 1);
}

TEST(test_pool_lanes_never_run_on_the_calling_thread) {
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> same{false};
  Pool::shared().run(3, [&](int) { same = same || std::this_thread::get_id() == caller; }, nullptr);
  CHECK(!same);
}

TEST(test_pool_poll_is_called_by_the_caller_until_the_work_is_done) {
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> stop{false};
  int n_polls = 0;
  bool foreign = false;
  Pool::shared().run(
      2,
      [&](int) {
        while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      [&] {
        foreign |= std::this_thread::get_id() != caller;
        stop = ++n_polls == 3;
      });
  CHECK_EQUAL(n_polls, 3);
  CHECK(!foreign);
}

TEST(test_pool_many_callers_share_no_more_threads_than_the_widest_asked_for) {
  // 40 lanes were asked for above, by this process; a child starts with an empty pool.
  CHECK_EQUAL(in_child([] {
                constexpr int kWidest = 3;
                std::atomic<int> n_busy{0}, most_busy{0}, n_done{0};
                std::vector<std::thread> callers;
                for (int caller = 0; caller < 6; ++caller) {
                  callers.emplace_back([&, caller] {
                    for (int round = 0; round < 20; ++round) {
                      std::atomic<int> next{0};
                      Pool::shared().run(
                          1 + caller % kWidest,
                          [&](int) {
                            const int busy = ++n_busy;
                            for (int seen = most_busy; seen < busy && !most_busy.compare_exchange_weak(seen, busy);) {
                            }
                            while (next++ < 10) std::this_thread::yield(), ++n_done;
                            --n_busy;
                          },
                          nullptr);
                    }
                  });
                }
                for (std::thread& each : callers) each.join();
                return most_busy <= kWidest && n_done == 6 * 20 * 10;
              }),
              0);
}

}  // namespace

int main() { return check::run(); }
