// Operators that only put columns elsewhere: nothing of them is left when a program runs.
#include <algorithm>
#include <functional>
#include <numeric>

#include "plan/operators.h"

namespace edgeonnx::plan {
namespace {

int64_t product(std::span<const int64_t> sizes) { return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>()); }

/// The axis among all dimensions of the value, rows included.
int64_t axis_of(int64_t axis, const Value& value) {
  const auto rank = static_cast<int64_t>(value.inner.size()) + 1;
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) throw Refusal("its axis does not exist");
  return axis;
}

/// Likewise, but never the rows: [before, size, after] of the axis among the values of a row.
struct Split3 {
  int64_t before, size, after;
};
Split3 split_at(int64_t axis, const Value& value) {
  axis = axis_of(axis, value);
  if (axis == 0) throw Refusal("it works across rows");
  const std::span<const int64_t> inner(value.inner);
  const auto at = static_cast<size_t>(axis - 1);
  return {product(inner.first(at)), inner[at], product(inner.subspan(at + 1))};
}

void identity(NodeContext& context) { context.output(0, context.input(0)); }

void constant(NodeContext& context) {
  const onnx::Node& node = context.node();
  if (const onnx::Attribute* value = node.attribute("value")) {
    std::optional<onnx::Tensor> tensor = onnx::read_tensor(*value);
    if (!tensor) throw Refusal("its values are of a type that native kernels do not take");
    const Type type = tensor->type;
    return context.output(0, {type, {}, {}, std::move(tensor)});
  }
  onnx::Tensor tensor;
  if (context.has("value_float")) {
    tensor = {Type::kFloat, {}, {static_cast<double>(context.real("value_float", 0))}, {}};
  } else if (context.has("value_int")) {
    tensor = {Type::kInt64, {}, {}, {context.integer("value_int", 0)}};
  } else if (context.has("value_floats")) {
    const std::vector<float> reals = context.reals("value_floats");
    tensor = {Type::kFloat, {static_cast<int64_t>(reals.size())}, {reals.begin(), reals.end()}, {}};
  } else if (context.has("value_ints")) {
    std::vector<int64_t> integers = context.integers("value_ints");
    const auto n = static_cast<int64_t>(integers.size());
    tensor = {Type::kInt64, {n}, {}, std::move(integers)};
  } else {
    throw Refusal("it holds no numbers");
  }
  const Type type = tensor.type;
  context.output(0, {type, {}, {}, std::move(tensor)});
}

void concat(NodeContext& context) {
  const Value& first = context.columns(0);
  const Split3 shape = split_at(context.integer("axis", 1), first);
  std::vector<const Value*> parts;
  Value result{first.type, first.inner, {}, {}};
  const auto axis = static_cast<size_t>(axis_of(context.integer("axis", 1), first) - 1);
  result.inner[axis] = 0;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    const Value& part = context.columns(i);
    std::vector<int64_t> inner = part.inner;
    if (part.type != first.type || inner.size() != first.inner.size()) throw Refusal("its inputs have different types or ranks");
    result.inner[axis] += inner[axis];
    demand_width(result.inner[axis], shape.before * shape.after);
    inner[axis] = first.inner[axis];
    if (inner != first.inner) throw Refusal("its inputs have different sizes");
    parts.push_back(&part);
  }
  for (int64_t before = 0; before < shape.before; ++before) {
    for (const Value* part : parts) {
      const int64_t n = part->inner[axis] * shape.after;
      const auto begin = part->columns.begin() + before * n;
      result.columns.insert(result.columns.end(), begin, begin + n);
    }
  }
  context.output(0, std::move(result));
}

