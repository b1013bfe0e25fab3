/* A query's rows with their scores, as tables.
 *
 * edgeonnx_score('model', 'query') gives the same columns whatever the query; CREATE VIRTUAL TABLE temp.t USING edgeonnx('model', 'query')
 * makes a table of the query's columns and the model's outputs. Both run SQL text, which must come from whoever is connected and not from
 * the file that is open: the function is refused in triggers and views, and the table lives in the schema temp alone.
 */
#include <string.h>

#include "adapter.h"

typedef struct Table {
  sqlite3_vtab base;
  sqlite3* connection;
  int* depth;  /* of the connection: how many tables of this kind are being read, each by the query of the one before */
  char* model; /* NULL: model and query come as arguments */
  char* query;
  char** columns; /* the query's, as they were declared, then the outputs */
  int n_columns;
  int n_outputs;
} Table;

typedef struct Cursor {
  sqlite3_vtab_cursor base;
  Query query;
} Cursor;

enum { COLUMN_ROW, COLUMN_KEY, COLUMN_VALUE, COLUMN_OUTPUTS, COLUMN_MODEL, COLUMN_QUERY, COLUMN_P1 };

static const double N_ROWS_GUESSED = 1e6;
/* Of a row beside looking one up: so dear that SQLite rather reads the scores once, outside, than anew for the few rows that it guesses of
 * an index. */
static const double COST_PER_ROW = 100;

enum { MOST_DEPTH = 8, N_PARAMETERS = 8, N_ARGUMENTS = 2 + N_PARAMETERS };

static int disconnect(sqlite3_vtab* vtab) {
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

static int connect_function(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
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

static int connect_table(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
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
    disconnect(&table->base);
    if (code == SQLITE_NOMEM) return code;
  }
  *message = failure_message(&failure);
  return failure_code(&failure);
}

/* ------------------------------------------------------------------------------------------------------------------ both */

/** idxStr tells which columns are asked for; model, query and the values of its parameters come as arguments. */
static int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  Table* const table = (Table*)vtab;
  info->estimatedCost = N_ROWS_GUESSED * COST_PER_ROW;
  info->estimatedRows = (sqlite3_int64)N_ROWS_GUESSED;
  info->idxStr = sqlite3_mprintf("%llu", (unsigned long long)info->colUsed);
  info->needToFreeIdxStr = 1;
  if (!info->idxStr) return SQLITE_NOMEM;
  if (table->model) return SQLITE_OK;
  int at[N_ARGUMENTS], n_found = 0;
  bool waits[N_ARGUMENTS] = {false}; /* for a table that another plan reads first */
  for (int i = 0; i < N_ARGUMENTS; ++i) at[i] = -1;
  for (int i = 0; i < info->nConstraint; ++i) {
    const int argument = info->aConstraint[i].iColumn - COLUMN_MODEL;
    if (argument < 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || at[argument] >= 0) continue;
    waits[argument] = !info->aConstraint[i].usable;
    if (waits[argument]) continue;
    at[argument] = i;
    ++n_found;
  }
  int n_given = 0;
  for (; n_given < N_ARGUMENTS && at[n_given] >= 0; ++n_given) {
    info->aConstraintUsage[at[n_given]].argvIndex = n_given + 1;
    info->aConstraintUsage[at[n_given]].omit = 1;
  }
  for (int i = 0; i < N_ARGUMENTS; ++i) {
    if (waits[i]) return SQLITE_CONSTRAINT;
  }
  if (n_given >= 2 && n_given == n_found) return SQLITE_OK;
  sqlite3_free(vtab->zErrMsg);
  vtab->zErrMsg = sqlite3_mprintf(
      "INVALID_ARGUMENT: edgeonnx_score takes a model, a query and the values of its parameters: "
      "edgeonnx_score('model', 'SELECT ... WHERE city = ?', 'Oslo')");
  return SQLITE_ERROR;
}

static int open_cursor(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) {
  (void)vtab;
  Cursor* const cursor = sqlite3_malloc64(sizeof *cursor);
  if (!cursor) return SQLITE_NOMEM;
  memset(cursor, 0, sizeof *cursor);
  *out = &cursor->base;
  return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor* base) {
  query_close(&((Cursor*)base)->query);
  sqlite3_free(base);
  return SQLITE_OK;
}

