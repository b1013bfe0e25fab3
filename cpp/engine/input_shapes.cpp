#include "engine/input_shapes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace edgeonnx::engine {
namespace {

using plan::Port;
using Sizes = std::vector<int64_t>;

Sizes without_ones(const Sizes& sizes) {
  Sizes rest;
  std::copy_if(sizes.begin(), sizes.end(), std::back_inserter(rest), [](int64_t size) { return size != 1; });
  return rest;
}

bool fit(const Sizes& declared, const Sizes& sizes) {
  return std::equal(declared.begin(), declared.end(), sizes.begin(), sizes.end(), [](int64_t a, int64_t b) { return a < 0 || a == b; });
}

/// Rows of `sizes` as rows of the sizes that a port declares: one by one, or with sizes of 1 more or less, or as a line of values where
/// the port takes one. Values never change their order.
std::optional<Sizes> as_declared(const Sizes& declared, const Sizes& sizes, int64_t width) {
  if (fit(declared, sizes)) return sizes;
  const Sizes declared_rest = without_ones(declared), rest = without_ones(sizes);
  const bool is_line = declared_rest.size() <= 1;
  if (!is_line && !fit(declared_rest, rest)) return std::nullopt;
  if (is_line && !declared_rest.empty() && declared_rest[0] >= 0 && declared_rest[0] != width) return std::nullopt;
  Sizes result = declared;
  auto next = rest.begin();
  for (int64_t& size : result) {
    if (size == 1) continue;
    size = is_line ? width : *next++;
  }
  return result;
}

class ShapeResolver {
 public:
  ShapeResolver(Binding& binding, Mistakes& mistakes) : binding_(binding), mistakes_(mistakes) {}

  void resolve() {
    std::vector<BoundInput*> left;
    for (BoundInput& input : binding_.inputs) {
      if (!begin(input)) left.push_back(&input);
    }
    note_names();
    for (BoundInput* input : left) {
      for (size_t d = 1; d < input->shape.size(); ++d) {
        const auto known = found_.find(name_of(*input, d));
        if (input->shape[d] < 0 && known != found_.end()) input->shape[d] = known->second.size;
      }
      if (solve(*input)) continue;
      const bool is_one = free_sizes(*input).size() < 2;
      mistakes_.add(Code::kShapeMismatch, "input " + describe(port(*input)) + ": its free dimensions can't be told from " +
                                              std::to_string(input->width) + " values a row" +
                                              (is_one ? "" : "; give it a column whose rows have that shape, an array for instance"));
    }
    note_names();
  }

 private:
  struct Found {
    int64_t size;
    const BoundInput* input;
  };

  const Port& port(const BoundInput& input) const { return binding_.scorer->plan().inputs[input.input]; }

  std::string name_of(const BoundInput& input, size_t d) const {
    const std::vector<std::string>& symbols = port(input).symbols;
    if (d >= symbols.size()) return "";
    // Converters that have no name for a size write one that means nothing, and the same one for rows.
    const auto is_of_rows = [&](const Port& each) { return !each.symbols.empty() && each.symbols[0] == symbols[d]; };
    const std::vector<Port>& ports = binding_.scorer->plan().inputs;
    const bool is_none = symbols[d] == "None" || symbols[d] == "?" || symbols[d] == "-1";
    return is_none || std::any_of(ports.begin(), ports.end(), is_of_rows) ? "" : symbols[d];
  }

  std::vector<size_t> free_sizes(const BoundInput& input) const {
    std::vector<size_t> free;
    for (size_t d = 1; d < input.shape.size(); ++d) {
      if (input.shape[d] < 0) free.push_back(d);
    }
    return free;
  }

  /// As far as the model and the input's own columns tell. False where another input may tell more.
  bool begin(BoundInput& input) {
    const Port& declared = port(input);
    const Sizes& sizes = input.fields.size() == 1 ? binding_.fields[input.fields[0]].sizes : Sizes();
    const bool is_known = !declared.shape.empty();
    input.shape = is_known ? declared.shape : Sizes{-1, input.width};
    input.shape[0] = -1;
    // What no input takes is told by its type.
    if (std::any_of(input.fields.begin(), input.fields.end(), [this](size_t field) { return is_list(binding_.fields[field]); }))
      return true;
    if (sizes.size() < 2) return solve(input);
    const std::optional<Sizes> inner =
        is_known ? as_declared({declared.shape.begin() + 1, declared.shape.end()}, sizes, input.width) : sizes;
    if (inner) {
      input.shape.assign(1, -1);
      input.shape.insert(input.shape.end(), inner->begin(), inner->end());
      return true;
    }
    const Field& field = binding_.fields[input.fields[0]];
    std::vector<std::string> texts;
    for (const int64_t size : sizes) texts.push_back(std::to_string(size));
    mistakes_.add(Code::kShapeMismatch,
                  "input " + describe(declared) + ": the rows of column " + in_quotes(field.name) + " have the shape [" + join(texts) +
                      "]; transpose or reshape them",
                  field.name);
    return true;
  }

  /// From the number of values a row, where one size at most is free.
  static bool solve(BoundInput& input) {
    int64_t known = 1;
    size_t free = 0;
    for (size_t d = 1; d < input.shape.size(); ++d) {
      if (input.shape[d] >= 0) {
        known *= input.shape[d];
      } else if (free > 0) {
        return false;
      } else {
        free = d;
      }
    }
    if (free == 0) return known == input.width;
    if (known == 0 || input.width % known != 0) return false;
    input.shape[free] = input.width / known;
    return true;
  }

  std::string owner_text(const BoundInput& input) const {
    return input.fields.size() == 1 ? "column " + in_quotes(binding_.fields[input.fields[0]].name)
                                    : "the columns of " + in_quotes(port(input).name);
  }

  void note_names() {
    found_.clear();
    for (const BoundInput& input : binding_.inputs) {
      for (size_t d = 1; d < input.shape.size(); ++d) {
        const std::string name = name_of(input, d);
        if (name.empty() || input.shape[d] < 0) continue;
        const auto [at, is_new] = found_.try_emplace(name, Found{input.shape[d], &input});
        const Found& first = at->second;
        if (is_new || first.size == input.shape[d] || !told_.insert({name, &input}).second) continue;
        mistakes_.add(Code::kShapeMismatch,
                      "inputs " + describe(port(*first.input)) + " and " + describe(port(input)) + " share the size " + in_quotes(name) +
                          ", which is " + std::to_string(first.size) + " in " + owner_text(*first.input) + " and " +
                          std::to_string(input.shape[d]) + " in " + owner_text(input) + "; pad or cut their rows to one length",
                      input.fields.size() == 1 ? binding_.fields[input.fields[0]].name : "");
      }
    }
  }

  Binding& binding_;
  Mistakes& mistakes_;
  std::map<std::string, Found> found_;
  std::set<std::pair<std::string, const BoundInput*>> told_;
};

}  // namespace

void resolve_shapes(Binding& binding, Mistakes& mistakes) { ShapeResolver(binding, mistakes).resolve(); }

}  // namespace edgeonnx::engine
