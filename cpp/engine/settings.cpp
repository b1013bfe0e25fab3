#include "engine/settings.h"

#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::engine {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// Without the quotes that examples in other languages have around a word.
std::string_view unquoted(std::string_view word) {
  const bool is_quoted = word.size() >= 2 && (word.front() == '\'' || word.front() == '"') && word.back() == word.front();
  return is_quoted ? trimmed(word.substr(1, word.size() - 2)) : word;
}

template <class Enum>
using Words = std::span<const std::pair<std::string_view, Enum>>;

/// Nothing where the word is none of them.
template <class Enum>
bool read_word(std::string_view word, Words<Enum> words, Enum& to) {
  for (const auto& [name, value] : words) {
    if (!equal_ignoring_case(word, name)) continue;
    to = value;
    return true;
  }
  return false;
}

[[noreturn]] void refuse(std::string_view name, std::string_view word, const char* choices) {
  throw Error(Code::kInvalidArgument,
              std::string(name) + "=" + std::string(word) + " is no setting: " + std::string(name) + " is " + choices);
}

NullRule null_rule_of(std::string_view word) {
  constexpr std::pair<std::string_view, NullPolicy> kWords[] = {
      {"error", NullPolicy::kError}, {"nan", NullPolicy::kNan}, {"propagate", NullPolicy::kPropagate}};
  NullRule rule;
  if (read_word<NullPolicy>(word, kWords, rule.policy)) return rule;
  const char* const end = word.data() + word.size();
  rule.policy = NullPolicy::kConstant;
  int64_t whole = 0;
  if (const auto done = std::from_chars(word.data(), end, whole); done.ec == std::errc() && done.ptr == end) {
    rule.constant = static_cast<double>(whole);
    rule.constant_integer = whole;
    return rule;
  }
  const auto done = std::from_chars(word.data(), end, rule.constant);
  if (done.ec != std::errc() || done.ptr != end || !std::isfinite(rule.constant))
    refuse("nulls", word, "error, nan, propagate or a number");
  return rule;
}

void read_setting(std::string_view name, std::string_view word, Settings& settings) {
  constexpr std::pair<std::string_view, Coercion> kCoercions[] = {
      {"tsql", Coercion::kTsql}, {"safe", Coercion::kSafe}, {"strict", Coercion::kStrict}};
  constexpr std::pair<std::string_view, OnOverflow> kOverflows[] = {{"error", OnOverflow::kError}, {"null", OnOverflow::kNull}};
  if (equal_ignoring_case(name, "nulls")) {
    settings.nulls = null_rule_of(word);
  } else if (equal_ignoring_case(name, "on_overflow")) {
    if (!read_word<OnOverflow>(word, kOverflows, settings.on_overflow)) refuse("on_overflow", word, "error or null");
  } else if (equal_ignoring_case(name, "coercion")) {
    if (!read_word<Coercion>(word, kCoercions, settings.coercion)) refuse("coercion", word, "tsql, safe or strict");
  } else {
    throw Error(Code::kInvalidArgument, "there is no setting " + in_quotes(name) + "; there are nulls, on_overflow and coercion, as in " +
                                            "'nulls=propagate, on_overflow=null'");
  }
}

}  // namespace

Settings parse_settings(std::string_view text) {
  Settings settings;
  std::vector<std::string_view> given;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string_view word = equals == std::string_view::npos ? "" : unquoted(trimmed(part.substr(equals + 1)));
    const std::string_view name = trimmed(part.substr(0, equals));
    for (const std::string_view each : given) {
      if (equal_ignoring_case(each, name)) throw Error(Code::kInvalidArgument, std::string(name) + " is set twice");
    }
    given.push_back(name);
    read_setting(name, word, settings);
  }
  return settings;
}

}  // namespace edgeonnx::engine
