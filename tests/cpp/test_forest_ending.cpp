// The ending of a forest: its rules one by one, and that neither the number of rows nor the place of the columns changes a bit.
// test_forest_parity compares it with ONNX Runtime.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/forest_ending.h"

using namespace edgeonnx::kernels;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Columns that stand in memory `shift` bytes off any boundary.
template <class T>
class Columns {
 public:
  Columns(const std::vector<std::vector<T>>& values, size_t shift) : values_(values.size()) {
    for (size_t k = 0; k < values.size(); ++k) {
      values_[k].resize(values[k].size() * sizeof(T) + shift);
      if (!values[k].empty()) std::memcpy(values_[k].data() + shift, values[k].data(), values[k].size() * sizeof(T));
      pointers_.push_back(values_[k].data() + shift);
    }
  }
  std::byte* const* pointers() const { return pointers_.data(); }
  std::vector<T> column(size_t k, size_t n) const {
    std::vector<T> column(n);
    if (n > 0) std::memcpy(column.data(), pointers_[k], n * sizeof(T));
    return column;
  }

 private:
  std::vector<std::vector<std::byte>> values_;
  std::vector<std::byte*> pointers_;
};

struct Rows {
  std::vector<std::vector<float>> scores;     // by target
  std::vector<std::vector<uint8_t>> present;  // likewise; empty: every row has a score
};

struct Outcome {
  std::vector<std::vector<float>> outputs;
  std::vector<int64_t> label;
};

Outcome end(const ForestEnding& ending, const Rows& rows, size_t shift = 0, bool has_label = true) {
  const size_t n = rows.scores[0].size();
  const Columns<float> scores(rows.scores, shift);
  const Columns<float> outputs(std::vector<std::vector<float>>(rows.scores.size(), std::vector<float>(n, -77)), shift);
  std::vector<const uint8_t*> flags;
  std::vector<Presence> presence;
  for (size_t k = 0; k < rows.scores.size(); ++k) {
    const bool by_row = k < rows.present.size() && !rows.present[k].empty();
    const bool never = by_row && std::all_of(rows.present[k].begin(), rows.present[k].end(), [](uint8_t each) { return each == 0; });
    presence.push_back(never ? Presence::kNever : by_row ? Presence::kByRow : Presence::kAlways);
    flags.push_back(presence.back() == Presence::kByRow ? rows.present[k].data() : nullptr);
  }
  std::vector<int64_t> label(n, -77);
  ending.run(scores.pointers(), flags.data(), presence.data(), static_cast<int64_t>(n), outputs.pointers(),
             ending.is_classifier && has_label ? label.data() : nullptr);
  Outcome outcome{{}, label};
  for (size_t k = 0; k < rows.scores.size(); ++k) outcome.outputs.push_back(outputs.column(k, n));
  return outcome;
}

ForestEnding regressor(int32_t n_targets, PostTransform transform = PostTransform::kNone) {
  ForestEnding ending;
  ending.n_targets = n_targets;
  ending.n_trees = 4;
  ending.post_transform = transform;
  return ending;
}

ForestEnding classifier(std::vector<int64_t> labels, PostTransform transform = PostTransform::kNone) {
  ForestEnding ending = regressor(static_cast<int32_t>(labels.size()), transform);
  ending.is_classifier = true;
  ending.labels = std::move(labels);
  return ending;
}

using Column = std::vector<float>;
using Labels = std::vector<int64_t>;

