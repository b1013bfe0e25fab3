#include "base/sql_type.h"

#include <charconv>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx {
namespace {

constexpr const char* kNames = "bit, tinyint, smallint, int, bigint, real, float, float(n), decimal(p,s), money";

struct Name {
  std::string_view sql;
  Type type;
};
constexpr Name kPlain[] = {{"bit", Type::kBool},      {"tinyint", Type::kUint8}, {"smallint", Type::kInt16}, {"int", Type::kInt32},
                           {"integer", Type::kInt32}, {"bigint", Type::kInt64},  {"real", Type::kFloat},     {"money", Type::kMoney}};

constexpr Type kElements[] = {Type::kFloat, Type::kDouble, Type::kBool,  Type::kInt8,   Type::kUint8,   Type::kInt16,   Type::kUint16,
                              Type::kInt32, Type::kUint32, Type::kInt64, Type::kUint64, Type::kFloat16, Type::kBfloat16};

/// Words, numbers and punctuation, in lower case.
std::vector<std::string> tokens_of(const std::string& text) {
  std::vector<std::string> tokens;
  bool in_word = false;
  for (const char raw : text) {
    const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw + ('a' - 'A')) : raw;
    const bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    const bool is_mark = c == '(' || c == ')' || c == ',';
    if (is_blank || is_mark) {
      in_word = false;
      if (is_mark) tokens.emplace_back(1, c);
    } else {
      if (!in_word) tokens.emplace_back();
      tokens.back() += c;
      in_word = true;
    }
  }
  return tokens;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text), tokens_(tokens_of(text)) {}

  Declaration parse() {
    Declaration declaration{type(), false};
    if (take("not")) {
      if (!take("null")) fail("NOT is followed by NULL");
      declaration.not_null = true;
    } else {
      take("null");
    }
    if (at_ < tokens_.size()) fail("'" + tokens_[at_] + "' is too much");
    return declaration;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Code::kInvalidArgument, in_quotes(text_) + " is not a SQL type that a value can have: " + why);
  }

  bool take(std::string_view token) {
    if (at_ >= tokens_.size() || tokens_[at_] != token) return false;
    ++at_;
    return true;
  }

  /// Numbers in parentheses, none where there are no parentheses.
  std::vector<int> numbers() {
    std::vector<int> all;
    if (!take("(")) return all;
    do {
      if (at_ >= tokens_.size()) fail("a number and ')' are missing");
      const std::string& token = tokens_[at_++];
      int number = 0;
      const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), number);
      if (code != std::errc() || end != token.data() + token.size()) fail(in_quotes(token) + " is not a number");
      all.push_back(number);
    } while (take(","));
    if (!take(")")) fail("')' is missing");
    return all;
  }

  DataType type() {
    for (const Name& name : kPlain) {
      if (take(name.sql)) return {name.type, name.type == Type::kMoney ? kMoneyDigits : 0, name.type == Type::kMoney ? kMoneyScale : 0};
    }
    if (take("double")) {
      if (!take("precision")) fail("DOUBLE is followed by PRECISION");
      return {Type::kDouble};
    }
    if (take("float")) {
      const std::vector<int> bits = numbers();
      if (bits.size() > 1 || (bits.size() == 1 && (bits[0] < 1 || bits[0] > 53))) fail("float takes one number from 1 to 53");
      return {bits.size() == 1 && bits[0] <= 24 ? Type::kFloat : Type::kDouble};
    }
    if (take("decimal") || take("numeric") || take("dec")) {
      const std::vector<int> digits = numbers();
      const int precision = digits.empty() ? 18 : digits[0];
      const int scale = digits.size() < 2 ? 0 : digits[1];
      if (digits.size() > 2 || precision < 1 || precision > kMostDigits || scale < 0 || scale > precision) {
        fail("decimal(p, s) takes 1 to 38 digits p and 0 to p of them behind the point");
      }
      return {Type::kDecimal128, precision, scale};
    }
    if (take("tensor")) return element();
    fail(std::string("use one of ") + kNames);
  }

  DataType element() {
    for (const Type each : kElements) {
      if (at_ + 2 < tokens_.size() && tokens_[at_] == "(" && tokens_[at_ + 1] == onnx_name(each) && tokens_[at_ + 2] == ")") {
        at_ += 3;
        return {each};
      }
    }
    std::vector<std::string> names;
    for (const Type each : kElements) names.emplace_back(onnx_name(each));
    fail("tensor is followed by one of " + join(names) + " in parentheses");
  }

  const std::string& text_;
  std::vector<std::string> tokens_;
  size_t at_ = 0;
};

}  // namespace

Declaration parse_declaration(const std::string& text) { return Parser(text).parse(); }

}  // namespace edgeonnx
