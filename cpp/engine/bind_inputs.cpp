// Columns to inputs.
#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/allowed.h"
#include "engine/bind.h"
#include "engine/input_shapes.h"

namespace edgeonnx::engine {
namespace {

using plan::Port;

class InputBinder {
 public:
  InputBinder(Binding& binding, const BindingOptions& options, Mistakes& mistakes)
      : binding_(binding), options_(options), mistakes_(mistakes) {}

  void bind() {
    check_option_names();
    choose_columns();
    resolve_shapes(binding_, mistakes_);
    for (BoundInput& input : binding_.inputs) check_types(input);
  }

 private:
  const plan::Plan& plan() const { return binding_.scorer->plan(); }
  const std::vector<Field>& fields() const { return binding_.fields; }

  std::vector<std::string> input_names() const {
    std::vector<std::string> names;
    for (const Port& port : plan().inputs) names.push_back(in_quotes(port.name));
    return names;
  }

  std::optional<size_t> find_input(const std::string& name) const {
    return find_name(name, plan().inputs.size(), [this](size_t i) { return plan().inputs[i].name; }).index;
  }

  /// The name under which a column binds.
  const std::string& bound_name(size_t field) const {
    const auto renamed = options_.renames.find(fields()[field].name);
    return renamed == options_.renames.end() ? fields()[field].name : renamed->second;
  }

  /// A renamed column wins over one that has the name by nature.
  Match find_column(const std::string& name) const {
    std::vector<size_t> renamed;
    for (size_t i = 0; i < fields().size(); ++i) {
      if (!options_.renames.contains(fields()[i].name)) continue;
      const auto input = find_input(bound_name(i));
      if (input && plan().inputs[*input].name == name) renamed.push_back(i);
    }
    if (renamed.size() == 1) return {renamed[0], {}};
    Match match;
    for (const size_t i : renamed) match.ambiguous.push_back(in_quotes(fields()[i].name));
    return renamed.empty() ? find_name(name, fields().size(), [this](size_t i) { return bound_name(i); }) : match;
  }

  /// Names in options that mean nothing would otherwise be passed over in silence.
  void check_option_names() {
    const auto check_input = [this](const std::string& name, const char* option) {
      if (!find_input(name))
        mistakes_.add(Code::kNotFound, std::string(option) + " names the input " + in_quotes(name) + ", which the model does not have");
    };
    for (const auto& [name, rule] : options_.nulls_of_input) check_input(name, "nulls");
    for (const auto& [name, columns] : options_.groups) check_input(name, "columns");
    for (const auto& [column, input] : options_.renames) {
      if (!find_input(input)) {
        mistakes_.add(Code::kNotFound,
                      "rename gives column " + in_quotes(column) + " to " + in_quotes(input) + ", which is no input; the inputs are " +
                          join(input_names()),
                      column);
      }
      const bool exists = std::any_of(fields().begin(), fields().end(), [&](const Field& field) { return field.name == column; });
      if (!exists) mistakes_.add(Code::kNotFound, "rename names the column " + in_quotes(column) + ", which the data do not have", column);
    }
  }

  bool is_numeric(size_t field, Type type) const { return convert::cell(fields()[field].type, type).rule != convert::Rule::kNone; }

  void choose_columns() {
    size_t position = 0;
    for (size_t i = 0; i < plan().inputs.size(); ++i) {
      const Port& port = plan().inputs[i];
      if (!port.refusal.empty()) {
        mistakes_.add(Code::kUnsupported, "input " + in_quotes(port.name) + " " + port.refusal);
        continue;
      }
      BoundInput input;
      input.input = i;
      input.width = 0;
      input.type = port.type;
      if (options_.by_position ? take_next(port, position, input.fields) : find_columns(port, input.fields)) {
        for (const size_t field : input.fields) input.width += fields()[field].width;
        binding_.inputs.push_back(std::move(input));
      }
    }
    if (!options_.by_position || (position == fields().size() && plan().inputs.size() == binding_.inputs.size())) return;
    int64_t needed = 0;
    for (const Port& port : plan().inputs) needed += std::max<int64_t>(1, port.width());
    mistakes_.add(Code::kShapeMismatch,
                  "the data have " + std::to_string(total_width()) + " values a row, the model takes " + std::to_string(needed));
  }

  int64_t total_width() const {
    int64_t width = 0;
    for (const Field& field : fields()) width += field.width;
    return width;
  }

