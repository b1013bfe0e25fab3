// Table: columns borrowed from NumPy arrays and from Arrow data.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "arrow.h"

namespace edgeonnx::python {
namespace {

void check_stream(ArrowArrayStream& stream, int code) {
  if (code == 0) return;
  const char* reason = stream.get_last_error(&stream);
  throw StatusError(EDGEONNX_INVALID_ARGUMENT, std::string("the Arrow stream failed: ") + (reason ? reason : std::strerror(code)));
}

/// A schema that releases itself.
struct OwnedSchema {
  ArrowSchema schema{};
  OwnedSchema() = default;
  OwnedSchema(const OwnedSchema&) = delete;
  OwnedSchema& operator=(const OwnedSchema&) = delete;
  ~OwnedSchema() {
    if (schema.release) schema.release(&schema);
  }
};

int64_t product(const std::vector<int64_t>& sizes) { return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>()); }

/// The sizes of fixed-size lists in each other.
std::vector<int64_t> row_sizes_of(const ArrowSchema& schema) {
  std::vector<int64_t> sizes;
  constexpr std::string_view kFixedSizeList = "+w:";  // of the Arrow C data interface
  for (const ArrowSchema* at = &schema; at->n_children == 1 && std::string_view(at->format).starts_with(kFixedSizeList);
       at = at->children[0]) {
    sizes.push_back(std::atoll(at->format + kFixedSizeList.size()));
  }
  return sizes;
}

bool is_packed_inside(const py::array& array) {
  if (array.size() == 0) return true;
  py::ssize_t expected = array.itemsize();
  for (py::ssize_t d = array.ndim() - 1; d > 0; --d) {
    if (array.shape(d) != 1 && array.strides(d) != expected) return false;
    expected *= array.shape(d);
  }
  return true;
}

}  // namespace

Table::~Table() {
  for (ArrowArray& array : arrow_arrays_) {
    if (array.release) array.release(&array);
  }
}

void Table::add_field(const std::string& name, const edgeonnx_field& like, const std::string& type_name, std::vector<int64_t> row_sizes) {
  edgeonnx_field field = like;
  field.name = strings_.emplace_back(check_name(name)).c_str();
  field.type_name = like.type == EDGEONNX_TYPE_UNDEFINED ? strings_.emplace_back(type_name).c_str() : nullptr;
  fields_.push_back(field);
  row_sizes_.push_back(std::move(row_sizes));
}

void Table::add_column_of(const std::string& name, const Table& other, edgeonnx_column& column) {
  if (other.fields_.size() != 1 || other.batches_.size() > 1) {
    throw StatusError(EDGEONNX_INVALID_ARGUMENT, "column '" + name + "' is not one column in one piece");
  }
  add_field(name, other.fields_[0], other.fields_[0].type_name ? other.fields_[0].type_name : "", other.row_sizes_[0]);
  if (!other.batches_.empty()) column = other.batches_[0].columns[0];
}

void Table::add_mask(const py::object& mask, edgeonnx_column& column, int64_t n_rows, int64_t width) {
  const auto nulls = py::array_t<bool, py::array::c_style | py::array::forcecast>::ensure(mask);
  const bool by_value = nulls && nulls.ndim() > 1;
  if (!nulls || nulls.ndim() == 0 || nulls.shape(0) != n_rows || nulls.size() != (by_value ? n_rows * width : n_rows)) {
    throw StatusError(EDGEONNX_SHAPE_MISMATCH, "a mask must be a boolean array with one value a row, or one for each value");
  }
  std::vector<uint8_t>& bits = bitmaps_.emplace_back(static_cast<size_t>((nulls.size() + 7) / 8));
  const bool* is_null = nulls.data();
  for (py::ssize_t i = 0; i < nulls.size(); ++i) {
    if (!is_null[i]) bits[static_cast<size_t>(i >> 3)] |= static_cast<uint8_t>(1u << (i & 7));
  }
  (by_value ? column.value_validity : column.validity) = bits.data();
}

