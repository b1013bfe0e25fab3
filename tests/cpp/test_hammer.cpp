// Many threads at once: one scorer and one binding under eight of them, objects coming and going, stops from outside, fork.
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "child.h"
#include "scoring.h"

namespace {

using namespace scoring;
using std::chrono::milliseconds;

constexpr int kThreads = 8;

/// Runs body(thread) on eight threads; a check fails where one of them throws.
void on_all_threads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  std::vector<std::string> failures(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      try {
        body(t);
      } catch (const std::exception& error) {
        failures[static_cast<size_t>(t)] = error.what();
      }
    });
  }
  for (std::thread& each : threads) each.join();
  for (const std::string& each : failures) {
    if (!each.empty()) check::fail(__FILE__, __LINE__, each);
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}
#define REQUIRE(condition) require(condition, #condition)

class CancelToken {
 public:
  CancelToken() {
    edgeonnx::checked([this](edgeonnx_error* error) { return edgeonnx_cancel_create(&token_, error); });
  }
  ~CancelToken() { edgeonnx_cancel_release(token_); }
  CancelToken(const CancelToken&) = delete;
  edgeonnx_cancel* get() const { return token_; }

 private:
  edgeonnx_cancel* token_ = nullptr;
};

edgeonnx_call call_with(const CancelToken& token) {
  edgeonnx_call call = default_call();
  call.cancel = token.get();
  return call;
}

/// Rows of `a` and `b` that only this thread and round know, as columns that are borrowed or converted.
Table rows_of(int thread, int round, int64_t n) {
  std::vector<float> a(static_cast<size_t>(n));
  std::vector<double> b(static_cast<size_t>(n));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(thread * 1000 + static_cast<int>(i)), b[i] = round * 0.5;
  Table table(n);
  table.add("a", a).add("b", b);
  return table;
}

bool sums_are_right(const Results& results, int thread, int round, int64_t n) {
  const std::vector<float> sum = results.values<float>();
  for (int64_t i = 0; i < n; ++i) {
    if (sum[static_cast<size_t>(i)] != static_cast<float>(thread * 1000 + static_cast<int>(i)) + static_cast<float>(round) * 0.5f)
      return false;
  }
  return static_cast<int64_t>(sum.size()) == n;
}

TEST(test_hammer_one_binding_serves_all_threads) {
  for (const int n_threads : {1, 4}) {
    const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {n_threads, 64});
    const Binding binding = scorer.bind(rows_of(0, 0, 0).fields(), binding_options());
    on_all_threads([&](int thread) {
      for (int round = 0; round < 60; ++round) {
        const int64_t n = round % 4 == 0 ? 1 : 1 + (round * 37) % 500;
        REQUIRE(sums_are_right(score(binding, rows_of(thread, round, n)), thread, round, n));
        REQUIRE(std::string(binding.explain()).find("'sum'") != std::string::npos);
      }
    });
  }
}

TEST(test_hammer_bindings_come_and_go_over_one_scorer) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {2, 64});
  on_all_threads([&](int thread) {
    for (int round = 0; round < 30; ++round) {
      const Table table = rows_of(thread, round, round % 3 == 0 ? 1 : 200);
      REQUIRE(sums_are_right(score(scorer.bind(table.fields(), binding_options()), table), thread, round, table.n_rows()));
    }
  });
}

TEST(test_hammer_scorers_are_made_used_and_released_at_once) {
  const int64_t before = edgeonnx_live_objects();
  on_all_threads([&](int thread) {
    for (int round = 0; round < 4; ++round) {
      const Table table = rows_of(thread, round, 300);
      const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {1 + round % 3, 64});
      REQUIRE(sums_are_right(score(scorer, table), thread, round, 300));
    }
  });
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_hammer_failures_stay_with_their_callers) {
  const Scorer scorer = load(tiny::identity(Type::kUint8, {"N"}), {2, 16});
  const Binding binding = scorer.bind({{"x", nullptr, 1, EDGEONNX_TYPE_INT32}}, binding_options());
  on_all_threads([&](int thread) {
    for (int round = 0; round < 40; ++round) {
      std::vector<int32_t> x(200, 1);
      if (thread % 2 == 1) x[static_cast<size_t>(thread * 20)] = 1000 + thread;
      Table table(200);
      table.add("x", x);
      try {
        score(binding, table);
        REQUIRE(thread % 2 == 0);
      } catch (const StatusError& error) {
        REQUIRE(error.code() == EDGEONNX_OVERFLOW && error.row() == thread * 20 && error.value() == std::to_string(1000 + thread));
      }
    }
  });
}

