// A model as columns: every value of a row is a column, made by an operation from other columns. What no result needs is never made.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/type.h"
#include "kernels/network.h"
#include "kernels/program.h"

namespace edgeonnx::plan {

/// More values of a layer than these are for other layers alone: one by one, in double, they cost more than they do in ONNX Runtime.
inline constexpr int64_t kMostSingles = 16;

/// Index of a column of a Dataflow.
using ColumnId = int32_t;

/// A value of a row of an input of the plan, or of a tensor that ONNX Runtime makes.
struct SourceValue {
  bool is_tensor = false;
  size_t index = 0;
  int64_t value = 0;
  auto operator<=>(const SourceValue&) const = default;
};

struct Column {
  Type type = Type::kUndefined;  ///< as the graph has it
  /// Near what ONNX Runtime computes, but not its bits: what follows a matrix product. Kept in double, unless it says otherwise.
  bool is_rough = false;
  int32_t operation = -1;    ///< that makes it; -1: a source
  SourceValue source;        ///< where operation is -1
  bool stays_float = false;  ///< though it is rough

  Type storage() const { return is_rough && type == Type::kFloat && !stays_float ? Type::kDouble : type; }
};

/// y = x * scale + shift, up to rounding.
struct Affine {
  ColumnId x = 0;
  double scale = 1;
  double shift = 0;
};

/// outputs[m] = bias[m] + sum over k of weights[m * inputs.size() + k] * inputs[k]
struct Linear {
  std::vector<ColumnId> inputs;
  std::vector<double> weights;
  std::vector<double> bias;
  std::vector<bool> is_narrowed = {};  ///< inputs of double that count as the nearest floats; empty: none

  /// The operation that makes output m alone.
  Linear output(size_t m) const {
    const auto begin = weights.begin() + static_cast<int64_t>(m * inputs.size());
    return {inputs, {begin, begin + static_cast<int64_t>(inputs.size())}, {bias[m]}, is_narrowed};
  }
};

/// Layers of matrix products in float, each reading what the one before it makes.
struct Network {
  std::vector<ColumnId> inputs;
  std::vector<kernels::Layer> layers;
};

/// A program over the columns of `sources`, in that order.
struct ColumnProgram {
  std::vector<SourceValue> sources;
  kernels::Program program;
};

/// A tensor that a program writes: one column a value.
struct Target {
  Type type = Type::kUndefined;
  std::vector<ColumnId> columns;
};

class Dataflow {
 public:
  /// A column of a step: where it lies, and as what.
  struct Place {
    kernels::Register at = 0;
    Type type = Type::kUndefined;
  };
  using Places = std::vector<Place>;
  /// Makes the step, given where inputs and outputs lie.
  using Maker = std::function<std::unique_ptr<kernels::Step>(const Places& inputs, const Places& outputs)>;

  /// The column of a source; the same one for the same source.
  ColumnId add_source(const SourceValue& source, Type type);

  /// `outputs`: type and is_rough are read. `can_round`: the step writes rough columns as float as well as double.
  std::vector<ColumnId> add(std::vector<ColumnId> inputs, const std::vector<Column>& outputs, Maker make, bool can_round = false);
  ColumnId add_one(std::vector<ColumnId> inputs, Type type, bool is_rough, Maker make) {
    return add(std::move(inputs), {{type, is_rough, -1, {}}}, std::move(make))[0];
  }

  /// Rough columns of `type`, one an entry of the bias. Affine inputs are folded into the weights, and
  /// what only widens or narrows them into the operation.
  std::vector<ColumnId> add_linear(Linear made, Type type);

  /// Rough columns of float, kept in float: what the last layer makes.
  std::vector<ColumnId> add_network(Network made);

  int64_t n_columns() const { return static_cast<int64_t>(columns_.size()); }
  const Column& operator[](ColumnId id) const { return columns_[static_cast<size_t>(id)]; }

  /// Says that the column is an affine function of another one, for those who may replace it by that.
  void set_affine(ColumnId column, const Affine& affine) { affines_[static_cast<size_t>(column)] = affine; }
  const std::optional<Affine>& affine(ColumnId column) const { return affines_[static_cast<size_t>(column)]; }
  /// Says that the column, of float, is another one of double, rounded.
  void set_narrowed(ColumnId column, ColumnId from) { narrowed_.insert_or_assign(column, from); }
  /// Says that the column is another one, converted.
  void set_cast(ColumnId column, ColumnId from) { casts_.insert_or_assign(column, from); }
  /// Says that the column's values are integers in [0, end).
  void set_index_end(ColumnId column, int64_t end) { index_ends_.insert_or_assign(column, end); }
  std::optional<int64_t> index_end(ColumnId column) const {
    const auto at = index_ends_.find(column);
    return at == index_ends_.end() ? std::nullopt : std::optional(at->second);
  }
  /// The linear operation whose outputs are exactly these columns; null where there is none.
  const Linear* linear(std::span<const ColumnId> columns) const;
  /// Likewise of a network.
  const Network* network(std::span<const ColumnId> columns) const;
  /// Whether these are more than kMostSingles columns, and a network makes some of them.
  bool is_wide_layer(std::span<const ColumnId> columns) const;

  /// Values at which something that reads the column changes its mind; kept for the source that the column is an affine function of, if
  /// any.
  void note_cuts(ColumnId column, std::span<const double> values);
  const std::map<SourceValue, std::vector<double>>& cuts() const { return cuts_; }

  /// Says that something which reads the column fails for values other than these; kept where the column is a source, converted at most.
  void note_categories(ColumnId column, std::span<const int64_t> values);
  const std::map<SourceValue, std::vector<double>>& categories() const { return categories_; }

  /// The column in double, whatever it is.
  ColumnId to_double(ColumnId column);

  /// The program that makes the targets, and nothing else. A rough column is rounded to the type of its target.
  ColumnProgram compile(std::vector<Target> targets);

 private:
  struct Operation {
    std::vector<ColumnId> inputs;
    std::vector<ColumnId> outputs;
    Maker make;
    bool can_round = false;
    std::shared_ptr<const Linear> linear = nullptr;
    std::shared_ptr<const Network> network = nullptr;
  };
  /// The operation whose outputs are exactly these columns; null where there is none.
  const Operation* maker(std::span<const ColumnId> columns) const;
  /// For every operation whether some target needs it.
  std::vector<bool> needed_by(const std::vector<Target>& targets) const;

  std::vector<Column> columns_;
  std::map<SourceValue, ColumnId> sources_;
  std::vector<std::optional<Affine>> affines_;
  std::vector<Operation> operations_;
  std::map<SourceValue, std::vector<double>> cuts_;
  std::map<SourceValue, std::vector<double>> categories_;
  std::map<ColumnId, ColumnId> narrowed_;
  std::map<ColumnId, ColumnId> casts_;
  std::map<ColumnId, int64_t> index_ends_;
};

}  // namespace edgeonnx::plan
