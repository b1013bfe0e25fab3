// How a node that edgeonnx puts into a model says why it fails: by its name, which ONNX Runtime writes into its error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace edgeonnx {

/// Begins the names of such nodes; T-SQL's number of the error, ": " and the sentence follow.
inline constexpr std::string_view kRefusalMark = "edgeonnx refuses with ";

inline std::string refusal_name(int32_t sql_number, std::string_view sentence) {
  return std::string(kRefusalMark) + std::to_string(sql_number) + ": " + std::string(sentence);
}

}  // namespace edgeonnx
