// edgeonnx_result_parse, edgeonnx_conversion_rule and edgeonnx_column_cast: shims over base/sql_type.h, convert/rules.h, engine/cast.h.
#include "capi/types.h"

#include "convert/rules.h"
#include "engine/cast.h"

using namespace edgeonnx;
using namespace edgeonnx::capi;

edgeonnx_status edgeonnx_result_parse(const char* declaration, edgeonnx_result* result, edgeonnx_error* error) {
  return guarded(error, [&] {
    const Declaration parsed = parse_declaration(&needed(declaration, "declaration"));
    edgeonnx_result& out = needed(result, "result");
    out.type = static_cast<int32_t>(parsed.type.type);
    out.precision = static_cast<int16_t>(parsed.type.precision);
    out.scale = static_cast<int16_t>(parsed.type.scale);
    out.not_null = parsed.not_null;
  });
}

edgeonnx_status edgeonnx_conversion_rule(int32_t from, int32_t to, const char** rule, int32_t* sql_number, edgeonnx_error* error) {
  return guarded(error, [&] {
    const convert::Cell cell = convert::cell(static_cast<Type>(from), static_cast<Type>(to));
    needed(rule, "rule") = convert::rule_name(cell.rule);
    needed(sql_number, "sql_number") = cell.sql_number;
  });
}

edgeonnx_status edgeonnx_column_cast(const edgeonnx_field* field, const edgeonnx_column* column, int64_t n_rows, const edgeonnx_result* to,
                                     const edgeonnx_cast_options* options, const edgeonnx_output* result, int64_t* n_changed,
                                     edgeonnx_error* error) {
  return guarded(error, [&] {
    const edgeonnx_cast_options raw = read_struct(options);
    const Field from = field_of(needed(field, "field"));
    const Declaration declaration = declaration_of(needed(to, "to"));
    const edgeonnx_output& target = needed(result, "result");
    if (n_rows < 0) throw Error(Code::kInvalidArgument, "n_rows is negative");
    const int64_t size = size_of(declaration.type.type);
    if (n_rows > 1 && target.stride != size) throw Error(Code::kInvalidArgument, "the result has gaps between its rows");
    if (raw.n_threads < 0) throw Error(Code::kInvalidArgument, "n_threads is negative");
    const engine::CastOptions how{enum_of<engine::Coercion>(raw.coercion, EDGEONNX_COERCION_STRICT, "coercion"),
                                  enum_of<engine::OnOverflow>(raw.on_overflow, EDGEONNX_ON_OVERFLOW_NULL, "on_overflow"),
                                  declaration.not_null, raw.n_threads};
    const int64_t count = engine::cast_column(from, needed(column, "column"), n_rows, declaration.type, how, target);
    if (n_changed) *n_changed = count;
  });
}
