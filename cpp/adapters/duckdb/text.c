/* Strings: those that grow, and those of DuckDB's vectors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

static bool has_room(Text* text, size_t n_more) {
  if (text->failed) return false;
  const size_t needed = text->length + n_more + 1;
  if (needed <= text->capacity) return true;
  const size_t capacity = needed * 2 + 64;
  char* const data = realloc(text->data, capacity);
  if (!data) {
    text->failed = true;
    return false;
  }
  text->data = data;
  text->capacity = capacity;
  return true;
}

void text_add(Text* text, const void* bytes, size_t n_bytes) {
  if (!has_room(text, n_bytes)) return;
  memcpy(text->data + text->length, bytes, n_bytes);
  text->length += n_bytes;
  text->data[text->length] = '\0';
}

void text_format(Text* text, const char* format, ...) {
  va_list values, again;
  va_start(values, format);
  va_copy(again, values);
  const int n = vsnprintf(NULL, 0, format, values);
  if (n >= 0 && has_room(text, (size_t)n)) {
    vsnprintf(text->data + text->length, (size_t)n + 1, format, again);
    text->length += (size_t)n;
  }
  va_end(again);
  va_end(values);
}

void text_quote(Text* text, const char* name, char quote) {
  text_add(text, &quote, 1);
  for (; *name; ++name) {
    if (*name == quote) text_add(text, &quote, 1);
    text_add(text, name, 1);
  }
  text_add(text, &quote, 1);
}

void text_free(Text* text) {
  free(text->data);
  memset(text, 0, sizeof *text);
}

Slice slice_of(duckdb_vector vector, idx_t row) {
  duckdb_string_t* const string = (duckdb_string_t*)duckdb_vector_get_data(vector) + row;
  return (Slice){duckdb_string_t_data(string), duckdb_string_t_length(*string)};
}

bool is_valid(duckdb_vector vector, idx_t row) {
  const uint64_t* const validity = duckdb_vector_get_validity(vector);
  return !validity || (validity[row / 64] >> (row % 64) & 1);
}

char* text_copy(Slice slice) {
  char* const copy = malloc(slice.length + 1);
  if (!copy) return NULL;
  memcpy(copy, slice.data, slice.length);
  copy[slice.length] = '\0';
  return copy;
}
