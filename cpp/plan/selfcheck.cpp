#include "plan/selfcheck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::plan {
namespace {

// Few enough that ONNX Runtime, one row at a time through thousands of trees, stays well below the time that it took to load them.
constexpr int64_t kPlainRows = 64;
constexpr int64_t kSpecialRows = 128;

template <class T>
T special_value(std::mt19937& random) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) {
    const T values[] = {Limits::quiet_NaN(),  Limits::infinity(),    -Limits::infinity(), Limits::max(), Limits::lowest(), T{0}, -T{0},
                        Limits::denorm_min(), -Limits::denorm_min(), Limits::min()};
    return values[random() % std::size(values)];
  } else {
    const T values[] = {0, 1, static_cast<T>(-1), 2, Limits::max(), Limits::min()};
    return values[random() % std::size(values)];
  }
}

/// The value, or one beside it.
template <class T>
T near(double value, std::mt19937& random) {
  if constexpr (std::is_floating_point_v<T>) {
    const T at = static_cast<T>(value);
    const T towards = random() % 2 ? std::numeric_limits<T>::infinity() : -std::numeric_limits<T>::infinity();
    return random() % 2 ? at : std::nextafter(at, towards);
  } else {
    const double bounded = std::clamp(std::floor(value), -1e9, 1e9);
    return static_cast<T>(std::isnan(bounded) ? 0 : static_cast<int64_t>(bounded) + static_cast<int64_t>(random() % 3) - 1);
  }
}

template <class T>
void put(Probe& rows, size_t input, int64_t row, int64_t value, T what) {
  std::memcpy(rows.values(input) + (row * rows.width(input) + value) * static_cast<int64_t>(sizeof(T)), &what, sizeof(T));
}

template <class T>
void spice(Probe& rows, size_t input, const std::vector<ProbeValues>& values, std::mt19937& random) {
  for (const ProbeValues& each : values) {
    if (each.input != input || each.values.empty()) continue;
    for (int64_t row = 0; row < rows.n_rows(); ++row) {
      if (random() % 4) put(rows, input, row, each.value, near<T>(each.values[random() % each.values.size()], random));
    }
  }
  for (int64_t row = 3 * rows.n_rows() / 4; row < rows.n_rows(); ++row) {
    for (int64_t value = 0; value < rows.width(input); ++value) {
      if (random() % 3 == 0) put(rows, input, row, value, special_value<T>(random));
    }
  }
}

}  // namespace

CheckRows check_rows(const Plan& plan, const std::vector<ProbeValues>& values, int64_t multiple) {
  const auto n_rows = [multiple](int64_t wanted) { return (wanted + multiple - 1) / multiple * multiple; };
  std::vector<Type> types;
  for (const Port& port : plan.inputs) types.push_back(port.type);
  std::vector<std::vector<int64_t>> inner;
  for (const Port& port : plan.inputs) {
    inner.emplace_back(port.shape.begin() + (port.shape.empty() ? 0 : 1), port.shape.end());
    std::replace_if(inner.back().begin(), inner.back().end(), [](int64_t size) { return size < 0; }, 1);  // of an input that no node reads
  }
  CheckRows rows{Probe(types, inner, n_rows(kPlainRows), 1, plan.categories), Probe(types, inner, n_rows(kSpecialRows), 2, {})};
  std::mt19937 random(3);
  for (size_t i = 0; i < types.size(); ++i) {
    switch (types[i]) {
      case Type::kFloat:
        spice<float>(rows.special, i, values, random);
        break;
      case Type::kDouble:
        spice<double>(rows.special, i, values, random);
        break;
      case Type::kInt32:
        spice<int32_t>(rows.special, i, values, random);
        break;
      case Type::kInt64:
        spice<int64_t>(rows.special, i, values, random);
        break;
      default:
        break;
    }
  }
  rows.special.draw(plan.categories, 4);
  return rows;
}

std::vector<Probe::Answer> ask_runtime(const ort::Session& session, const ort::Library& library, const Probe& rows, int64_t batch,
                                       const std::vector<std::string>& names) {
  std::vector<size_t> wanted;
  for (const std::string& name : names) {
    const auto at = std::find_if(session.outputs().begin(), session.outputs().end(), [&](const auto& port) { return port.name == name; });
    if (at == session.outputs().end()) throw Error(Code::kInternal, "the session lost the output " + in_quotes(name));
    wanted.push_back(static_cast<size_t>(at - session.outputs().begin()));
  }
  return rows.run(session, library, wanted, batch);
}

}  // namespace edgeonnx::plan
