// What the two halves of binding share: names that match, ports in words, and mistakes that are told together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "columns/column.h"
#include "plan/plan.h"

namespace edgeonnx::engine {

/// Every mistake of a binding, told in one error.
class Mistakes {
 public:
  void add(Code code, const std::string& text, const std::string& column = "") {
    if (texts_.empty()) code_ = code, column_ = column;
    texts_.push_back(text);
  }

  bool any() const { return !texts_.empty(); }

  /// `model`: the model's side of the contract, told once behind all mistakes.
  void raise_if_any(const std::string& model) const {
    if (texts_.empty()) return;
    std::string text = texts_[0];
    if (texts_.size() > 1) text = std::to_string(texts_.size()) + " mistakes:\n  - " + join(texts_, "\n  - ");
    throw Error(code_, text + "\n" + model).at_column(column_);
  }

 private:
  Code code_ = Code::kOk;
  std::string column_;
  std::vector<std::string> texts_;
};

/// "[N, 3, T, ?]": free sizes by the names that the model has for them.
std::string shape_text(const std::vector<int64_t>& shape, const std::vector<std::string>& symbols = {});

/// "'age' real", "'X' real [N, 20]"
std::string describe(const plan::Port& port);

/// Whether the rows of a column that no input takes are lists of any length, by what its library calls its type.
bool is_list(const Field& field);

/// Index of the name in names: an exact match, else the only one that matches when case is ignored.
struct Match {
  std::optional<size_t> index;
  std::vector<std::string> ambiguous;
};

template <class NameOf>
Match find_name(const std::string& name, size_t n, const NameOf& name_of) {
  std::vector<size_t> exact, loose;
  for (size_t i = 0; i < n; ++i) {
    if (name_of(i) == name) exact.push_back(i);
    if (equal_ignoring_case(name_of(i), name)) loose.push_back(i);
  }
  const std::vector<size_t>& found = exact.empty() ? loose : exact;
  if (found.size() == 1) return {found[0], {}};
  Match match;
  for (const size_t i : found) match.ambiguous.push_back(in_quotes(name_of(i)));
  return match;
}

}  // namespace edgeonnx::engine
