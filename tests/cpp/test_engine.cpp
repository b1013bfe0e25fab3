// Scoring through the C interface: memory of every layout in and out, batches, morsels, fixed batches.
#include <algorithm>
#include <memory>

#include "scoring.h"

namespace {

using namespace scoring;

/// Values 0, 1, 2 ... modulo `modulus`.
template <class T>
std::vector<T> counting(int64_t n, int64_t modulus = 1 << 14) {
  std::vector<T> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = static_cast<T>(i % modulus);
  return values;
}

/// How rows lie in memory.
struct Layout {
  int64_t gap = 0;          ///< bytes between two rows
  bool is_reverse = false;  ///< row 0 lies last
  size_t shift = 0;         ///< bytes off any alignment
};
const Layout kLayouts[] = {{}, {5, false, 0}, {0, true, 0}, {3, true, 0}, {0, false, 1}};

/// Rows of `row_bytes` bytes in a layout, in memory of exactly the size that they need.
class Rows {
 public:
  Rows(int64_t n, int64_t row_bytes, const Layout& layout) : n_(n), row_bytes_(row_bytes), step_(row_bytes + layout.gap) {
    n_bytes_ = static_cast<size_t>(std::max<int64_t>(0, n * step_ - layout.gap));
    memory_ = std::make_unique<std::byte[]>(n_bytes_ + layout.shift);
    std::fill_n(memory_.get(), n_bytes_ + layout.shift, std::byte{0xCD});
    first_ = memory_.get() + layout.shift + (layout.is_reverse ? (n - 1) * step_ : 0);
    stride_ = layout.is_reverse ? -step_ : step_;
  }
  void write(const void* packed) {
    for (int64_t r = 0; r < n_; ++r)
      std::memcpy(first_ + r * stride_, static_cast<const std::byte*>(packed) + r * row_bytes_, static_cast<size_t>(row_bytes_));
  }
  void read(void* packed) const {
    for (int64_t r = 0; r < n_; ++r)
      std::memcpy(static_cast<std::byte*>(packed) + r * row_bytes_, first_ + r * stride_, static_cast<size_t>(row_bytes_));
  }
  bool gaps_are_untouched() const {
    const std::byte* lowest = stride_ < 0 ? first_ + (n_ - 1) * stride_ : first_;
    for (int64_t i = 0; i < n_ * step_; ++i) {
      if (i % step_ >= row_bytes_ && i < (n_ - 1) * step_ + row_bytes_ && lowest[i] != std::byte{0xCD}) return false;
    }
    return true;
  }
  std::byte* data() const { return first_; }
  int64_t stride() const { return stride_; }

 private:
  int64_t n_, row_bytes_, step_, stride_;
  size_t n_bytes_;
  std::unique_ptr<std::byte[]> memory_;
  std::byte* first_;
};

TEST(test_score_packed_column_is_borrowed_and_a_converted_one_copied) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}), {1, 64});
  Table same(1000), other(1000);
  same.add("x", counting<float>(1000));
  other.add("x", counting<int32_t>(1000));
  const Results borrowed = score(scorer, same), copied = score(scorer, other);
  CHECK(borrowed.values<float>() == counting<float>(1000) && copied.values<float>() == counting<float>(1000));
  CHECK(borrowed.report.bytes_borrowed == 4000 && borrowed.report.bytes_copied == 0);
  CHECK(copied.report.bytes_borrowed == 0 && copied.report.bytes_copied == 4000);
  CHECK(borrowed.report.n_rows == 1000 && borrowed.report.n_morsels == 16 && borrowed.report.n_threads == 1);
  CHECK(borrowed.report.ns_total >= borrowed.report.ns_run && borrowed.report.ns_run > 0);
  CHECK_EQUAL(borrowed.report.struct_size, sizeof(edgeonnx_report));
}

TEST(test_score_every_element_type_passes_through) {
  constexpr Type types[] = {Type::kFloat,  Type::kDouble, Type::kInt8,   Type::kUint8,   Type::kInt16,    Type::kUint16, Type::kInt32,
                            Type::kUint32, Type::kInt64,  Type::kUint64, Type::kFloat16, Type::kBfloat16, Type::kBool};
  for (const Type type : types) {
    for (const int64_t width : {1, 3}) {
      const Scorer scorer = load(width == 1 ? tiny::identity(type, {"N"}) : tiny::identity(type, {"N", width}), {1, 16});
      const auto bytes = counting<uint8_t>(50 * width * size_of(type), type == Type::kBool ? 2 : 251);
      Table table(50);
      edgeonnx_column column{};
      column.data = bytes.data();
      column.stride = width * size_of(type);
      table.add_column("x", type, width, column);
      if (score(scorer, table).values<uint8_t>() != bytes) check::fail(__FILE__, __LINE__, edgeonnx::onnx_name(type));
    }
  }
}

