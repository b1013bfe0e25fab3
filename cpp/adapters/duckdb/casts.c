/* edgeonnx_cast_int(value), edgeonnx_try_cast_int(value) and their like: T-SQL's CAST and TRY_CAST, where DuckDB's own rounds otherwise.
 *
 * Numbers go by the rules of a score call. Text goes by T-SQL's: spaces around it don't count, an integer has no point, and no text is
 * zero.
 */
#define _GNU_SOURCE /* strtod_l */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapter.h"

typedef struct Target {
  const char* sql;
  duckdb_type duckdb;
  size_t size;
} Target;

/* Of T-SQL's tinyint, which has no sign, and float, which has 8 bytes. Decimals are text, which DuckDB reads without loss. */
static const Target kTargets[] = {{"bit", DUCKDB_TYPE_BOOLEAN, 1},       {"tinyint", DUCKDB_TYPE_UTINYINT, 1},
                                  {"smallint", DUCKDB_TYPE_SMALLINT, 2}, {"int", DUCKDB_TYPE_INTEGER, 4},
                                  {"bigint", DUCKDB_TYPE_BIGINT, 8},     {"real", DUCKDB_TYPE_FLOAT, 4},
                                  {"float", DUCKDB_TYPE_DOUBLE, 8}};
enum { N_TARGETS = sizeof kTargets / sizeof *kTargets };

typedef struct Cast {
  edgeonnx_result to;
  edgeonnx_cast_options options;
  const char* sql; /* the type's name */
} Cast;

/* ---------------------------------------------------------------------------------------------------------------------------- text */

static locale_t plain;
static void make_plain_locale(void) { plain = newlocale(LC_ALL_MASK, "C", NULL); }

/* How much of a text fits into `most` bytes without cutting a character. */
static int shown(Slice text, size_t most) {
  size_t n = text.length < most ? text.length : most;
  while (n && n < text.length && ((unsigned char)text.data[n] & 0xC0) == 0x80) --n;
  return (int)n;
}

static Slice trimmed(Slice text) {
  while (text.length && isspace((unsigned char)text.data[0])) ++text.data, --text.length;
  while (text.length && isspace((unsigned char)text.data[text.length - 1])) --text.length;
  return text;
}

/* Where a point is a point, whatever the process is set to. */
static locale_t plain_locale(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_plain_locale);
  return plain;
}

/* T-SQL takes '' as 0 and, as a bit, the words TRUE and FALSE. */
static bool number_of(Slice text, bool is_whole, bool is_bit, double* real, int64_t* whole) {
  enum { ROOM = 128 };
  char digits[ROOM];
  text = trimmed(text);
  *real = 0;
  *whole = 0;
  if (text.length == 0) return true;
  if (is_bit && (text.length == 4 || text.length == 5)) {
    if (text.length == 5 && !strncasecmp(text.data, "false", 5)) return true;
    if (text.length == 4 && !strncasecmp(text.data, "true", 4)) {
      *whole = 1;
      return true;
    }
  }
  if (text.length >= ROOM) return false;
  memcpy(digits, text.data, text.length);
  digits[text.length] = '\0';
  if (strspn(digits, is_whole ? "+-0123456789" : "+-.0123456789eE") != text.length) return false; /* neither nan nor inf nor 0x1 */
  char* end = digits;
  errno = 0;
  if (is_whole) {
    *whole = strtoll(digits, &end, 10);
    return end == digits + text.length && errno != ERANGE;
  }
  *real = strtod_l(digits, &end, plain_locale());
  return end == digits + text.length && fabs(*real) != HUGE_VAL;
}

