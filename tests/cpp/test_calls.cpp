// What a call may ask for: a selection of rows, a deadline, a budget, a number of threads, somebody who listens; and rows of several
// models.
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "scoring.h"

namespace {

using namespace scoring;

int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

std::vector<float> counted(size_t n, float first = 0) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

edgeonnx_call call_of(const std::vector<uint32_t>& rows) {
  static const uint32_t kNone = 0;  // of no rows a vector has no memory, and no memory means all rows
  edgeonnx_call call = default_call();
  call.selection = rows.empty() ? &kNone : rows.data();
  call.n_selected = static_cast<int64_t>(rows.size());
  return call;
}

TEST(test_selection_of_rows_is_scored_in_its_order) {
  for (const bool native : {true, false}) {
    for (const int64_t morsel_rows : {0, 3}) {
      const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {2, morsel_rows, native});
      const size_t n = 1000;
      std::vector<double> a(n);
      std::vector<uint8_t> valid(n, 1);
      for (size_t i = 0; i < n; ++i) a[i] = static_cast<double>(i) * 3, valid[i] = i % 5 != 2;
      Table table(n);
      table.add("a", a).valid(valid, 3).add("b", counted(n, 7));
      edgeonnx_binding_options options = binding_options();
      const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
      options.null_rules = &rule;
      options.n_null_rules = 1;
      const Binding binding = scorer.bind(table.fields(), options);
      for (const std::vector<uint32_t>& rows :
           {std::vector<uint32_t>{999, 0, 5, 5, 2, 17}, std::vector<uint32_t>{}, std::vector<uint32_t>{7}}) {
        const Results results = score(binding, {table.batch()}, call_of(rows));
        CHECK_EQUAL(results.report.n_rows, static_cast<int64_t>(rows.size()));
        for (size_t r = 0; r < rows.size(); ++r) {
          const bool is_valid = valid[rows[r]] != 0;
          CHECK_EQUAL(results.masks[0][r] == 0, is_valid);
          if (is_valid) CHECK_EQUAL(results.values<float>()[r], static_cast<float>(rows[r]) * 4 + 7);
        }
      }
    }
  }
}

TEST(test_selection_takes_bits_and_lists_with_holes) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N", 2}));
  Table table(4);
  table.add("a", counted(8), 2).valid_values({1, 1, 1, 0, 1, 1, 1, 1}, 5).add("b", counted(8, 100), 2);
  edgeonnx_binding_options options = binding_options();
  const edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_PROPAGATE);
  options.null_rules = &rule;
  options.n_null_rules = 1;
  const std::vector<uint32_t> rows = {3, 1, 0};
  const Results results = score(scorer.bind(table.fields(), options), {table.batch()}, call_of(rows));
  CHECK_EQUAL(results.values<float>()[0], 112.0F);
  CHECK_EQUAL(results.values<float>()[5], 102.0F);
  CHECK(results.masks[0] == (std::vector<uint8_t>{0, 1, 0, 0xEE}));

  Table bits(5);
  bits.add_bits("a", {1, 0, 1, 1, 0}, 6).add_bits("b", {1, 1, 0, 1, 0}, 1);
  const std::vector<uint32_t> chosen = {4, 3, 1};
  const Results sums = score(load(tiny::add(Type::kInt32, {"N"})).bind(bits.fields(), binding_options()), {bits.batch()}, call_of(chosen));
  const std::vector<int32_t> found = sums.values<int32_t>();
  CHECK(found[0] == 0 && found[1] == 2 && found[2] == 1);
}

TEST(test_selection_of_a_column_of_nulls_alone) {
  Table table(3);
  table.add("a", counted(3)).add_column("b", Type::kNull, 1, {});
  edgeonnx_binding_options options = binding_options();
  edgeonnx_null_rule rule = null_rule(EDGEONNX_NULLS_CONSTANT);
  rule.constant = 10;
  options.null_rules = &rule;
  options.n_null_rules = 1;
  const std::vector<uint32_t> rows = {2, 0};
  const Results results = score(load(tiny::add(Type::kFloat, {"N"})).bind(table.fields(), options), {table.batch()}, call_of(rows));
  CHECK_EQUAL(results.values<float>()[0], 12.0F);
  CHECK_EQUAL(results.values<float>()[1], 10.0F);
}

TEST(test_selection_that_the_batch_has_not_is_refused) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}));
  Table table(3);
  table.add("a", counted(3)).add("b", counted(3));
  const Binding binding = scorer.bind(table.fields(), binding_options());
  const std::vector<uint32_t> beyond = {0, 3};
  FAILURE(EDGEONNX_INVALID_ARGUMENT, score(binding, {table.batch()}, call_of(beyond)));
  const std::vector<uint32_t> fine = {0};
  FAILURE(EDGEONNX_INVALID_ARGUMENT, score(binding, {table.batch(), table.batch()}, call_of(fine)));
  edgeonnx_call negative = call_of(fine);
  negative.n_selected = -1;
  FAILURE(EDGEONNX_INVALID_ARGUMENT, score(binding, {table.batch()}, negative));
}

