/* Scores as DuckDB's nested values.
 *
 * A scalar function of this C API must say what it returns before it knows the model, and may not say ANY. So all outputs of any model go
 * into one type: a MAP of output names to a UNION of the types that outputs have. A list for each of these types is the same without names,
 * and cheaper to take apart: the query text of sql.c makes typed columns of them. Decimals, which only a WITH list asks for, have as many
 * types as digits; they are handed over as text, which DuckDB reads into any of them without loss.
 */
#include <string.h>

#include "adapter.h"

const char* const kMembers[N_LISTS] = {"bit", "bigint", "ubigint", "real", "float", "decimal"};
static const duckdb_type kMemberTypes[N_LISTS] = {DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT,
                                                  DUCKDB_TYPE_FLOAT,   DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_VARCHAR};

int result_member(int32_t type) {
  switch (type) {
    case EDGEONNX_TYPE_BOOL:
      return MEMBER_BIT;
    case EDGEONNX_TYPE_UINT64:
      return MEMBER_UBIGINT;
    case EDGEONNX_TYPE_FLOAT:
    case EDGEONNX_TYPE_FLOAT16: /* bound as FLOAT */
    case EDGEONNX_TYPE_BFLOAT16:
      return MEMBER_REAL;
    case EDGEONNX_TYPE_DOUBLE:
      return MEMBER_FLOAT;
    case EDGEONNX_TYPE_DECIMAL128:
    case EDGEONNX_TYPE_MONEY:
      return MEMBER_DECIMAL;
    default:
      return MEMBER_BIGINT;
  }
}

size_t result_value_size(const edgeonnx_port* port) {
  switch (port->type) {
    case EDGEONNX_TYPE_BOOL:
    case EDGEONNX_TYPE_INT8:
    case EDGEONNX_TYPE_UINT8:
      return 1;
    case EDGEONNX_TYPE_INT16:
    case EDGEONNX_TYPE_UINT16:
      return 2;
    case EDGEONNX_TYPE_INT32:
    case EDGEONNX_TYPE_UINT32:
    case EDGEONNX_TYPE_FLOAT:
      return 4;
    case EDGEONNX_TYPE_DECIMAL128:
    case EDGEONNX_TYPE_MONEY:
      return 16;
    default:
      return 8;
  }
}

static int64_t whole_at(const Result* result, idx_t i) {
  switch (result->port.type) {
    case EDGEONNX_TYPE_BOOL:
    case EDGEONNX_TYPE_UINT8:
      return ((const uint8_t*)result->data)[i];
    case EDGEONNX_TYPE_INT8:
      return ((const int8_t*)result->data)[i];
    case EDGEONNX_TYPE_INT16:
      return ((const int16_t*)result->data)[i];
    case EDGEONNX_TYPE_UINT16:
      return ((const uint16_t*)result->data)[i];
    case EDGEONNX_TYPE_INT32:
      return ((const int32_t*)result->data)[i];
    case EDGEONNX_TYPE_UINT32:
      return ((const uint32_t*)result->data)[i];
    default:
      return ((const int64_t*)result->data)[i]; /* of UINT64 the bits */
  }
}

static bool is_null(const Result* result, idx_t row) { return result->mask && result->mask[row]; }

static uint64_t* writable_validity(duckdb_vector vector) {
  duckdb_vector_ensure_validity_writable(vector);
  return duckdb_vector_get_validity(vector);
}

static void set_null(uint64_t* validity, idx_t row) { duckdb_validity_set_row_invalid(validity, row); }

static idx_t values_a_row(const Result* results, size_t n_results) {
  idx_t n = 0;
  for (size_t i = 0; i < n_results; ++i) n += (idx_t)results[i].port.width;
  return n;
}

/* ---------------------------------------------------------------------------------------------------------------------------- map */

duckdb_logical_type results_map_type(void) {
  duckdb_logical_type members[N_MEMBERS];
  const char* names[N_MEMBERS];
  for (int i = 0; i < N_MEMBERS; ++i) {
    members[i] = duckdb_create_logical_type(kMemberTypes[i]);
    names[i] = kMembers[i];
  }
  duckdb_logical_type value = duckdb_create_union_type(members, names, N_MEMBERS);
  duckdb_logical_type key = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type map = duckdb_create_map_type(key, value);
  for (int i = 0; i < N_MEMBERS; ++i) duckdb_destroy_logical_type(&members[i]);
  duckdb_destroy_logical_type(&key);
  duckdb_destroy_logical_type(&value);
  return map;
}

