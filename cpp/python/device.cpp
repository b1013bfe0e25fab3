// Tensors in the memory of a device: read from the protocols that carry them, and scored where they lie.
#include <optional>

#include "arrow.h"
#include "binding.h"

namespace edgeonnx::python {
namespace {

// DLPack, as its specification gives it; of a DLManagedTensorVersioned the version stands before what both have.
struct DLTensor {
  void* data;
  struct {
    int32_t type;
    int32_t id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  uint32_t major;
  uint32_t minor;
  void* manager;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};

/// The Arrow C device data interface, likewise.
struct ArrowDeviceArray {
  ArrowArray array;
  int64_t device_id;
  int32_t device_type;
  void* sync_event;
  int64_t reserved[3];
};

/// The element type of edgeonnx.h; undefined for what it has none for.
int32_t type_of(const decltype(DLTensor::dtype)& dtype) {
  if (dtype.lanes != 1) return EDGEONNX_TYPE_UNDEFINED;
  static constexpr struct {
    uint8_t code, bits;
    int32_t type;
  } kTypes[] = {{0, 8, EDGEONNX_TYPE_INT8},    {0, 16, EDGEONNX_TYPE_INT16},  {0, 32, EDGEONNX_TYPE_INT32},
                {0, 64, EDGEONNX_TYPE_INT64},  {1, 8, EDGEONNX_TYPE_UINT8},   {1, 16, EDGEONNX_TYPE_UINT16},
                {1, 32, EDGEONNX_TYPE_UINT32}, {1, 64, EDGEONNX_TYPE_UINT64}, {2, 16, EDGEONNX_TYPE_FLOAT16},
                {2, 32, EDGEONNX_TYPE_FLOAT},  {2, 64, EDGEONNX_TYPE_DOUBLE}, {4, 16, EDGEONNX_TYPE_BFLOAT16},
                {6, 8, EDGEONNX_TYPE_BOOL}};
  for (const auto& each : kTypes) {
    if (each.code == dtype.code && each.bits == dtype.bits) return each.type;
  }
  return EDGEONNX_TYPE_UNDEFINED;
}

int32_t type_of(const std::string& arrow_format) {
  static constexpr struct {
    char format;
    int32_t type;
  } kTypes[] = {{'c', EDGEONNX_TYPE_INT8},    {'C', EDGEONNX_TYPE_UINT8},  {'s', EDGEONNX_TYPE_INT16}, {'S', EDGEONNX_TYPE_UINT16},
                {'i', EDGEONNX_TYPE_INT32},   {'I', EDGEONNX_TYPE_UINT32}, {'l', EDGEONNX_TYPE_INT64}, {'L', EDGEONNX_TYPE_UINT64},
                {'e', EDGEONNX_TYPE_FLOAT16}, {'f', EDGEONNX_TYPE_FLOAT},  {'g', EDGEONNX_TYPE_DOUBLE}};
  for (const auto& each : kTypes) {
    if (arrow_format.size() == 1 && arrow_format[0] == each.format) return each.type;
  }
  return EDGEONNX_TYPE_UNDEFINED;
}

int64_t width_of(int32_t type) {
  switch (type) {
    case EDGEONNX_TYPE_INT8:
    case EDGEONNX_TYPE_UINT8:
      return 1;
    case EDGEONNX_TYPE_INT16:
    case EDGEONNX_TYPE_UINT16:
    case EDGEONNX_TYPE_FLOAT16:
      return 2;
    case EDGEONNX_TYPE_INT32:
    case EDGEONNX_TYPE_UINT32:
    case EDGEONNX_TYPE_FLOAT:
      return 4;
    default:
      return 8;
  }
}

/// (address, shape, strides in elements or None, type, device type, device id, whether it may be written) of a capsule, which stays the
/// owner.
py::tuple read_dlpack(const py::capsule& capsule) {
  constexpr uint64_t kReadOnly = 1;
  const bool is_versioned = std::string(capsule.name()) == "dltensor_versioned";
  const auto* versioned = is_versioned ? capsule_pointer<DLManagedTensorVersioned>(capsule, "dltensor_versioned") : nullptr;
  if (versioned && versioned->major != 1) throw py::value_error("DLPack of version " + std::to_string(versioned->major) + " is not read");
  const DLTensor& tensor = versioned ? versioned->tensor : capsule_pointer<DLManagedTensor>(capsule, "dltensor")->tensor;
  py::tuple shape(tensor.ndim);
  for (int32_t d = 0; d < tensor.ndim; ++d) shape[d] = tensor.shape[d];
  py::object strides = py::none();
  if (tensor.strides) {
    py::tuple given(tensor.ndim);
    for (int32_t d = 0; d < tensor.ndim; ++d) given[d] = tensor.strides[d];
    strides = given;
  }
  return py::make_tuple(reinterpret_cast<uintptr_t>(tensor.data) + tensor.byte_offset, shape, strides, type_of(tensor.dtype),
                        tensor.device.type, tensor.device.id, !versioned || (versioned->flags & kReadOnly) == 0);
}

/// (device type, device id, address of the event or None, columns) with (name, address, rows, type, nulls) a column, of the two capsules of
/// `__arrow_c_device_array__`, which stay the owners.
py::tuple read_arrow_device(const py::object& schema_capsule, const py::object& array_capsule) {
  const auto& schema = *capsule_pointer<ArrowSchema>(schema_capsule, "arrow_schema");
  const auto& whole = *capsule_pointer<ArrowDeviceArray>(array_capsule, "arrow_device_array");
  const bool is_struct = std::string(schema.format) == "+s";
  const bool has_null_rows = is_struct && whole.array.n_buffers > 0 && whole.array.buffers[0] && whole.array.null_count != 0;
  py::list columns;
  for (int64_t i = 0; i < (is_struct ? schema.n_children : 1); ++i) {
    const ArrowSchema& field = is_struct ? *schema.children[i] : schema;
    const ArrowArray& array = is_struct ? *whole.array.children[i] : whole.array;
    const int32_t type = type_of(std::string(field.format));
    const int64_t first = array.offset + (is_struct ? whole.array.offset : 0);
    const auto data = array.n_buffers > 1 ? reinterpret_cast<uintptr_t>(array.buffers[1]) : 0;
    const int64_t nulls = array.n_buffers > 0 && array.buffers[0] ? array.null_count : has_null_rows;
    columns.append(py::make_tuple(field.name ? field.name : "", data + static_cast<uintptr_t>(first * width_of(type)), whole.array.length,
                                  type, nulls));
  }
  py::object event = py::none();
  if (whole.sync_event) event = py::int_(*static_cast<const uintptr_t*>(whole.sync_event));  // a cudaEvent_t*
  return py::make_tuple(whole.device_type, whole.device_id, event, columns);
}

/// (name, address, shape, type, event or None)
using Tensor = std::tuple<std::string, uintptr_t, std::vector<int64_t>, int32_t, std::optional<uintptr_t>>;

std::vector<edgeonnx_device_tensor> raw_tensors(const std::vector<Tensor>& tensors) {
  std::vector<edgeonnx_device_tensor> raw;
  for (const auto& [name, address, shape, type, ready] : tensors) {
    raw.push_back({name.c_str(),
                   reinterpret_cast<void*>(address),
                   shape.data(),
                   reinterpret_cast<void*>(ready.value_or(0)),
                   static_cast<int32_t>(shape.size()),
                   type,
                   {}});
  }
  return raw;
}

void score_device(const Scorer& self, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, bool outputs_are_on_host,
                  int32_t device_id, std::optional<uintptr_t> stream) {
  const auto raw_inputs = raw_tensors(inputs), raw_outputs = raw_tensors(outputs);
  edgeonnx_device_call call{};
  call.struct_size = sizeof call;
  call.inputs = raw_inputs.data();
  call.n_inputs = raw_inputs.size();
  call.outputs = raw_outputs.data();
  call.n_outputs = raw_outputs.size();
  call.stream = reinterpret_cast<void*>(stream.value_or(0));
  call.has_stream = stream.has_value();
  call.outputs_are_on_host = outputs_are_on_host;
  call.device_id = device_id;
  const py::gil_scoped_release release;  // addresses and C++ copies alone; the caller holds their owners
  checked([&](edgeonnx_error* error) { return edgeonnx_scorer_score_device(self.get(), &call, error); });
}

}  // namespace

void register_device(py::module_& module) {
  module.def("read_dlpack", &read_dlpack, py::arg("capsule"));
  module.def("read_arrow_device", &read_arrow_device, py::arg("schema"), py::arg("array"));
  module.def("score_device", &score_device, py::arg("scorer"), py::arg("inputs"), py::arg("outputs"), py::arg("outputs_are_on_host"),
             py::arg("device_id"), py::arg("stream"));
}

}  // namespace edgeonnx::python
