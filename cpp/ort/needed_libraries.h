// What a shared library asks the loader for.
#pragma once

#include <string>
#include <vector>

namespace edgeonnx::ort {

/// File names of the libraries that the one at `path` needs (DT_NEEDED of an ELF file), in its order; none where the file can't be read or
/// is no ELF file for this machine.
std::vector<std::string> needed_libraries(const std::string& path);

}  // namespace edgeonnx::ort
