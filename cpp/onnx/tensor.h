// The values of a constant tensor: an initializer, or a tensor in an attribute.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// Values are kept as double or int64, whichever holds those of `type` exactly: floating types as doubles, integers and bool as integers.
struct Tensor {
  Type type = Type::kUndefined;
  std::vector<int64_t> shape;
  std::vector<double> reals;
  std::vector<int64_t> integers;

  int64_t n_values() const { return static_cast<int64_t>(is_floating(type) ? reals.size() : integers.size()); }
  /// Value i as a double; integers beyond 2^53 are rounded.
  double real(int64_t i) const {
    return is_floating(type) ? reals[static_cast<size_t>(i)] : static_cast<double>(integers[static_cast<size_t>(i)]);
  }
};

/// Nothing where the values lie in another file, the type is none of float, double, bool and the integers but uint64, or their number is
/// not what the shape says. `bytes`: a TensorProto that read_model has passed.
std::optional<Tensor> read_tensor(Bytes bytes);
std::optional<Tensor> read_tensor(const Initializer& initializer);
/// The `t` of an attribute.
std::optional<Tensor> read_tensor(const Attribute& attribute);

}  // namespace edgeonnx::onnx
