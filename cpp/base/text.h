// Text for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace edgeonnx {

/// The name in single quotes, as every message spells a name.
inline std::string in_quotes(std::string_view name) { return "'" + std::string(name) + "'"; }

/// a, b, c
inline std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ") {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

/// Equal when ASCII case is ignored.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

}  // namespace edgeonnx