bool is_same(const Column& a, const Column& b) {
  const auto equal = [](float x, float y) { return std::isnan(x) ? std::isnan(y) : std::memcmp(&x, &y, sizeof x) == 0; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace

TEST(test_forest_ending_single_target_adds_base_and_transforms_probit_only) {
  ForestEnding ending = regressor(1);
  ending.base_values = {0.5};
  CHECK(is_same(end(ending, {{{1, -2, kNan}}, {}}).outputs[0], {1.5F, -1.5F, kNan}));
  ending.averages = true;
  CHECK(is_same(end(ending, {{{1, -2}}, {}}).outputs[0], {0.75F, 0}));
  ending.base_values.clear();
  CHECK(is_same(end(ending, {{{-0.0F}}, {}}).outputs[0], {0.0F}));  // a base value of 0 is added
  ending.post_transform = PostTransform::kLogistic;
  CHECK(is_same(end(ending, {{{1}}, {}}).outputs[0], {0.25F}));
  ending.post_transform = PostTransform::kProbit;
  ending.averages = false;
  const Column probits = end(ending, {{{0.5F, 0.975F, 0.025F, 0, 1, 2}}, {}}).outputs[0];
  CHECK(std::abs(probits[0]) < 1e-6F && std::abs(probits[1] - 1.96F) < 0.02F && std::abs(probits[2] + 1.96F) < 0.02F);
  CHECK(std::isnan(probits[5]));
}

TEST(test_forest_ending_target_without_score_is_zero_base_or_not) {
  ForestEnding ending = regressor(2);
  ending.base_values = {1, 2};
  const Outcome outcome = end(ending, {{{3, 0}, {4, 5}}, {{1, 0}, {}}});
  CHECK(is_same(outcome.outputs[0], {4, 0}));
  CHECK(is_same(outcome.outputs[1], {6, 7}));
}

TEST(test_forest_ending_softmax_zero_leaves_zeros_out) {
  const Outcome outcome = end(regressor(3, PostTransform::kSoftmaxZero), {{{1, 0}, {0, 0}, {1, 0}}, {}});
  CHECK(is_same({outcome.outputs[0][0], outcome.outputs[1][0], outcome.outputs[2][0]}, {0.5F, 0, 0.5F}));
  CHECK(std::isnan(outcome.outputs[0][1]));
}

TEST(test_forest_ending_two_classes_of_one_score) {
  ForestEnding ending = classifier({7, 9});
  ending.has_binary_weights = true;
  ending.weights_are_all_positive = true;
  const Rows rows{{{0.25F, 0.5F, 0.75F}, {0, 0, 0}}, {{}, {0, 0, 0}}};
  Outcome outcome = end(ending, rows);
  CHECK(outcome.label == (Labels{7, 7, 9}));
  CHECK(is_same(outcome.outputs[0], {0.75F, 0.5F, 0.25F}) && is_same(outcome.outputs[1], {0.25F, 0.5F, 0.75F}));
  ending.weights_are_all_positive = false;
  outcome = end(ending, rows);
  CHECK(outcome.label == (Labels{9, 9, 9}));
  CHECK(is_same(outcome.outputs[0], {-0.25F, -0.5F, -0.75F}));
  ending.has_binary_weights = false;
  CHECK(end(ending, rows).label == (Labels{1, 1, 1}));  // whatever the labels
  ending.post_transform = PostTransform::kLogistic;
  outcome = end(ending, {{{0, -3, 3}, {0, 0, 0}}, {{}, {0, 0, 0}}});
  CHECK(outcome.outputs[0][0] == 0.5F && outcome.outputs[1][0] == 0.5F);
  CHECK(outcome.outputs[0][1] == outcome.outputs[1][2] && outcome.outputs[0][1] > 0.95F && outcome.outputs[0][2] < 0.05F);
}

TEST(test_forest_ending_two_classes_with_two_base_values_build_on_the_first_score) {
  ForestEnding ending = classifier({7, 9});
  ending.base_values = {10, 1};
  const Outcome outcome = end(ending, {{{2, 2}, {5, 0}}, {{}, {1, 0}}});
  CHECK(is_same(outcome.outputs[0], {-3, 12}));
  CHECK(is_same(outcome.outputs[1], {3, 0}));
  CHECK(outcome.label == (Labels{1, 1}));
}

TEST(test_forest_ending_class_is_the_first_largest_that_has_a_score) {
  const ForestEnding ending = classifier({4, 5, 6});
  CHECK(end(ending, {{{1, -1, kNan, 2}, {1, -2, 9, kNan}, {0, -3, 3, 3}}, {}}).label == (Labels{4, 4, 4, 6}));
  CHECK(end(ending, {{{0, 0}, {-1, -2}, {-5, 0}}, {{0, 0}, {1, 1}, {1, 0}}}).label == (Labels{5, 5}));
  ForestEnding based = ending;
  based.base_values = {0, 0, 1};
  const Outcome outcome = end(based, {{{0, 0}, {-1, -2}, {-5, 0}}, {{0, 0}, {1, 1}, {1, 0}}});
  CHECK(outcome.label == (Labels{4, 6}));
  CHECK(is_same(outcome.outputs[2], {-4, 1}));
}

TEST(test_forest_ending_rows_do_not_know_of_each_other) {
  std::mt19937 random(1);
  const auto below = [&](uint32_t n) { return random() % n; };
  for (int round = 0; round < 400; ++round) {
    const PostTransform transform = static_cast<PostTransform>(below(5));
    const int32_t n_targets = static_cast<int32_t>(1 + below(4));
    const bool is_classifier = below(2) == 0;
    ForestEnding ending =
        is_classifier ? classifier(std::vector<int64_t>(static_cast<size_t>(n_targets), 3), transform) : regressor(n_targets, transform);
    for (int64_t& label : ending.labels) label = static_cast<int64_t>(below(100));
    ending.averages = !is_classifier && below(2) == 0;
    ending.has_binary_weights = n_targets == 2 && below(2) == 0;
    ending.weights_are_all_positive = below(2) == 0;
    if (below(2) == 0) ending.base_values.assign(static_cast<size_t>(n_targets), 0.125);
    const size_t n = std::vector<size_t>{0, 1, 7, 256, 257, 700}[below(6)];
    Rows rows{std::vector<Column>(static_cast<size_t>(n_targets), Column(n)),
              std::vector<std::vector<uint8_t>>(static_cast<size_t>(n_targets))};
    for (size_t k = 0; k < rows.scores.size(); ++k) {
      const bool by_row = n > 1 && n_targets > 1 && below(3) == 0;
      if (by_row) rows.present[k].assign(n, 1);
      for (size_t i = 0; i < n; ++i) {
        rows.scores[k][i] = static_cast<float>(below(4001)) / 500 - 4;
        if (below(20) == 0) rows.scores[k][i] = std::vector<float>{kNan, 0, -100, 100, 1e-8F, 1e30F}[below(6)];
        if (by_row && i > 0 && below(2) == 0) rows.present[k][i] = 0, rows.scores[k][i] = 0;
      }
    }
    const bool leaves_gaps = is_classifier && n_targets == 2 && ending.base_values.empty() && transform == PostTransform::kProbit;
    if (leaves_gaps) rows.present[1].clear();
    const Outcome whole = end(ending, rows, 1);
    CHECK(!is_classifier || is_same(end(ending, rows, 0, false).outputs[0], whole.outputs[0]));
    for (size_t i = 0; i < n; i += 1 + below(9)) {
      Rows row{{}, std::vector<std::vector<uint8_t>>(rows.present.size())};
      for (size_t k = 0; k < rows.scores.size(); ++k) {
        row.scores.push_back({rows.scores[k][i]});
        if (!rows.present[k].empty()) row.present[k] = {rows.present[k][i]};
      }
      const Outcome alone = end(ending, row);
      for (size_t k = 0; k < rows.scores.size(); ++k) CHECK(is_same(alone.outputs[k], {whole.outputs[k][i]}));
      CHECK(!is_classifier || alone.label[0] == whole.label[i]);
    }
  }
}

int main() { return check::run(); }
