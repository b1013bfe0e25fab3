// Programs: tiles, outputs of every form, and workspaces that serve many programs.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "base/type.h"
#include "check.h"
#include "kernels/program.h"

namespace {
std::atomic<int64_t> n_allocations{0};
}

void* operator new(size_t n_bytes, std::align_val_t alignment) {
  ++n_allocations;
  const size_t line = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(line, (n_bytes + line - 1) / line * line + line)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace edgeonnx;
using namespace edgeonnx::kernels;

const std::vector<int64_t> kRowCounts = {0, 1, 2, 31, 127, 128, 129, 1023, 1024, 1025, 2049, 4097};

/// What the steps of a program were asked for.
struct Log {
  int64_t n_rows = 0;
  int64_t most_rows = 0;
  int64_t n_runs = 0;
};

/// output = sum of the inputs, all of T. Its scratch is written from end to end, and must be where and as large as it was promised.
template <class T>
class Sum : public Step {
 public:
  Sum(std::vector<Register> inputs, Register output, Log* log = nullptr, size_t scratch_per_row = 0)
      : inputs_(std::move(inputs)), output_(output), log_(log), scratch_per_row_(scratch_per_row) {}

  void run(Registers registers, int64_t n, std::byte* scratch) const override {
    if (scratch_per_row_ > 0) {
      CHECK_EQUAL(reinterpret_cast<uintptr_t>(scratch) % 64, 0u);
      std::memset(scratch, 0xEE, scratch_bytes(n));
    }
    for (int64_t r = 0; r < n; ++r) {
      T sum = 0;
      for (const Register input : inputs_) sum = static_cast<T>(sum + at(registers[input], r));
      std::memcpy(registers[output_] + r * static_cast<int64_t>(sizeof(T)), &sum, sizeof sum);
    }
    if (!log_) return;
    log_->n_rows += n;
    log_->most_rows = std::max(log_->most_rows, n);
    ++log_->n_runs;
  }
  size_t scratch_bytes(int64_t n_rows) const override { return scratch_per_row_ * static_cast<size_t>(n_rows); }

 private:
  static T at(const std::byte* column, int64_t row) {
    T value;
    std::memcpy(&value, column + row * static_cast<int64_t>(sizeof(T)), sizeof value);
    return value;
  }

  std::vector<Register> inputs_;
  Register output_;
  Log* log_;
  size_t scratch_per_row_;
};

using Steps = std::vector<std::unique_ptr<Step>>;

/// A column in memory of exactly its size: value(row) = row * factor, in T.
struct Source {
  enum Layout { kPacked, kUnaligned, kWithGaps, kBackwards };
  static constexpr Layout kAll[] = {kPacked, kUnaligned, kWithGaps, kBackwards};

  template <class T>
  static Source of(int64_t n, int64_t factor, Layout layout) {
    const auto size = static_cast<int64_t>(sizeof(T));
    Source source;
    const int64_t step = layout == kWithGaps ? size + 3 : size;
    const int64_t shift = layout == kUnaligned ? 1 : 0;
    source.memory.reset(new std::byte[static_cast<size_t>(shift + (n > 0 ? (n - 1) * step + size : 0))]);
    source.view = {source.memory.get() + shift + (layout == kBackwards && n > 0 ? (n - 1) * step : 0), layout == kBackwards ? -step : step};
    for (int64_t r = 0; r < n; ++r) {
      const T value = static_cast<T>(r * factor);
      std::memcpy(const_cast<std::byte*>(source.view.data) + r * source.view.stride, &value, sizeof value);
    }
    return source;
  }

  std::unique_ptr<std::byte[]> memory;
  ColumnView view;
};

/// Memory of an output, with a mark behind it.
template <class T>
struct Target {
  explicit Target(int64_t n_values) : memory(1 + static_cast<size_t>(n_values) * sizeof(T) + 1, std::byte{0x7F}) {}
  std::byte* data() { return memory.data() + 1; }
  T at(int64_t i) const {
    T value;
    std::memcpy(&value, memory.data() + 1 + static_cast<size_t>(i) * sizeof(T), sizeof value);
    return value;
  }
  bool is_intact() const { return memory.front() == std::byte{0x7F} && memory.back() == std::byte{0x7F}; }
  bool is_untouched() const {
    for (const std::byte each : memory) {
      if (each != std::byte{0x7F}) return false;
    }
    return true;
  }
  std::vector<std::byte> memory;
};

/// c = a + b, d = a + c; outputs {d}, {a, c, d}, {b}, {c}, {d} again.
template <class T>
Program sums(Type type, Log* log = nullptr, size_t scratch_per_row = 0) {
  Steps steps;
  steps.push_back(std::make_unique<Sum<T>>(std::vector<Register>{0, 1}, 2, log, scratch_per_row));
  steps.push_back(std::make_unique<Sum<T>>(std::vector<Register>{0, 2}, 3, nullptr, scratch_per_row / 2));
  return {{type, type, type, type}, 2, std::move(steps), {{type, {3}}, {type, {0, 2, 3}}, {type, {1}}, {type, {2}}, {type, {3}}}};
}

/// Runs a program of sums<T> with the outputs whose bit is set in `wanted`.
template <class T>
void check_sums(const Program& program, int64_t n, Source::Layout layout, unsigned wanted, Workspace& workspace) {
  const Source a = Source::of<T>(n, 3, layout), b = Source::of<T>(n, 5, layout == Source::kPacked ? Source::kBackwards : layout);
  std::vector<Target<T>> targets;
  for (const int64_t width : {1, 3, 1, 1, 1}) targets.emplace_back(n * width);
  std::vector<std::byte*> outputs;
  for (size_t i = 0; i < targets.size(); ++i) outputs.push_back(wanted >> i & 1 ? targets[i].data() : nullptr);
  program.run(std::vector<ColumnView>{a.view, b.view}, n, outputs, workspace);
  int64_t n_wrong = 0;
  for (int64_t r = 0; r < n; ++r) {
    const T x = static_cast<T>(3 * r), y = static_cast<T>(5 * r), c = static_cast<T>(x + y), d = static_cast<T>(x + c);
    if (outputs[0]) n_wrong += targets[0].at(r) != d;
    if (outputs[1]) n_wrong += targets[1].at(3 * r) != x || targets[1].at(3 * r + 1) != c || targets[1].at(3 * r + 2) != d;
    if (outputs[2]) n_wrong += targets[2].at(r) != y;
    if (outputs[3]) n_wrong += targets[3].at(r) != c;
    if (outputs[4]) n_wrong += targets[4].at(r) != d;
  }
  CHECK_EQUAL(n_wrong, 0);
  for (size_t i = 0; i < targets.size(); ++i) CHECK(outputs[i] ? targets[i].is_intact() : targets[i].is_untouched());
}

template <class T>
void check_layouts(Type type) {
  const Program program = sums<T>(type);
  Workspace workspace;
  for (const int64_t n : kRowCounts) {
    for (const Source::Layout layout : Source::kAll) check_sums<T>(program, n, layout, 0x1F, workspace);
  }
}

}  // namespace

