#include "kernels/forest_ending.h"

#include <algorithm>

#include "kernels/post_transform.h"

namespace edgeonnx::kernels {
namespace {

// Loops over one column, in place.
template <class Sum>
void divide(std::byte* scores, int64_t n, Sum divisor) {
  for (int64_t i = 0; i < n; ++i) set_value(scores, i, value_at<Sum>(scores, i) / divisor);
}
template <class Sum>
void add(std::byte* scores, int64_t n, Sum value) {
  for (int64_t i = 0; i < n; ++i) set_value(scores, i, value_at<Sum>(scores, i) + value);
}
template <class Sum>
void negate(std::byte* scores, int64_t n) {
  for (int64_t i = 0; i < n; ++i) set_value(scores, i, -value_at<Sum>(scores, i));
}

/// One block of rows on its way to the outputs.
template <class Sum, class Out>
class Block {
 public:
  Block(const ForestEnding& ending, std::byte* const* scores, const uint8_t* const* present, const Presence* presence,
        std::byte* const* outputs, int64_t* label, int64_t begin, int64_t n)
      : ending_(ending), scores_(scores), present_(present), presence_(presence), outputs_(outputs), label_(label), begin_(begin), n_(n) {}

  void run() const {
    if (!ending_.is_classifier) return ending_.n_targets == 1 ? end_one_target() : end_targets();
    if (ending_.n_targets == 1) return end_one_class();
    if (ending_.n_targets > 2) return end_classes();
    if (presence_[0] != Presence::kByRow && presence_[1] != Presence::kByRow) {
      return end_two_classes(presence_[0] == Presence::kAlways, presence_[1] == Presence::kAlways);
    }
    // Which rule holds depends on the row. Hardly a model has such leaves.
    for (int64_t i = begin_; i < begin_ + n_; ++i) {
      const Block row(ending_, scores_, present_, presence_, outputs_, label_, i, 1);
      row.end_two_classes(row.has_score(0, i), row.has_score(1, i));
    }
  }

 private:
  std::byte* score(int32_t target) const { return scores_[target] + begin_ * static_cast<int64_t>(sizeof(Sum)); }
  std::byte* output(int32_t target) const { return outputs_[target] + begin_ * static_cast<int64_t>(sizeof(Out)); }
  Sum base(size_t target) const { return static_cast<Sum>(ending_.base_values[target]); }
  bool has_score(int32_t target, int64_t row) const {
    return presence_[target] == Presence::kByRow ? present_[target][row] != 0 : presence_[target] == Presence::kAlways;
  }

  void end_one_target() const {
    if (ending_.averages) divide(score(0), n_, static_cast<Sum>(ending_.n_trees));
    add(score(0), n_, ending_.base_values.empty() ? Sum{0} : base(0));
    write_one();  // and no post transform but PROBIT
  }

  void write_one() const {
    if (ending_.post_transform == PostTransform::kProbit) return probit_column<Sum, Out>(score(0), output(0), n_);
    copy_column<Sum, Out>(score(0), output(0), n_);
  }

  void end_targets() const {
    for (int32_t target = 0; target < ending_.n_targets; ++target) {
      if (ending_.averages) divide(score(target), n_, static_cast<Sum>(ending_.n_trees));
      if (!ending_.base_values.empty()) {
        add(score(target), n_, base(static_cast<size_t>(target)));
      } else if (!ending_.averages) {
        add(score(target), n_, Sum{0});  // of the smallest and the largest -0 becomes 0
      }
      clear_absent(target);
    }
    write_columns();
  }

  /// A target that a row has no score of counts as 0, base value or not.
  void clear_absent(int32_t target, Sum value = 0) const {
    if (presence_[target] == Presence::kAlways) return;
    std::byte* column = score(target);
    if (presence_[target] == Presence::kNever) {
      for (int64_t i = 0; i < n_; ++i) set_value(column, i, value);
      return;
    }
    const uint8_t* present = present_[target] + begin_;
    for (int64_t i = 0; i < n_; ++i) set_value(column, i, present[i] ? value_at<Sum>(column, i) : value);
  }

  void write_columns() const {
    const int32_t n_targets = ending_.n_targets;
    switch (ending_.post_transform) {
      case PostTransform::kNone:
        for (int32_t target = 0; target < n_targets; ++target) copy_column<Sum, Out>(score(target), output(target), n_);
        return;
      case PostTransform::kLogistic:
        for (int32_t target = 0; target < n_targets; ++target) logistic_column<Sum, Out>(score(target), output(target), n_);
        return;
      case PostTransform::kProbit:
        for (int32_t target = 0; target < n_targets; ++target) probit_column<Sum, Out>(score(target), output(target), n_);
        return;
      case PostTransform::kSoftmax:
        return softmax_columns<Sum, Out>(scores_, outputs_, n_targets, begin_, n_);
      case PostTransform::kSoftmaxZero:
        return softmax_zero_columns<Sum, Out>(scores_, outputs_, n_targets, begin_, n_);
    }
  }

  void end_one_class() const {
    if (!ending_.base_values.empty()) add(score(0), n_, base(0));
    label_scores(score(0), Sum{0}, 1, 0);
    write_one();
  }