std::unique_ptr<Table> Table::from_arrays(const std::vector<std::string>& names, const py::list& arrays, const py::object& masks) {
  auto table = std::make_unique<Table>();
  const size_t n = names.size();
  if (arrays.size() != n) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "as many names as arrays are needed");
  std::vector<edgeonnx_column>& columns = table->columns_.emplace_back(n);
  std::vector<int64_t> lengths(n);
  for (size_t i = 0; i < n; ++i) {
    const bool is_array = py::isinstance<py::array>(arrays[i]);  // first, since one-row calls feel every question
    if (!is_array && py::isinstance<py::tuple>(arrays[i])) {
      const auto [type_name, n_rows] = py::cast<std::pair<std::string, int64_t>>(arrays[i]);
      table->add_field(names[i], {nullptr, nullptr, 1, EDGEONNX_TYPE_UNDEFINED, 0, 0}, type_name);
      lengths[i] = n_rows;
      continue;
    }
    if (!is_array && py::isinstance<py::int_>(arrays[i])) {
      table->add_field(names[i], {nullptr, nullptr, 1, EDGEONNX_TYPE_NULL, 0, 0}, "");
      lengths[i] = arrays[i].cast<int64_t>();
      continue;
    }
    if (!is_array && py::isinstance<Table>(arrays[i])) {
      const auto& other = arrays[i].cast<const Table&>();
      table->add_column_of(names[i], other, columns[i]);
      lengths[i] = other.n_rows_;
      continue;
    }
    const auto array = py::reinterpret_borrow<py::array>(arrays[i]);
    if (!is_array) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "column '" + names[i] + "' is not a NumPy array");
    if (array.ndim() == 0)
      throw StatusError(EDGEONNX_SHAPE_MISMATCH, "column '" + names[i] + "' is a scalar; a column needs a dimension for its rows");
    lengths[i] = array.shape(0);
    int32_t type = type_of(array.dtype());
    std::vector<int64_t> row_sizes(array.shape() + 1, array.shape() + array.ndim());
    const int64_t width = product(row_sizes);
    if (width < 1 || !is_packed_inside(array)) type = EDGEONNX_TYPE_UNDEFINED;
    table->add_field(names[i], {nullptr, nullptr, width < 1 ? 1 : width, type, 0, 0},
                     type == EDGEONNX_TYPE_UNDEFINED ? py::cast<std::string>(py::str(py::object(array.dtype()))) : "",
                     width < 1 ? std::vector<int64_t>() : std::move(row_sizes));
    if (type == EDGEONNX_TYPE_UNDEFINED) continue;
    columns[i].data = array.data();
    columns[i].stride = array.shape(0) > 1 ? array.strides(0) : array.itemsize() * width;
    if (!masks.is_none()) {
      const py::object mask = masks[py::int_(i)];
      if (!mask.is_none()) table->add_mask(mask, columns[i], array.shape(0), width);
    }
  }
  if (n > 0) table->n_rows_ = lengths[0];
  if (std::any_of(lengths.begin(), lengths.end(), [&](int64_t length) { return length != table->n_rows_; })) {
    std::string all;
    for (size_t i = 0; i < n; ++i) all += (i ? ", '" : "'") + names[i] + "' has " + std::to_string(lengths[i]);
    throw StatusError(EDGEONNX_SHAPE_MISMATCH, "columns differ in their number of rows: " + all);
  }
  table->owner_ = arrays;
  table->batches_.push_back({columns.data(), table->n_rows_});
  return table;
}

void Table::add_batch(const ArrowSchema& schema, ArrowArray array) {
  arrow_arrays_.push_back(array);  // owned from here on, whatever happens below
  std::vector<edgeonnx_column>& columns = columns_.emplace_back(fields_.size());
  int64_t n_rows = 0;
  checked([&](edgeonnx_error* error) {
    return edgeonnx_arrow_columns(&schema, &arrow_arrays_.back(), columns.data(), columns.size(), &n_rows, error);
  });
  batches_.push_back({columns.data(), n_rows});
  n_rows_ += n_rows;
}

std::unique_ptr<Table> Table::from_arrow(const py::object& source) {
  auto table = std::make_unique<Table>();
  const auto read_fields = [&](const ArrowSchema& schema) {
    std::vector<edgeonnx_field> fields(static_cast<size_t>(schema.n_children));
    checked([&](edgeonnx_error* error) { return edgeonnx_arrow_fields(&schema, fields.data(), fields.size(), error); });
    // The schema goes away with its capsule; the names stay.
    for (size_t i = 0; i < fields.size(); ++i) {
      table->add_field(fields[i].name, fields[i], fields[i].type_name, row_sizes_of(*schema.children[i]));
    }
  };
  if (py::hasattr(source, "__arrow_c_stream__")) {
    const py::object capsule = source.attr("__arrow_c_stream__")();
    auto& stream = *capsule_pointer<ArrowArrayStream>(capsule, kStreamCapsule);
    OwnedSchema owned;
    {
      const py::gil_scoped_release release;  // producers may take a while, and take the GIL themselves if they need it
      check_stream(stream, stream.get_schema(&stream, &owned.schema));
    }
    read_fields(owned.schema);
    while (true) {
      ArrowArray array{};
      {
        const py::gil_scoped_release release;
        check_stream(stream, stream.get_next(&stream, &array));
      }
      if (!array.release) return table;
      table->add_batch(owned.schema, array);
    }
  }
  const py::tuple pair = source.attr("__arrow_c_array__")();
  auto& schema = *capsule_pointer<ArrowSchema>(pair[0], "arrow_schema");
  auto& array = *capsule_pointer<ArrowArray>(pair[1], "arrow_array");
  read_fields(schema);
  const ArrowArray moved = array;
  array.release = nullptr;  // moved, as the interface's specification describes it
  table->add_batch(schema, moved);
  return table;
}

