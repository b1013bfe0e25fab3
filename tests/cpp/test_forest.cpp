// Tree ensembles: every kernel at every level of instructions scores random trees as their definition does, to the bit.
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/cpu.h"
#include "base/error.h"
#include "check.h"
#include "kernels/forest.h"
#include "kernels/forest_compiled.h"
#include "random_trees.h"

namespace {

using namespace random_trees;
using namespace edgeonnx;
namespace forest = edgeonnx::kernels::forest;
using forest::Choice;
using forest::Compiled;
using forest::Kernel;

constexpr int64_t kCounts[] = {0, 1, 2, 31, 32, 33, 127, 128, 129, 1000};

std::string name_of(const Choice& choice, const Compiled& compiled) {
  return forest::describe(compiled) + " (kernel " + std::to_string(static_cast<int>(choice.kernel)) + ")";
}

// Packed columns one byte off any alignment, with nothing behind their ends.
template <class T>
std::vector<std::vector<std::byte>> pack(const Compiled& compiled, const std::vector<std::vector<double>>& columns, int64_t n) {
  std::vector<std::vector<std::byte>> packed;
  for (const int32_t feature : compiled.features) {
    auto& bytes = packed.emplace_back(static_cast<size_t>(n) * sizeof(T) + 1);
    bytes.shrink_to_fit();
    for (int64_t row = 0; row < n; ++row) {
      const T value = static_cast<T>(columns[feature / 3][row]);
      std::memcpy(bytes.data() + 1 + row * int64_t{sizeof(T)}, &value, sizeof value);
    }
  }
  return packed;
}

template <class T>
bool is_same(double want, const std::byte* got) {
  T value;
  std::memcpy(&value, got, sizeof value);
  const T wanted = static_cast<T>(want);
  if (wanted != wanted) return value != value;
  return std::memcmp(&wanted, &value, sizeof value) == 0;
}

template <class T>
void check_rows(const Choice& choice, const Compiled& compiled, const Expected& expected, const std::vector<std::vector<double>>& columns,
                int64_t n) {
  const auto packed = pack<T>(compiled, columns, n);
  std::vector<const std::byte*> pointers;
  for (const auto& bytes : packed) pointers.push_back(bytes.data() + 1);
  std::vector<std::vector<std::byte>> scores(static_cast<size_t>(compiled.n_targets));
  std::vector<std::vector<uint8_t>> present(scores.size());
  std::vector<std::byte*> score_pointers;
  std::vector<uint8_t*> present_pointers;
  for (size_t target = 0; target < scores.size(); ++target) {
    scores[target].resize(static_cast<size_t>(n) * sizeof(T) + 1, std::byte{0xcc});
    present[target].resize(static_cast<size_t>(n) + 1, 7);
    score_pointers.push_back(scores[target].data() + 1);
    present_pointers.push_back(present[target].data());
  }
  const size_t size = forest::scratch_bytes(compiled, n);
  auto* scratch = static_cast<std::byte*>(std::aligned_alloc(64, (size + 64) / 64 * 64));
  std::memset(scratch, 0xa5, size);
  forest::run(compiled, pointers.data(), n, score_pointers.data(), present_pointers.data(), scratch);
  std::free(scratch);
  int n_wrong = 0;
  for (size_t target = 0; target < scores.size(); ++target) {
    for (int64_t row = 0; row < n; ++row) {
      n_wrong += !is_same<T>(expected.scores[target][row], scores[target].data() + 1 + row * int64_t{sizeof(T)});
      if (compiled.presence[target] == Presence::kByRow) {
        n_wrong += present[target][row] != expected.present[target][row];
      } else {
        n_wrong += (compiled.presence[target] == Presence::kAlways) != (expected.present[target][row] == 1);
      }
    }
  }
  if (n_wrong)
    check::fail(__FILE__, __LINE__, std::to_string(n_wrong) + " of " + std::to_string(n) + " rows: " + name_of(choice, compiled));
}

// How many choices had a kernel.
template <class T>
int check_all(const Recipe& recipe, Aggregate aggregate, uint32_t seed) {
  Maker maker(recipe, seed);
  const Trees trees = maker.make();
  const auto columns = maker.rows(1000);
  const Expected expected = score<T>(trees, aggregate, columns, 1000);
  int n_kernels = 0;
  for (int level = 0; level <= static_cast<int>(cpu()); ++level) {
    for (const Kernel kernel : {Kernel::kAny, Kernel::kBins, Kernel::kTopBins, Kernel::kWalk, Kernel::kWalkByRow}) {
      for (const bool is_wide : {false, true}) {
        const Choice choice{.cpu = static_cast<Cpu>(level), .kernel = kernel, .wide_bins = is_wide, .wide_nodes = is_wide};
        try {
          const Compiled compiled = forest::compile(trees, aggregate, choice);
          ++n_kernels;
          for (const int64_t n : kCounts) check_rows<T>(choice, compiled, expected, columns, n);
        } catch (const Error& error) {
          if (error.code() != Code::kUnsupported || (kernel != Kernel::kBins && kernel != Kernel::kTopBins)) throw;
        }
      }
    }
  }
  return n_kernels;
}

constexpr int kKernels = 5;
int n_choices() { return (static_cast<int>(cpu()) + 1) * kKernels * 2; }
int n_choices_without_bins() { return (static_cast<int>(cpu()) + 1) * (kKernels - 1) * 2; }

// Each recipe for float and double.
void check_both(Recipe recipe, Aggregate aggregate, int n_wanted, uint32_t seed) {
  recipe.is_double = false;
  CHECK_EQUAL(check_all<float>(recipe, aggregate, seed), n_wanted);
  recipe.is_double = true;
  CHECK_EQUAL(check_all<double>(recipe, aggregate, seed + 1), n_wanted);
}

TEST(test_forest_small_trees_score_to_the_bit) {
  for (uint32_t seed = 0; seed < 4; ++seed) check_both({}, Aggregate::kSum, n_choices(), 10 + seed);
}

TEST(test_forest_few_cuts_score_to_the_bit) {
  for (const int n : {1, 2, 3, 4, 8, 15, 16, 31, 33, 64, 100, 250}) {
    Recipe recipe{.n_trees = 20, .n_features = 2, .n_thresholds = n, .nan_left = 0.5};
    check_both(recipe, Aggregate::kSum, n_choices(), static_cast<uint32_t>(n));
  }
}

TEST(test_forest_many_cuts_score_to_the_bit) {
  check_both({.n_trees = 60, .n_features = 2, .n_thresholds = 5000}, Aggregate::kSum, n_choices(), 1);
  check_both({.n_trees = 60, .n_features = 3, .n_thresholds = 5000, .nan_left = 0.3}, Aggregate::kSum, n_choices(), 2);
}

TEST(test_forest_missing_values_go_where_splits_say) {
  for (const double share : {0.2, 0.5, 1.0}) check_both({.nan_left = share}, Aggregate::kSum, n_choices(), 3);
}

TEST(test_forest_chains_and_wide_tables_score_to_the_bit) {
  check_both({.n_splits = 60, .chain = 1}, Aggregate::kSum, n_choices(), 4);
  check_both({.n_splits = 20, .chain = 0.7}, Aggregate::kSum, n_choices(), 4);
  for (const int n : {4, 7, 15, 31, 60, 120}) check_both({.n_splits = n}, Aggregate::kSum, n_choices(), 5);
}

TEST(test_forest_large_trees_score_to_the_bit) {
  check_both({.n_trees = 5, .n_splits = 1000}, Aggregate::kSum, n_choices_without_bins(), 6);
  check_both({.n_trees = 3, .n_splits = 1000, .chain = 0.9, .nan_left = 0.3}, Aggregate::kSum, n_choices_without_bins(), 7);
}

TEST(test_forest_shared_splits_score_to_the_bit) {
  check_both({.n_splits = 20, .nan_left = 0.2, .shared = 0.5}, Aggregate::kSum, n_choices(), 8);
  check_both({.n_trees = 4, .n_splits = 400, .shared = 0.9}, Aggregate::kSum, n_choices_without_bins(), 9);
}

TEST(test_forest_targets_score_to_the_bit) {
  for (const Aggregate aggregate : {Aggregate::kSum, Aggregate::kMin, Aggregate::kMax}) {
    check_both({.n_targets = 3}, aggregate, n_choices(), 11);
    check_both({.n_targets = 3, .one_target_a_tree = true}, aggregate, n_choices(), 12);
    check_both({.n_targets = 5, .n_trees = 3, .one_target_a_tree = true}, aggregate, n_choices(), 13);
    check_both({.n_targets = 3, .no_weight = 0.3}, aggregate, n_choices_without_bins(), 14);
    check_both({.n_targets = 1, .no_weight = 0.9}, aggregate, n_choices_without_bins(), 15);
    check_both({.n_targets = 2, .no_weight = 1}, aggregate, n_choices(), 15);
    check_both({.n_targets = 2, .twice = 0.3}, aggregate, n_choices_without_bins(), 16);
    check_both({.n_targets = 2, .n_splits = 600, .no_weight = 0.1}, aggregate, n_choices_without_bins(), 17);
    check_both({.n_targets = 20, .n_splits = 300}, aggregate, n_choices_without_bins(), 18);
  }
  check_both({.n_targets = 2, .nan_weight = 0.1}, Aggregate::kSum, n_choices(), 19);
  check_both({.n_targets = 2, .nan_weight = 0.1}, Aggregate::kMin, n_choices_without_bins(), 20);
  check_both({.n_targets = 1, .nan_weight = 0.1}, Aggregate::kMax, n_choices_without_bins(), 20);
}

TEST(test_forest_without_trees_or_splits_scores_its_leaves) {
  check_both({.n_trees = 0}, Aggregate::kSum, n_choices(), 21);
  check_both({.n_trees = 0}, Aggregate::kMin, n_choices(), 21);
  check_both({.n_trees = 7, .n_splits = 0}, Aggregate::kSum, n_choices(), 22);
  check_both({.n_trees = 7, .n_splits = 0, .n_features = 0}, Aggregate::kMax, n_choices(), 23);
  check_both({.n_trees = 30, .n_splits = 1}, Aggregate::kSum, n_choices(), 24);
}

TEST(test_forest_many_features_score_to_the_bit) {
  check_both({.n_trees = 300, .n_splits = 20, .n_features = 1500, .n_thresholds = 8, .nan_left = 0.5}, Aggregate::kSum,
             n_choices() - 2 * (static_cast<int>(cpu()) + 1), 25);
}

TEST(test_forest_trees_beyond_the_cache_score_to_the_bit) {
  check_both({.n_trees = 1500, .n_splits = 60, .n_thresholds = 30}, Aggregate::kSum, n_choices(), 26);
}

TEST(test_forest_by_its_interface_scores_to_the_bit) {
  Trees trees;
  trees.splits = {{.threshold = 0.5, .feature = 7, .left = ~0, .right = 1, .nan_left = true},
                  {.threshold = -1, .feature = 2, .left = ~1, .right = ~2}};
  trees.roots = {0, 1};
  trees.leaf_begin = {0, 1, 2, 3};
  trees.weights = {{0, 1.0}, {0, 0.25}, {0, -3.0}};
  const kernels::Forest one(trees, Aggregate::kSum);
  CHECK_EQUAL(one.features().size(), size_t{2});
  CHECK_EQUAL(one.features()[0], 2);
  CHECK_EQUAL(one.features()[1], 7);
  CHECK(one.presence(0) == Presence::kAlways);
  CHECK(one.description().find(cpu_name(cpu())) != std::string::npos);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float second[] = {-1, 0, nan, -2}, seventh[] = {0.5f, 0.75f, nan, nan};
  const std::byte* columns[] = {reinterpret_cast<const std::byte*>(second), reinterpret_cast<const std::byte*>(seventh)};
  float scores[4];
  std::byte* score = reinterpret_cast<std::byte*>(scores);
  auto* scratch = static_cast<std::byte*>(std::aligned_alloc(64, (one.scratch_bytes(4) + 64) / 64 * 64));
  one.run(columns, 4, &score, nullptr, scratch);
  std::free(scratch);
  CHECK_EQUAL(scores[0], 1.25f);
  CHECK_EQUAL(scores[1], -6.0f);
  CHECK_EQUAL(scores[2], -2.0f);
  CHECK_EQUAL(scores[3], 1.25f);
}

}  // namespace

int main() { return check::run(); }