/* The names of all values of a row, written for one row; other rows point to the same text. */
static bool write_keys(duckdb_vector keys, const Result* results, size_t n_results, idx_t n_rows, Failure* failure) {
  idx_t at = 0;
  Text name = {0};
  for (size_t i = 0; i < n_results; ++i) {
    for (int64_t k = 0; k < results[i].port.width; ++k) {
      name.length = 0;
      text_format(&name, results[i].port.width == 1 ? "%s" : "%s[%lld]", results[i].port.name, (long long)k + 1);
      if (!name.failed) duckdb_vector_assign_string_element_len(keys, at++, name.data, name.length);
    }
  }
  const bool failed = name.failed;
  text_free(&name);
  if (failed) return failure_memory(failure);
  duckdb_string_t* const texts = duckdb_vector_get_data(keys);
  for (idx_t row = 1; row < n_rows; ++row) memcpy(texts + row * at, texts, at * sizeof *texts);
  return true;
}

static void write_member(void* data, int member, const Result* result, idx_t from, idx_t to) {
  switch (member) {
    case MEMBER_BIT:
      ((bool*)data)[to] = whole_at(result, from) != 0;
      break;
    case MEMBER_REAL:
      ((float*)data)[to] = ((const float*)result->data)[from];
      break;
    case MEMBER_FLOAT:
      ((double*)data)[to] = ((const double*)result->data)[from];
      break;
    default:
      ((int64_t*)data)[to] = whole_at(result, from);
  }
}

bool results_write_map(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows, Failure* failure) {
  const idx_t n_values = values_a_row(results, n_results);
  if (duckdb_list_vector_reserve(to, n_rows * n_values) == DuckDBError) return failure_memory(failure);
  duckdb_list_vector_set_size(to, n_rows * n_values);
  duckdb_vector entries = duckdb_list_vector_get_child(to);
  duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
  if (!write_keys(duckdb_struct_vector_get_child(entries, 0), results, n_results, n_rows, failure)) return false;

  /* A union is a struct whose first field tells which of the others has the value. */
  uint8_t* const tags = duckdb_vector_get_data(duckdb_struct_vector_get_child(values, 0));
  void* members[N_MEMBERS];
  uint64_t* validity[N_MEMBERS];
  for (int m = 0; m < N_MEMBERS; ++m) {
    duckdb_vector member = duckdb_struct_vector_get_child(values, 1 + m);
    members[m] = duckdb_vector_get_data(member);
    validity[m] = writable_validity(member);
    memset(validity[m], 0, (n_rows * n_values + 63) / 64 * sizeof(uint64_t));
  }
  duckdb_list_entry* const lists = duckdb_vector_get_data(to);
  uint64_t* const rows = writable_validity(to);
  idx_t at = 0;
  for (idx_t row = 0; row < n_rows; ++row) {
    lists[row] = (duckdb_list_entry){at, n_values};
    if (which[row] < 0) set_null(rows, row);
    for (size_t i = 0; i < n_results; ++i) {
      const int member = result_member(results[i].port.type);
      const idx_t width = (idx_t)results[i].port.width;
      for (idx_t k = 0; k < width; ++k, ++at) {
        tags[at] = (uint8_t)member;
        if (which[row] < 0 || is_null(&results[i], row)) continue;
        write_member(members[member], member, &results[i], row * width + k, at);
        validity[member][at / 64] |= (uint64_t)1 << (at % 64);
      }
    }
  }
  return true;
}

/* -------------------------------------------------------------------------------------------------------------------------- lists */

duckdb_logical_type results_lists_type(void) {
  duckdb_logical_type lists[N_LISTS];
  const char* names[N_LISTS];
  for (int m = 0; m < N_LISTS; ++m) {
    duckdb_logical_type member = duckdb_create_logical_type(kMemberTypes[m]);
    lists[m] = duckdb_create_list_type(member);
    names[m] = kMembers[m];
    duckdb_destroy_logical_type(&member);
  }
  duckdb_logical_type type = duckdb_create_struct_type(lists, names, N_LISTS);
  for (int m = 0; m < N_LISTS; ++m) duckdb_destroy_logical_type(&lists[m]);
  return type;
}