/// Scores y = x for rows laid out as said, from From through real to To, and compares with a plain loop.
template <class From, class To>
void check_layouts(const Scorer& scorer, int64_t n, int64_t width, const Layout& in, const Layout& out) {
  const std::vector<From> values = counting<From>(n * width, 100);
  Rows source(n, width * static_cast<int64_t>(sizeof(From)), in), target(n, width * static_cast<int64_t>(sizeof(To)), out);
  source.write(values.data());
  edgeonnx_column column{};
  column.data = source.data();
  column.stride = source.stride();
  Table table(n);
  table.add_column("x", type_of<From>(), width, column);
  const edgeonnx_result result{"y", static_cast<int32_t>(type_of<To>())};
  edgeonnx_binding_options options = binding_options();
  options.results = &result;
  options.n_results = 1;
  std::vector<uint8_t> mask(static_cast<size_t>(n), 9);
  scorer.bind(table.fields(), options).score({table.batch()}, {{target.data(), target.stride(), mask.data()}}, default_call());
  std::vector<To> scored(static_cast<size_t>(n * width));
  target.read(scored.data());
  CHECK(scored == counting<To>(n * width, 100));
  CHECK(target.gaps_are_untouched());
  CHECK(mask == std::vector<uint8_t>(static_cast<size_t>(n)));
}

TEST(test_score_rows_of_any_layout_in_and_out) {
  for (const int64_t width : {1, 4}) {
    const Scorer scorer = load(width == 1 ? tiny::identity(Type::kFloat, {"N"}) : tiny::identity(Type::kFloat, {"N", width}), {1, 32});
    for (const Layout& in : kLayouts) {
      for (const Layout& out : kLayouts) {
        for (const int64_t n : {1, 33, 100}) {
          check_layouts<float, float>(scorer, n, width, in, out);
          check_layouts<double, float>(scorer, n, width, in, out);
          check_layouts<float, int16_t>(scorer, n, width, in, out);
          check_layouts<int64_t, double>(scorer, n, width, in, out);
        }
      }
    }
  }
}

TEST(test_score_stride_zero_gives_every_row_the_same_value) {
  const float value = 7;
  edgeonnx_column column{};
  column.data = &value;
  Table table(100);
  table.add_column("a", Type::kFloat, 1, column).add("b", counting<float>(100));
  std::vector<float> expected = counting<float>(100);
  for (float& each : expected) each += 7;
  CHECK(score(load(tiny::add(Type::kFloat, {"N"}), {1, 16}), table).values<float>() == expected);
}

TEST(test_score_unaligned_memory_feeds_a_real_operator) {
  const Scorer scorer = load(tiny::matmul(3, 2, {1, 2, 3, 4, 5, 6}));
  const std::vector<float> values = counting<float>(3 * 77);
  Rows x(77, 12, {0, false, 1}), y(77, 8, {0, false, 3});
  x.write(values.data());
  edgeonnx_column column{};
  column.data = x.data();
  column.stride = x.stride();
  Table table(77);
  table.add_column("x", Type::kFloat, 3, column);
  scorer.bind(table.fields(), binding_options()).score({table.batch()}, {{y.data(), y.stride(), nullptr}}, default_call());
  std::vector<float> scored(2 * 77);
  y.read(scored.data());
  for (size_t r = 0; r < 77; ++r) {
    const float *row = &values[3 * r], a = row[0] + 3 * row[1] + 5 * row[2], b = 2 * row[0] + 4 * row[1] + 6 * row[2];
    CHECK(scored[2 * r] == a && scored[2 * r + 1] == b);
  }
}

TEST(test_score_batches_are_rows_laid_end_to_end) {
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}), {2, 64});
  std::vector<Table> tables;
  std::vector<edgeonnx_batch> batches;
  std::vector<float> expected;
  for (const int64_t n : {0, 1, 700, 0, 63, 64, 65, 1}) {
    Table& table = tables.emplace_back(n);
    const float offset = static_cast<float>(expected.size());
    std::vector<float> a = counting<float>(n);
    for (float& each : a) each += offset;
    table.add("a", a).add("b", std::vector<float>(static_cast<size_t>(n), 0.5f));
    for (const float each : a) expected.push_back(each + 0.5f);
    batches.push_back(table.batch());
  }
  batches.push_back({nullptr, 0});
  const Results results = score(scorer.bind(tables[0].fields(), binding_options()), batches);
  CHECK(results.values<float>() == expected);
  CHECK_EQUAL(results.report.n_rows, static_cast<int64_t>(expected.size()));
}

