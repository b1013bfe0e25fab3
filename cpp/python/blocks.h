// Memory of large results, used again by later calls: fresh pages cost more than scoring a row into them.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace edgeonnx::python {

/// From here on a result is worth a block.
inline constexpr size_t kLeastBlockBytes = size_t{1} << 20;

/// At least n_bytes that live as long as the object; `*data` is where they begin. When the object goes the memory is kept for the next one
/// of about that size, up to 64 MiB in all. The GIL must be held, as it is when objects go.
pybind11::object new_block(size_t n_bytes, void** data);

}  // namespace edgeonnx::python
