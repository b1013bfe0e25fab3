#include "plan/dataflow.h"

#include <algorithm>
#include <utility>

#include "kernels/elementwise.h"
#include "kernels/linear.h"

namespace edgeonnx::plan {
namespace {

std::unique_ptr<kernels::Step> cast(const Dataflow::Places& inputs, const Dataflow::Places& outputs) {
  return kernels::make_cast(inputs[0].type, outputs[0].type, inputs[0].at, outputs[0].at);
}

}  // namespace

ColumnId Dataflow::add_source(const SourceValue& source, Type type) {
  const auto [at, is_new] = sources_.try_emplace(source, static_cast<ColumnId>(columns_.size()));
  if (is_new) {
    columns_.push_back({type, false, -1, source});
    affines_.emplace_back();
  }
  return at->second;
}

std::vector<ColumnId> Dataflow::add(std::vector<ColumnId> inputs, const std::vector<Column>& outputs, Maker make, bool can_round) {
  Operation operation{std::move(inputs), {}, std::move(make), can_round};
  for (const Column& output : outputs) {
    operation.outputs.push_back(static_cast<ColumnId>(columns_.size()));
    columns_.push_back({output.type, output.is_rough, static_cast<int32_t>(operations_.size()), {}, output.stays_float});
    affines_.emplace_back();
  }
  operations_.push_back(std::move(operation));
  return operations_.back().outputs;
}

std::vector<ColumnId> Dataflow::add_linear(Linear made, Type type) {
  const auto linear = std::make_shared<Linear>(std::move(made));
  const size_t n_inputs = linear->inputs.size();
  linear->is_narrowed.resize(n_inputs, false);
  for (size_t k = 0; k < n_inputs; ++k) {
    while (const std::optional<Affine>& affine = affines_[static_cast<size_t>(linear->inputs[k])]) {
      for (size_t m = 0; m < linear->bias.size(); ++m) {
        double& weight = linear->weights[m * n_inputs + k];
        linear->bias[m] += weight * affine->shift;
        weight *= affine->scale;
      }
      linear->inputs[k] = affine->x;
    }
    if (const auto narrowed = narrowed_.find(linear->inputs[k]); narrowed != narrowed_.end()) {
      linear->inputs[k] = narrowed->second;
      linear->is_narrowed[k] = true;
    }
  }
  const std::vector<Column> outputs(linear->bias.size(), {type, true, -1, {}});
  const std::vector<ColumnId> columns = add(
      linear->inputs, outputs,
      [linear](const Places& in, const Places& out) {
        kernels::Linear sums{{}, linear->weights, linear->bias, {}, out[0].type};
        for (size_t k = 0; k < in.size(); ++k) sums.inputs.push_back({in[k].at, in[k].type, linear->is_narrowed[k]});
        for (const auto& place : out) sums.outputs.push_back(place.at);
        return kernels::make_linear(sums);
      },
      true);
  operations_.back().linear = linear;
  return columns;
}

std::vector<ColumnId> Dataflow::add_network(Network made) {
  const auto network = std::make_shared<Network>(std::move(made));
  const std::vector<Column> outputs(static_cast<size_t>(network->layers.back().n_outputs), {Type::kFloat, true, -1, {}, true});
  const std::vector<ColumnId> columns = add(network->inputs, outputs, [network](const Places& in, const Places& out) {
    kernels::Network step{{}, network->layers, {}};
    for (const auto& place : in) step.inputs.push_back({place.at, place.type});
    for (const auto& place : out) step.outputs.push_back(place.at);
    return kernels::make_network(step);
  });
  operations_.back().network = network;
  return columns;
}

const Dataflow::Operation* Dataflow::maker(std::span<const ColumnId> columns) const {
  if (columns.empty() || (*this)[columns[0]].operation < 0) return nullptr;
  const Operation& operation = operations_[static_cast<size_t>((*this)[columns[0]].operation)];
  return std::equal(columns.begin(), columns.end(), operation.outputs.begin(), operation.outputs.end()) ? &operation : nullptr;
}

const Linear* Dataflow::linear(std::span<const ColumnId> columns) const {
  const Operation* operation = maker(columns);
  return operation ? operation->linear.get() : nullptr;
}

const Network* Dataflow::network(std::span<const ColumnId> columns) const {
  const Operation* operation = maker(columns);
  return operation ? operation->network.get() : nullptr;
}

bool Dataflow::is_wide_layer(std::span<const ColumnId> columns) const {
  return static_cast<int64_t>(columns.size()) > kMostSingles &&
         std::any_of(columns.begin(), columns.end(), [this](ColumnId column) { return (*this)[column].stays_float; });
}

void Dataflow::note_cuts(ColumnId column, std::span<const double> values) {
  double scale = 1;
  double shift = 0;
  while (const std::optional<Affine>& affine = affines_[static_cast<size_t>(column)]) {
    shift += scale * affine->shift;
    scale *= affine->scale;
    column = affine->x;
  }
  const Column& source = (*this)[column];
  if (source.operation >= 0 || scale == 0) return;
  std::vector<double>& cuts = cuts_[source.source];
  for (const double value : values) cuts.push_back((value - shift) / scale);
}

void Dataflow::note_categories(ColumnId column, std::span<const int64_t> values) {
  for (auto cast = casts_.find(column); cast != casts_.end(); cast = casts_.find(column)) column = cast->second;
  const Column& source = (*this)[column];
  if (source.operation < 0) categories_.insert_or_assign(source.source, std::vector<double>(values.begin(), values.end()));
}

ColumnId Dataflow::to_double(ColumnId column) {
  const Column& from = (*this)[column];
  if (from.storage() == Type::kDouble) return column;
  return add_one({column}, Type::kDouble, true, cast);
}

std::vector<bool> Dataflow::needed_by(const std::vector<Target>& targets) const {
  std::vector<bool> needed(operations_.size(), false);
  const auto need = [&](ColumnId column) {
    if (const int32_t operation = (*this)[column].operation; operation >= 0) needed[static_cast<size_t>(operation)] = true;
  };
  for (const Target& target : targets) std::for_each(target.columns.begin(), target.columns.end(), need);
  // An operation stands behind those that make its inputs.
  for (size_t i = operations_.size(); i-- > 0;) {
    if (needed[i]) std::for_each(operations_[i].inputs.begin(), operations_[i].inputs.end(), need);
  }
  return needed;
}

ColumnProgram Dataflow::compile(std::vector<Target> targets) {
  std::vector<bool> needed = needed_by(targets);
  std::vector<int> n_readers(columns_.size(), 0);
  for (size_t i = 0; i < operations_.size(); ++i) {
    if (!needed[i]) continue;
    for (const ColumnId input : operations_[i].inputs) ++n_readers[static_cast<size_t>(input)];
  }
  std::vector<Type> storage;
  for (const Column& column : columns_) storage.push_back(column.storage());
  for (size_t i = 0; i < operations_.size(); ++i) {
    const Operation& operation = operations_[i];
    const auto is_read = [&](ColumnId column) { return n_readers[static_cast<size_t>(column)] > 0; };
    if (!needed[i] || !operation.can_round || std::any_of(operation.outputs.begin(), operation.outputs.end(), is_read)) continue;
    for (const ColumnId output : operation.outputs) storage[static_cast<size_t>(output)] = (*this)[output].type;
  }
  for (Target& target : targets) {
    for (ColumnId& column : target.columns) {
      if (storage[static_cast<size_t>(column)] == target.type) continue;
      column = add_one({column}, target.type, false, cast);
      storage.push_back(target.type);
    }
  }
  needed = needed_by(targets);

  std::vector<SourceValue> sources;
  std::vector<Type> types;
  std::vector<kernels::Register> registers(columns_.size(), -1);
  const auto place = [&](ColumnId column) {
    registers[static_cast<size_t>(column)] = static_cast<kernels::Register>(types.size());
    types.push_back(storage[static_cast<size_t>(column)]);
  };
  std::vector<bool> is_used(columns_.size(), false);
  for (size_t i = 0; i < operations_.size(); ++i) {
    if (!needed[i]) continue;
    for (const ColumnId input : operations_[i].inputs) is_used[static_cast<size_t>(input)] = true;
  }
  for (const Target& target : targets) {
    for (const ColumnId column : target.columns) is_used[static_cast<size_t>(column)] = true;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].operation >= 0 || !is_used[i]) continue;
    sources.push_back(columns_[i].source);
    place(static_cast<ColumnId>(i));
  }
  const size_t n_inputs = types.size();
  const auto places_of = [&](const std::vector<ColumnId>& ids) {
    Places places;
    for (const ColumnId id : ids) places.push_back({registers[static_cast<size_t>(id)], storage[static_cast<size_t>(id)]});
    return places;
  };
  std::vector<std::unique_ptr<kernels::Step>> steps;
  for (size_t i = 0; i < operations_.size(); ++i) {
    if (!needed[i]) continue;
    std::for_each(operations_[i].outputs.begin(), operations_[i].outputs.end(), place);
    steps.push_back(operations_[i].make(places_of(operations_[i].inputs), places_of(operations_[i].outputs)));
  }
  std::vector<kernels::Program::Output> outputs;
  for (const Target& target : targets) {
    kernels::Program::Output output{target.type, {}};
    for (const ColumnId column : target.columns) output.columns.push_back(registers[static_cast<size_t>(column)]);
    outputs.push_back(std::move(output));
  }
  return {std::move(sources), kernels::Program(std::move(types), n_inputs, std::move(steps), std::move(outputs))};
}

}  // namespace edgeonnx::plan