  /// By position: one column of the input's width, or as many single ones.
  bool take_next(const Port& port, size_t& position, std::vector<size_t>& chosen) {
    const int64_t width = port.width();
    if (position < fields().size() && (fields()[position].width == width || (width < 0 && fields()[position].width > 1))) {
      chosen.push_back(position++);
      return true;
    }
    while (position < fields().size() && fields()[position].width == 1 && (width < 0 || static_cast<int64_t>(chosen.size()) < width)) {
      chosen.push_back(position++);
    }
    if (width < 0 ? !chosen.empty() : static_cast<int64_t>(chosen.size()) == width) return true;
    position = fields().size();
    return false;
  }

  bool find_columns(const Port& port, std::vector<size_t>& chosen) {
    const int64_t width = port.width();
    if (const auto group = find_group(port.name)) return find_group_columns(port, *group, chosen);
    const Match match = find_column(port.name);
    if (!match.ambiguous.empty()) {
      const auto& names = match.ambiguous;
      const bool is_one_name = std::adjacent_find(names.begin(), names.end(), std::not_equal_to<>()) == names.end();
      mistakes_.add(Code::kNotFound, "input " + in_quotes(port.name) + ": the columns " + join(names) +
                                         " all match; give them different names" +
                                         (is_one_name ? "" : ", or say which with rename={column: input}"));
      return false;
    }
    if (match.index && (width < 0 || fields()[*match.index].width == width || is_list(fields()[*match.index]))) {
      chosen.push_back(*match.index);
      return true;
    }
    // Not for a single value a row: there the name is all that says which column is meant.
    if (plan().inputs.size() == 1 && width != 1 && take_all_numeric(port, chosen)) return true;
    if (match.index) {
      const Field& field = fields()[*match.index];
      mistakes_.add(Code::kShapeMismatch,
                    "input " + in_quotes(port.name) + " takes " + std::to_string(width) + " values a row, column " + in_quotes(field.name) +
                        " has " + std::to_string(field.width),
                    field.name);
    } else {
      mistakes_.add(Code::kNotFound, missing(port));
    }
    return false;
  }

  /// Converters change names that they can't carry ("bmi (kg)" becomes "bmi__kg_"): a column that differs in such marks alone, if any.
  std::string lookalike(const std::string& input) const {
    const auto letters = [](std::string_view name) {
      std::string kept;
      for (const char c : name) {
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c & 0x80)) kept += c;
        if (c >= 'A' && c <= 'Z') kept += static_cast<char>(c + ('a' - 'A'));
      }
      return kept;
    };
    for (const Field& field : fields()) {
      const bool is_given_away = options_.renames.contains(field.name);
      if (!is_given_away && !letters(input).empty() && letters(field.name) == letters(input)) return field.name;
    }
    return "";
  }

  std::string missing(const Port& port) const {
    if (port.width() == 1) {
      const std::string like = lookalike(port.name);
      return "input " + describe(port) + ": there is no column of that name" +
             (like.empty() ? ""
                           : "; if " + in_quotes(like) + " is meant, say rename={" + in_quotes(like) + ": " + in_quotes(port.name) + "}");
    }
    std::vector<size_t> numeric;
    for (size_t i = 0; i < fields().size(); ++i) {
      if (is_numeric(i, port.type)) numeric.push_back(i);
    }
    std::string text = "input " + describe(port) + ": there is no column of that name";
    if (plan().inputs.size() == 1) {
      text += ", and the data have " + std::to_string(numeric.size()) + " numeric columns where " +
              (port.width() < 0 ? "some" : std::to_string(port.width())) + " are needed";
    }
    return text + "; name its columns with columns={" + in_quotes(port.name) + ": [...]}";
  }

  const std::vector<std::string>* find_group(const std::string& input) const {
    for (const auto& [name, columns] : options_.groups) {
      if (find_input(name) && plan().inputs[*find_input(name)].name == input) return &columns;
    }
    return nullptr;
  }

  bool find_group_columns(const Port& port, const std::vector<std::string>& names, std::vector<size_t>& chosen) {
    bool ok = true;
    for (const std::string& name : names) {
      const Match match = find_name(name, fields().size(), [this](size_t i) { return fields()[i].name; });
      if (match.index) {
        chosen.push_back(*match.index);
      } else {
        const std::string why = match.ambiguous.empty() ? "there is no such column" : "the columns " + join(match.ambiguous) + " all match";
        mistakes_.add(Code::kNotFound, "input " + in_quotes(port.name) + ": column " + in_quotes(name) + ": " + why, name);
        ok = false;
      }
    }
    return ok && check_width(port, chosen);
  }