/// Keeps the entries `chosen` of the axis.
Value take(const Value& value, int64_t axis, const std::vector<int64_t>& chosen) {
  const Split3 shape = split_at(axis, value);
  if (chosen.empty()) throw Refusal("it leaves nothing over");
  demand_width(static_cast<int64_t>(chosen.size()), shape.before * shape.after);
  Value result{value.type, value.inner, {}, {}};
  result.inner[static_cast<size_t>(axis_of(axis, value) - 1)] = static_cast<int64_t>(chosen.size());
  for (int64_t before = 0; before < shape.before; ++before) {
    for (const int64_t index : chosen) {
      if (index < 0 || index >= shape.size) throw Refusal("it takes an entry that does not exist");
      const auto begin = value.columns.begin() + (before * shape.size + index) * shape.after;
      result.columns.insert(result.columns.end(), begin, begin + shape.after);
    }
  }
  return result;
}

void gather(NodeContext& context) {
  const Value& value = context.columns(0);
  const onnx::Tensor& indices = context.constant(1);
  std::vector<int64_t> chosen = context.constant_integers(1);
  const int64_t axis = axis_of(context.integer("axis", 0), value);
  const Split3 shape = split_at(axis, value);
  for (int64_t& index : chosen) index += index < 0 ? shape.size : 0;
  Value result = take(value, axis, chosen);
  const auto at = result.inner.begin() + (axis - 1);
  const auto next = result.inner.erase(at);
  result.inner.insert(next, indices.shape.begin(), indices.shape.end());
  context.output(0, std::move(result));
}

void slice(NodeContext& context) {
  if (context.opset() < 10) throw Refusal("it is of an operator set older than 10");
  const Value& value = context.columns(0);
  const std::vector<int64_t>& starts = context.constant_integers(1);
  const std::vector<int64_t>& ends = context.constant_integers(2);
  std::vector<int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (context.has_input(3)) axes = context.constant_integers(3);
  const std::vector<int64_t> steps = context.has_input(4) ? context.constant_integers(4) : std::vector<int64_t>(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw Refusal("its lists differ in length");
  Value result = value;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t size = split_at(axes[i], result).size;
    if (steps[i] != 1) throw Refusal("its step is not 1");
    const auto bound = [size](int64_t index) { return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size); };
    std::vector<int64_t> chosen;
    for (int64_t index = bound(starts[i]); index < bound(ends[i]); ++index) chosen.push_back(index);
    result = take(result, axes[i], chosen);
  }
  context.output(0, std::move(result));
}

void split(NodeContext& context) {
  const Value& value = context.columns(0);
  const int64_t axis = context.integer("axis", 0);
  const int64_t size = split_at(axis, value).size;
  const auto n = static_cast<int64_t>(context.node().outputs.size());
  std::vector<int64_t> sizes = context.has_input(1) ? context.constant_integers(1) : context.integers("split");
  if (sizes.empty()) {
    if (n == 0 || size % n != 0) throw Refusal("its parts are not of one size");
    sizes.assign(static_cast<size_t>(n), size / n);
  }
  const bool are_parts = std::all_of(sizes.begin(), sizes.end(), [size](int64_t part) { return part > 0 && part <= size; });
  if (static_cast<int64_t>(sizes.size()) != n || n > size || !are_parts ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != size) {
    throw Refusal("its parts do not add up");
  }
  int64_t begin = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    std::vector<int64_t> chosen(static_cast<size_t>(sizes[i]));
    std::iota(chosen.begin(), chosen.end(), begin);
    begin += sizes[i];
    context.output(i, take(value, axis, chosen));
  }
}

/// The same values in the same order under other sizes.
void resize(NodeContext& context, const Value& value, std::vector<int64_t> inner) {
  const auto n = static_cast<int64_t>(value.columns.size());
  int64_t rest = n;  // what the sizes so far leave to those behind them
  for (const int64_t size : inner) rest = size > 0 && rest % size == 0 ? rest / size : 0;
  if (rest != 1) throw Refusal("its sizes do not fit the values of a row");
  context.output(0, {value.type, std::move(inner), value.columns, {}});
}