void decimal_write(duckdb_vector to, idx_t row, __int128 value, int scale) {
  enum { ROOM = 48 }; /* 39 digits, a sign, a point */
  char text[ROOM];
  char* begin = text + ROOM;
  unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
  for (int digit = 0; rest || digit <= scale; ++digit) {
    if (digit == scale && digit) *--begin = '.';
    *--begin = (char)('0' + (int)(rest % 10));
    rest /= 10;
  }
  if (value < 0) *--begin = '-';
  duckdb_vector_assign_string_element_len(to, row, begin, (idx_t)(text + ROOM - begin));
}

/* Values that need no work: those of rows that all have a model, in the list's own type, and of the only output in it. */
static bool is_ready(const Result* result, int member, idx_t n_values, bool has_gaps) {
  static const int32_t kTypes[N_MEMBERS] = {EDGEONNX_TYPE_BOOL, EDGEONNX_TYPE_INT64, EDGEONNX_TYPE_UINT64, EDGEONNX_TYPE_FLOAT,
                                            EDGEONNX_TYPE_DOUBLE};
  return member < N_MEMBERS && !has_gaps && !result->mask && result->port.type == kTypes[member] && (idx_t)result->port.width == n_values;
}

static bool write_list(duckdb_vector to, const Result* results, size_t n_results, int member, const int32_t* which, bool has_gaps,
                       idx_t n_rows, Failure* failure) {
  idx_t n_values = 0; /* a row */
  for (size_t i = 0; i < n_results; ++i) n_values += result_member(results[i].port.type) == member ? (idx_t)results[i].port.width : 0;
  if (duckdb_list_vector_reserve(to, n_rows * n_values) == DuckDBError) return failure_memory(failure);
  duckdb_list_vector_set_size(to, n_rows * n_values);
  duckdb_list_entry* const lists = duckdb_vector_get_data(to);
  if (n_values == 0) {
    memset(lists, 0, n_rows * sizeof *lists);
    return true;
  }
  for (idx_t row = 0; row < n_rows; ++row) lists[row] = (duckdb_list_entry){row * n_values, n_values};

  duckdb_vector values = duckdb_list_vector_get_child(to);
  void* const data = duckdb_vector_get_data(values);
  uint64_t* validity = NULL;
  idx_t first = 0;
  for (size_t i = 0; i < n_results; ++i) {
    const Result* const result = &results[i];
    if (result_member(result->port.type) != member) continue;
    if (is_ready(result, member, n_values, has_gaps)) {
      memcpy(data, result->data, n_rows * n_values * result_value_size(&result->port));
      return true;
    }
    const idx_t width = (idx_t)result->port.width;
    for (idx_t row = 0; row < n_rows; ++row) {
      const bool none = which[row] < 0 || is_null(result, row);
      if (none && !validity) validity = writable_validity(values);
      for (idx_t k = 0; k < width; ++k) {
        const idx_t at = row * n_values + first + k;
        if (none) {
          set_null(validity, at);
        } else if (member == MEMBER_DECIMAL) {
          decimal_write(values, at, ((const __int128*)result->data)[row * width + k], result->port.scale);
        } else {
          write_member(data, member, result, row * width + k, at);
        }
      }
    }
    first += width;
  }
  return true;
}

bool results_write_lists(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows, Failure* failure) {
  bool has_gaps = false;
  for (idx_t row = 0; row < n_rows && !has_gaps; ++row) has_gaps = which[row] < 0;
  for (int m = 0; m < N_LISTS; ++m) {
    if (!write_list(duckdb_struct_vector_get_child(to, (idx_t)m), results, n_results, m, which, has_gaps, n_rows, failure)) return false;
  }
  if (!has_gaps) return true;
  uint64_t* const rows = writable_validity(to);
  for (idx_t row = 0; row < n_rows; ++row) {
    if (which[row] < 0) set_null(rows, row);
  }
  return true;
}
