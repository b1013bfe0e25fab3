#include "plan/trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <sstream>

#include "base/error.h"

namespace edgeonnx::plan {
namespace {

using Answers = std::vector<Probe::Answer>;

std::vector<int64_t> with_rows(int64_t n, const std::vector<int64_t>& inner) {
  std::vector<int64_t> shape{n};
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

kernels::ColumnView view(const std::byte* values, Type type, int64_t width, int64_t value) {
  return {values + value * size_of(type), width * size_of(type)};
}

/// What a native part makes of the rows; `session`: what the session made, where the part reads it.
Answers run_part(const NativePart& part, const Plan& plan, const Probe& rows, const Answers& session) {
  const int64_t n = rows.n_rows();
  std::vector<kernels::ColumnView> columns;
  for (const NativePart::Source& source : part.sources) {
    if (source.is_tensor) {
      const Probe::Answer& from = session[source.index];
      if (from.shape.empty() || from.shape[0] != n) throw Error(Code::kUnsupported, "what the trees read is not one entry a row");
      const auto width = static_cast<int64_t>(from.values.size()) / size_of(from.type) / n;
      columns.push_back(view(from.values.data(), from.type, width, source.value));
    } else {
      const InputValue& column = plan.columns[source.index];
      columns.push_back(view(rows.values(column.input), rows.type(column.input), rows.width(column.input), column.value));
    }
  }
  Answers answers;
  std::vector<std::byte*> memory;
  for (const auto& output : part.program.outputs()) {
    const auto width = static_cast<int64_t>(output.columns.size());
    answers.push_back({output.type, {n, width}, std::vector<std::byte>(static_cast<size_t>(n * width * size_of(output.type)))});
  }
  for (Probe::Answer& answer : answers) memory.push_back(answer.values.data());
  kernels::Workspace workspace;
  part.program.run(columns, n, memory, workspace);
  return answers;
}

Answers run_session(const Plan& plan, const ort::Library& library, const Probe& rows, const Answers& front) {
  const ort::RunControl control(library);
  const auto& ports = plan.session->outputs();
  std::vector<size_t> wanted;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].is_tensor && size_of(ports[i].type) > 0) wanted.push_back(i);
  }
  std::vector<std::vector<int64_t>> shapes;
  std::vector<ort::TensorRef> inputs;
  for (const SessionInput& input : plan.session_inputs) {
    if (input.is_front) {
      shapes.push_back(input.shape.shape);
      shapes.back()[0] = rows.n_rows();
    } else {
      shapes.push_back(with_rows(rows.n_rows(), rows.inner(input.index)));
    }
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    const SessionInput& input = plan.session_inputs[i];
    const std::byte* data = input.is_front ? front[input.index].values.data() : rows.values(input.index);
    inputs.push_back({const_cast<std::byte*>(data), input.is_front ? front[input.index].type : rows.type(input.index), shapes[i]});
  }
  const std::vector<ort::TensorRef> outputs(wanted.size());
  std::vector<ort::OwnedTensor> owned(wanted.size());
  plan.session->run(inputs, wanted, outputs, owned, control);
  Answers answers(ports.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    Probe::Answer& answer = answers[wanted[i]];
    answer = {owned[i].type(), owned[i].shape(), {}};
    const int64_t n = std::accumulate(answer.shape.begin(), answer.shape.end(), int64_t{1}, std::multiplies<>());
    const auto* data = static_cast<const std::byte*>(owned[i].data());
    answer.values.assign(data, data + n * size_of(answer.type));
  }
  return answers;
}

template <class T>
T value_at(const Probe::Answer& answer, size_t i) {
  T value;
  std::memcpy(&value, answer.values.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
bool differs(T ours, T theirs, double tolerance) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(ours) || std::isnan(theirs)) return std::isnan(ours) != std::isnan(theirs);
    if (tolerance == 0) return ours != theirs || std::signbit(ours) != std::signbit(theirs);
    if (ours == theirs) return false;
    return !(std::fabs(static_cast<double>(ours) - static_cast<double>(theirs)) <= tolerance);
  } else {
    return ours != theirs;
  }
}

template <class T>
std::optional<std::string> first_difference(const Probe::Answer& ours, const Probe::Answer& theirs, double tolerance, size_t n_allowed) {
  const size_t n = ours.values.size() / sizeof(T);
  const size_t n_rows = std::max<size_t>(1, ours.shape.empty() ? 1 : static_cast<size_t>(ours.shape[0]));
  size_t n_different = 0;
  if (tolerance > 0) {
    double largest = 0;
    for (size_t i = 0; i < n; ++i) {
      const auto magnitude = std::fabs(static_cast<double>(value_at<T>(theirs, i)));
      if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
    }
    tolerance *= largest;
  }
  for (size_t i = 0; i < n; ++i) {
    const T a = value_at<T>(ours, i);
    const T b = value_at<T>(theirs, i);
    if (!differs(a, b, tolerance) || ++n_different <= n_allowed) continue;
    std::ostringstream text;
    text.precision(17);
    text << "probe row " << i / std::max<size_t>(1, n / n_rows) << " gives " << +a << ", ONNX Runtime " << +b;
    return text.str();
  }
  return std::nullopt;
}

}  // namespace

Answers try_plan(const Plan& plan, const ort::Library* library, const Probe& rows) {
  Answers front, session, tail;
  if (plan.front) front = run_part(*plan.front, plan, rows, {});
  if (plan.session) session = run_session(plan, *library, rows, front);
  if (plan.tail) tail = run_part(*plan.tail, plan, rows, session);
  Answers answers;
  for (const Tensor& tensor : plan.tensors) {
    const Answers& made = tensor.part == Part::kFront ? front : tensor.part == Part::kSession ? session : tail;
    answers.push_back(made[tensor.index]);
  }
  return answers;
}

std::optional<std::string> difference(const Probe::Answer& ours, const Probe::Answer& theirs, bool is_rough) {
  if (ours.type != theirs.type) return "the type is " + display_name(ours.type) + ", ONNX Runtime's " + display_name(theirs.type);
  if (ours.values.size() != theirs.values.size()) return "the number of values differs from ONNX Runtime's";
  // A rough score next to the border between two labels may fall to either side of it.
  constexpr double kTolerance = 1e-4;
  const size_t n_labels_allowed = is_rough ? 2 : 0;
  switch (ours.type) {
    case Type::kFloat:
      return first_difference<float>(ours, theirs, is_rough ? kTolerance : 0, 0);
    case Type::kDouble:
      return first_difference<double>(ours, theirs, is_rough ? kTolerance : 0, 0);
    case Type::kInt64:
      return first_difference<int64_t>(ours, theirs, 0, n_labels_allowed);
    case Type::kInt32:
      return first_difference<int32_t>(ours, theirs, 0, n_labels_allowed);
    default:
      return first_difference<uint8_t>(ours, theirs, 0, n_labels_allowed);
  }
}

}  // namespace edgeonnx::plan
