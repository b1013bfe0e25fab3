// SHA-256, as FIPS 180-4 gives it: what a model's bytes are told apart by.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace edgeonnx {

/// 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace edgeonnx
