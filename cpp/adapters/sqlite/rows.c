/* Values of some rows, column by column; the binding that suits what the columns hold; and scores. */
#include <string.h>

#include "adapter.h"

static edgeonnx_status no_memory(Failure* failure) { return failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left"); }

static void* zeroed(size_t n_bytes) {
  void* const memory = sqlite3_malloc64(n_bytes ? n_bytes : 1);
  return memory ? memset(memory, 0, n_bytes) : NULL;
}

/** As the library looks names up: whether some input has the name when case is ignored. */
static bool names_input(const edgeonnx_scorer* scorer, const char* name) {
  edgeonnx_port port;
  for (int64_t i = 0; edgeonnx_scorer_input(scorer, i, &port) == EDGEONNX_OK; ++i) {
    if (sqlite3_stricmp(name, port.name) == 0) return true;
  }
  return false;
}

/** Columns that feed no input are never read, whatever they hold. */
static void find_unused(Rows* rows, const unsigned char* declared, bool has_key) {
  bool any_named = false;
  for (int i = 0; i < rows->n_columns; ++i) {
    const bool is_named = names_input(rows->target.scorer, rows->names[i]);
    any_named |= is_named;
    if (!is_named) rows->kinds[i] = KIND_UNUSED;
  }
  edgeonnx_port port;
  if (edgeonnx_scorer_n_inputs(rows->target.scorer) != 1 || edgeonnx_scorer_input(rows->target.scorer, 0, &port) != EDGEONNX_OK) return;
  rows->all_numeric = port.width != 1 && !(port.width < 0 && any_named);
  if (!rows->all_numeric) return;
  for (int i = 0; i < rows->n_columns; ++i) {
    const unsigned char type = declared ? declared[i] : DECLARED_NOTHING;
    rows->kinds[i] = type == DECLARED_TEXT ? KIND_UNUSED : KIND_UNKNOWN;
    rows->is_number[i] = type == DECLARED_NUMBERS;
  }
  if (has_key) rows->kinds[0] = KIND_UNUSED;
}

edgeonnx_status rows_open(Target* target, char** names, const unsigned char* declared, int n_columns, bool by_position, bool has_key,
                          int capacity, Rows** out, Failure* failure) {
  Rows* const rows = *out = zeroed(sizeof *rows);
  if (!rows) {
    target_close(target);
    return no_memory(failure);
  }
  rows->target = *target;
  memset(target, 0, sizeof *target);
  rows->by_position = by_position;
  rows->capacity = capacity = (capacity + 7) / 8 * 8;
  rows->n_columns = n_columns;
  const size_t n = (size_t)n_columns;
  rows->names = zeroed(n * sizeof *rows->names);
  rows->kinds = zeroed(n);
  rows->is_number = zeroed(n * sizeof *rows->is_number);
  rows->has_nulls = zeroed(n);
  rows->values = sqlite3_malloc64((n * (size_t)capacity + 1) * sizeof *rows->values);
  rows->validity = sqlite3_malloc64(n * (size_t)capacity / 8 + 1);
  bool complete = rows->names && rows->kinds && rows->is_number && rows->has_nulls && rows->values && rows->validity;
  for (size_t i = 0; complete && i < n; ++i) complete = (rows->names[i] = sqlite3_mprintf("%s", names[i] ? names[i] : "")) != NULL;
  edgeonnx_status status = complete ? target_results(&rows->target, &rows->wanted, &rows->n_wanted, failure) : no_memory(failure);
  if (status == EDGEONNX_OK && !by_position) find_unused(rows, declared, has_key);
  if (status == EDGEONNX_OK && !(rows->results = zeroed(rows->n_wanted * sizeof *rows->results))) status = no_memory(failure);
  if (status != EDGEONNX_OK) {
    rows_close(rows);
    *out = NULL;
  }
  return status;
}

static void free_results(Rows* rows) {
  for (size_t i = 0; rows->results && i < rows->n_wanted; ++i) {
    sqlite3_free(rows->results[i].name);
    sqlite3_free(rows->results[i].values);
    sqlite3_free(rows->results[i].mask);
    memset(&rows->results[i], 0, sizeof rows->results[i]);
  }
  rows->results_capacity = 0;
}

void rows_close(Rows* rows) {
  if (!rows) return;
  free_results(rows);
  for (int i = 0; rows->names && i < rows->n_columns; ++i) sqlite3_free(rows->names[i]);
  edgeonnx_binding_release(rows->binding);
  target_close(&rows->target);
  sqlite3_free(rows->names);
  sqlite3_free(rows->kinds);
  sqlite3_free(rows->is_number);
  sqlite3_free(rows->has_nulls);
  sqlite3_free(rows->values);
  sqlite3_free(rows->validity);
  sqlite3_free(rows->wanted);
  sqlite3_free(rows->results);
  sqlite3_free(rows);
}

void rows_clear(Rows* rows) {
  rows->first_row += rows->n_rows;
  rows->n_rows = 0;
  memset(rows->has_nulls, 0, (size_t)rows->n_columns);
}

static uint8_t* validity_of(const Rows* rows, int column) { return rows->validity + (size_t)column * (size_t)rows->capacity / 8; }

static Number* values_of(const Rows* rows, int column) { return rows->values + (size_t)column * (size_t)rows->capacity; }

static void set_kind(Rows* rows, int column, Kind kind) {
  Number* const values = values_of(rows, column);
  if (rows->kinds[column] == KIND_INTEGER) {
    for (int i = 0; i < rows->n_rows; ++i) values[i].real = (double)values[i].integer;
  }
  rows->kinds[column] = (unsigned char)kind;
  edgeonnx_binding_release(rows->binding);
  rows->binding = NULL;
}

static void set_null(Rows* rows, int column) {
  uint8_t* const validity = validity_of(rows, column);
  if (!rows->has_nulls[column]) memset(validity, 0xff, (size_t)rows->capacity / 8);
  rows->has_nulls[column] = 1;
  validity[rows->n_rows / 8] &= (uint8_t)~(1u << (rows->n_rows % 8));
  values_of(rows, column)[rows->n_rows].integer = 0;
}

static edgeonnx_status refuse(const Rows* rows, int column, sqlite3_value* value, Failure* failure) {
  const int type = sqlite3_value_type(value);
  const int64_t row = rows->first_row + rows->n_rows;
  failure_set(failure, EDGEONNX_TYPE_MISMATCH, "row %lld, column '%s': ", (long long)row, rows->names[column]);
  failure->error.row = row;
  if (rows->kinds[column] == KIND_TEXT) {
    failure_add(failure, "its first value was no number, so the column feeds nothing, and now comes %.40s; CAST it AS REAL",
                sqlite3_value_text(value));
  } else if (type == SQLITE_TEXT) {
    const bool is_empty = sqlite3_value_bytes(value) == 0;
    failure_add(failure, "expected a number, the value is the text '%.40s'; %s", sqlite3_value_text(value),
                is_empty ? "make it a NULL with nullif(column, '')" : "CAST it AS REAL where texts are numbers");
  } else {
    failure_add(failure, "expected a number, the value is a BLOB of %d bytes", sqlite3_value_bytes(value));
  }
  if (rows->all_numeric) failure_add(failure, ", or leave the column out of the query");
  failure_about(failure, rows->target.text);
  return EDGEONNX_TYPE_MISMATCH;
}

static inline edgeonnx_status put(Rows* rows, int column, sqlite3_value* value, Failure* failure) {
  Number* const to = values_of(rows, column) + rows->n_rows;
  const int type = sqlite3_value_type(value);
  const unsigned char kind = rows->kinds[column];
  if (type == SQLITE_FLOAT || type == SQLITE_INTEGER) {
    if (kind == KIND_TEXT) return refuse(rows, column, value, failure);
    if (type == SQLITE_FLOAT && kind < KIND_REAL) set_kind(rows, column, KIND_REAL);
    if (type == SQLITE_INTEGER && kind == KIND_UNKNOWN) set_kind(rows, column, KIND_INTEGER);
    if (rows->kinds[column] == KIND_INTEGER) {
      to->integer = sqlite3_value_int64(value);
    } else {
      to->real = sqlite3_value_double(value);
    }
  } else if (type == SQLITE_NULL) {
    set_null(rows, column);
  } else if (kind < KIND_UNUSED) {
    /* A column of texts beside the numbers. */
    if (!rows->all_numeric || kind != KIND_UNKNOWN || rows->is_number[column]) return refuse(rows, column, value, failure);
    set_kind(rows, column, KIND_TEXT);
  }
  return EDGEONNX_OK;
}

edgeonnx_status rows_put(Rows* rows, const int* columns, int n, sqlite3_value** values, Failure* failure) {
  for (int i = 0; i < n; ++i) {
    const edgeonnx_status status = put(rows, columns ? columns[i] : i, values[i], failure);
    if (status != EDGEONNX_OK) return status;
  }
  ++rows->n_rows;
  return EDGEONNX_OK;
}

/** Adds which columns feed nothing though all numbers do. */
static void tell_unused(const Rows* rows, Failure* failure) {
  if (rows->kinds[0] == KIND_UNUSED) {
    failure_add(failure, "\nThe query's first column, '%s', is the key and feeds nothing.", rows->names[0]);
  }
  int n_told = 0;
  for (int i = 1; i < rows->n_columns; ++i) {
    if (rows->kinds[i] < KIND_UNUSED) continue;
    failure_add(failure, n_told++ ? ", '%s'" : "\nNot numbers, so left out: '%s'", rows->names[i]);
  }
  if (n_told > 0) failure_add(failure, "; CAST AS REAL makes texts numbers.");
}

static edgeonnx_status bind(Rows* rows, Failure* failure) {
  edgeonnx_binding_options options;
  edgeonnx_null_rule rule;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  edgeonnx_status status = edgeonnx_settings_parse(edgeonnx_scorer_settings(rows->target.scorer), &options, &rule, failure_slot(failure));
  if (status != EDGEONNX_OK) return status;
  options.by_position = rows->by_position;
  options.results = rows->wanted;
  options.n_results = rows->n_wanted;
  edgeonnx_field* const fields = zeroed((size_t)rows->n_columns * sizeof *fields);
  if (!fields) return no_memory(failure);
  for (int i = 0; i < rows->n_columns; ++i) {
    fields[i].name = rows->names[i];
    fields[i].width = 1;
    fields[i].type_name = rows->kinds[i] >= KIND_UNUSED ? "left out" : NULL;
    fields[i].type = rows->kinds[i] >= KIND_UNUSED    ? EDGEONNX_TYPE_UNDEFINED
                     : rows->kinds[i] == KIND_INTEGER ? EDGEONNX_TYPE_INT64
                                                      : EDGEONNX_TYPE_DOUBLE;
  }
  status = edgeonnx_binding_create(rows->target.scorer, fields, (size_t)rows->n_columns, &options, &rows->binding, failure_slot(failure));
  sqlite3_free(fields);
  if (status == EDGEONNX_OK) {
    memset(rows->is_number, true, (size_t)rows->n_columns); /* of NULLs alone: fed as such, and no text may make it another's place */
  } else if (rows->all_numeric) {
    tell_unused(rows, failure);
  }
  return status;
}

static edgeonnx_status make_results(Rows* rows, Failure* failure) {
  free_results(rows);
  for (size_t i = 0; i < rows->n_wanted; ++i) {
    edgeonnx_port port;
    if (edgeonnx_binding_result(rows->binding, (int64_t)i, &port) != EDGEONNX_OK) continue;
    Result* const result = &rows->results[i];
    result->is_integer = port.type == EDGEONNX_TYPE_INT64;
    result->width = port.width;
    result->name = sqlite3_mprintf("%s", port.name);
    result->values = sqlite3_malloc64(((size_t)port.width * (size_t)rows->n_rows + 1) * sizeof *result->values);
    result->mask = sqlite3_malloc64((size_t)rows->n_rows + 1);
    if (!result->name || !result->values || !result->mask) return no_memory(failure);
  }
  rows->results_capacity = rows->n_rows;
  return EDGEONNX_OK;
}

edgeonnx_status rows_check_names(Rows* rows, Failure* failure) {
  if (rows->all_numeric) return EDGEONNX_OK; /* which columns are numbers, values tell */
  const edgeonnx_status status = bind(rows, failure);
  if (status != EDGEONNX_NOT_FOUND) return EDGEONNX_OK;
  failure_about(failure, rows->target.text);
  return status;
}

static edgeonnx_status score(Rows* rows, int (*check)(void*), void* check_data, Failure* failure) {
  edgeonnx_status status = EDGEONNX_OK;
  const bool is_new = !rows->binding;
  if (is_new) status = bind(rows, failure);
  if (status == EDGEONNX_OK && (is_new || rows->results_capacity < rows->n_rows)) status = make_results(rows, failure);
  if (status != EDGEONNX_OK) return status;
  const size_t n_columns = (size_t)rows->n_columns;
  edgeonnx_column few_columns[32];
  edgeonnx_output few_outputs[8];
  edgeonnx_column* const columns = n_columns > 32 ? sqlite3_malloc64(n_columns * sizeof *columns) : few_columns;
  edgeonnx_output* const outputs = rows->n_wanted > 8 ? sqlite3_malloc64(rows->n_wanted * sizeof *outputs) : few_outputs;
  if (columns && outputs) {
    for (int i = 0; i < rows->n_columns; ++i) {
      const edgeonnx_column column = {values_of(rows, i), sizeof(Number), rows->has_nulls[i] ? validity_of(rows, i) : NULL, 0, NULL, 0};
      columns[i] = column;
    }
    for (size_t i = 0; i < rows->n_wanted; ++i) {
      const Result* const result = &rows->results[i];
      const edgeonnx_output output = {result->values, result->width * (int64_t)sizeof(Number), result->mask};
      outputs[i] = output;
    }
    const edgeonnx_batch batch = {columns, rows->n_rows};
    edgeonnx_call call;
    memset(&call, 0, sizeof call);
    call.struct_size = sizeof call;
    call.check = check;
    call.check_data = check_data;
    call.first_row = rows->first_row;
    status = edgeonnx_binding_score(rows->binding, &batch, 1, outputs, rows->n_wanted, &call, NULL, failure_slot(failure));
  } else {
    status = no_memory(failure);
  }
  if (columns != few_columns) sqlite3_free(columns);
  if (outputs != few_outputs) sqlite3_free(outputs);
  return status;
}

edgeonnx_status rows_score(Rows* rows, int (*check)(void*), void* check_data, Failure* failure) {
  const edgeonnx_status status = score(rows, check, check_data, failure);
  if (status != EDGEONNX_OK) failure_about(failure, rows->target.text);
  return status;
}
