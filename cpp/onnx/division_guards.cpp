// The nodes that stand before a division, and the model with them. All of them are as old as opset 7, and each has one form since then, so
// that they suit the opset of any graph or function.
#include <algorithm>
#include <initializer_list>
#include <optional>

#include "base/refusal.h"
#include "onnx/divisions.h"
#include "onnx/field.h"
#include "onnx/graph.h"

namespace edgeonnx::onnx {
namespace {

constexpr int32_t kDivisionByZero = 8134;  // T-SQL's errors
constexpr int32_t kOverflow = 8115;

/// A name that no name of the model begins with.
std::string unused_prefix(Bytes bytes) {
  std::string prefix = "edgeonnx_division";
  const auto occurs = [&] {
    const Bytes pattern = std::as_bytes(std::span(prefix));
    return std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end()) != bytes.end();
  };
  while (occurs()) prefix += '_';
  return prefix;
}

struct IntegerAttribute {
  std::string_view name;
  int64_t value;
};

/// Writes the guard of one division as fields of the graph or the function around it.
class GuardWriter {
 public:
  /// `field`: the number of nodes there. `prefix`: of the names of what is written.
  GuardWriter(Writer& out, uint32_t field, std::string prefix, const Division& division)
      : out_(out), field_(field), prefix_(std::move(prefix)), division_(division) {}

  /// What to divide by instead of `node`'s second input.
  std::string write(const Node& node) {
    const std::string dividend(node.inputs[0]), divisor(node.inputs[1]);
    const bool is_wide = division_.type == Type::kInt32 || division_.type == Type::kInt64;
    const bool is_mod = node.op_type == "Mod";
    // Narrow types have no products before opset 14, and no trap but that of 0.
    const Type type = is_wide ? division_.type : Type::kInt64;
    const std::string one = constant(type, 1, true);
    const std::string is_zero = add("Not", {cast(divisor, Type::kBool)});
    const std::string factor = entry_unless(is_zero, one, refusal_name(kDivisionByZero, zero_sentence(divisor)));
    std::string result = add("Mul", {is_wide ? divisor : cast(divisor, type), factor});
    if (is_wide && division_.may_meet_least) {
      // By way of the factor constants get the divisor's rank: ONNX Runtime is many times slower over ranks that differ.
      const std::string is_minus_one = add("Equal", {divisor, add("Mul", {factor, constant(type, -1)})});
      if (is_mod) {
        const std::string step = cast(is_minus_one, type);
        result = add("Add", {result, add("Add", {step, step})});
      } else {
        const int64_t least = type == Type::kInt32 ? INT32_MIN : INT64_MIN;
        const std::string is_least = add("Equal", {dividend, add("Mul", {factor, constant(type, least)})});
        const std::string overflows = add("And", {is_least, is_minus_one});
        result = add("Mul", {result, entry_unless(overflows, one, refusal_name(kOverflow, overflow_sentence(least)))});
      }
    }
    return is_wide ? result : cast(result, division_.type);
  }

  /// A node that takes floating numbers alone.
  void write_test(const Node& node) { add("Floor", {std::string(node.inputs[0])}); }

 private:
  std::string zero_sentence(const std::string& divisor) const {
    return "integer division by zero: " + division_.name + " divides by '" + divisor +
           "', which is 0 in some row; leave such rows out, or make the 0 another number or NULL";
  }
  std::string overflow_sentence(int64_t least) const {
    return "integer overflow: " + division_.name + " divides " + std::to_string(least) +
           ", the least number of its type, by -1 in some row; leave such rows out";
  }

  std::string add(std::string_view op, std::initializer_list<std::string> inputs, std::optional<IntegerAttribute> attribute = {},
                  const std::string& name = "") {
    std::string output = next_name();
    Writer node;
    for (const std::string& input : inputs) node.text(field::node::kInput, input);
    node.text(field::node::kOutput, output);
    node.text(field::node::kName, name.empty() ? output : name);
    node.text(field::node::kOpType, op);
    if (attribute) {
      constexpr int64_t kInt = 2;  // AttributeProto.AttributeType
      Writer message;
      message.text(field::attribute::kName, attribute->name);
      message.integer(field::attribute::kI, attribute->value);
      message.integer(field::attribute::kType, kInt);
      node.message(field::node::kAttribute, message);
    }
    out_.message(field_, node);
    return output;
  }

  std::string cast(const std::string& value, Type type) { return add("Cast", {value}, IntegerAttribute{"to", static_cast<int64_t>(type)}); }