/** Whether the query and the model are still those that the table was made for. */
static int check_columns(const Table* table, const Query* query, Failure* failure) {
  bool same = query->n_columns == table->n_columns && query->rows->n_wanted == (size_t)table->n_outputs;
  for (int i = 0; same && i < table->n_columns; ++i) same = strcmp(table->columns[i], query->rows->names[i]) == 0;
  for (int i = 0; same && i < table->n_outputs; ++i)
    same = strcmp(table->columns[table->n_columns + i], query->rows->wanted[i].output) == 0;
  if (same) return SQLITE_OK;
  failure_set(failure, EDGEONNX_INVALID_STATE, "the model '%s' or the query has other columns than when the table was made; make it anew",
              table->model);
  return SQLITE_ERROR;
}

/** Which of the query's columns are asked for, of the table's bits. */
static uint64_t asked_of(const Table* table, uint64_t used) { return table->model ? used : used >> COLUMN_KEY & 1; }

/** SQLite sees no recursion where a query reads, through views, the table that asks for it. */
static int next_row(const Table* table, Query* query, Failure* failure) {
  if (*table->depth >= MOST_DEPTH) {
    failure_set(failure, EDGEONNX_INVALID_ARGUMENT,
                "scores are read by queries for scores, %d deep; a query may not read the table or view that asks for it", MOST_DEPTH);
    return SQLITE_ERROR;
  }
  ++*table->depth;
  const int code = query_next(query, failure);
  --*table->depth;
  return code;
}

static int filter(sqlite3_vtab_cursor* base, int index, const char* used_text, int n, sqlite3_value** arguments) {
  (void)index;
  Cursor* const cursor = (Cursor*)base;
  Table* const table = (Table*)base->pVtab;
  Failure failure;
  uint64_t used = 0;
  for (; *used_text; ++used_text) used = used * 10 + (uint64_t)(*used_text - '0');
  query_close(&cursor->query);
  const char* const model = table->model ? table->model : (const char*)sqlite3_value_text(arguments[0]);
  Question question = {table->query, NULL, 0};
  if (!table->model) {
    question.sql = (const char*)sqlite3_value_text(arguments[1]);
    question.values = arguments + 2;
    question.n_values = n - 2;
  }
  int code = query_open(&cursor->query, table->connection, model, &question, asked_of(table, used), &failure);
  if (code == SQLITE_OK && table->model) code = check_columns(table, &cursor->query, &failure);
  if (code == SQLITE_OK) code = next_row(table, &cursor->query, &failure);
  return code == SQLITE_OK ? SQLITE_OK : failure_of_table(&failure, base->pVtab);
}

static int next(sqlite3_vtab_cursor* base) {
  Failure failure;
  const int code = next_row((Table*)base->pVtab, &((Cursor*)base)->query, &failure);
  return code == SQLITE_OK ? SQLITE_OK : failure_of_table(&failure, base->pVtab);
}

static int at_end(sqlite3_vtab_cursor* base) { return query_at_end(&((Cursor*)base)->query); }

static int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* out) {
  const Query* const query = &((Cursor*)base)->query;
  *out = query->rows->first_row + query->row;
  return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int index) {
  const Table* const table = (const Table*)base->pVtab;
  const Query* const query = &((Cursor*)base)->query;
  const Rows* const rows = query->rows;
  int result = -1;
  if (table->model) {
    if (index < table->n_columns) {
      query_give_column(query, context, index);
    } else {
      result = index - table->n_columns;
    }
  } else if (index == COLUMN_ROW) {
    sqlite3_result_int64(context, rows->first_row + query->row);
  } else if (index == COLUMN_KEY) {
    query_give_column(query, context, 0);
  } else if (index == COLUMN_OUTPUTS) {
    value_give_all(context, rows, query->row);
  } else if (index == COLUMN_VALUE) {
    result = 0;
  }
  Failure failure;
  if (result < 0 || value_give(context, &rows->results[result], query->row, rows->target.position, &failure) == EDGEONNX_OK) {
    return SQLITE_OK;
  }
  failure_about(&failure, rows->target.text);
  failure_raise(&failure, context);
  return SQLITE_ERROR;
}

const sqlite3_module scores_function = {
    .xConnect = connect_function,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xDestroy = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_id,
};

const sqlite3_module scores_table = {
    .xCreate = connect_table,
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xDestroy = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_id,
};
