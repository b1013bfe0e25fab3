/* edgeonnx_predict_sql and edgeonnx_macro_sql: SQL text in which the outputs of a model have their names and types.
 *
 * query() binds such a text when it binds the statement around it, and so the model's own types are known in time. Nothing else of this C
 * API does that: a scalar function returns one fixed type, and to register one for each model takes a connection, which kept would keep the
 * database open.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapter.h"

static const char* sql_type_of(int32_t type) {
  switch (type) {
    case EDGEONNX_TYPE_BOOL:
      return "BOOLEAN";
    case EDGEONNX_TYPE_INT8:
      return "TINYINT";
    case EDGEONNX_TYPE_UINT8:
      return "UTINYINT";
    case EDGEONNX_TYPE_INT16:
      return "SMALLINT";
    case EDGEONNX_TYPE_UINT16:
      return "USMALLINT";
    case EDGEONNX_TYPE_INT32:
      return "INTEGER";
    case EDGEONNX_TYPE_UINT32:
      return "UINTEGER";
    case EDGEONNX_TYPE_INT64:
      return "BIGINT";
    case EDGEONNX_TYPE_UINT64:
      return "UBIGINT";
    case EDGEONNX_TYPE_DOUBLE:
      return "DOUBLE";
    default:
      return "FLOAT"; /* and the short floats */
  }
}

/* How the outputs stand in the text. */
typedef enum Form { FORM_COLUMNS, FORM_STRUCT } Form;

/* One typed expression an output over `lists`, an SQL expression for what edgeonnx_predict_lists returns. */
static bool add_outputs(Text* to, const char* model, const edgeonnx_scorer* scorer, const char* lists, Form form, Failure* failure) {
  long long next[N_MEMBERS], counts[N_MEMBERS] = {0}; /* place in the list of a type; how many values are in it */
  for (int m = 0; m < N_MEMBERS; ++m) next[m] = 1;
  const char* separator = "";
  const int64_t n_outputs = edgeonnx_scorer_n_outputs(scorer);
  edgeonnx_port output;
  for (int64_t i = 0; i < n_outputs; ++i) {
    if (edgeonnx_scorer_output(scorer, i, &output) == EDGEONNX_OK && output_is_readable(&output)) {
      counts[result_member(output.type)] += output.width;
    }
  }
  for (int64_t i = 0; i < n_outputs; ++i) {
    if (edgeonnx_scorer_output(scorer, i, &output) || !output_is_readable(&output)) continue;
    if (output.width < 0) {
      return failure_say(failure, EDGEONNX_UNSUPPORTED,
                         "output '%s' of model '%s' does not say how many values a row it has, and so has no SQL type: take "
                         "edgeonnx_predict_struct",
                         output.name, model);
    }
    const char* const type = sql_type_of(output.type);
    const int member = result_member(output.type);
    const long long first = next[member], last = first + output.width - 1;
    next[member] = last + 1;
    text_format(to, "%s", separator);
    separator = ", ";
    if (form == FORM_STRUCT) {
      text_quote(to, output.name, '\'');
      text_format(to, ": ");
    }
    text_format(to, "%s.\"%s\"", lists, kMembers[member]);
    if (output.width == 1) {
      text_format(to, "[%lld]::%s", first, type);
    } else {
      if (counts[member] != output.width) text_format(to, "[%lld:%lld]", first, last);
      text_format(to, "::%s[%lld]", type, (long long)output.width);
    }
    if (form == FORM_STRUCT) continue;
    text_format(to, " AS ");
    text_quote(to, output.name, '"');
  }
  if (!*separator) return failure_say(failure, EDGEONNX_UNSUPPORTED, "model '%s' has no output of numbers; text can't be read", model);
  return true;
}

static bool begins_with(const char* text, const char* word) {
  const size_t length = strlen(word);
  return !strncasecmp(text, word, length) && !isalnum((unsigned char)text[length]) && text[length] != '_';
}