std::unique_ptr<Table> Table::from_arrow_array(const py::object& source) {
  const py::tuple pair = source.attr("__arrow_c_array__")();
  auto& schema = *capsule_pointer<ArrowSchema>(pair[0], "arrow_schema");
  auto& array = *capsule_pointer<ArrowArray>(pair[1], "arrow_array");
  if (!schema.release || !array.release) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "the Arrow array has been released");
  // The core reads tables: a struct around the array, which ends with it.
  struct Parent {
    ArrowArray child;
    ArrowArray* children[1] = {&child};
    const void* buffers[1] = {nullptr};
  };
  ArrowSchema* children[] = {&schema};
  ArrowSchema table_schema{"+s", "", nullptr, 0, 1, children, nullptr, [](ArrowSchema*) {}, nullptr};
  auto table = std::make_unique<Table>();
  edgeonnx_field field{};
  checked([&](edgeonnx_error* error) { return edgeonnx_arrow_fields(&table_schema, &field, 1, error); });
  table->add_field("values", field, field.type_name, row_sizes_of(schema));
  auto parent = std::make_unique<Parent>();
  parent->child = array;
  ArrowArray table_array{};
  table_array.length = array.length;
  table_array.n_buffers = 1;
  table_array.n_children = 1;
  table_array.buffers = parent->buffers;
  table_array.children = parent->children;
  table_array.private_data = parent.release();
  table_array.release = [](ArrowArray* self) {
    const std::unique_ptr<Parent> owned(static_cast<Parent*>(self->private_data));
    owned->child.release(&owned->child);
    self->release = nullptr;
  };
  array.release = nullptr;  // moved, as the interface's specification describes it
  table->add_batch(table_schema, table_array);
  return table;
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> all;
  for (const edgeonnx_field& field : fields_) all.emplace_back(field.name);
  return all;
}

std::vector<std::vector<uintptr_t>> Table::addresses() const {
  std::vector<std::vector<uintptr_t>> all;
  for (const auto& columns : columns_) {
    auto& batch = all.emplace_back();
    for (const edgeonnx_column& column : columns) batch.push_back(reinterpret_cast<uintptr_t>(column.data));
  }
  return all;
}

py::bytes Table::signature() const {
  std::string text;
  for (size_t i = 0; i < fields_.size(); ++i) {
    const edgeonnx_field& field = fields_[i];
    text.append(field.name).push_back('\0');
    text.append(reinterpret_cast<const char*>(&field.type), sizeof field.type);
    text.append(reinterpret_cast<const char*>(&field.width), sizeof field.width);
    const std::vector<int64_t>& sizes = row_sizes_[i];
    if (sizes.size() > 1) text.append(1, ',').append(reinterpret_cast<const char*>(sizes.data()), sizes.size() * sizeof(int64_t));
    if (is_decimal(field.type)) text.append({static_cast<char>(field.precision), static_cast<char>(field.scale)});
    if (field.type == EDGEONNX_TYPE_UNDEFINED) text.append(field.type_name).push_back('\0');
  }
  return py::bytes(text);
}

void register_table(py::module_& module) {
  py::class_<Table>(module, "Table", "Columns on loan from NumPy arrays or Arrow data.")
      .def_static("from_arrays", &Table::from_arrays, py::arg("names"), py::arg("arrays"), py::arg("masks") = py::none())
      .def_static("from_arrow", &Table::from_arrow, py::arg("source"))
      .def_static("from_arrow_array", &Table::from_arrow_array, py::arg("source"))
      .def_property_readonly("n_rows", &Table::n_rows)
      .def_property_readonly("names", &Table::names)
      .def_property_readonly("is_bindable",
                             [](const Table& table) {
                               return std::none_of(table.fields().begin(), table.fields().end(),
                                                   [](const edgeonnx_field& field) { return field.type == EDGEONNX_TYPE_UNDEFINED; });
                             })
      .def_property_readonly("n_batches", [](const Table& table) { return table.batches().size(); })
      .def_property_readonly("signature", &Table::signature)
      .def("addresses", &Table::addresses);
}

}  // namespace edgeonnx::python
