/* Why a call failed: edgeonnx's own words, or SQLite's, and how SQLite is told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapter.h"

edgeonnx_error* failure_slot(Failure* failure) {
  memset(&failure->error, 0, sizeof failure->error);
  failure->text[0] = '\0';
  failure->sqlite_code = SQLITE_OK;
  failure->error.message = failure->text;
  failure->error.message_capacity = sizeof failure->text;
  failure->error.row = -1;
  return &failure->error;
}

edgeonnx_status failure_set(Failure* failure, edgeonnx_status code, const char* format, ...) {
  failure_slot(failure)->code = code;
  va_list values;
  va_start(values, format);
  (void)vsnprintf(failure->text, sizeof failure->text, format, values);
  va_end(values);
  return code;
}

void failure_add(Failure* failure, const char* format, ...) {
  const size_t length = strlen(failure->text);
  va_list values;
  va_start(values, format);
  (void)vsnprintf(failure->text + length, sizeof failure->text - length, format, values);
  va_end(values);
}

/** The status that a message of ours begins with, which it is cut off; a query may itself score. */
static edgeonnx_status status_told(const char** message) {
  for (edgeonnx_status code = EDGEONNX_INVALID_ARGUMENT; code <= EDGEONNX_INTERNAL; ++code) {
    const char* const name = edgeonnx_status_name(code);
    const size_t length = strlen(name);
    if (strncmp(*message, name, length) != 0 || strncmp(*message + length, ": ", 2) != 0) continue;
    *message += length + 2;
    return code;
  }
  return EDGEONNX_OK;
}

int failure_of_sqlite(Failure* failure, sqlite3* connection, const char* what) {
  const int code = sqlite3_errcode(connection);
  const char* message = sqlite3_errmsg(connection);
  edgeonnx_status status = status_told(&message);
  if (status != EDGEONNX_OK) {
    failure_set(failure, status, "%s", message);
  } else {
    status = code == SQLITE_INTERRUPT ? EDGEONNX_CANCELLED : code == SQLITE_NOMEM ? EDGEONNX_OUT_OF_MEMORY : EDGEONNX_INVALID_ARGUMENT;
    failure_set(failure, status, "%s: %s", what, message);
  }
  failure->sqlite_code = code;
  return code;
}

int failure_code(const Failure* failure) {
  if (failure->sqlite_code != SQLITE_OK) return failure->sqlite_code;
  return failure->error.code == EDGEONNX_CANCELLED ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

void failure_about(Failure* failure, const char* model) {
  char words[256];
  const size_t n = (size_t)snprintf(words, sizeof words, "model '%.200s': ", model);
  const size_t length = strlen(failure->text);
  const size_t kept = length + n < sizeof failure->text ? length : sizeof failure->text - n - 1;
  memmove(failure->text + n, failure->text, kept);
  failure->text[n + kept] = '\0';
  memcpy(failure->text, words, n);
}

void failure_forget_row(Failure* failure) {
  char* const at = failure->error.row == 0 ? strstr(failure->text, "row 0") : NULL;
  const size_t n = !at ? 0 : strncmp(at + 5, " of ", 4) == 0 ? 9 : strncmp(at + 5, ", ", 2) == 0 ? 7 : 0;
  if (n > 0) memmove(at, at + n, strlen(at + n) + 1);
}

/* edgeonnx's messages give the way out in Python's words, or in T-SQL's; here it is in SQLite's. */
static const struct {
  const char *mark, *hint;
} hints[] = {
    {"nulls='", " (in SQL: edgeonnx_load's third argument, as in 'nulls=propagate')"},
    {"on_overflow='", " (in SQL: edgeonnx_load's third argument, 'on_overflow=null')"},
    {"columns={",
     " (in SQL: a model of one such input takes the query's columns of numbers behind the first, one of several takes its values "
     "in order from edgeonnx_predict)"},
    {"rename={", " (in SQL: SELECT column AS input)"},
    {"there is no column of that name\n", " (in SQL: SELECT column AS input)"},
    {"outputs=[", " (in SQL: name one, as in 'model.output')"},
    {"coercion is s",
     " (SQLite has bigint and float alone, behind a CAST too: a model of other types is to be loaded without this coercion)"},
};

char* failure_message(const Failure* failure) {
  sqlite3_str* const text = sqlite3_str_new(NULL);
  sqlite3_str_appendf(text, "%s: %s", edgeonnx_status_name(failure->error.code), failure->text);
  for (size_t i = 0; i < sizeof hints / sizeof *hints; ++i) {
    /* A query that scores may bring the hint with it. */
    if (strstr(failure->text, hints[i].mark) && !strstr(sqlite3_str_value(text), hints[i].hint)) sqlite3_str_appendall(text, hints[i].hint);
  }
  return sqlite3_str_finish(text);
}

void failure_raise(const Failure* failure, sqlite3_context* context) {
  char* message = failure_message(failure);
  if (!message) {
    sqlite3_result_error_nomem(context);
    return;
  }
  sqlite3_result_error(context, message, -1);
  sqlite3_result_error_code(context, failure_code(failure));
  sqlite3_free(message);
}

int failure_of_table(const Failure* failure, sqlite3_vtab* table) {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = failure_message(failure);
  return failure_code(failure);
}
