// Tables scored on a device that stream_compute.h plays: conversions, NULLs and threads as on the CPU, the same results to the bit.
#include <time.h>

#include <thread>

#include "capi/handles.h"
#include "scoring.h"
#include "stream_compute.h"

namespace {

using namespace scoring;
using stream_compute::kIn;
using stream_compute::kOut;
using stream_compute::Return;
using stream_compute::state;

/// A scorer whose session has a device, and nothing left of it at its end.
class DeviceScorer {
 public:
  explicit DeviceScorer(const std::string& model, const Limits& limits = {}, bool deterministic = false, Return returns = Return::kAtOnce) {
    edgeonnx::engine::ScorerOptions options;
    options.n_threads = limits.n_threads;
    options.plan.morsel_rows = limits.morsel_rows;
    options.plan.native = limits.native;
    options.plan.deterministic = deterministic;
    options.plan.make_device = stream_compute::make_device;
    state().n_failed = 0;
    state().n_elsewhere = 0;
    state().returns = returns;
    handle_.scorer = std::make_shared<const edgeonnx::engine::Scorer>(tiny::as_span(model), options);
    CHECK(handle_.scorer->plan().session && handle_.scorer->plan().session->device());
  }
  ~DeviceScorer() {
    handle_.scorer.reset();
    state().stream = nullptr;
    CHECK_EQUAL(fake_cuda::controls().live().total(), before_.total());
    CHECK_EQUAL(fake_cuda::controls().n_misuses(), misuses_);
    CHECK_EQUAL(state().n_failed.load(), 0L);
    CHECK_EQUAL(state().n_elsewhere.load(), 0L);
  }

  const edgeonnx::engine::Scorer& scorer() const { return *handle_.scorer; }
  Binding bind(const std::vector<edgeonnx_field>& fields, const edgeonnx_binding_options& options) {
    edgeonnx_binding* binding = nullptr;
    edgeonnx::checked(
        [&](edgeonnx_error* error) { return edgeonnx_binding_create(&handle_, fields.data(), fields.size(), &options, &binding, error); });
    return Binding(binding);
  }

 private:
  fake_cuda::Live before_ = fake_cuda::controls().live();
  long misuses_ = fake_cuda::controls().n_misuses();
  edgeonnx_scorer handle_;
};

/// Columns of many types, some with NULLs, for the model of two ports.
Table mixed(int64_t n_rows) {
  const auto n = static_cast<size_t>(n_rows);
  std::vector<int32_t> a(n);
  std::vector<double> b(n);
  std::vector<float> c(n);
  std::vector<uint8_t> d(n), valid(n, 1);
  std::vector<int16_t> e(n);
  std::vector<int64_t> k(n);
  for (size_t i = 0; i < n; ++i) {
    a[i] = static_cast<int32_t>(i * 7919 % 1000), b[i] = static_cast<double>(i) / 3, c[i] = static_cast<float>(i % 17) * 0.3F;
    d[i] = i % 3 == 0, e[i] = static_cast<int16_t>(i % 300), k[i] = static_cast<int64_t>(i) << 20, valid[i] = i % 7 != 3;
  }
  Table table(n_rows);
  table.add("a", a).add("b", b).valid(valid, 5).add("c", c).add_bits("d", d, 3).add("e", e).add("k", k);
  return table;
}

struct Policy {
  edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
  const char* columns[5] = {"a", "b", "c", "d", "e"};
  edgeonnx_column_group group{"x", columns, 5};
  std::vector<edgeonnx_result> results = {
      {"y", EDGEONNX_TYPE_FLOAT, 0, 0, 0}, {"y", EDGEONNX_TYPE_DOUBLE, 0, 0, 0}, {"twice", EDGEONNX_TYPE_INT64, 0, 0, 0}};
  edgeonnx_binding_options options = binding_options();

  Policy() {
    options.null_rules = &rule;
    options.n_null_rules = 1;
    options.groups = &group;
    options.n_groups = 1;
    options.results = results.data();
    options.n_results = results.size();
  }
};

/// Equal masks, and equal values where nothing is NULL.
bool are_equal(const Results& one, const Results& other) {
  if (one.masks != other.masks) return false;
  for (size_t i = 0; i < one.data.size(); ++i) {
    const size_t row_bytes = one.data[i].size() / one.masks[i].size();
    for (size_t r = 0; r < one.masks[i].size(); ++r) {
      if (one.masks[i][r]) continue;
      if (std::memcmp(one.data[i].data() + r * row_bytes, other.data[i].data() + r * row_bytes, row_bytes) != 0) return false;
    }
  }
  return true;
}

int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

}  // namespace