TEST(test_program_columns_of_any_layout_and_size) {
  check_layouts<uint8_t>(Type::kUint8);
  check_layouts<int16_t>(Type::kInt16);
  check_layouts<int32_t>(Type::kInt32);
  check_layouts<float>(Type::kFloat);
  check_layouts<double>(Type::kDouble);
}

TEST(test_program_any_choice_of_outputs_is_written_and_no_other) {
  const Program program = sums<int32_t>(Type::kInt32);
  Workspace workspace;
  for (unsigned wanted = 0; wanted < 32; ++wanted) {
    for (const int64_t n : {1, 128, 1500}) check_sums<int32_t>(program, n, Source::kWithGaps, wanted, workspace);
  }
}

TEST(test_program_rows_are_run_once_in_tiles_with_their_scratch) {
  for (const int64_t n : kRowCounts) {
    Log log;
    const Program program = sums<float>(Type::kFloat, &log, 40);
    Workspace workspace;
    check_sums<float>(program, n, Source::kPacked, 0x1F, workspace);
    CHECK_EQUAL(log.n_rows, n);
    CHECK(log.most_rows <= 1024);
    CHECK_EQUAL(log.n_runs, (n + 1023) / 1024);
  }
}

TEST(test_program_of_many_registers_has_small_tiles_and_wide_outputs) {
  constexpr int32_t kColumns = 700;
  std::vector<Type> types(2 * kColumns, Type::kDouble);
  Steps steps;
  Log log;
  Program::Output made{Type::kDouble, {}}, given{Type::kDouble, {}};
  for (int32_t i = 0; i < kColumns; ++i) {
    steps.push_back(std::make_unique<Sum<double>>(std::vector<Register>{i, (i + 1) % kColumns}, kColumns + i, i == 0 ? &log : nullptr));
    made.columns.push_back(kColumns + i);
    given.columns.push_back(kColumns - 1 - i);
  }
  const Program program(types, kColumns, std::move(steps), {made, given});
  Workspace workspace;
  for (const int64_t n : {1, 127, 129, 300}) {
    std::vector<Source> sources;
    std::vector<ColumnView> views;
    for (int32_t i = 0; i < kColumns; ++i) {
      sources.push_back(Source::of<double>(n, i + 1, Source::kAll[i % 4]));
      views.push_back(sources.back().view);
    }
    Target<double> sums(n * kColumns), turned(n * kColumns);
    program.run(views, n, std::vector<std::byte*>{sums.data(), turned.data()}, workspace);
    int64_t n_wrong = 0;
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t i = 0; i < kColumns; ++i) {
        const int64_t next = (i + 1) % kColumns;
        n_wrong += sums.at(r * kColumns + i) != static_cast<double>(r * (i + 1) + r * (next + 1));
        n_wrong += turned.at(r * kColumns + i) != static_cast<double>(r * (kColumns - i));
      }
    }
    CHECK_EQUAL(n_wrong, 0);
    CHECK(sums.is_intact() && turned.is_intact());
  }
  CHECK_EQUAL(log.most_rows, 128);
}

