// How rows are to be scored, in words.
#pragma once

#include <string_view>

#include "engine/binding.h"

namespace edgeonnx::engine {

struct Settings {
  Coercion coercion = Coercion::kTsql;
  OnOverflow on_overflow = OnOverflow::kError;
  NullRule nulls;
};

/// As edgeonnx_settings_parse has it. Throws Error(kInvalidArgument).
Settings parse_settings(std::string_view text);

}  // namespace edgeonnx::engine