/* Numbers in place of a column of text. NULL where memory is short, or with `failure` said. */
static bool read_text(const Cast* cast, duckdb_vector vector, idx_t n_rows, Columns* columns, uint8_t* unreadable, Failure* failure) {
  const bool is_real = cast->to.type == EDGEONNX_TYPE_FLOAT || cast->to.type == EDGEONNX_TYPE_DOUBLE;
  double* const numbers = calloc(n_rows, sizeof *numbers);
  if (!numbers) return failure_memory(failure);
  columns->owned[columns->n_owned++] = (char*)numbers;
  for (idx_t row = 0; row < n_rows; ++row) {
    if (!is_valid(vector, row)) continue;
    const Slice text = slice_of(vector, row);
    int64_t whole = 0;
    unreadable[row] = !number_of(text, !is_real, cast->to.type == EDGEONNX_TYPE_BOOL, &numbers[row], &whole);
    if (!is_real) memcpy(&numbers[row], &whole, sizeof whole);
    if (!unreadable[row] || cast->options.on_overflow == EDGEONNX_ON_OVERFLOW_NULL) continue;
    return failure_say(failure, EDGEONNX_TYPE_MISMATCH,
                       "Conversion failed when converting the value '%.*s' to data type %s. TRY_CAST makes NULL of it", shown(text, 60),
                       text.data, cast->sql);
  }
  columns->fields[0].type = is_real ? EDGEONNX_TYPE_DOUBLE : EDGEONNX_TYPE_INT64;
  columns->columns[0].data = numbers;
  columns->columns[0].stride = sizeof *numbers;
  return true;
}

/* ------------------------------------------------------------------------------------------------------------------------ the cast */

static duckdb_type type_of_vector(duckdb_vector vector) {
  duckdb_logical_type type = duckdb_vector_get_column_type(vector);
  const duckdb_type id = duckdb_get_type_id(type);
  duckdb_destroy_logical_type(&type);
  return id;
}

/* The rows of a chunk's first column, into `data` and `mask`. */
static bool cast_rows(const Cast* cast, duckdb_data_chunk chunk, void* data, size_t size, uint8_t* mask, Failure* failure) {
  const idx_t n_rows = duckdb_data_chunk_get_size(chunk);
  duckdb_vector values = duckdb_data_chunk_get_vector(chunk, 0);
  Columns columns;
  uint8_t* const unreadable = calloc(n_rows + 1, 1);
  bool done = columns_of_chunk(&columns, chunk, 0, failure) && (unreadable || failure_memory(failure));
  if (done && type_of_vector(values) == DUCKDB_TYPE_VARCHAR) done = read_text(cast, values, n_rows, &columns, unreadable, failure);
  if (done) {
    columns.fields[0].name = "value";
    edgeonnx_error error = failure_begin(failure);
    const edgeonnx_output result = {data, (int64_t)size, mask};
    if (edgeonnx_column_cast(&columns.fields[0], &columns.columns[0], (int64_t)n_rows, &cast->to, &cast->options, &result, NULL, &error)) {
      done = failure_finish(failure, &error);
    }
  }
  for (idx_t row = 0; done && row < n_rows; ++row) mask[row] |= unreadable[row];
  free(unreadable);
  columns_free(&columns);
  return done;
}

static void set_nulls(duckdb_vector to, const uint8_t* mask, idx_t n_rows) {
  if (!memchr(mask, 1, n_rows)) return;
  duckdb_vector_ensure_validity_writable(to);
  uint64_t* const validity = duckdb_vector_get_validity(to);
  for (idx_t row = 0; row < n_rows; ++row) {
    if (mask[row]) duckdb_validity_set_row_invalid(validity, row);
  }
}

static Cast cast_to(int32_t on_overflow) {
  Cast cast = {.options = {.struct_size = sizeof cast.options, .on_overflow = on_overflow, .n_threads = 1}};
  return cast;
}

static void cast_number(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to, int32_t on_overflow) {
  const idx_t n_rows = duckdb_data_chunk_get_size(chunk);
  const Target* target = kTargets;
  for (const duckdb_type id = type_of_vector(to); target->duckdb != id;) ++target;
  Failure failure;
  Cast cast = cast_to(on_overflow);
  cast.sql = target->sql;
  edgeonnx_error error = failure_begin(&failure);
  uint8_t* const mask = calloc(n_rows + 1, 1);
  const bool done = mask ? edgeonnx_result_parse(target->sql, &cast.to, &error) == EDGEONNX_OK &&
                               cast_rows(&cast, chunk, duckdb_vector_get_data(to), target->size, mask, &failure)
                         : failure_memory(&failure);
  if (done) set_nulls(to, mask, n_rows);
  free(mask);
  if (!done) duckdb_scalar_function_set_error(info, failure.text);
}

