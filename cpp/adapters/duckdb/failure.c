/* Errors in one text, which is all that DuckDB takes: the name of the status, then edgeonnx's own words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapter.h"

enum { ROOM_FOR_STATUS = 64 };

edgeonnx_error failure_begin(Failure* failure) {
  failure->text[0] = failure->text[ROOM_FOR_STATUS] = '\0';
  edgeonnx_error error = {0};
  error.message = failure->text + ROOM_FOR_STATUS;
  error.message_capacity = sizeof failure->text - ROOM_FOR_STATUS - 128; /* room for the remark on rows */
  return error;
}

bool failure_finish(Failure* failure, const edgeonnx_error* error) {
  const int n = snprintf(failure->text, ROOM_FOR_STATUS, "%s: ", edgeonnx_status_name(error->code));
  const size_t length = strlen(error->message);
  memmove(failure->text + n, error->message, length + 1);
  if (error->row >= 0 && error->code != EDGEONNX_OK) {
    snprintf(failure->text + n + length, sizeof failure->text - n - length,
             " (rows are counted in the piece of at most %llu rows that DuckDB hands over)", (unsigned long long)duckdb_vector_size());
  }
  return false;
}

bool failure_say(Failure* failure, edgeonnx_status code, const char* format, ...) {
  const int n = snprintf(failure->text, ROOM_FOR_STATUS, "%s: ", edgeonnx_status_name(code));
  va_list values;
  va_start(values, format);
  vsnprintf(failure->text + n, sizeof failure->text - n, format, values);
  va_end(values);
  return false;
}

bool failure_memory(Failure* failure) { return failure_say(failure, EDGEONNX_OUT_OF_MEMORY, "no memory for the rows of this call"); }
