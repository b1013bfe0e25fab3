// The Arrow C stream interface, as its specification gives it, and its capsules.
#pragma once

#include "core.h"

namespace edgeonnx::python {

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

inline constexpr const char* kStreamCapsule = "arrow_array_stream";

template <class T>
T* capsule_pointer(const py::handle& capsule, const char* name) {
  void* pointer = PyCapsule_GetPointer(capsule.ptr(), name);
  if (!pointer) throw py::error_already_set();
  return static_cast<T*>(pointer);
}

}  // namespace edgeonnx::python
