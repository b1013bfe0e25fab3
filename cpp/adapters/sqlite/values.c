/* Results as SQLite has values: numbers, or JSON where a result has several a row or a row several results. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

/** The fewest digits that read as that number. */
static void append_real(sqlite3_str* text, double number) {
  char digits[40];
  int n_digits = 15;
  do {
    snprintf(digits, sizeof digits, "%.*g", n_digits, number);
  } while (++n_digits <= 17 && strtod(digits, NULL) != number);
  bool is_real = false;
  for (const char* at = digits; *at; ++at) {
    const bool is_plain = strchr("0123456789+-e", *at) != NULL;
    if (is_plain || !is_real) sqlite3_str_appendchar(text, 1, is_plain ? *at : '.'); /* the point is the locale's */
    is_real |= !is_plain || *at == 'e';
  }
  if (!is_real) sqlite3_str_appendall(text, ".0");
}

/** JSON has no NaN and SQLite neither: NULL. Infinity as SQLite's own JSON writes it. */
static void append_number(sqlite3_str* text, const Result* result, Number number) {
  if (result->is_integer) {
    sqlite3_str_appendf(text, "%lld", (long long)number.integer);
  } else if (isnan(number.real)) {
    sqlite3_str_appendall(text, "null");
  } else if (isinf(number.real)) {
    sqlite3_str_appendall(text, number.real < 0 ? "-9e999" : "9e999");
  } else {
    append_real(text, number.real);
  }
}

static void append_result(sqlite3_str* text, const Result* result, int row) {
  if (result->mask[row]) {
    sqlite3_str_appendall(text, "null");
    return;
  }
  const Number* const numbers = result->values + (int64_t)row * result->width;
  if (result->width != 1) sqlite3_str_appendchar(text, 1, '[');
  for (int64_t i = 0; i < result->width; ++i) {
    if (i > 0) sqlite3_str_appendchar(text, 1, ',');
    append_number(text, result, numbers[i]);
  }
  if (result->width != 1) sqlite3_str_appendchar(text, 1, ']');
}

static void append_string(sqlite3_str* text, const char* string) {
  sqlite3_str_appendchar(text, 1, '"');
  for (; *string; ++string) {
    const unsigned char c = (unsigned char)*string;
    if (c == '"' || c == '\\') sqlite3_str_appendchar(text, 1, '\\');
    if (c < 0x20) {
      sqlite3_str_appendf(text, "\\u%04x", c);
    } else {
      sqlite3_str_appendchar(text, 1, (char)c);
    }
  }
  sqlite3_str_appendchar(text, 1, '"');
}

/** Ends the text and gives it as JSON. */
static void give_json(sqlite3_context* context, sqlite3_str* text) {
  char* const json = sqlite3_str_finish(text);
  if (!json) {
    sqlite3_result_error_nomem(context);
    return;
  }
  sqlite3_result_text(context, json, -1, sqlite3_free);
  sqlite3_result_subtype(context, JSON_SUBTYPE);
}

edgeonnx_status value_give(sqlite3_context* context, const Result* result, int row, int64_t position, Failure* failure) {
  if (position >= result->width) {
    return failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "%s[%lld]: the output has %lld values a row, counted from 0", result->name,
                       (long long)position, (long long)result->width);
  }
  if (result->mask[row]) return EDGEONNX_OK; /* NULL, as a result is that nobody sets */
  if (position < 0 && result->width != 1) {
    sqlite3_str* const text = sqlite3_str_new(sqlite3_context_db_handle(context));
    append_result(text, result, row);
    give_json(context, text);
    return EDGEONNX_OK;
  }
  const Number number = result->values[(int64_t)row * result->width + (position < 0 ? 0 : position)];
  if (result->is_integer) {
    sqlite3_result_int64(context, number.integer);
  } else {
    sqlite3_result_double(context, number.real);
  }
  return EDGEONNX_OK;
}

void value_give_all(sqlite3_context* context, const Rows* rows, int row) {
  sqlite3_str* const text = sqlite3_str_new(sqlite3_context_db_handle(context));
  sqlite3_str_appendchar(text, 1, '{');
  for (size_t i = 0; i < rows->n_wanted; ++i) {
    if (i > 0) sqlite3_str_appendchar(text, 1, ',');
    append_string(text, rows->results[i].name);
    sqlite3_str_appendchar(text, 1, ':');
    append_result(text, &rows->results[i], row);
  }
  sqlite3_str_appendchar(text, 1, '}');
  give_json(context, text);
}