  /// Labels of rows by whether their score is above the threshold.
  void label_scores(const std::byte* scores, Sum threshold, int64_t above, int64_t otherwise) const {
    if (!label_) return;
    std::byte* labels = reinterpret_cast<std::byte*>(label_ + begin_);
    for (int64_t i = 0; i < n_; ++i) set_value(labels, i, value_at<Sum>(scores, i) > threshold ? above : otherwise);
  }

  /// `decisive`: the score that decides about the second class.
  void label_two_classes(const std::byte* decisive) const {
    // With weights of both classes ONNX Runtime's labels are 1 and 0, whatever those of the model.
    if (!ending_.has_binary_weights) return label_scores(decisive, Sum{0}, 1, 0);
    const Sum threshold = ending_.weights_are_all_positive ? Sum{0.5} : Sum{0};
    label_scores(decisive, threshold, ending_.labels[1], ending_.labels[0]);
  }

  void end_two_classes(bool has_first, bool has_second) const {
    const size_t n_base_values = ending_.base_values.size();
    if (n_base_values == 2 && has_second) {
      // The second score is made of the first one, and what the leaves say of the second class is lost.
      std::copy_n(score(0), n_ * static_cast<int64_t>(sizeof(Sum)), score(1));
      add(score(1), n_, base(1));
      std::copy_n(score(1), n_ * static_cast<int64_t>(sizeof(Sum)), score(0));
      negate<Sum>(score(0), n_);
    } else if (n_base_values > 0) {
      add(score(0), n_, base(0));
    }
    if (!has_first) std::fill_n(score(0), n_ * static_cast<int64_t>(sizeof(Sum)), std::byte{});
    if (!has_second) std::fill_n(score(1), n_ * static_cast<int64_t>(sizeof(Sum)), std::byte{});
    label_two_classes(score(has_second ? 1 : 0));
    if (has_second || n_base_values == 2) return write_columns();
    write_two_of_one(has_first);
  }

  /// The one score is that of the second class, and its opposite that of the first.
  void write_two_of_one(bool has_score) const {
    if (ending_.post_transform == PostTransform::kLogistic) return logistic_pair<Sum, Out>(score(0), output(0), output(1), n_);
    copy_column<Sum, Out>(score(0), output(1), n_);
    if (ending_.has_binary_weights && ending_.weights_are_all_positive) {
      negate<Sum>(score(0), n_);
      add(score(0), n_, Sum{1});
    } else if (has_score) {
      negate<Sum>(score(0), n_);
    }
    copy_column<Sum, Out>(score(0), output(0), n_);
  }

  void end_classes() const {
    const bool has_base_values = !ending_.base_values.empty();
    for (int32_t target = 0; has_base_values && target < ending_.n_targets; ++target) {
      clear_absent(target, -Sum{0});  // plus a base value that is the base value, even of -0
      add(score(target), n_, base(static_cast<size_t>(target)));
    }
    Sum best[kEndingBlock];
    int32_t winner[kEndingBlock];
    std::fill_n(best, n_, Sum{0});
    std::fill_n(winner, n_, -1);
    for (int32_t target = 0; target < ending_.n_targets; ++target) {
      const std::byte* column = score(target);
      if (!has_base_values && presence_[target] != Presence::kAlways) {
        for (int64_t i = 0; i < n_; ++i) {
          const Sum value = value_at<Sum>(column, i);
          if (!has_score(target, begin_ + i) || (winner[i] >= 0 && !(value > best[i]))) continue;
          best[i] = value;
          winner[i] = target;
        }
        continue;
      }
      for (int64_t i = 0; i < n_; ++i) {
        const Sum value = value_at<Sum>(column, i);
        const bool wins = (winner[i] < 0) | (value > best[i]);
        best[i] = wins ? value : best[i];
        winner[i] = wins ? target : winner[i];
      }
    }
    for (int64_t i = 0; label_ && i < n_; ++i) {
      set_value(reinterpret_cast<std::byte*>(label_ + begin_), i, ending_.labels[static_cast<size_t>(std::max(winner[i], 0))]);
    }
    for (int32_t target = 0; !has_base_values && target < ending_.n_targets; ++target) clear_absent(target);
    write_columns();
  }

  const ForestEnding& ending_;
  std::byte* const* scores_;
  const uint8_t* const* present_;
  const Presence* presence_;
  std::byte* const* outputs_;
  int64_t* label_;
  int64_t begin_;
  int64_t n_;
};

template <class Sum, class Out>
void run_blocks(const ForestEnding& ending, std::byte* const* scores, const uint8_t* const* present, const Presence* presence, int64_t n,
                std::byte* const* outputs, int64_t* label) {
  for (int64_t begin = 0; begin < n; begin += kEndingBlock) {
    Block<Sum, Out>(ending, scores, present, presence, outputs, label, begin, std::min(kEndingBlock, n - begin)).run();
  }
}

}  // namespace

void ForestEnding::run(std::byte* const* scores, const uint8_t* const* present, const Presence* presence, int64_t n,
                       std::byte* const* outputs, int64_t* label) const {
  if (writes_double) return run_blocks<double, double>(*this, scores, present, presence, n, outputs, label);
  if (is_double) return run_blocks<double, float>(*this, scores, present, presence, n, outputs, label);
  run_blocks<float, float>(*this, scores, present, presence, n, outputs, label);
}

}  // namespace edgeonnx::kernels