  bool check_width(const Port& port, const std::vector<size_t>& chosen) {
    int64_t width = 0;
    for (const size_t field : chosen) width += fields()[field].width;
    const bool single = chosen.size() == 1 || width == static_cast<int64_t>(chosen.size());
    if (single && width > 0 && (port.width() < 0 || port.width() == width)) return true;
    mistakes_.add(Code::kShapeMismatch, "input " + in_quotes(port.name) + " takes " + std::to_string(port.width()) + " values a row, its " +
                                            std::to_string(chosen.size()) + " columns have " + std::to_string(width));
    return false;
  }

  /// Columns of NULLs alone are taken for numbers only where the others are too few.
  bool take_all_numeric(const Port& port, std::vector<size_t>& chosen) const {
    for (const bool takes_nulls : {false, true}) {
      chosen.clear();
      for (size_t i = 0; i < fields().size(); ++i) {
        const bool is_taken = takes_nulls || fields()[i].type != Type::kNull;
        if (is_taken && fields()[i].width == 1 && is_numeric(i, port.type)) chosen.push_back(i);
      }
      if (!chosen.empty() && (port.width() < 0 || port.width() == static_cast<int64_t>(chosen.size()))) return true;
    }
    chosen.clear();
    return false;
  }

  void check_types(BoundInput& input) {
    const Port& port = plan().inputs[input.input];
    for (const size_t index : input.fields) {
      const Field& field = fields()[index];
      const convert::Conversion conversion = convert::conversion(field.data_type(), {port.type});
      const convert::Rule rule = conversion.rule;
      const std::string both = "input " + in_quotes(port.name) + ": expected " + display_name(port.type) + ", column " +
                               in_quotes(field.name) + " is " + field.type_name;
      const std::string refusal = refusal_of(conversion, options_.coercion, field.name, is_list(field) && port.width() != 1);
      if (!refusal.empty()) mistakes_.add(Code::kTypeMismatch, both + refusal, field.name);
      input.conversions.push_back(conversion);
      input.casts.push_back(rule == convert::Rule::kSame ? kNoCast : binding_.casts.size());
      if (rule != convert::Rule::kSame)
        binding_.casts.push_back({field.name, field.type_name, display_name(port.type), rule, conversion.exact});
    }
    set_null_value(port, input);
  }

  void set_null_value(const Port& port, BoundInput& input) {
    NullRule rule = options_.nulls;
    bool own = false;
    for (const auto& [name, each] : options_.nulls_of_input) {
      if (find_input(name) == input.input) rule = each, own = true;
    }
    if (rule.policy == NullPolicy::kNan && !is_floating(port.type)) {
      if (own)
        mistakes_.add(Code::kTypeMismatch, "nulls='nan' for input " + in_quotes(port.name) + ": " + display_name(port.type) +
                                               " has no NaN; use a constant or 'propagate'");
      rule.policy = NullPolicy::kError;  // the rule for all inputs means those that have a NaN
    }
    input.nulls = rule.policy;
    binding_.can_mask |= rule.policy == NullPolicy::kPropagate || options_.on_overflow == OnOverflow::kNull;
    // Any value will do for a row that is masked out; 1 can be divided by.
    double value = rule.policy == NullPolicy::kNan        ? std::numeric_limits<double>::quiet_NaN()
                   : rule.policy == NullPolicy::kConstant ? rule.constant
                                                          : 1.0;
    const bool integer = rule.policy == NullPolicy::kConstant && rule.constant_integer;
    const int64_t whole = rule.constant_integer.value_or(0);
    const convert::Source source{integer ? static_cast<const void*>(&whole) : &value, 8, 0};
    const DataType from{integer ? Type::kInt64 : Type::kDouble};
    const convert::Outcome done =
        convert::run(convert::conversion(from, {port.type}), source, input.null_value.data(), size_of(port.type), 1, nullptr);
    // Digits of a fraction may be rounded away, as a literal's are; a whole number that becomes another one is a mistake.
    if (done.first_bad >= 0 || (done.n_changed > 0 && !is_floating(port.type))) {
      mistakes_.add(Code::kOverflow, "nulls: the constant " + convert::value_text(source, from, 0) + " does not fit input " +
                                         in_quotes(port.name) + " of type " + display_name(port.type));
    }
  }

  Binding& binding_;
  const BindingOptions& options_;
  Mistakes& mistakes_;
};

}  // namespace

void bind_inputs(Binding& binding, const BindingOptions& options, Mistakes& mistakes) { InputBinder(binding, options, mistakes).bind(); }

}  // namespace edgeonnx::engine
