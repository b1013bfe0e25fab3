/* DuckDB's vectors as edgeonnx's columns, in place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

typedef struct Type {
  duckdb_type duckdb;
  int32_t type; /* EDGEONNX_TYPE_UNDEFINED: no input takes it, and the binding says so */
  int32_t size;
  const char* name;
} Type;

/* DuckDB's own names: its FLOAT is T-SQL's real, and its TINYINT has a sign. */
static const Type kTypes[] = {
    {DUCKDB_TYPE_BOOLEAN, EDGEONNX_TYPE_BOOL, 1, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, EDGEONNX_TYPE_INT8, 1, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, EDGEONNX_TYPE_INT16, 2, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, EDGEONNX_TYPE_INT32, 4, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, EDGEONNX_TYPE_INT64, 8, "BIGINT"},
    {DUCKDB_TYPE_UTINYINT, EDGEONNX_TYPE_UINT8, 1, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, EDGEONNX_TYPE_UINT16, 2, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, EDGEONNX_TYPE_UINT32, 4, "UINTEGER"},
    {DUCKDB_TYPE_UBIGINT, EDGEONNX_TYPE_UINT64, 8, "UBIGINT"},
    {DUCKDB_TYPE_FLOAT, EDGEONNX_TYPE_FLOAT, 4, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, EDGEONNX_TYPE_DOUBLE, 8, "DOUBLE"},
    {DUCKDB_TYPE_HUGEINT, EDGEONNX_TYPE_DECIMAL128, 16, "HUGEINT"}, /* of scale 0 */
    {DUCKDB_TYPE_UHUGEINT, EDGEONNX_TYPE_UNDEFINED, 0, "UHUGEINT"},
    {DUCKDB_TYPE_BIGNUM, EDGEONNX_TYPE_UNDEFINED, 0, "BIGNUM"},
    {DUCKDB_TYPE_VARCHAR, EDGEONNX_TYPE_UNDEFINED, 0, "VARCHAR"},
    {DUCKDB_TYPE_BLOB, EDGEONNX_TYPE_UNDEFINED, 0, "BLOB"},
    {DUCKDB_TYPE_BIT, EDGEONNX_TYPE_UNDEFINED, 0, "BIT"},
    {DUCKDB_TYPE_ENUM, EDGEONNX_TYPE_UNDEFINED, 0, "ENUM"},
    {DUCKDB_TYPE_UUID, EDGEONNX_TYPE_UNDEFINED, 0, "UUID"},
    {DUCKDB_TYPE_DATE, EDGEONNX_TYPE_UNDEFINED, 0, "DATE"},
    {DUCKDB_TYPE_TIME, EDGEONNX_TYPE_UNDEFINED, 0, "TIME"},
    {DUCKDB_TYPE_TIME_TZ, EDGEONNX_TYPE_UNDEFINED, 0, "TIMETZ"},
    {DUCKDB_TYPE_TIME_NS, EDGEONNX_TYPE_UNDEFINED, 0, "TIME_NS"},
    {DUCKDB_TYPE_TIMESTAMP, EDGEONNX_TYPE_UNDEFINED, 0, "TIMESTAMP"},
    {DUCKDB_TYPE_TIMESTAMP_S, EDGEONNX_TYPE_UNDEFINED, 0, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, EDGEONNX_TYPE_UNDEFINED, 0, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, EDGEONNX_TYPE_UNDEFINED, 0, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, EDGEONNX_TYPE_UNDEFINED, 0, "TIMESTAMPTZ"},
    {DUCKDB_TYPE_INTERVAL, EDGEONNX_TYPE_UNDEFINED, 0, "INTERVAL"},
    {DUCKDB_TYPE_LIST, EDGEONNX_TYPE_UNDEFINED, 0, "LIST"},
    {DUCKDB_TYPE_STRUCT, EDGEONNX_TYPE_UNDEFINED, 0, "STRUCT"},
    {DUCKDB_TYPE_MAP, EDGEONNX_TYPE_UNDEFINED, 0, "MAP"},
    {DUCKDB_TYPE_UNION, EDGEONNX_TYPE_UNDEFINED, 0, "UNION"},
    {DUCKDB_TYPE_ARRAY, EDGEONNX_TYPE_UNDEFINED, 0, "ARRAY"}, /* one of arrays; that of numbers is a wide column */
    {DUCKDB_TYPE_INVALID, EDGEONNX_TYPE_UNDEFINED, 0, "type unknown to edgeonnx"}};

static const Type* type_of(duckdb_type duckdb) {
  const Type* type = kTypes;
  while (type->duckdb != duckdb && type->duckdb != DUCKDB_TYPE_INVALID) ++type;
  return type;
}

/* Takes `block`, which is NULL where memory was short. */
static void* own(Columns* to, void* block) {
  if (block) to->owned[to->n_owned++] = block;
  return block;
}

/* DuckDB keeps decimals of up to four digits in 2 bytes, edgeonnx knows none below 4. */
static const int32_t* widened(Columns* to, const int16_t* values, idx_t n) {
  int32_t* const wide = own(to, malloc((n + 1) * sizeof *wide));
  for (idx_t i = 0; wide && i < n; ++i) wide[i] = values[i];
  return wide;
}