/* What may stand behind FROM: a table's name or a query in parentheses, which are added where they are missing. */
static bool add_source(Text* to, const char* source, Failure* failure) {
  static const char* const kQueries[] = {"SELECT", "FROM", "WITH", "VALUES", "TABLE"};
  const size_t blank = strspn(source, " \t\r\n");
  bool is_query = false;
  for (size_t i = 0; i < sizeof kQueries / sizeof *kQueries; ++i) is_query = is_query || begins_with(source + blank, kQueries[i]);
  if (!source[blank]) {
    return failure_say(
        failure, EDGEONNX_INVALID_ARGUMENT,
        "edgeonnx_predict_sql needs a table's name or a query, '(SELECT a, b FROM t)', behind the model's name; it is empty");
  }
  text_format(to, is_query ? "(%s\n)" : "%s\n", source); /* a comment may end it */
  return true;
}

static bool query_of(Text* to, const char* model, const edgeonnx_scorer* scorer, const char* source, Failure* failure) {
  text_format(to, "SELECT * EXCLUDE (\"edgeonnx scores\"), ");
  if (!add_outputs(to, model, scorer, "\"edgeonnx scores\"", FORM_COLUMNS, failure)) return false;
  text_format(to, " FROM (SELECT *, edgeonnx_predict_rows(");
  text_quote(to, model, '\'');
  text_format(to, ", '%s', \"edgeonnx row\") AS \"edgeonnx scores\" FROM ", edgeonnx_scorer_digest(scorer));
  if (!add_source(to, source, failure)) return false;
  text_format(to, " AS \"edgeonnx row\")");
  return true;
}

static bool macro_of(Text* to, const char* model, const edgeonnx_scorer* scorer, const char* macro, Failure* failure) {
  Text lists = {0}, outputs = {0};
  lists.failed = !outputs_in_words(&outputs, scorer);
  text_format(&lists, "edgeonnx_predict_lists(");
  text_quote(&lists, model, '\'');
  text_format(&lists, ", ");
  text_quote(&lists, outputs.data ? outputs.data : "", '\'');
  text_format(&lists, ", features)");
  text_free(&outputs);
  text_format(to, "CREATE OR REPLACE MACRO ");
  text_quote(to, macro, '"');
  text_format(to, "(features) AS {");
  const bool done = lists.failed ? failure_memory(failure) : add_outputs(to, model, scorer, lists.data, FORM_STRUCT, failure);
  text_format(to, "}");
  text_free(&lists);
  return done;
}

typedef bool (*Compose)(Text* to, const char* model, const edgeonnx_scorer* scorer, const char* argument, Failure* failure);

static bool compose_row(Text* to, Compose compose, duckdb_data_chunk chunk, idx_t row, Failure* failure) {
  char* const model = text_copy(slice_of(duckdb_data_chunk_get_vector(chunk, 0), row));
  char* const argument = text_copy(slice_of(duckdb_data_chunk_get_vector(chunk, 1), row));
  bool done = false;
  if (!model || !argument) {
    failure_memory(failure);
  } else {
    edgeonnx_scorer* const scorer = models_get(model, failure);
    done = scorer && compose(to, model, scorer, argument, failure) && (!to->failed || failure_memory(failure));
    edgeonnx_scorer_release(scorer);
  }
  free(argument);
  free(model);
  return done;
}

static void run(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to, Compose compose) {
  Failure failure;
  Text text = {0};
  for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
    text.length = 0;
    bool done = true;
    if (is_valid(duckdb_data_chunk_get_vector(chunk, 0), row) && is_valid(duckdb_data_chunk_get_vector(chunk, 1), row)) {
      done = compose_row(&text, compose, chunk, row, &failure);
      if (done) duckdb_vector_assign_string_element_len(to, row, text.data, text.length);
    } else {
      duckdb_vector_ensure_validity_writable(to);
      duckdb_validity_set_row_invalid(duckdb_vector_get_validity(to), row);
    }
    if (done) continue;
    duckdb_scalar_function_set_error(info, failure.text);
    break;
  }
  text_free(&text);
}

static void predict_sql(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) { run(info, chunk, to, query_of); }
static void macro_sql(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) { run(info, chunk, to, macro_of); }

void sql_register(duckdb_connection connection) {
  const duckdb_type types[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR};
  scalar_register(connection,
                  scalar_make("edgeonnx_predict_sql", types, 2, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR), false, predict_sql));
  scalar_register(connection,
                  scalar_make("edgeonnx_macro_sql", types, 2, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR), false, macro_sql));
}