TEST(test_score_many_columns_of_all_kinds_make_up_a_matrix) {
  constexpr int64_t n = 1300;
  for (const int64_t k : {1, 2, 3, 4, 5, 28, 33}) {
    for (const Type type : {Type::kFloat, Type::kDouble, Type::kInt16, Type::kInt8}) {
      for (const int64_t morsel_rows : {0, 600}) {
        const Scorer scorer = load(tiny::identity(type, {"N", k}), {1, morsel_rows});
        Table table(n);
        std::vector<std::unique_ptr<Rows>> rows;
        std::vector<double> expected(static_cast<size_t>(n * k));
        for (int64_t c = 0; c < k; ++c) {
          std::vector<double> values(n);
          for (int64_t r = 0; r < n; ++r) values[static_cast<size_t>(r)] = static_cast<double>((r * 7 + c) % (c % 5 == 3 ? 2 : 120));
          const std::vector<float> reals(values.begin(), values.end());
          const std::string name = "c" + std::to_string(c);
          if (c % 5 == 0) table.add(name, reals);
          if (c % 5 == 1) table.add(name, std::vector<int16_t>(values.begin(), values.end()));
          if (c % 5 == 2) table.add(name, values);
          if (c % 5 == 3) table.add_bits(name, std::vector<uint8_t>(values.begin(), values.end()), c);
          if (c % 5 == 4) {
            rows.push_back(std::make_unique<Rows>(n, 4, Layout{4, true, 1}));
            rows.back()->write(reals.data());
            edgeonnx_column column{};
            column.data = rows.back()->data();
            column.stride = rows.back()->stride();
            table.add_column(name, Type::kFloat, 1, column);
          }
          for (int64_t r = 0; r < n; ++r) expected[static_cast<size_t>(r * k + c)] = values[static_cast<size_t>(r)];
        }
        edgeonnx_binding_options options = binding_options();
        const edgeonnx_result result{"y", EDGEONNX_TYPE_DOUBLE};
        options.results = &result;
        options.n_results = 1;
        options.by_position = 1;
        if (score(scorer, table, options).values<double>() != expected)
          check::fail(__FILE__, __LINE__, std::to_string(k) + " columns to " + edgeonnx::onnx_name(type));
      }
    }
  }
}

TEST(test_score_morsel_tails_stay_within_the_callers_memory) {
  for (const int64_t morsel_rows : {1, 4, 64}) {
    for (const int n_threads : {1, 4}) {
      const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}), {n_threads, morsel_rows});
      for (const int64_t n : {int64_t{1}, morsel_rows - 1, morsel_rows, morsel_rows + 1, 2 * morsel_rows + 3}) {
        Table table(n);
        table.add("x", counting<float>(n));
        const auto y = std::make_unique<float[]>(static_cast<size_t>(n));  // a sanitizer sees a step beyond
        std::vector<uint8_t> mask(static_cast<size_t>(n) + 1, 9);
        scorer.bind(table.fields(), binding_options()).score({table.batch()}, {{y.get(), 4, mask.data()}}, default_call());
        CHECK(std::vector<float>(y.get(), y.get() + n) == counting<float>(n));
        CHECK_EQUAL(int{mask.back()}, 9);
      }
    }
  }
}

TEST(test_score_one_row_at_a_time_reads_and_writes_afresh) {
  // Two bindings take turns over the same scorer, so that nothing of one call may show in the next.
  const Scorer scorer = load(tiny::add(Type::kFloat, {"N"}));
  const Table layout = std::move(Table(1).add("a", std::vector<float>{0}).add("b", std::vector<float>{0}));
  const Table wide = std::move(Table(1).add("b", std::vector<double>{0}).add("a", std::vector<int16_t>{0}));
  edgeonnx_binding_options options = binding_options();
  const edgeonnx_result result{"sum", EDGEONNX_TYPE_INT32};
  options.results = &result;
  options.n_results = 1;
  const Binding plain = scorer.bind(layout.fields(), binding_options()), converting = scorer.bind(wide.fields(), options);
  for (int i = 0; i < 20; ++i) {
    Table reals(1), others(1);
    reals.add("a", std::vector<float>{static_cast<float>(i)}).add("b", std::vector<float>{100});
    others.add("b", std::vector<double>{i + 0.5}).add("a", std::vector<int16_t>{1000});
    CHECK(score(plain, reals).values<float>() == std::vector<float>{100.0f + static_cast<float>(i)});
    CHECK(score(converting, others).values<int32_t>() == std::vector<int32_t>{1000 + i});
  }
}