/// y = x + as many as the largest x says, one at a time: as long a run as one likes, short for the rows that a load tries out.
std::string counting_to_largest() {
  const tiny::Graph body{.nodes = {tiny::node("Identity", {"go_on"}, {"goes_on"}), tiny::node("Add", {"before", "one"}, {"after"})},
                         .inputs = {tiny::tensor("trip", Type::kInt64, {}), tiny::tensor("go_on", Type::kBool, {}),
                                    tiny::tensor("before", Type::kFloat, {"N"})},
                         .outputs = {tiny::tensor("goes_on", Type::kBool, {}), tiny::tensor("after", Type::kFloat, {"N"})},
                         .initializers = {tiny::initializer<float>("one", Type::kFloat, {}, {1.0F})}};
  return tiny::model({.nodes = {tiny::node("Cast", {"x"}, {"whole"}, {tiny::integer("to", static_cast<int64_t>(Type::kInt64))}),
                                tiny::node("ReduceMax", {"whole"}, {"n_trips"}, {tiny::integer("keepdims", 0)}),
                                tiny::node("Loop", {"n_trips", "", "x"}, {"y"}, {tiny::graph_attribute("body", body.message())})},
                      .inputs = {tiny::tensor("x", Type::kFloat, {"N"})},
                      .outputs = {tiny::tensor("y", Type::kFloat, {"N"})},
                      .initializers = {}});
}

constexpr float kForever = 1e12F;

TEST(test_cancel_from_another_thread_ends_a_run_that_would_not_end) {
  const Scorer scorer = load(counting_to_largest(), {2, 2});
  for (const int64_t n : {1, 2, 10}) {
    Table endless(n), quick(n);
    endless.add("x", std::vector<float>(static_cast<size_t>(n), kForever));
    quick.add("x", std::vector<float>(static_cast<size_t>(n), 3));
    const Binding binding = scorer.bind(endless.fields(), binding_options());
    const CancelToken token;
    std::thread other([&] {
      std::this_thread::sleep_for(milliseconds(30));
      edgeonnx_cancel_request(token.get());
    });
    FAILURE(EDGEONNX_CANCELLED, score(binding, {endless.batch()}, call_with(token)));
    other.join();
    FAILURE(EDGEONNX_CANCELLED, score(binding, {quick.batch()}, call_with(token)));
    edgeonnx_cancel_reset(token.get());
    CHECK(score(binding, {quick.batch()}, call_with(token)).values<float>() == std::vector<float>(static_cast<size_t>(n), 6));
  }
}

TEST(test_cancel_requested_before_stops_every_call_until_reset) {
  for (const int n_threads : {1, 4}) {
    const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {n_threads, 16});
    for (const int64_t n : {0, 1, 16, 17, 1000}) {
      const Table table = rows_of(1, 2, n);
      const Binding binding = scorer.bind(table.fields(), binding_options());
      const CancelToken token;
      edgeonnx_cancel_request(token.get());
      FAILURE(EDGEONNX_CANCELLED, score(binding, {table.batch()}, call_with(token)));
      edgeonnx_cancel_reset(token.get());
      CHECK(sums_are_right(score(binding, {table.batch()}, call_with(token)), 1, 2, n));
    }
  }
}

TEST(test_cancel_one_token_stops_the_calls_of_many_threads) {
  const Scorer scorer = load(counting_to_largest(), {2, 4});
  Table endless(20);
  endless.add("x", std::vector<float>(20, kForever));
  const Binding binding = scorer.bind(endless.fields(), binding_options());
  const CancelToken token;
  std::atomic<int> n_cancelled{0};
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(50));
    edgeonnx_cancel_request(token.get());
  });
  on_all_threads([&](int) {
    try {
      score(binding, {endless.batch()}, call_with(token));
    } catch (const StatusError& error) {
      n_cancelled += error.code() == EDGEONNX_CANCELLED;
    }
  });
  other.join();
  CHECK_EQUAL(n_cancelled.load(), kThreads);
}

