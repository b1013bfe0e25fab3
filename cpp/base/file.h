// Whole files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace edgeonnx {

/// Throws Error(kIo) where the file can't be read, Error(kInvalidModel) where it has more than most_bytes.
std::vector<std::byte> read_model_file(const std::string& path, int64_t most_bytes);

}  // namespace edgeonnx