TEST(test_selection_errors_count_the_selected_rows) {
  const Scorer scorer = load(tiny::add(Type::kInt32, {"N"}));
  Table table(4);
  table.add("a", std::vector<double>{1, 2, 3e10, 4}).add("b", std::vector<int32_t>{1, 2, 3, 4});
  edgeonnx_call call = default_call();
  const std::vector<uint32_t> rows = {3, 2, 0};
  call.selection = rows.data();
  call.n_selected = 3;
  call.first_row = 10;
  const Binding binding = scorer.bind(table.fields(), binding_options());
  CHECK_EQUAL(FAILURE(EDGEONNX_OVERFLOW, score(binding, {table.batch()}, call)).row(), int64_t{11});
}

TEST(test_deadline_that_is_past_ends_the_call) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {1, 64});
  const size_t n = 100000;
  Table table(n);
  table.add("a", counted(n)).add("b", counted(n));
  const Binding binding = scorer.bind(table.fields(), binding_options());
  edgeonnx_call call = default_call();
  call.deadline_ns = 1;
  const StatusError error = FAILURE(EDGEONNX_CANCELLED, score(binding, {table.batch()}, call));
  CHECK(std::string(error.what()).find("deadline") != std::string::npos);
  call.deadline_ns = monotonic_ns() + int64_t{3600} * 1000000000;
  CHECK_EQUAL(score(binding, {table.batch()}, call).report.n_rows, static_cast<int64_t>(n));
}

TEST(test_one_thread_is_the_calling_one) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {4, 128});
  const size_t n = 4096;
  Table table(n);
  table.add("a", counted(n)).add("b", counted(n));
  const Binding binding = scorer.bind(table.fields(), binding_options());
  edgeonnx_call call = default_call();
  call.n_threads = 1;
  static std::thread::id asked;
  static int n_asked;
  n_asked = 0;
  call.check = [](void*) {
    asked = std::this_thread::get_id();
    return ++n_asked > 5 ? 1 : 0;
  };
  FAILURE(EDGEONNX_CANCELLED, score(binding, {table.batch()}, call));
  CHECK(asked == std::this_thread::get_id());
  CHECK_EQUAL(n_asked, 6);
  call.check = nullptr;
  CHECK_EQUAL(score(binding, {table.batch()}, call).report.n_threads, int64_t{1});
}

TEST(test_one_thread_of_the_pool_is_no_more_than_one) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {4, 128});
  const size_t n = 4096;
  Table table(n);
  table.add("a", counted(n)).add("b", counted(n));
  const Binding binding = scorer.bind(table.fields(), binding_options());
  edgeonnx_call call = default_call();
  call.n_threads = -1;
  CHECK_EQUAL(score(binding, {table.batch()}, call).report.n_threads, int64_t{1});
  call.check = [](void*) { return 1; };
  FAILURE(EDGEONNX_CANCELLED, score(binding, {table.batch()}, call));
  call.n_threads = -2;
  FAILURE(EDGEONNX_INVALID_ARGUMENT, score(binding, {table.batch()}, call));
}

TEST(test_budget_shortens_morsels_and_then_refuses) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {2});
  const size_t n = 100000;
  std::vector<double> a(n, 0.5);
  Table table(n);
  table.add("a", a).add("b", counted(n));
  const Binding binding = scorer.bind(table.fields(), binding_options());
  const int64_t usual = score(binding, table).report.n_morsels;
  edgeonnx_call call = default_call();
  call.max_scratch_bytes = 1 << 15;
  const Results results = score(binding, {table.batch()}, call);
  CHECK(results.report.n_morsels > usual);
  CHECK_EQUAL(results.values<float>()[n - 1], 0.5F + static_cast<float>(n - 1));
  call.max_scratch_bytes = 10;
  FAILURE(EDGEONNX_OUT_OF_MEMORY, score(binding, {table.batch()}, call));
}

struct Heard {
  std::atomic<int> n{0};
  edgeonnx_status status = -1;
  int64_t n_rows = -1;
};

TEST(test_listener_hears_of_every_call) {
  Heard heard;
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  options.on_score = [](void* data, edgeonnx_status status, const edgeonnx_report* report) {
    auto& to = *static_cast<Heard*>(data);
    ++to.n, to.status = status, to.n_rows = report->n_rows;
  };
  options.on_score_data = &heard;
  const std::string model = tiny::add(Type::kInt32, {"N"});
  const Scorer scorer(model.data(), model.size(), options);
  Table table(3);
  table.add("a", std::vector<int32_t>{1, 2, 3}).add("b", std::vector<double>{1, 2, 3});
  const Binding binding = scorer.bind(table.fields(), binding_options());
  (void)score(binding, table);
  CHECK(heard.n == 1 && heard.status == EDGEONNX_OK && heard.n_rows == 3);
  Table bad(1);
  bad.add("a", std::vector<int32_t>{1}).add("b", std::vector<double>{1e30});
  FAILURE(EDGEONNX_OVERFLOW, score(binding, bad));
  CHECK(heard.n == 2 && heard.status == EDGEONNX_OVERFLOW && heard.n_rows == 0);
}