/// A check that counts its calls, notes a foreign thread, and stops the call at the third.
struct Check {
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> n_calls{0};
  std::atomic<bool> is_foreign{false};

  static int ask(void* data) {
    auto& self = *static_cast<Check*>(data);
    if (std::this_thread::get_id() != self.caller) self.is_foreign = true;
    return ++self.n_calls >= 3;
  }
};

TEST(test_check_is_asked_by_the_calling_thread_and_stops_the_call) {
  const Scorer scorer = load(counting_to_largest(), {2, 4});
  for (const int64_t n : {1, 20}) {
    Table endless(n);
    endless.add("x", std::vector<float>(static_cast<size_t>(n), kForever));
    Check check;
    edgeonnx_call call = default_call();
    call.check = Check::ask;
    call.check_data = &check;
    FAILURE(EDGEONNX_CANCELLED, score(scorer.bind(endless.fields(), binding_options()), {endless.batch()}, call));
    CHECK(check.n_calls >= 3);
    CHECK(!check.is_foreign);
  }
}

TEST(test_check_stops_a_call_of_many_rows_on_one_thread) {
  constexpr int64_t kRows = int64_t{1} << 23;  // times the cost of a row that may loop: more than 63 bits
  const Scorer scorer = load(tiny::counting_loop(200), {1, 0});
  const edgeonnx_field field{"x", nullptr, 1, EDGEONNX_TYPE_FLOAT};
  const float value = 1;
  edgeonnx_column column{};
  column.data = &value;
  std::vector<float> result(static_cast<size_t>(kRows));
  Check check;
  edgeonnx_call call = default_call();
  call.check = Check::ask;
  call.check_data = &check;
  const Binding binding = scorer.bind({field}, binding_options());
  FAILURE(EDGEONNX_CANCELLED, binding.score({{&column, kRows}}, {{result.data(), sizeof(float), nullptr}}, call));
  CHECK(check.n_calls >= 3);
}

template <class Body>
bool is_invalid_state(const Body& body) {
  try {
    body();
  } catch (const StatusError& error) {
    return error.code() == EDGEONNX_INVALID_STATE;
  }
  return false;
}

TEST(test_fork_child_cannot_use_what_the_parent_made_but_may_release_it) {
  const Table table = rows_of(1, 2, 500);
  auto scorer = std::make_unique<Scorer>(load(tiny::add(Type::kFloat, {"N"}), {4, 16}));
  auto binding = std::make_unique<Binding>(scorer->bind(table.fields(), binding_options()));
  CHECK(sums_are_right(score(*binding, table), 1, 2, 500));  // lanes and threads exist
  CHECK_EQUAL(in_child([&] {
                const bool refused = is_invalid_state([&] { score(*binding, table); }) &&
                                     is_invalid_state([&] { scorer->bind(table.fields(), binding_options()); });
                const int64_t before = edgeonnx_live_objects();
                scorer.reset();
                binding.reset();
                return refused && edgeonnx_live_objects() == before - 2;
              }),
              0);
  CHECK(sums_are_right(score(*binding, table), 1, 2, 500));
}

TEST(test_fork_child_makes_objects_of_its_own) {
  CHECK_EQUAL(in_child([] {
                const Table table = rows_of(3, 4, 500);
                return sums_are_right(score(load(tiny::add(Type::kFloat, {"N"}), {4, 16}), table), 3, 4, 500);
              }),
              0);
}

TEST(test_fork_while_other_threads_score_leaves_both_sides_sound) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  // A sanitizer's runtime keeps the locks that other threads held at fork(); glibc does not.
  std::cout << "not run under a sanitizer, whose runtime may hang in the child of a process with busy threads\n";
  return;
#endif
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {2, 64});
  const Table layout = rows_of(0, 0, 500);
  const Binding binding = scorer.bind(layout.fields(), binding_options());
  std::atomic<bool> stop{false};
  std::thread forker([&] {
    for (int i = 0; i < 5; ++i) CHECK_EQUAL(in_child([&] { return is_invalid_state([&] { score(binding, layout); }); }), 0);
    stop = true;
  });
  on_all_threads([&](int thread) {
    for (int round = 0; !stop; round = (round + 1) % 100)
      REQUIRE(sums_are_right(score(binding, rows_of(thread, round, 300)), thread, round, 300));
  });
  forker.join();
}

}  // namespace

int main() { return run_with_runtime("test_hammer"); }