TEST(test_program_without_steps_copies_its_inputs) {
  const Program program({Type::kFloat, Type::kInt64}, 2, {}, {{Type::kInt64, {1}}, {Type::kFloat, {0}}, {Type::kFloat, {0, 0}}});
  Workspace workspace;
  for (const int64_t n : kRowCounts) {
    const Source a = Source::of<float>(n, 2, Source::kUnaligned), b = Source::of<int64_t>(n, 7, Source::kBackwards);
    Target<int64_t> first(n);
    Target<float> second(n), twice(2 * n);
    program.run(std::vector<ColumnView>{a.view, b.view}, n, std::vector<std::byte*>{first.data(), second.data(), twice.data()}, workspace);
    int64_t n_wrong = 0;
    for (int64_t r = 0; r < n; ++r) {
      const float x = static_cast<float>(2 * r);
      n_wrong += first.at(r) != 7 * r || second.at(r) != x || twice.at(2 * r) != x || twice.at(2 * r + 1) != x;
    }
    CHECK_EQUAL(n_wrong, 0);
    CHECK(first.is_intact() && second.is_intact() && twice.is_intact());
  }
}

TEST(test_program_without_inputs_or_outputs_runs) {
  Workspace workspace;
  Program({}, 0, {}, {}).run({}, 1000, {}, workspace);
  Log log;
  Steps steps;
  steps.push_back(std::make_unique<Sum<float>>(std::vector<Register>{}, 0, &log));
  const Program zeros({Type::kFloat}, 0, std::move(steps), {{Type::kFloat, {0}}});
  Target<float> target(1500);
  zeros.run({}, 1500, std::vector<std::byte*>{target.data()}, workspace);
  CHECK(target.at(0) == 0 && target.at(1499) == 0 && target.is_intact());
  CHECK_EQUAL(log.n_rows, 1500);
}

TEST(test_workspace_serves_programs_in_turn) {
  const Program floats = sums<float>(Type::kFloat), bytes = sums<uint8_t>(Type::kUint8, nullptr, 7),
                wide = sums<double>(Type::kDouble, nullptr, 4000);
  Workspace workspace;
  for (const int64_t n : {5, 1, 2000, 3, 0, 129, 4097, 128}) {
    check_sums<float>(floats, n, Source::kWithGaps, 0x1F, workspace);
    check_sums<double>(wide, n, Source::kBackwards, 0x0A, workspace);
    check_sums<uint8_t>(bytes, n, Source::kUnaligned, 0x1F, workspace);
  }
}

TEST(test_workspace_serves_a_program_where_another_one_lay) {
  Workspace workspace;
  std::optional<Program> program;
  program.emplace(sums<uint8_t>(Type::kUint8));
  check_sums<uint8_t>(*program, 1000, Source::kWithGaps, 0x02, workspace);
  program.emplace(sums<double>(Type::kDouble, nullptr, 64));  // the same place, eight times the memory
  check_sums<double>(*program, 1000, Source::kWithGaps, 0x02, workspace);
}

TEST(test_workspace_allocates_only_for_more_rows) {
  const Program program = sums<float>(Type::kFloat, nullptr, 100);
  Workspace workspace;
  check_sums<float>(program, 900, Source::kWithGaps, 0x1F, workspace);
  const int64_t before = n_allocations;
  for (const int64_t n : {1, 900, 17, 899}) check_sums<float>(program, n, Source::kWithGaps, 0x1F, workspace);
  CHECK_EQUAL(n_allocations - before, 0);
  check_sums<float>(program, 1024, Source::kWithGaps, 0x1F, workspace);
  CHECK_EQUAL(n_allocations - before, 1);
  check_sums<float>(program, 100000, Source::kWithGaps, 0x1F, workspace);  // tiles are no larger
  CHECK_EQUAL(n_allocations - before, 1);
}

int main() { return check::run(); }
