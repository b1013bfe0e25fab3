// The name that somebody who misspelled one probably meant.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace edgeonnx {

/// Letters to insert, delete or replace, ASCII case ignored, to make `b` of `a`.
inline size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

/// " (did you mean 'device_id'?)", or "" where none of `names` is near: where more than a third of the letters would have to
/// change.
template <class Names>
std::string nearest_hint(std::string_view name, const Names& names) {
  std::string_view best;
  size_t least = name.size() / 3 + 1;
  for (const std::string_view each : names) {
    const size_t distance = edit_distance(name, each);
    if (distance < least) least = distance, best = each;
  }
  return best.empty() ? "" : " (did you mean '" + std::string(best) + "'?)";
}

}  // namespace edgeonnx
