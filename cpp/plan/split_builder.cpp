#include "plan/split_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgeonnx::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The parts of a test, from the children to the top.
class PartSearch {
 public:
  PartSearch(const ValueTest& test, int32_t feature, int32_t passing, int32_t failing, std::vector<kernels::Split>& splits)
      : test_(test), feature_(feature), passing_(passing), failing_(failing), splits_(splits) {
    // NaN takes the way to the last part that shares its child, so that mostly no split sends it left.
    const int32_t last = static_cast<int32_t>(test.cuts.size());
    nan_part_ = passes(last) == test.nan_passes ? last : last - 1;
  }

  /// Parts [first, last].
  int32_t append(int32_t first, int32_t last) {
    if (first == last) return passes(first) ? passing_ : failing_;
    const int32_t cut = (first + last) / 2;
    const int32_t left = append(first, cut);
    const int32_t right = append(cut + 1, last);
    splits_.push_back({test_.cuts[cut] + 0.0, feature_, left, right, nan_part_ <= cut});  // 0.0, not -0.0
    return static_cast<int32_t>(splits_.size()) - 1;
  }

 private:
  bool passes(int32_t part) const { return (part % 2 == 0) == test_.first_passes; }

  const ValueTest& test_;
  int32_t feature_;
  int32_t passing_;
  int32_t failing_;
  int32_t nan_part_;
  std::vector<kernels::Split>& splits_;
};

}  // namespace

double ValueTests::before(double value) const {
  return is_double_ ? std::nextafter(value, -kInfinity)
                    : static_cast<double>(std::nextafter(static_cast<float>(value), -std::numeric_limits<float>::infinity()));
}

double ValueTests::after(double value) const { return -before(-value); }

double ValueTests::largest_below(double bound) const {
  if (is_double_) return before(bound);
  const double rounded = static_cast<double>(static_cast<float>(bound));
  return rounded < bound ? rounded : before(rounded);
}

void ValueTests::make(const onnx::TreeNode& node, ValueTest& test) const {
  using onnx::TreeMode;
  const double threshold = node.threshold;
  test.cuts.clear();
  test.first_passes = false;
  test.nan_passes = node.missing_tracks_true || node.mode == TreeMode::kNeq;  // NaN equals nothing
  if (std::isnan(threshold)) {
    test.first_passes = node.mode == TreeMode::kNeq;
    return;
  }
  // What passes up to the threshold, or up to the value before it; the other side where `from_below` is false.
  const bool includes = node.mode == TreeMode::kLeq || node.mode == TreeMode::kGt;
  switch (node.mode) {
    case TreeMode::kLeq:
    case TreeMode::kGt:
    case TreeMode::kLt:
    case TreeMode::kGte: {
      const bool from_below = node.mode == TreeMode::kLeq || node.mode == TreeMode::kLt;
      const bool has_below = includes || threshold > -kInfinity;
      const bool has_above = !includes || threshold < kInfinity;
      test.first_passes = has_below ? from_below : !from_below;
      if (has_below && has_above) test.cuts.push_back(includes ? threshold : before(threshold));
      return;
    }
    case TreeMode::kEq:
    case TreeMode::kNeq:
      test.first_passes = (threshold == -kInfinity) == (node.mode == TreeMode::kEq);
      if (threshold > -kInfinity) test.cuts.push_back(before(threshold));
      if (threshold < kInfinity) test.cuts.push_back(threshold);
      return;
    case TreeMode::kMember:
    case TreeMode::kLeaf:
      return;
  }
}

void ValueTests::make(std::vector<Interval>& intervals, bool nan_passes, ValueTest& test) const {
  test.cuts.clear();
  test.first_passes = false;
  test.nan_passes = nan_passes;
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) { return a.first < b.first; });
  for (size_t i = 0; i < intervals.size();) {
    const double first = intervals[i].first;
    double last = intervals[i].last;
    for (++i; i < intervals.size() && before(intervals[i].first) <= last; ++i) last = std::max(last, intervals[i].last);
    if (first == -kInfinity) {
      test.first_passes = true;
    } else {
      test.cuts.push_back(before(first));
    }
    if (last < kInfinity) test.cuts.push_back(last);
  }
}

int32_t append_splits(const ValueTest& test, int32_t feature, int32_t passing, int32_t failing, std::vector<kernels::Split>& splits) {
  if (passing == failing) return passing;
  if (test.cuts.empty()) {
    const int32_t numbers = test.first_passes ? passing : failing;
    const int32_t nan = test.nan_passes ? passing : failing;
    if (numbers == nan) return numbers;
    splits.push_back({kInfinity, feature, numbers, nan, false});  // no number is beyond infinity
    return static_cast<int32_t>(splits.size()) - 1;
  }
  return PartSearch(test, feature, passing, failing, splits).append(0, static_cast<int32_t>(test.cuts.size()));
}

}  // namespace edgeonnx::plan