TEST(test_rows_of_several_models_stay_in_their_order) {
  const Scorer add = load(tiny::add(Type::kFloat, {"N"})), weigh = load(tiny::matmul(2, 1, {1, 2}));
  const size_t n = 10;
  Table table(n);
  table.add("a", counted(n)).add("b", counted(n, 100));
  const Binding first = add.bind(table.fields(), binding_options()), second = weigh.bind(table.fields(), binding_options());
  const edgeonnx_binding* const bindings[] = {first.get(), second.get()};
  const std::vector<int32_t> which = {0, 1, -1, 0, 0, 1, 1, -1, 0, 1};
  std::vector<float> values(n, -1);
  std::vector<uint8_t> mask(n, 0xEE);
  const edgeonnx_output output{values.data(), sizeof(float), mask.data()};
  const edgeonnx_batch batch = table.batch();
  edgeonnx_report report{};
  report.struct_size = sizeof report;
  edgeonnx::checked(
      [&](edgeonnx_error* error) { return edgeonnx_score_by_row(bindings, 2, which.data(), &batch, &output, 1, nullptr, &report, error); });
  CHECK_EQUAL(report.n_rows, int64_t{8});
  for (size_t r = 0; r < n; ++r) {
    CHECK_EQUAL(mask[r], static_cast<uint8_t>(which[r] < 0));
    const auto i = static_cast<float>(r);
    CHECK_EQUAL(values[r], which[r] < 0 ? -1.0F : which[r] == 0 ? 100 + 2 * i : 200 + 3 * i);
  }
  const std::vector<int32_t> beyond(n, 2);
  FAILURE(EDGEONNX_INVALID_ARGUMENT, edgeonnx::checked([&](edgeonnx_error* error) {
            return edgeonnx_score_by_row(bindings, 2, beyond.data(), &batch, &output, 1, nullptr, nullptr, error);
          }));
  const Scorer whole = load(tiny::add(Type::kInt64, {"N"}));
  const Binding other = whole.bind(table.fields(), binding_options());
  const edgeonnx_binding* const mixed[] = {first.get(), other.get()};
  FAILURE(EDGEONNX_TYPE_MISMATCH, edgeonnx::checked([&](edgeonnx_error* error) {
            return edgeonnx_score_by_row(mixed, 2, which.data(), &batch, &output, 1, nullptr, nullptr, error);
          }));
}

TEST(test_rows_of_several_models_name_the_row_of_the_batch) {
  const Scorer scorer = load(tiny::add(Type::kInt32, {"N"}));
  Table table(4);
  table.add("a", std::vector<double>{1, 2, 3, 3e10}).add("b", std::vector<int32_t>{1, 2, 3, 4});
  const Binding binding = scorer.bind(table.fields(), binding_options());
  const edgeonnx_binding* const bindings[] = {binding.get()};
  const std::vector<int32_t> which = {-1, -1, 0, 0};
  std::vector<int32_t> values(4);
  std::vector<uint8_t> mask(4);
  const edgeonnx_output output{values.data(), sizeof(int32_t), mask.data()};
  const edgeonnx_batch batch = table.batch();
  const StatusError error = FAILURE(EDGEONNX_OVERFLOW, edgeonnx::checked([&](edgeonnx_error* to) {
                                      return edgeonnx_score_by_row(bindings, 1, which.data(), &batch, &output, 1, nullptr, nullptr, to);
                                    }));
  CHECK_EQUAL(error.row(), int64_t{3});
  CHECK_EQUAL(error.sql_number(), 232);
}

TEST(test_model_file_is_read_or_named) {
  const std::string path = "/tmp/edgeonnx-test-" + std::to_string(getpid()) + ".onnx", model = tiny::add(Type::kFloat, {"N"});
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  CHECK(file && std::fwrite(model.data(), 1, model.size(), file) == model.size());
  if (file) std::fclose(file);
  edgeonnx_scorer* scorer = nullptr;
  edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_scorer_load(path.c_str(), nullptr, &scorer, error); });
  CHECK_EQUAL(edgeonnx_scorer_n_inputs(scorer), int64_t{2});
  edgeonnx_scorer_release(scorer);
  edgeonnx_scorer_options small{};
  small.struct_size = sizeof small;
  small.max_model_bytes = 4;
  FAILURE(EDGEONNX_INVALID_MODEL,
          edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_scorer_load(path.c_str(), &small, &scorer, error); }));
  std::remove(path.c_str());
  const StatusError error =
      FAILURE(EDGEONNX_IO, edgeonnx::checked([&](edgeonnx_error* to) { return edgeonnx_scorer_load(path.c_str(), nullptr, &scorer, to); }));
  CHECK(std::string(error.what()).find(path) != std::string::npos);
}

}  // namespace

int main() { return check::run(); }
