// What the plugin execution provider of the tests computes, one node at a time; and how it speaks with ONNX Runtime's C functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "plugin_abi.h"

namespace edgeonnx::plugin {

/// A status of ONNX Runtime on its way to the function's end.
struct Failed {
  OrtStatus* status;
};

inline void check(OrtStatus* status) {
  if (status != nullptr) throw Failed{status};
}

/// No exception may leave the library.
template <class Body>
OrtStatus* guarded(const Api& api, Body body) {
  try {
    body();
    return nullptr;
  } catch (const Failed& failed) {
    return failed.status;
  } catch (const std::exception& error) {
    return api.CreateStatus(ORT_FAIL, error.what());
  }
}

/// A list that ONNX Runtime hands out by two slots: how many, and which.
template <class Item, class Owner>
std::vector<const Item*> listed(OrtStatus* (*count)(const Owner*, size_t*), OrtStatus* (*get)(const Owner*, const Item**, size_t),
                                const Owner* owner) {
  size_t n = 0;
  check(count(owner, &n));
  std::vector<const Item*> items(n);
  check(get(owner, items.data(), n));
  return items;
}

inline auto inputs_of(const Api& api, const OrtNode* node) { return listed(api.Node_GetNumInputs, api.Node_GetInputs, node); }
inline auto outputs_of(const Api& api, const OrtNode* node) { return listed(api.Node_GetNumOutputs, api.Node_GetOutputs, node); }
inline auto nodes_of(const Api& api, const OrtGraph* graph) { return listed(api.Graph_GetNumNodes, api.Graph_GetNodes, graph); }

template <class Item>
std::string text_of(OrtStatus* (*get)(const Item*, const char**), const Item* item) {
  const char* text = nullptr;
  check(get(item, &text));
  return text;
}

using Shape = std::vector<int64_t>;

struct Tensor {
  const float* data = nullptr;
  Shape shape;
};

inline Tensor input(const Api& api, const OrtKernelContext* context, size_t index) {
  const OrtValue* value = nullptr;
  check(api.KernelContext_GetInput(context, index, &value));
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api.GetTensorTypeAndShape(value, &info));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, void (*)(OrtTensorTypeAndShapeInfo*)> owner(info, api.ReleaseTensorTypeAndShapeInfo);
  size_t rank = 0;
  check(api.GetDimensionsCount(info, &rank));
  Tensor tensor{nullptr, Shape(rank)};
  check(api.GetDimensions(info, tensor.shape.data(), rank));
  const void* data = nullptr;
  check(api.GetTensorData(value, &data));
  tensor.data = static_cast<const float*>(data);
  return tensor;
}

inline float* output(const Api& api, OrtKernelContext* context, const Shape& shape) {
  OrtValue* value = nullptr;
  check(api.KernelContext_GetOutput(context, 0, shape.data(), shape.size(), &value));
  void* data = nullptr;
  check(api.GetTensorMutableData(value, &data));
  return static_cast<float*>(data);
}

inline int64_t count(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t extent : shape) n *= extent;
  return n;
}

inline Shape broadcast(const Shape& a, const Shape& b) {
  const auto& [longer, shorter] = a.size() < b.size() ? std::tie(b, a) : std::tie(a, b);
  Shape shape = longer;
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& extent = shape[shape.size() - 1 - i];
    const int64_t other = shorter[shorter.size() - 1 - i];
    if (extent != other && extent != 1 && other != 1)
      throw std::runtime_error("cannot broadcast " + std::to_string(extent) + " values and " + std::to_string(other));
    if (extent == 1) extent = other;
  }
  return shape;
}

/// Where element `i` of the result of this shape is taken from in a tensor that was broadcast to it.
inline int64_t source(const Shape& result, const Shape& shape, int64_t i) {
  int64_t place = 0;
  int64_t stride = 1;
  for (size_t k = 1; k <= shape.size(); ++k) {
    const int64_t extent = result[result.size() - k];
    if (shape[shape.size() - k] != 1) place += stride * (i % extent);
    stride *= shape[shape.size() - k];
    i /= extent;
  }
  return place;
}

/// One node, fused alone.
struct Computation : OrtNodeComputeInfo {
  const Api& api;
  std::string op;
  std::array<size_t, 2> places{};  // where the node's inputs are among those of the fused node, which names none twice
  bool fails;

  Computation(const Api& slots, const OrtNode* node, const OrtNode* fused_node, bool is_to_fail)
      : OrtNodeComputeInfo{}, api(slots), op(text_of(slots.Node_GetOperatorType, node)), fails(is_to_fail) {
    const auto given = inputs_of(api, fused_node);
    const auto wanted = inputs_of(api, node);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const std::string name = text_of(api.GetValueInfoName, wanted[i]);
      const auto is_it = [&](const OrtValueInfo* value) { return text_of(api.GetValueInfoName, value) == name; };
      places.at(i) = static_cast<size_t>(std::ranges::find_if(given, is_it) - given.begin());
    }
    ort_version_supported = kVersion;
    CreateState = [](OrtNodeComputeInfo*, OrtNodeComputeContext*, void** state) -> OrtStatus* { return *state = nullptr, nullptr; };
    Compute = [](OrtNodeComputeInfo* self, void*, OrtKernelContext* context) {
      const auto& that = *static_cast<const Computation*>(self);  // never changed: one session runs on several threads
      return guarded(that.api, [&] { that.compute(context); });
    };
    ReleaseState = [](OrtNodeComputeInfo*, void*) {};
  }

  void compute(OrtKernelContext* context) const {
    if (fails) throw std::runtime_error("asked to fail");
    const Tensor a = input(api, context, places[0]);
    if (op == "Relu") {
      float* result = output(api, context, a.shape);
      std::transform(a.data, a.data + count(a.shape), result, [](float x) { return x < 0 ? 0 : x; });
      return;
    }
    const Tensor b = input(api, context, places[1]);
    if (op == "MatMul")
      multiply(a, b, context);
    else if (op == "Add")
      combine(a, b, context, std::plus<>());
    else if (op == "Sub")
      combine(a, b, context, std::minus<>());
    else
      combine(a, b, context, std::multiplies<>());
  }

  template <class Function>
  void combine(const Tensor& a, const Tensor& b, OrtKernelContext* context, Function function) const {
    const Shape shape = broadcast(a.shape, b.shape);
    float* result = output(api, context, shape);
    const int64_t n = count(shape);
    for (int64_t i = 0; i < n; ++i) result[i] = function(a.data[source(shape, a.shape, i)], b.data[source(shape, b.shape, i)]);
  }

  void multiply(const Tensor& a, const Tensor& b, OrtKernelContext* context) const {
    const int64_t n_inner = a.shape.at(1);
    const int64_t n_columns = b.shape.at(1);
    if (n_inner != b.shape.at(0))
      throw std::runtime_error("MatMul of " + std::to_string(n_inner) + " columns and " + std::to_string(b.shape[0]) + " rows");
    float* result = output(api, context, {a.shape[0], n_columns});
    std::fill_n(result, a.shape[0] * n_columns, 0.0F);
    for (int64_t row = 0; row < a.shape[0]; ++row)
      for (int64_t k = 0; k < n_inner; ++k)
        for (int64_t column = 0; column < n_columns; ++column)
          result[row * n_columns + column] += a.data[row * n_inner + k] * b.data[k * n_columns + column];
  }
};

}  // namespace edgeonnx::plugin
