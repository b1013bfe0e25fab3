// The objects behind the C interface's pointers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/guard.h"
#include "engine/registry.h"
#include "engine/score.h"
#include "ort/provider_probe.h"

struct edgeonnx_scorer {
  std::shared_ptr<const edgeonnx::engine::Scorer> scorer;
  std::string settings;
  std::string digest;
};

struct edgeonnx_binding {
  edgeonnx::engine::Binding binding;
};

struct edgeonnx_cancel {
  edgeonnx::engine::Cancel cancel;
};

struct edgeonnx_registry {
  edgeonnx::engine::Registry registry;
};

struct edgeonnx_providers {
  std::vector<edgeonnx::ort::ProviderState> states;
  std::vector<std::vector<std::string>> types;  ///< of the options
  std::vector<std::vector<edgeonnx_provider_option>> options;
};

namespace edgeonnx::capi {

/// Checked.
engine::ScorerOptions scorer_options_of(const edgeonnx_scorer_options* given);

/// Fills the caller's port; strings and shape stay with the object that owns them.
template <class Owner>
edgeonnx_port port_of(const Owner& owner, const DataType& type, int64_t width, bool nullable) {
  edgeonnx_port port{};
  port.name = owner.name.c_str();
  port.sql_type = sql_name(type.type);
  port.onnx_type = owner.onnx_type.c_str();
  port.shape = owner.shape.data();
  port.rank = static_cast<int32_t>(owner.shape.size());
  port.width = width;
  port.type = static_cast<int32_t>(type.type);
  port.nullable = nullable;
  port.precision = static_cast<int16_t>(type.precision);
  port.scale = static_cast<int16_t>(type.scale);
  return port;
}

template <class Items>
auto& item_at(Items& items, int64_t index, const char* what) {
  if (index < 0 || index >= static_cast<int64_t>(items.size())) {
    throw Error(Code::kInvalidArgument,
                std::string(what) + " " + std::to_string(index) + " does not exist; there are " + std::to_string(items.size()));
  }
  return items[static_cast<size_t>(index)];
}

}  // namespace edgeonnx::capi
