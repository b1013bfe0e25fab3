// edgeonnx_arrow_*: shims over columns/arrow.h.
#include "columns/arrow.h"

#include <memory>

#include "base/text.h"
#include "capi/guard.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

edgeonnx_status edgeonnx_arrow_fields(const ArrowSchema* schema, edgeonnx_field* fields, size_t n_fields, edgeonnx_error* error) {
  return guarded(error, [&] { arrow::read_fields(needed(schema, "schema"), items(fields, n_fields, "fields")); });
}

edgeonnx_status edgeonnx_arrow_columns(const ArrowSchema* schema, const ArrowArray* array, edgeonnx_column* columns, size_t n_columns,
                                       int64_t* n_rows, edgeonnx_error* error) {
  return guarded(error, [&] {
    needed(n_rows, "n_rows") = arrow::read_columns(needed(schema, "schema"), needed(array, "array"), items(columns, n_columns, "columns"));
  });
}

namespace {

/// Keeps the count of live objects for an exported array.
struct CountedOwner {
  void (*release)(void*);
  void* owner;
};

void release_counted(void* raw) {
  auto* counted = static_cast<CountedOwner*>(raw);
  if (counted->release) counted->release(counted->owner);
  delete counted;
  --live_objects;
}

}  // namespace

edgeonnx_status edgeonnx_arrow_export(const edgeonnx_field* fields, const edgeonnx_column* columns, const uint8_t* const* masks,
                                      size_t n_columns, int64_t n_rows, void (*release)(void*), void* owner, ArrowSchema* schema,
                                      ArrowArray* array, edgeonnx_error* error) {
  const edgeonnx_status status = guarded(error, [&] {
    if (n_rows < 0) throw Error(Code::kInvalidArgument, "n_rows is negative");
    items(fields, n_columns, "fields");
    items(columns, n_columns, "columns");
    std::vector<arrow::Packed> packed;
    for (size_t i = 0; i < n_columns; ++i) {
      if (fields[i].width < 0)
        throw Error(Code::kInvalidArgument, "column " + in_quotes(text_or(fields[i].name, "")) + " has a negative width");
      if (!columns[i].data && n_rows > 0 && fields[i].width > 0)
        throw Error(Code::kInvalidArgument, "column " + in_quotes(text_or(fields[i].name, "")) + " has no data");
      const int64_t stride = packed_stride(static_cast<Type>(fields[i].type), fields[i].width);
      if (n_rows > 1 && stride > 0 && columns[i].stride != stride) {
        throw Error(Code::kInvalidArgument, "column " + in_quotes(text_or(fields[i].name, "")) + " has gaps between its rows");
      }
      packed.push_back({fields[i], columns[i].data, masks ? masks[i] : nullptr});
      if (!fields[i].name) packed.back().field.name = "";
    }
    auto counted = std::make_unique<CountedOwner>(CountedOwner{release, owner});
    arrow::write(packed, n_rows, release_counted, counted.get(), needed(schema, "schema"), needed(array, "array"));
    counted.release();
    ++live_objects;
  });
  if (status != EDGEONNX_OK && release) release(owner);
  return status;
}
