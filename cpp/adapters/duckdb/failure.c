/* Errors in one text, which is all that DuckDB takes: the name of the status, T-SQL's number if there is one, edgeonnx's own words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapter.h"

enum { ROOM_FOR_STATUS = 64 };

edgeonnx_error failure_begin(Failure* failure) {
  failure->text[0] = failure->text[ROOM_FOR_STATUS] = '\0';
  edgeonnx_error error = {0};
  error.message = failure->text + ROOM_FOR_STATUS;
  error.message_capacity = sizeof failure->text - ROOM_FOR_STATUS - 512; /* room for the remarks */
  return error;
}

/* Where a remedy that the text names is to be found in SQL. */
static const char* hint_of(edgeonnx_status code) {
  switch (code) {
    case EDGEONNX_NULL_VALUE:
    case EDGEONNX_OVERFLOW:
      return " (settings, as in 'nulls=propagate, on_overflow=null', are the third argument of edgeonnx_load)";
    case EDGEONNX_NOT_FOUND:
    case EDGEONNX_TYPE_MISMATCH:
    case EDGEONNX_SHAPE_MISMATCH:
      return " (in SQL: rename a column with AS, convert it with ::, make an array [a, b]::FLOAT[2] for an input of several values)";
    default:
      return "";
  }
}

bool failure_finish(Failure* failure, const edgeonnx_error* error) {
  const char* const name = edgeonnx_status_name(error->code);
  const int n = error->sql_number ? snprintf(failure->text, ROOM_FOR_STATUS, "%s %d: ", name, (int)error->sql_number)
                                  : snprintf(failure->text, ROOM_FOR_STATUS, "%s: ", name);
  const size_t length = strlen(error->message);
  memmove(failure->text + n, error->message, length + 1);
  const size_t room = sizeof failure->text - n - length;
  char* const end = failure->text + n + length;
  if (error->row >= 0) {
    snprintf(end, room, " (rows are counted in the piece of at most %llu rows that DuckDB hands over)%s",
             (unsigned long long)duckdb_vector_size(), hint_of(error->code));
  } else {
    snprintf(end, room, "%s", hint_of(error->code));
  }
  return false;
}

bool failure_about(Failure* failure, const char* model) {
  char* const behind = strstr(failure->text, ": ");
  if (!behind) return false;
  char words[256];
  const int n = snprintf(words, sizeof words, "model '%.200s': ", model);
  const size_t rest = strlen(behind + 2) + 1;
  if ((size_t)(behind + 2 - failure->text) + (size_t)n + rest > sizeof failure->text) return false;
  memmove(behind + 2 + n, behind + 2, rest);
  memcpy(behind + 2, words, (size_t)n);
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