TEST(test_score_no_rows_need_no_memory) {
  const Scorer scorer = load(tiny::identity(Type::kFloat, {"N"}));
  const Binding binding = scorer.bind({{"x", nullptr, 1, EDGEONNX_TYPE_DOUBLE}}, binding_options());
  for (const std::vector<edgeonnx_batch>& batches :
       {std::vector<edgeonnx_batch>{}, std::vector<edgeonnx_batch>{{nullptr, 0}, {nullptr, 0}}}) {
    const edgeonnx_report report = binding.score(batches, {{nullptr, 4, nullptr}}, default_call());
    CHECK(report.n_rows == 0 && report.n_morsels == 0 && report.n_threads == 0);
  }
}

TEST(test_score_columns_that_no_input_needs_are_not_looked_at) {
  edgeonnx_column wild{};
  wild.data = reinterpret_cast<const void*>(uintptr_t{16});
  wild.stride = 1 << 20;
  wild.validity = reinterpret_cast<const uint8_t*>(uintptr_t{16});
  Table table(10);
  table.add_column("text", Type::kString, 1, wild).add("x", counting<float>(10)).add_column("other", Type::kFloat, 1, wild);
  CHECK(score(load(tiny::identity(Type::kFloat, {"N"})), table).values<float>() == counting<float>(10));
}

TEST(test_score_binding_keeps_its_scorer_alive) {
  Table table(10);
  table.add("x", counting<float>(10));
  const Binding binding = load(tiny::identity(Type::kFloat, {"N"})).bind(table.fields(), binding_options());
  CHECK(score(binding, table).values<float>() == counting<float>(10));
  CHECK_EQUAL(binding.result(0).name, std::string("y"));
}

/// y = x - the largest x of its column in one run, for a model that fixes its batch size.
std::string minus_most(int64_t batch) {
  return tiny::model({.nodes = {tiny::node("ReduceMax", {"x"}, {"most"}, {tiny::integers("axes", {0}), tiny::integer("keepdims", 1)}),
                                tiny::node("Sub", {"x", "most"}, {"y"})},
                      .inputs = {tiny::tensor("x", Type::kFloat, {batch, 2})},
                      .outputs = {tiny::tensor("y", Type::kFloat, {batch, 2})},
                      .initializers = {}});
}

TEST(test_score_fixed_batch_is_freed_only_where_rows_stay_apart) {
  struct Example {
    std::string model;
    bool is_freed;
    int64_t batch;
  };
  const Example examples[] = {{tiny::identity(Type::kFloat, {1, 2}), true, 1},
                              {tiny::identity(Type::kFloat, {4, 2}), true, 4},
                              {minus_most(1), false, 1},
                              {minus_most(4), false, 4}};
  for (const Example& each : examples) {
    for (const int64_t n : {1, 3, 4, 20, 41}) {
      for (const bool converts : {false, true}) {
        const Scorer scorer = load(each.model, {2, 16, false});
        CHECK(contains(scorer.explain(), each.is_freed ? "freed, since" : "at a time"));
        const std::vector<float> x = counting<float>(2 * n);
        std::vector<float> expected = x;
        for (int64_t i = 0; !each.is_freed && i < n; ++i) {
          const int64_t last = std::min(n, (i / each.batch + 1) * each.batch) - 1;  // values grow, so the last row has the most
          for (int64_t v = 0; v < 2; ++v) expected[static_cast<size_t>(2 * i + v)] -= static_cast<float>(2 * last + v);
        }
        Table table(n);
        if (converts)
          table.add("x", std::vector<double>(x.begin(), x.end()), 2);
        else
          table.add("x", x, 2);
        const auto y = std::make_unique<float[]>(static_cast<size_t>(2 * n));
        const auto run = [&] {
          scorer.bind(table.fields(), binding_options()).score({table.batch()}, {{y.get(), 8, nullptr}}, default_call());
        };
        if (!each.is_freed && n % each.batch != 0) {
          // Rows of one run may depend on each other, so none can be made up to fill it.
          CHECK(contains(FAILURE(EDGEONNX_SHAPE_MISMATCH, run()).what(), "4 rows at a time"));
          continue;
        }
        run();
        CHECK(std::vector<float>(y.get(), y.get() + 2 * n) == expected);
      }
    }
  }
}

}  // namespace

int main() { return run_with_runtime("test_engine"); }