TEST(test_table_on_a_device_is_scored_as_on_the_cpu) {
  const Policy policy;
  const Limits limits{3, 128, false};
  const Scorer cpu = load(stream_compute::two_ports(), limits);
  std::vector<Results> expected;
  const std::vector<int64_t> sizes{1, 2, 127, 128, 129, 5000, 20011};
  for (const int64_t n : sizes) {
    const Table table = mixed(n);
    expected.push_back(score(cpu.bind(table.fields(), policy.options), table));
  }
  DeviceScorer device(stream_compute::two_ports(), limits);
  const long n_pageable = fake_cuda::controls().n_pageable();
  const long n_runs = state().n_runs;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Table table = mixed(sizes[i]);
    const Results results = score(device.bind(table.fields(), policy.options), table);
    CHECK(are_equal(results, expected[i]));
    CHECK_EQUAL(results.report.bytes_borrowed, int64_t{0});
  }
  CHECK_EQUAL(state().n_runs - n_runs, 1L + 1 + 1 + 1 + 2 + 40 + 157);
  CHECK_EQUAL(fake_cuda::controls().n_pageable(), n_pageable);
}

TEST(test_columns_and_results_of_the_models_own_types_go_through_pinned_memory) {
  const std::string model = tiny::identity(Type::kFloat, {"N", 1});
  DeviceScorer device(model, {2, 100, false});
  const long n_pageable = fake_cuda::controls().n_pageable();
  std::vector<float> x(1001);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  Table table(1001);
  table.add("x", x);
  CHECK(score(device.bind(table.fields(), binding_options()), table).values<float>() == x);
  CHECK_EQUAL(fake_cuda::controls().n_pageable(), n_pageable);
}

TEST(test_calls_of_several_threads_share_a_device) {
  const Policy policy;
  const Limits limits{2, 64, false};
  const Table table = mixed(3000);
  const Results expected = score(load(stream_compute::two_ports(), limits).bind(table.fields(), policy.options), table);
  DeviceScorer device(stream_compute::two_ports(), limits);
  const Binding binding = device.bind(table.fields(), policy.options);
  std::atomic<int> n_wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) n_wrong += !are_equal(score(binding, table), expected);
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK_EQUAL(n_wrong.load(), 0);
}

TEST(test_rows_are_made_up_where_runs_have_one_size) {
  const Policy policy;
  const Table table = mixed(333);
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  options.n_threads = 1;
  options.native = EDGEONNX_NATIVE_OFF;
  options.deterministic = 1;
  const std::string model = stream_compute::two_ports();
  const Results expected = score(Scorer(model.data(), model.size(), options).bind(table.fields(), policy.options), table);
  DeviceScorer device(model, {1, 0, false}, true);
  const long n_pageable = fake_cuda::controls().n_pageable();
  CHECK(are_equal(score(device.bind(table.fields(), policy.options), table), expected));
  CHECK_EQUAL(fake_cuda::controls().n_pageable(), n_pageable);
}

TEST(test_device_has_threads_to_overlap_and_morsels_of_its_own) {
  DeviceScorer device(stream_compute::two_ports(), {0, 0, false});
  CHECK(device.scorer().n_threads() >= 3);
  CHECK_EQUAL(device.scorer().plan().morsel_rows, int64_t{16384});
  CHECK(contains(device.scorer().explain(), "device: CUDA device 1; a thread's copies go beside the runs of others"));
  CHECK(contains(device.scorer().explain(), ", one session, "));
}

TEST(test_device_without_room_fails_the_call_and_serves_the_next) {
  const Policy policy;
  const Table table = mixed(1000);
  for (const auto& [function, what] : {std::pair{"cudaMalloc", "device memory of "}, {"cudaHostAlloc", "pinned memory of "}}) {
    DeviceScorer device(stream_compute::two_ports(), {2, 100, false});
    const Binding binding = device.bind(table.fields(), policy.options);
    fake_cuda::controls().fail(function, 1, edgeonnx::ort::cudaErrorMemoryAllocation);
    const StatusError error = FAILURE(EDGEONNX_OUT_OF_MEMORY, score(binding, table));
    CHECK(contains(error.what(), what));
    CHECK(contains(error.what(), "set a lower morsel_rows"));
    const Results results = score(binding, table);
    CHECK_EQUAL(results.report.n_rows, int64_t{1000});
  }
}

TEST(test_call_on_a_device_ends_at_its_deadline) {
  const std::string model = tiny::counting_loop(1 << 22);
  DeviceScorer device(model, {2, 4, false}, false, Return::kWhenDone);
  Table table(64);
  table.add("x", std::vector<float>(64, 1));
  const Binding binding = device.bind(table.fields(), binding_options());
  edgeonnx_call call = default_call();
  call.deadline_ns = monotonic_ns() + 50'000'000;
  FAILURE(EDGEONNX_CANCELLED, score(binding, {table.batch()}, call));
  CHECK(monotonic_ns() - call.deadline_ns < 2'000'000'000);
}

int main() { return scoring::run_with_runtime("test_device_scoring"); }