static bool read_decimal(Columns* to, duckdb_logical_type logical, idx_t n_values, edgeonnx_field* field, edgeonnx_column* column,
                         int64_t* size) {
  field->precision = duckdb_decimal_width(logical);
  field->scale = duckdb_decimal_scale(logical);
  switch (duckdb_decimal_internal_type(logical)) {
    case DUCKDB_TYPE_SMALLINT:
      column->data = widened(to, column->data, n_values);
      field->type = EDGEONNX_TYPE_DECIMAL32;
      *size = 4;
      return column->data;
    case DUCKDB_TYPE_INTEGER:
      field->type = EDGEONNX_TYPE_DECIMAL32;
      *size = 4;
      return true;
    case DUCKDB_TYPE_BIGINT:
      field->type = EDGEONNX_TYPE_DECIMAL64;
      *size = 8;
      return true;
    default:
      field->type = EDGEONNX_TYPE_DECIMAL128;
      *size = 16;
      return true;
  }
}

/* A NULL without a type stands for a column of NULLs: these bits, and one value that nobody reads. */
static const uint8_t kNoneValid[1 << 13];
static const double kNothing;

/* False where memory is short. `logical` is of the vector, or of its arrays' values. */
static bool read_values(Columns* to, duckdb_vector vector, duckdb_logical_type logical, idx_t n_values, edgeonnx_field* field,
                        edgeonnx_column* column) {
  const duckdb_type id = duckdb_get_type_id(logical);
  int64_t size = 0;
  column->data = duckdb_vector_get_data(vector);
  if (id == DUCKDB_TYPE_DECIMAL) {
    if (!read_decimal(to, logical, n_values, field, column, &size)) return false;
  } else if (id == DUCKDB_TYPE_SQLNULL) {
    field->type = EDGEONNX_TYPE_DOUBLE;
    field->type_name = "NULL";
    column->data = &kNothing;
    column->validity = kNoneValid;
  } else {
    const Type* const type = type_of(id);
    field->type = type->type;
    field->type_name = type->name;
    size = type->size;
    if (id == DUCKDB_TYPE_HUGEINT) field->precision = 38;
  }
  column->stride = size * field->width;
  return true;
}

/* Takes `logical`. */
static bool read_vector(Columns* to, duckdb_vector vector, duckdb_logical_type logical, idx_t n_rows, edgeonnx_field* field,
                        edgeonnx_column* column) {
  field->width = 1;
  /* Words of 64 bits, lowest first: as bytes a bitmap, lowest bit first. */
  column->validity = (const uint8_t*)duckdb_vector_get_validity(vector);
  duckdb_logical_type inner = duckdb_get_type_id(logical) == DUCKDB_TYPE_ARRAY ? duckdb_array_type_child_type(logical) : NULL;
  bool done;
  if (inner) {
    duckdb_vector values = duckdb_array_vector_get_child(vector);
    field->width = (int64_t)duckdb_array_type_array_size(logical);
    column->value_validity = (const uint8_t*)duckdb_vector_get_validity(values);
    done = read_values(to, values, inner, n_rows * (idx_t)field->width, field, column);
    duckdb_destroy_logical_type(&inner);
  } else {
    done = read_values(to, vector, logical, n_rows, field, column);
  }
  duckdb_destroy_logical_type(&logical);
  return done;
}

static bool begin(Columns* to, size_t n_columns, Failure* failure) {
  memset(to, 0, sizeof *to);
  to->n_columns = n_columns;
  to->fields = calloc(n_columns + 1, sizeof *to->fields);
  to->columns = calloc(n_columns + 1, sizeof *to->columns);
  to->owned = calloc(2 * n_columns + 1, sizeof *to->owned); /* a name and widened values each */
  return (to->fields && to->columns && to->owned) || failure_memory(failure);
}

bool columns_of_chunk(Columns* to, duckdb_data_chunk chunk, idx_t first, Failure* failure) {
  enum { ROOM_FOR_NAME = 32 };
  const size_t n_columns = duckdb_data_chunk_get_column_count(chunk) - first;
  if (!begin(to, n_columns, failure)) return false;
  char* const names = own(to, malloc((n_columns + 1) * ROOM_FOR_NAME));
  if (!names) return failure_memory(failure);
  for (size_t i = 0; i < n_columns; ++i) {
    char* const name = names + i * ROOM_FOR_NAME;
    snprintf(name, ROOM_FOR_NAME, "column %zu", i + 1); /* DuckDB doesn't tell what the argument was called */
    to->fields[i].name = name;
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, first + i);
    if (!read_vector(to, vector, duckdb_vector_get_column_type(vector), duckdb_data_chunk_get_size(chunk), &to->fields[i],
                     &to->columns[i])) {
      return failure_memory(failure);
    }
  }
  return true;
}

/* Takes memory of DuckDB's, which its own function must free. */
static const char* owned_name(Columns* to, char* name) {
  char* const copy = name ? own(to, strdup(name)) : NULL;
  duckdb_free(name);
  return copy;
}

bool columns_of_struct(Columns* to, duckdb_vector vector, idx_t n_rows, Failure* failure) {
  duckdb_logical_type type = duckdb_vector_get_column_type(vector);
  bool done = begin(to, duckdb_struct_type_child_count(type), failure);
  for (size_t i = 0; done && i < to->n_columns; ++i) {
    to->fields[i].name = owned_name(to, duckdb_struct_type_child_name(type, i));
    done = (to->fields[i].name && read_vector(to, duckdb_struct_vector_get_child(vector, i), duckdb_struct_type_child_type(type, i), n_rows,
                                              &to->fields[i], &to->columns[i])) ||
           failure_memory(failure);
  }
  duckdb_destroy_logical_type(&type);
  return done;
}

void columns_free(Columns* columns) {
  for (size_t i = 0; i < columns->n_owned; ++i) free(columns->owned[i]);
  free(columns->owned);
  free(columns->columns);
  free(columns->fields);
}