static void cast(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  cast_number(info, chunk, to, EDGEONNX_ON_OVERFLOW_ERROR);
}
static void try_cast(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  cast_number(info, chunk, to, EDGEONNX_ON_OVERFLOW_NULL);
}

/* ------------------------------------------------------------------------------------------------------------------------ decimals */

static bool cast_decimal_rows(duckdb_data_chunk chunk, duckdb_vector to, int32_t on_overflow, Failure* failure) {
  const idx_t n_rows = duckdb_data_chunk_get_size(chunk);
  duckdb_vector values = duckdb_data_chunk_get_vector(chunk, 0), types = duckdb_data_chunk_get_vector(chunk, 1);
  if (!is_valid(types, 0))
    return failure_say(failure, EDGEONNX_INVALID_ARGUMENT, "the type must be text, as in 'decimal(9,2)'; it is NULL");
  char* const sql = text_copy(slice_of(types, 0));
  uint8_t* const mask = calloc(n_rows + 1, 1);
  __int128* const results = malloc((n_rows + 1) * sizeof *results);
  Cast cast = cast_to(on_overflow);
  cast.sql = sql;
  bool done = (sql && mask && results) || failure_memory(failure);
  if (done) {
    edgeonnx_error error = failure_begin(failure);
    done = edgeonnx_result_parse(sql, &cast.to, &error) == EDGEONNX_OK || failure_finish(failure, &error);
  }
  if (done && cast.to.type != EDGEONNX_TYPE_DECIMAL128 && cast.to.type != EDGEONNX_TYPE_MONEY) {
    done = failure_say(failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_cast_decimal makes decimals, '%s' is none", sql);
  }
  const int scale = cast.to.type == EDGEONNX_TYPE_MONEY ? 4 : cast.to.scale;
  if (done && type_of_vector(values) == DUCKDB_TYPE_VARCHAR) { /* DuckDB reads it */
    for (idx_t row = 0; row < n_rows; ++row) {
      mask[row] = !is_valid(values, row);
      const Slice text = mask[row] ? (Slice){"", 0} : trimmed(slice_of(values, row));
      duckdb_vector_assign_string_element_len(to, row, text.data, text.length);
    }
  } else if (done) {
    done = cast_rows(&cast, chunk, results, sizeof *results, mask, failure);
    for (idx_t row = 0; done && row < n_rows; ++row) {
      if (!mask[row]) decimal_write(to, row, results[row], scale);
    }
  }
  if (done) set_nulls(to, mask, n_rows);
  free(results);
  free(mask);
  free(sql);
  return done;
}

static void cast_decimal(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  Failure failure;
  if (!cast_decimal_rows(chunk, to, EDGEONNX_ON_OVERFLOW_ERROR, &failure)) duckdb_scalar_function_set_error(info, failure.text);
}
static void try_cast_decimal(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  Failure failure;
  if (!cast_decimal_rows(chunk, to, EDGEONNX_ON_OVERFLOW_NULL, &failure)) duckdb_scalar_function_set_error(info, failure.text);
}

void casts_register(duckdb_connection connection) {
  enum { ROOM = 40 };
  char name[ROOM];
  const duckdb_type types[] = {DUCKDB_TYPE_ANY, DUCKDB_TYPE_VARCHAR};
  for (int i = 0; i < N_TARGETS; ++i) {
    for (int tries = 0; tries < 2; ++tries) {
      snprintf(name, sizeof name, "edgeonnx_%scast_%s", tries ? "try_" : "", kTargets[i].sql);
      duckdb_logical_type returns = duckdb_create_logical_type(kTargets[i].duckdb);
      scalar_register(connection, scalar_make(name, types, 1, returns, false, tries ? try_cast : cast));
    }
  }
  scalar_register(connection,
                  scalar_make("edgeonnx_cast_decimal", types, 2, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR), false, cast_decimal));
  scalar_register(connection, scalar_make("edgeonnx_try_cast_decimal", types, 2, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR), false,
                                          try_cast_decimal));
}
