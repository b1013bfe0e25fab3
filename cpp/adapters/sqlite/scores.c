/* A query's rows with their scores, as tables.
 *
 * edgeonnx_score('model', 'query') gives the same columns whatever the query; CREATE VIRTUAL TABLE temp.t USING edgeonnx('model', 'query')
 * makes a table of the query's columns and the model's outputs. Both run SQL text, which must come from whoever is connected and not from
 * the file that is open: the function is refused in triggers and views, and the table lives in the schema temp alone.
 */
#include <string.h>

#include "adapter.h"

typedef struct Cursor {
  sqlite3_vtab_cursor base;
  Query query;
} Cursor;

static const double N_ROWS_GUESSED = 1e6;
/* Of a row beside looking one up: so dear that SQLite rather reads the scores once, outside, than anew for the few rows that it guesses of
 * an index. */
static const double COST_PER_ROW = 100;

enum { MOST_DEPTH = 8, N_PARAMETERS = 8, N_ARGUMENTS = 2 + N_PARAMETERS };

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
    .xConnect = table_connect_function,
    .xBestIndex = best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_id,
};

const sqlite3_module scores_table = {
    .xCreate = table_connect_query,
    .xConnect = table_connect_query,
    .xBestIndex = best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_id,
};
