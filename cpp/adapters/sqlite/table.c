/* What the tables of scores are called and declared to have: edgeonnx_score's fixed columns, or those of a query and a model. */
#include <string.h>

#include "adapter.h"

int table_disconnect(sqlite3_vtab* vtab) {
  Table* const table = (Table*)vtab;
  for (int i = 0; table->columns && i < table->n_columns + table->n_outputs; ++i) sqlite3_free(table->columns[i]);
  sqlite3_free(table->columns);
  sqlite3_free(table->model);
  sqlite3_free(table->query);
  sqlite3_free(table);
  return SQLITE_OK;
}

static Table* make_table(sqlite3* connection, void* data) {
  Table* const table = sqlite3_malloc64(sizeof *table);
  if (!table) return NULL;
  memset(table, 0, sizeof *table);
  table->connection = connection;
  table->depth = data;
  return table;
}

int table_connect_function(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
  (void)n, (void)words, (void)message;
  const int code = sqlite3_declare_vtab(connection,
                                        "CREATE TABLE x(row INTEGER, key, value, outputs TEXT, model HIDDEN, query HIDDEN, p1 HIDDEN, "
                                        "p2 HIDDEN, p3 HIDDEN, p4 HIDDEN, p5 HIDDEN, p6 HIDDEN, p7 HIDDEN, p8 HIDDEN)");
  if (code != SQLITE_OK) return code;
  (void)sqlite3_vtab_config(connection, SQLITE_VTAB_DIRECTONLY);
  Table* const table = make_table(connection, data);
  *out = table ? &table->base : NULL;
  return table ? SQLITE_OK : SQLITE_NOMEM;
}

/* -------------------------------------------------------------------------------------------------------- CREATE VIRTUAL TABLE */

/** The text behind 'quotes', "or such", or the word itself. */
static char* unquoted(const char* word) {
  const char quote = word[0];
  if (quote != '\'' && quote != '"') return sqlite3_mprintf("%s", word);
  char* const text = sqlite3_mprintf("%s", word + 1);
  char* to = text;
  for (const char* from = text; from && *from; ++from) {
    if (*from == quote && *++from != quote) break;
    *to++ = *from;
  }
  if (to) *to = '\0';
  return text;
}

/** Declares the query's columns, and the outputs with their types. */
static int declare(Table* table, sqlite3_stmt* statement, const Target* target, const edgeonnx_result* results, Failure* failure) {
  sqlite3_str* const sql = sqlite3_str_new(table->connection);
  sqlite3_str_appendall(sql, "CREATE TABLE x(");
  for (int i = 0; i < table->n_columns; ++i) {
    const char* const type = sqlite3_column_decltype(statement, i);
    table->columns[i] = sqlite3_mprintf("%s", sqlite3_column_name(statement, i));
    sqlite3_str_appendf(sql, "%s\"%w\" %s", i ? ", " : "", table->columns[i], type ? type : "");
  }
  for (int i = 0; i < table->n_outputs; ++i) {
    edgeonnx_port port;
    int64_t width = -1;
    for (int64_t k = 0; edgeonnx_scorer_output(target->scorer, k, &port) == EDGEONNX_OK; ++k) {
      if (strcmp(port.name, results[i].output) == 0) width = port.width;
    }
    const bool is_one = width == 1 || target->position >= 0;
    const char* const type = !is_one ? "TEXT" : results[i].type == EDGEONNX_TYPE_INT64 ? "INTEGER" : "REAL";
    table->columns[table->n_columns + i] = sqlite3_mprintf("%s", results[i].output);
    sqlite3_str_appendf(sql, ", \"%w\" %s", results[i].output, type);
  }
  sqlite3_str_appendall(sql, ")");
  char* const text = sqlite3_str_finish(sql);
  int code = text ? sqlite3_declare_vtab(table->connection, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  if (code != SQLITE_OK) {
    code = failure_of_sqlite(failure, table->connection, "the query's columns and the model's outputs do not make a table");
    failure_add(failure, "; name them apart with AS");
  }
  return code;
}

static int describe(Table* table, Failure* failure) {
  sqlite3_stmt* statement = NULL;
  const Question question = {table->query, NULL, 0};
  int code = query_prepare(table->connection, &question, &statement, failure);
  if (code != SQLITE_OK) return code;
  Target target;
  edgeonnx_result* results = NULL;
  size_t n_results = 0;
  if (target_open(table->model, &target, failure) != EDGEONNX_OK || target_results(&target, &results, &n_results, failure) != EDGEONNX_OK) {
    code = failure_code(failure);
  } else {
    table->n_columns = sqlite3_column_count(statement);
    table->n_outputs = (int)n_results;
    const size_t n_bytes = ((size_t)table->n_columns + n_results) * sizeof *table->columns;
    table->columns = sqlite3_malloc64(n_bytes);
    if (table->columns) memset(table->columns, 0, n_bytes);
    code = table->columns ? declare(table, statement, &target, results, failure) : SQLITE_NOMEM;
  }
  sqlite3_free(results);
  target_close(&target);
  sqlite3_finalize(statement);
  Query query;
  if (code == SQLITE_OK) {
    code = query_open(&query, table->connection, table->model, &question, 0, failure);
    if (code == SQLITE_OK && rows_check_names(query.rows, failure) != EDGEONNX_OK) code = failure_code(failure);
    query_close(&query);
  }
  return code;
}

int table_connect_query(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
  Failure failure;
  if (n != 5) {
    failure_set(&failure, EDGEONNX_INVALID_ARGUMENT, "CREATE VIRTUAL TABLE temp.%s USING edgeonnx('model', 'query') is how it is written",
                words[2]);
  } else if (sqlite3_stricmp(words[1], "temp") != 0) {
    failure_set(&failure, EDGEONNX_INVALID_ARGUMENT, "a table of scores lives no longer than the models: CREATE VIRTUAL TABLE temp.%s ...",
                words[2]);
  } else {
    Table* const table = make_table(connection, data);
    if (!table) return SQLITE_NOMEM;
    table->model = unquoted(words[3]);
    table->query = unquoted(words[4]);
    const int code = table->model && table->query ? describe(table, &failure) : SQLITE_NOMEM;
    if (code == SQLITE_OK) {
      *out = &table->base;
      return SQLITE_OK;
    }
    table_disconnect(&table->base);
    if (code == SQLITE_NOMEM) return code;
  }
  *message = failure_message(&failure);
  return failure_code(&failure);
}
