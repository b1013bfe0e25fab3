// Operators of ai.onnx.ml that prepare features.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include "kernels/encoder.h"
#include "plan/operators.h"

namespace edgeonnx::plan {
namespace {

using kernels::Operand;

/// The values of a row that a list of one entry each, or of one for all, speaks of.
float entry(const std::vector<float>& list, size_t i) { return list.size() == 1 ? list[0] : list[i]; }

void scaler(NodeContext& context) {
  const Value& value = context.matrix(0);
  const std::vector<float> offset = context.reals("offset");
  const std::vector<float> scale = context.reals("scale");
  const size_t n = value.columns.size();
  if (offset.size() != scale.size() || (scale.size() != 1 && scale.size() != n)) throw Refusal("its lists do not fit the rows");
  if (value.type == Type::kBool) throw Refusal("there is no native kernel for bool");
  const bool is_rough = context.is_rough(value);
  Value result{Type::kFloat, value.inner, {}, {}};
  for (size_t i = 0; i < n; ++i) {
    const float by = entry(scale, i);
    const float from = entry(offset, i);
    const auto o = static_cast<double>(from);
    const auto s = static_cast<double>(by);
    if (is_rough) {
      const ColumnId shifted =
          context.flow().add_one({context.flow().to_double(value.columns[i])}, Type::kFloat, true, [o](const auto& in, const auto& out) {
            return kernels::make_binary(kernels::Binary::kSub, Type::kDouble, Operand::of(in[0].at), Operand::value(o), out[0].at);
          });
      result.columns.push_back(context.flow().add_one({shifted}, Type::kFloat, true, [s](const auto& in, const auto& out) {
        return kernels::make_binary(kernels::Binary::kMul, Type::kDouble, Operand::of(in[0].at), Operand::value(s), out[0].at);
      }));
      continue;
    }
    result.columns.push_back(context.flow().add_one({value.columns[i]}, Type::kFloat, false, [from, by](const auto& in, const auto& out) {
      return kernels::make_scaler(in[0].type, in[0].at, from, by, out[0].at);
    }));
    if (std::isfinite(s) && std::isfinite(o)) context.flow().set_affine(result.columns.back(), {value.columns[i], s, -o * s});
  }
  context.output(0, std::move(result));
}

void imputer(NodeContext& context) {
  const Value& value = context.matrix(0);
  context.demand_exact(value, "what it replaces");
  const bool is_float = value.type == Type::kFloat;
  if (!is_float && value.type != Type::kInt64) throw Refusal("there is no native kernel for its type");
  const std::vector<float> reals = context.reals("imputed_value_floats");
  const std::vector<int64_t> integers = context.integers("imputed_value_int64s");
  const size_t n_given = is_float ? reals.size() : integers.size();
  if (n_given == 0 || (is_float ? integers.size() : reals.size()) != 0) throw Refusal("its values are not of its input's type");
  const Operand replaced =
      is_float ? Operand::value(context.real("replaced_value_float", 0)) : Operand::value(context.integer("replaced_value_int64", 0));
  Value result{value.type, value.inner, {}, {}};
  for (size_t i = 0; i < value.columns.size(); ++i) {
    const size_t at = n_given == value.columns.size() ? i : 0;
    const Operand imputed = is_float ? Operand::value(reals[at]) : Operand::value(integers[at]);
    result.columns.push_back(
        context.flow().add_one({value.columns[i]}, value.type, false, [replaced, imputed](const auto& in, const auto& out) {
          return kernels::make_imputer(in[0].type, in[0].at, replaced, imputed, out[0].at);
        }));
  }
  context.output(0, std::move(result));
}

void binarizer(NodeContext& context) {
  const Value& value = context.columns(0);
  context.demand_exact(value, "the side of the threshold");
  if (value.type != Type::kFloat) throw Refusal("there is no native kernel for its type");
  const float threshold = context.real("threshold", 0);
  const auto cut = static_cast<double>(threshold);
  Value result{Type::kFloat, value.inner, {}, {}};
  for (const ColumnId column : value.columns) {
    result.columns.push_back(context.flow().add_one({column}, Type::kFloat, false, [threshold](const auto& in, const auto& out) {
      return kernels::make_binarizer(in[0].at, threshold, out[0].at);
    }));
    context.flow().note_cuts(column, {&cut, 1});
  }
  context.output(0, std::move(result));
}

void one_hot_encoder(NodeContext& context) {
  const Value& value = context.columns(0);
  context.demand_exact(value, "the category");
  const std::vector<int64_t> categories = context.integers("cats_int64s");
  if (categories.empty()) throw Refusal("its categories are text");
  if (value.type != Type::kFloat && value.type != Type::kDouble && value.type != Type::kInt64)
    throw Refusal("there is no native kernel for its type");
  std::unordered_map<int64_t, size_t> last;
  for (size_t i = 0; i < categories.size(); ++i) last[categories[i]] = i;
  if (last.size() != categories.size()) throw Refusal("it lists a category twice");
  demand_width(static_cast<int64_t>(categories.size()), static_cast<int64_t>(value.columns.size()));
  Value result{Type::kFloat, value.inner, {}, {}};
  result.inner.push_back(static_cast<int64_t>(categories.size()));
  for (ColumnId column : value.columns) {
    if (context.integer("zeros", 1) == 0) {
      context.flow().note_categories(column, categories);
      column = context.flow().add_one({column}, value.type, false, [categories](const auto& in, const auto& out) {
        return kernels::make_category_check(in[0].type, in[0].at, categories, out[0].at);
      });
    }
    for (const int64_t category : categories) {
      result.columns.push_back(context.flow().add_one({column}, Type::kFloat, false, [category](const auto& in, const auto& out) {
        return kernels::make_one_hot(in[0].type, in[0].at, {{category, out[0].at}});
      }));
      const double cut = static_cast<double>(category);
      context.flow().note_cuts(column, {&cut, 1});
    }
  }
  context.output(0, std::move(result));
}

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

void label_encoder(NodeContext& context) {
  const Value& value = context.columns(0);
  context.demand_exact(value, "the key");
  struct Table {
    Type key_type, value_type;
    std::vector<std::byte> keys, values;
    size_t n_keys;
    Operand otherwise;
  };
  auto table = std::make_shared<Table>();
  std::vector<double> cuts;
  if (value.type == Type::kInt64) {
    const std::vector<int64_t> keys = context.integers("keys_int64s");
    *table = {Type::kInt64, Type::kUndefined, bytes_of(keys), {}, keys.size(), {}};
    cuts.assign(keys.begin(), keys.end());
  } else if (value.type == Type::kFloat) {
    const std::vector<float> keys = context.reals("keys_floats");
    *table = {Type::kFloat, Type::kUndefined, bytes_of(keys), {}, keys.size(), {}};
    cuts.assign(keys.begin(), keys.end());
  }
  size_t n_values = 0;
  if (context.has("values_int64s")) {
    const std::vector<int64_t> values = context.integers("values_int64s");
    table->value_type = Type::kInt64;
    table->values = bytes_of(values);
    n_values = values.size();
    table->otherwise = Operand::value(context.integer("default_int64", -1));
  } else if (context.has("values_floats")) {
    const std::vector<float> values = context.reals("values_floats");
    table->value_type = Type::kFloat;
    table->values = bytes_of(values);
    n_values = values.size();
    table->otherwise = Operand::value(context.real("default_float", -0.0F));
  }
  if (table->n_keys == 0 || n_values != table->n_keys || context.opset() < 2 || context.has("default_tensor")) {
    throw Refusal("its keys or values are neither int64 nor float lists");
  }
  const bool nan_is_key = context.opset() >= 4;
  Value result{table->value_type, value.inner, {}, {}};
  for (const ColumnId column : value.columns) {
    result.columns.push_back(
        context.flow().add_one({column}, table->value_type, false, [table, nan_is_key](const auto& in, const auto& out) {
          return kernels::make_label_encoder(
              {table->key_type, table->value_type, table->keys, table->values, table->n_keys, table->otherwise, nan_is_key}, in[0].at,
              out[0].at);
        }));
    context.flow().note_cuts(column, cuts);
  }
  context.output(0, std::move(result));
}

/// Behind a matrix product: in double, and without a care for the order of additions.
Value rough_normalized(NodeContext& context, const Value& value, kernels::Norm norm) {
  using kernels::Binary;
  Dataflow& flow = context.flow();
  const auto of_two = [&flow](Binary operation, ColumnId a, ColumnId b) {
    return flow.add_one({a, b}, Type::kDouble, true, [operation](const auto& in, const auto& out) {
      return kernels::make_binary(operation, Type::kDouble, Operand::of(in[0].at), Operand::of(in[1].at), out[0].at);
    });
  };
  const auto of_one = [&flow](kernels::Unary operation, ColumnId a) {
    return flow.add_one({a}, Type::kDouble, true, [operation](const auto& in, const auto& out) {
      return kernels::make_unary(operation, Type::kDouble, in[0].at, out[0].at);
    });
  };
  std::vector<ColumnId> columns;
  for (const ColumnId column : value.columns) columns.push_back(flow.to_double(column));
  std::optional<ColumnId> total;
  for (const ColumnId column : columns) {
    const ColumnId term = norm == kernels::Norm::kL1   ? of_one(kernels::Unary::kAbs, column)
                          : norm == kernels::Norm::kL2 ? of_two(Binary::kMul, column, column)
                                                       : column;
    total = total ? of_two(norm == kernels::Norm::kMax ? Binary::kMax : Binary::kAdd, *total, term) : term;
  }
  if (norm == kernels::Norm::kL2) total = of_one(kernels::Unary::kSqrt, *total);
  const ColumnId is_zero = flow.add_one({*total}, Type::kBool, true, [](const auto& in, const auto& out) {
    return kernels::make_binary(Binary::kEqual, Type::kDouble, Operand::of(in[0].at), Operand::value(0.0), out[0].at);
  });
  Value result{Type::kFloat, value.inner, {}, {}};
  for (const ColumnId column : columns) {
    const ColumnId divided = of_two(Binary::kDiv, column, *total);
    result.columns.push_back(flow.add_one({is_zero, column, divided}, Type::kFloat, true, [](const auto& in, const auto& out) {
      return kernels::make_where(Type::kDouble, in[0].at, Operand::of(in[1].at), Operand::of(in[2].at), out[0].at);
    }));
  }
  return result;
}

void normalizer(NodeContext& context) {
  const Value& value = context.matrix(0);
  const std::string_view name = context.text("norm", "MAX");
  if (name != "MAX" && name != "L1" && name != "L2") throw Refusal("its norm is unknown");
  const kernels::Norm norm = name == "MAX" ? kernels::Norm::kMax : name == "L1" ? kernels::Norm::kL1 : kernels::Norm::kL2;
  if (context.is_rough(value)) return context.output(0, rough_normalized(context, value, norm));
  if (value.type == Type::kBool) throw Refusal("there is no native kernel for bool");
  const std::vector<Column> outputs(value.columns.size(), {Type::kFloat, false, -1, {}});
  context.output(0, {Type::kFloat,
                     value.inner,
                     context.flow().add(value.columns, outputs,
                                        [norm](const auto& in, const auto& out) {
                                          std::vector<kernels::Register> from, to;
                                          for (const auto& place : in) from.push_back(place.at);
                                          for (const auto& place : out) to.push_back(place.at);
                                          return kernels::make_normalizer(norm, in[0].type, from, to);
                                        }),
                     {}});
}

/// Entries of a constant list by an index that each row computes: labels by the position of the largest score. The result is [1, rows] in
/// ONNX, and a column here; whoever reads it must bring the rows back in front.
void look_up(NodeContext& context) {
  const onnx::Tensor& list = context.constant(0);
  const Value& index = context.columns(1);
  if (index.type != Type::kInt64 || index.columns.size() != 1) throw Refusal("its index is not one bigint a row");
  const bool is_row = list.shape.size() == 1 || (list.shape.size() == 2 && list.shape[0] == 1);
  const std::optional<int64_t> end = context.flow().index_end(index.columns[0]);
  if (!is_row || !end || *end > list.n_values()) throw Refusal("its index may be beyond the list");
  if (list.type != Type::kInt64 && list.type != Type::kInt32 && list.type != Type::kFloat)
    throw Refusal("there is no native kernel for its type");
  const bool is_float = list.type == Type::kFloat;
  auto keys = std::make_shared<std::vector<int64_t>>();
  for (int64_t i = 0; i < list.n_values(); ++i) keys->push_back(i);
  auto values = std::make_shared<std::vector<std::byte>>(is_float ? bytes_of(std::vector<float>(list.reals.begin(), list.reals.end()))
                                                                  : bytes_of(list.integers));
  const Type stored = is_float ? Type::kFloat : Type::kInt64;
  const bool is_rough = context.is_rough(index);
  ColumnId found = context.flow().add_one(index.columns, stored, is_rough && !is_float, [=](const auto& in, const auto& out) {
    const Operand otherwise = is_float ? Operand::value(0.0F) : Operand::value(int64_t{0});  // no index is beyond the list
    return kernels::make_label_encoder({Type::kInt64, stored, std::as_bytes(std::span(*keys)), *values, keys->size(), otherwise, false},
                                       in[0].at, out[0].at);
  });
  if (list.type == Type::kInt32) {
    found = context.flow().add_one({found}, Type::kInt32, is_rough, [](const auto& in, const auto& out) {
      return kernels::make_cast(Type::kInt64, Type::kInt32, in[0].at, out[0].at);
    });
  }
  context.output(0, {list.type, {}, {found}, {}});
}

void array_feature_extractor(NodeContext& context) {
  if (context.input(0).is_constant()) return look_up(context);
  const Value& value = context.matrix(0);
  const std::vector<int64_t>& indices = context.constant_integers(1);
  demand_width(static_cast<int64_t>(indices.size()));
  Value result{value.type, {static_cast<int64_t>(indices.size())}, {}, {}};
  for (const int64_t index : indices) {
    if (index < 0 || index >= value.inner[0]) throw Refusal("it takes an entry that does not exist");
    result.columns.push_back(value.columns[static_cast<size_t>(index)]);
  }
  if (indices.empty()) throw Refusal("it leaves nothing over");
  context.output(0, std::move(result));
}

void feature_vectorizer(NodeContext& context) {
  const std::vector<int64_t> dimensions = context.integers("inputdimensions");
  Value result{Type::kFloat, {0}, {}, {}};
  if (dimensions.empty() || dimensions.size() != context.n_inputs()) throw Refusal("its list does not fit its inputs");
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    const Value& part = context.matrix(i);
    if (part.inner[0] != dimensions[i]) throw Refusal("it cuts or fills up an input");
    if (part.type == Type::kBool) throw Refusal("there is no native kernel for bool");
    for (const ColumnId column : part.columns) {
      result.columns.push_back(
          part.type == Type::kFloat
              ? column
              : context.flow().add_one({column}, Type::kFloat, context.flow()[column].is_rough, [](const auto& in, const auto& out) {
                  return kernels::make_cast(in[0].type, out[0].type, in[0].at, out[0].at);
                }));
    }
    result.inner[0] += part.inner[0];
    demand_width(result.inner[0]);
  }
  context.output(0, std::move(result));
}

constexpr NamedOperator kOperators[] = {
    {"Scaler", {scaler}},
    {"Imputer", {imputer}},
    {"Binarizer", {binarizer}},
    {"OneHotEncoder", {one_hot_encoder}},
    {"LabelEncoder", {label_encoder}},
    {"Normalizer", {normalizer}},
    {"ArrayFeatureExtractor", {array_feature_extractor}},
    {"FeatureVectorizer", {feature_vectorizer}},
};

}  // namespace

std::span<const NamedOperator> ml_operators() { return kOperators; }

}  // namespace edgeonnx::plan
