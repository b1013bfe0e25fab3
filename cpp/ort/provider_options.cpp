#include "ort/provider_options.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"

namespace edgeonnx::ort {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// Nothing where it is no whole number of 64 bits.
template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), number);
  if (done.ec != std::errc() || done.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string hexadecimal(uint64_t number) {
  char digits[17];
  return {digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr};
}

bool is_in_range(const ProviderOption& option, const std::string& text) {
  // The limit of memory is a size_t, whose largest value means none.
  if (option.most == INT64_MAX) return number_of<uint64_t>(text).has_value();
  const std::optional<int64_t> number = number_of<int64_t>(text);
  return number && *number >= option.least && *number <= option.most;
}

/// The value as the provider reads it; nothing where it is none.
std::optional<std::string> canonical(const ProviderKind& kind, const ProviderOption& option, const std::string& value) {
  switch (option.type) {
    case OptionType::kFlag: {
      const bool is_on = value == "1" || equal_ignoring_case(value, "true");
      if (!is_on && value != "0" && !equal_ignoring_case(value, "false")) return std::nullopt;
      // OpenVINO's reader knows the words alone.
      return kind.call == ProviderCall::kOpenVino ? (is_on ? "true" : "false") : (is_on ? "1" : "0");
    }
    case OptionType::kInteger:
      if (!is_in_range(option, value)) return std::nullopt;
      return value;
    case OptionType::kAddress: {
      const std::optional<uint64_t> address = number_of<uint64_t>(value);
      if (!address) return std::nullopt;
      return kind.call == ProviderCall::kOpenVino ? hexadecimal(*address) : value;  // OpenVINO's reader wants it so
    }
    case OptionType::kText:
      if (value.empty()) return std::nullopt;
      return value;
    case OptionType::kChoice:
      for (const std::string_view word : words_of(option.choices)) {
        if (equal_ignoring_case(word, value)) return std::string(word);
      }
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string type_text(const ProviderOption& option) {
  switch (option.type) {
    case OptionType::kFlag:
      return "true or false";
    case OptionType::kInteger:
      if (option.most < 0x7fffffff) return std::to_string(option.least) + " to " + std::to_string(option.most);
      return "a whole number from " + std::to_string(option.least);
    case OptionType::kAddress:
      return "an address";
    case OptionType::kText:
      return "text";
    case OptionType::kChoice: {
      std::vector<std::string_view> words = words_of(option.choices);
      std::string text;
      for (size_t i = 0; i < words.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + std::string(words[i]);
      }
      return text;
    }
  }
  return "";
}

Options checked_options(const ProviderKind& kind, const std::string& name, const Options& given) {
  if (kind.call == ProviderCall::kByName) return given;
  Options checked;
  std::vector<std::string> mistakes;
  std::set<std::string> seen;
  for (const auto& [key, value] : given) {
    const auto option = std::find_if(kind.options.begin(), kind.options.end(), [&](const ProviderOption& each) { return key == each.key; });
    if (!seen.insert(key).second) {
      mistakes.push_back("option " + in_quotes(key) + " is given twice");
    } else if (option == kind.options.end()) {
      std::vector<std::string_view> keys;
      for (const ProviderOption& each : kind.options) keys.push_back(each.key);
      mistakes.push_back(kind.options.empty() ? "it takes no options, but " + in_quotes(key) + " was given"
                                              : "it has no option " + in_quotes(key) + nearest_hint(key, keys));
    } else if (const auto text = canonical(kind, *option, value)) {
      checked.emplace_back(key, *text);
    } else {
      mistakes.push_back("option " + in_quotes(key) + " is " + type_text(*option) + ", not " + in_quotes(value));
    }
  }
  if (!mistakes.empty()) throw Error(Code::kInvalidArgument, "execution provider " + in_quotes(name) + ": " + join(mistakes, "; "));
  return checked;
}

}  // namespace edgeonnx::ort