void reshape(NodeContext& context) {
  const Value& value = context.input(0);
  const std::vector<int64_t> shape = context.has_input(1) ? context.constant_integers(1) : context.integers("shape");
  if (value.is_constant()) throw Refusal("it reshapes a constant");
  if (shape.empty()) throw Refusal("it has no sizes");
  const auto n = static_cast<int64_t>(value.columns.size());
  std::vector<int64_t> inner(shape.begin() + 1, shape.end());
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == 0 && i < value.inner.size()) inner[i] = value.inner[i];
  }
  const auto open = std::find(inner.begin(), inner.end(), -1);
  // With the rows left open the sizes behind them must say how many values a row has; with the rows kept one of those may be open.
  if (shape[0] == 0 && open != inner.end()) {
    *open = 1;
    const int64_t known = product(inner);
    if (known <= 0 || n % known != 0) throw Refusal("its sizes do not fit the values of a row");
    *open = n / known;
  } else if (open != inner.end() || (shape[0] != -1 && shape[0] != 0)) {
    throw Refusal("it fixes the number of rows, or mixes rows");
  }
  resize(context, value, std::move(inner));
}

void flatten(NodeContext& context) {
  const Value& value = context.columns(0);
  const auto rank = static_cast<int64_t>(value.inner.size()) + 1;
  const int64_t axis = context.integer("axis", 1);
  if (axis != 1 && axis != 1 - rank) throw Refusal("its axis is not 1");
  resize(context, value, {static_cast<int64_t>(value.columns.size())});
}

std::vector<int64_t> axes_of(const NodeContext& context) {
  return context.has_input(1) ? context.constant_integers(1) : context.integers("axes");
}

void squeeze(NodeContext& context) {
  const Value& value = context.columns(0);
  const std::vector<int64_t> axes = axes_of(context);
  std::vector<bool> drops(value.inner.size(), false);
  if (axes.empty()) throw Refusal("it names no axes, so a single row would be squeezed too");
  for (const int64_t axis : axes) {
    const int64_t at = axis_of(axis, value);
    if (at == 0 || value.inner[static_cast<size_t>(at - 1)] != 1) throw Refusal("it squeezes a dimension that is not 1");
    drops[static_cast<size_t>(at - 1)] = true;
  }
  std::vector<int64_t> inner;
  for (size_t i = 0; i < drops.size(); ++i) {
    if (!drops[i]) inner.push_back(value.inner[i]);
  }
  resize(context, value, std::move(inner));
}

void unsqueeze(NodeContext& context) {
  const Value& value = context.columns(0);
  const std::vector<int64_t> axes = axes_of(context);
  const size_t rank = value.inner.size() + 1 + axes.size();
  std::vector<bool> is_new(rank, false);
  for (int64_t axis : axes) {
    axis += axis < 0 ? static_cast<int64_t>(rank) : 0;
    if (axis <= 0 || axis >= static_cast<int64_t>(rank)) throw Refusal("it puts a dimension before the rows");
    is_new[static_cast<size_t>(axis)] = true;
  }
  std::vector<int64_t> inner;
  auto old = value.inner.begin();
  for (size_t i = 1; i < rank; ++i) {
    if (!is_new[i] && old == value.inner.end()) throw Refusal("its axes do not fit");
    inner.push_back(is_new[i] ? 1 : *old++);
  }
  resize(context, value, std::move(inner));
}

constexpr NamedOperator kOperators[] = {
    {"Identity", {identity}}, {"Constant", {constant}}, {"Concat", {concat}},   {"Gather", {gather}},   {"Slice", {slice}},
    {"Split", {split}},       {"Reshape", {reshape}},   {"Flatten", {flatten}}, {"Squeeze", {squeeze}}, {"Unsqueeze", {unsqueeze}},
};

}  // namespace

std::span<const NamedOperator> shape_operators() { return kOperators; }

}  // namespace edgeonnx::plan