  /// Of rank 1 or 0.
  std::string constant(Type type, int64_t value, bool is_vector = false) {
    constexpr int64_t kTensor = 4;  // AttributeProto.AttributeType
    std::string output = next_name();
    std::vector<std::byte> raw;
    for (int64_t k = 0; k < size_of(type); ++k) raw.push_back(static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * k)));
    Writer tensor, attribute, node;
    if (is_vector) tensor.integer(field::tensor::kDims, 1);
    tensor.integer(field::tensor::kDataType, static_cast<int64_t>(type));
    tensor.bytes(field::tensor::kRawData, raw);
    attribute.text(field::attribute::kName, "value");
    attribute.message(field::attribute::kT, tensor);
    attribute.integer(field::attribute::kType, kTensor);
    node.text(field::node::kOutput, output);
    node.text(field::node::kName, output);
    node.text(field::node::kOpType, "Constant");
    node.message(field::node::kAttribute, attribute);
    out_.message(field_, node);
    return output;
  }

  /// The one entry of the vector, in the rank of the condition, from a node of that name, which fails where the condition holds anywhere:
  /// the number of times is then its index.
  std::string entry_unless(const std::string& condition, const std::string& vector, const std::string& name) {
    const std::string times = add("ReduceSum", {cast(condition, Type::kFloat)}, IntegerAttribute{"keepdims", 1});
    return add("Gather", {vector, cast(times, Type::kInt64)}, {}, name);
  }

  std::string next_name() { return prefix_ + "_" + std::to_string(n_names_++); }

  Writer& out_;
  uint32_t field_;
  std::string prefix_;
  const Division& division_;
  int n_names_ = 0;
};

/// Messages that hold divisions, from the model down.
enum class Level { kModel, kGraph, kFunction, kNode, kAttribute };

std::optional<Level> level_inside(Level level, uint32_t number) {
  switch (level) {
    case Level::kModel:
      if (number == field::model::kGraph) return Level::kGraph;
      if (number == field::model::kFunctions) return Level::kFunction;
      return std::nullopt;
    case Level::kGraph:
      return number == field::graph::kNode ? std::optional(Level::kNode) : std::nullopt;
    case Level::kFunction:
      if (number == field::function::kNode) return Level::kNode;
      return number == field::function::kAttributeProto ? std::optional(Level::kAttribute) : std::nullopt;
    case Level::kNode:
      return number == field::node::kAttribute ? std::optional(Level::kAttribute) : std::nullopt;
    case Level::kAttribute:
      if (number == field::attribute::kG || number == field::attribute::kGraphs) return Level::kGraph;
      return std::nullopt;
  }
  return std::nullopt;
}

class GuardedModel {
 public:
  GuardedModel(Bytes bytes, std::span<const Division> divisions) : prefix_(unused_prefix(bytes)) {
    for (const Division& each : divisions) {
      if (is_guarded(each.type) || each.type == Type::kFloat) divisions_.push_back(&each);
    }
    std::sort(divisions_.begin(), divisions_.end(), [](const Division* a, const Division* b) { return a->node < b->node; });
  }

  Writer copy(Reader message, Level level) {
    Writer out;
    while (message.next()) {
      const std::optional<Level> inside = level_inside(level, message.number());
      const auto division = inside ? first_in(message.bytes()) : divisions_.end();
      if (division == divisions_.end()) {
        out.verbatim(message.field());
      } else if ((*division)->node == message.bytes().data() && *inside == Level::kNode) {
        copy_division(message, **division, out);
      } else {
        out.message(message.number(), copy(message.message("ModelProto"), *inside));
      }
    }
    return out;
  }

 private:
  using Iterator = std::vector<const Division*>::const_iterator;

  Iterator first_in(Bytes bytes) const {
    const auto at = std::lower_bound(divisions_.begin(), divisions_.end(), bytes.data(),
                                     [](const Division* division, const std::byte* begin) { return division->node < begin; });
    return at != divisions_.end() && (*at)->node < bytes.data() + bytes.size() ? at : divisions_.end();
  }

  void copy_division(const Reader& field, const Division& division, Writer& out) {
    GuardWriter guard(out, field.number(), prefix_ + std::to_string(n_written_++), division);
    Node node;
    for (Reader reader = field.message("NodeProto"); reader.next();) {
      if (reader.number() == field::node::kInput) node.inputs.push_back(reader.text());
      if (reader.number() == field::node::kOpType) node.op_type = reader.text();
    }
    if (division.type == Type::kFloat) {
      guard.write_test(node);
      out.verbatim(field.field());
      return;
    }
    const std::string divisor = guard.write(node);
    Writer written;
    size_t n_inputs = 0;
    for (Reader reader = field.message("NodeProto"); reader.next();) {
      if (reader.number() == field::node::kInput && n_inputs++ == 1) {
        written.text(field::node::kInput, divisor);
      } else {
        written.verbatim(reader.field());
      }
    }
    out.message(field.number(), written);
  }

  std::string prefix_;
  std::vector<const Division*> divisions_;  ///< in the order of their bytes
  int n_written_ = 0;
};

}  // namespace

std::vector<std::byte> guard_divisions(Bytes bytes, std::span<const Division> divisions) {
  const Source source{"model", bytes.data()};
  return GuardedModel(bytes, divisions).copy(Reader(bytes, source, "ModelProto"), Level::kModel).buffer();
}

}  // namespace edgeonnx::onnx
