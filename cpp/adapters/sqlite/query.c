/* The rows of a query, scored in batches.
 *
 * To ask a statement for its columns takes SQLite's mutex for every value. A function's arguments do not, so the query is put into one
 * whose WHERE hands every row to edgeonnx_gather. One that speaks of an order is asked row by row: SQLite sorts behind a WHERE, and what
 * was gathered before would come out of order. In a statement that writes, all rows are read before the first is given: else
 * INSERT INTO t would score the rows that it has put into t.
 */
#include <string.h>

#include "adapter.h"

#define POINTER_TYPE "edgeonnx query"
#define SELF "$edgeonnx_query"                /* a parameter that comes behind the query's own */
#define GATHERED "\"edgeonnx gathers these\"" /* no name that a query may use */

/* Not a power of two: the columns of a row would all fall into one set of the processor's cache. */
enum { FIRST_BATCH_ROWS = 256, MOST_BATCH_ROWS = 8184, MOST_BATCH_BYTES = 1 << 20 };

static int no_memory(Failure* failure) {
  failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
  return SQLITE_NOMEM;
}

static bool holds(const char* text, const char* word) {
  const int length = (int)strlen(word);
  for (; *text; ++text) {
    if (sqlite3_strnicmp(text, word, length) == 0) return true;
  }
  return false;
}

static bool is_blank(const char* text) {
  while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r' || *text == ';') ++text;
  return *text == '\0';
}

int query_prepare(sqlite3* connection, const Question* question, sqlite3_stmt** out, Failure* failure) {
  const char* const sql = question->sql;
  const char* rest = "";
  *out = NULL;
  if (!sql) {
    failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "the query is NULL");
    return SQLITE_ERROR;
  }
  if (sqlite3_prepare_v2(connection, sql, -1, out, &rest) != SQLITE_OK) return failure_of_sqlite(failure, connection, "the query");
  const int n_parameters = *out ? sqlite3_bind_parameter_count(*out) : 0;
  const bool reads = *out && sqlite3_column_count(*out) > 0 && sqlite3_stmt_readonly(*out) && is_blank(rest);
  if (!reads) {
    failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "the query must be one statement that gives rows and changes nothing: %s", sql);
  } else if (n_parameters != question->n_values) {
    failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "the query has %d parameters, and %d values come for them behind it: %s", n_parameters,
                question->n_values, sql);
  } else {
    return SQLITE_OK;
  }
  sqlite3_finalize(*out);
  *out = NULL;
  return SQLITE_ERROR;
}

/** As many rows as keep a batch near the processor, whatever the number of columns. */
static int most_rows(int n_columns) {
  const int fitting = MOST_BATCH_BYTES / (n_columns * (int)sizeof(Number));
  return fitting < FIRST_BATCH_ROWS ? FIRST_BATCH_ROWS : fitting > MOST_BATCH_ROWS ? MOST_BATCH_ROWS : fitting;
}

/** Lists the columns that are read and those that are asked for again. */
static int list_columns(Query* query, uint64_t asked, Failure* failure) {
  const size_t n = (size_t)query->n_columns;
  query->read = sqlite3_malloc64(n * sizeof *query->read);
  query->kept = sqlite3_malloc64(n * sizeof *query->kept);
  query->kept_at = sqlite3_malloc64(n * sizeof *query->kept_at);
  if (!query->read || !query->kept || !query->kept_at) return no_memory(failure);
  for (int i = 0; i < query->n_columns; ++i) {
    const bool is_kept = asked >> (i < 63 ? i : 63) & 1;
    query->kept_at[i] = is_kept ? query->n_kept : -1;
    if (is_kept) query->kept[query->n_kept++] = i;
    if (query->rows->kinds[i] != KIND_UNUSED) query->read[query->n_read++] = i;
  }
  query->values = sqlite3_malloc64(((size_t)query->n_read + (size_t)query->n_kept + 1) * sizeof *query->values);
  const size_t n_bytes = ((size_t)query->rows->capacity * (size_t)query->n_kept + 1) * sizeof *query->cells;
  query->cells = sqlite3_malloc64(n_bytes);
  if (!query->cells || !query->values) return no_memory(failure);
  return SQLITE_OK;
}

/** c1, c7, c1: the columns that are read, then those that are kept. */
static void append_columns(sqlite3_str* text, const Query* query) {
  for (int i = 0; i < query->n_read + query->n_kept; ++i) {
    sqlite3_str_appendf(text, "%sc%d", i ? ", " : "", i < query->n_read ? query->read[i] : query->kept[i - query->n_read]);
  }
}

/** Whether a statement of the connection that writes is under way: SQLite does not know that the query may read what it writes. What
 * CREATE TABLE ... AS makes, no query can read yet. */
static bool is_writing(sqlite3* connection) {
  for (sqlite3_stmt* at = sqlite3_next_stmt(connection, NULL); at; at = sqlite3_next_stmt(connection, at)) {
    if (sqlite3_stmt_busy(at) && !sqlite3_stmt_readonly(at) && sqlite3_strnicmp(sqlite3_sql(at), "CREATE ", 7) != 0) return true;
  }
  return false;
}

/** The start of a statement that has the query within it, its columns named c0, c1, ... */
static sqlite3_str* begin_around(const Query* query, const char* sql) {
  size_t length = strlen(sql);
  while (length > 0 && is_blank(sql + length - 1)) --length;
  sqlite3_str* const text = sqlite3_str_new(query->connection);
  sqlite3_str_appendall(text, "WITH " GATHERED "(");
  for (int i = 0; i < query->n_columns; ++i) sqlite3_str_appendf(text, "%sc%d", i ? ", " : "", i);
  sqlite3_str_appendf(text, ") AS (%.*s\n) ", (int)length, sql);
  return text;
}

/* SQLite reads all of the right side of such a join, into a table of its own that may go to disk, before it gives the first row: its LIMIT
 * keeps it a query apart, and a CROSS JOIN is not turned round. AS MATERIALIZED promises less, and is new in 3.35. */
#define AT_ONCE "(SELECT 1) CROSS JOIN (SELECT * FROM " GATHERED " LIMIT -1) AS g"

/** Puts the statement of that text, which it frees, in the place of the query's own; whether that could be prepared. */
static bool replace_statement(Query* query, sqlite3_str* text) {
  char* const sql = sqlite3_str_finish(text);
  sqlite3_stmt* statement = NULL;
  if (sql) (void)sqlite3_prepare_v2(query->connection, sql, -1, &statement, NULL);
  sqlite3_free(sql);
  if (!statement) return false;
  sqlite3_finalize(query->statement);
  query->statement = statement;
  return true;
}

/** Lets the query hand its rows over, where it can stand in another one (PRAGMA can't) and its columns are not too many for a function. */
static int let_gather(Query* query, const char* sql, Failure* failure) {
  const int n_arguments = query->n_read + query->n_kept + 1;
  const bool at_once = is_writing(query->connection);
  if (n_arguments > 1 && n_arguments <= sqlite3_limit(query->connection, SQLITE_LIMIT_FUNCTION_ARG, -1) && !holds(sql, "ORDER")) {
    sqlite3_str* const text = begin_around(query, sql);
    sqlite3_str_appendall(text, "SELECT 1 FROM (SELECT ");
    append_columns(text, query);
    sqlite3_str_appendall(text, " FROM ");
    sqlite3_str_appendall(text, at_once ? AT_ONCE : GATHERED);
    sqlite3_str_appendall(text, ") WHERE edgeonnx_gather(" SELF ", ");
    append_columns(text, query);
    sqlite3_str_appendall(text, ")");
    query->gathers = replace_statement(query, text);
    const int self = query->gathers ? sqlite3_bind_parameter_index(query->statement, SELF) : 0;
    if (query->gathers) return sqlite3_bind_pointer(query->statement, self, query, POINTER_TYPE, NULL);
  }
  if (!at_once) return SQLITE_OK;
  sqlite3_str* const text = begin_around(query, sql);
  sqlite3_str_appendall(text, "SELECT g.* FROM " AT_ONCE);
  if (replace_statement(query, text)) return SQLITE_OK;
  failure_of_sqlite(failure, query->connection,
                    "where a statement writes, its query must be one that can stand in parentheses (not PRAGMA table_info(t), but SELECT * "
                    "FROM pragma_table_info('t'))");
  return SQLITE_ERROR;
}

/** SQLite's rules of affinity (datatype3.html, 3.1). ANY says nothing: what imports CSV files declares so. */
static Declared declared_of(const char* type) {
  if (!type || !*type || sqlite3_stricmp(type, "ANY") == 0) return DECLARED_NOTHING;
  if (holds(type, "INT")) return DECLARED_NUMBERS;
  return holds(type, "CHAR") || holds(type, "CLOB") || holds(type, "TEXT") || holds(type, "BLOB") ? DECLARED_TEXT : DECLARED_NUMBERS;
}

int query_open(Query* query, sqlite3* connection, const char* target_text, const Question* question, uint64_t asked, Failure* failure) {
  memset(query, 0, sizeof *query);
  query->connection = connection;
  int code = query_prepare(connection, question, &query->statement, failure);
  if (code != SQLITE_OK) return code;
  query->n_columns = sqlite3_column_count(query->statement);
  query->batch_rows = FIRST_BATCH_ROWS;
  Target target;
  if (target_open(target_text, &target, failure) != EDGEONNX_OK) return failure_code(failure);
  char** const names = sqlite3_malloc64((size_t)query->n_columns * (sizeof *names + 1));
  if (!names) {
    target_close(&target);
    return no_memory(failure);
  }
  unsigned char* const declared = (unsigned char*)(names + query->n_columns);
  for (int i = 0; i < query->n_columns; ++i) {
    names[i] = (char*)sqlite3_column_name(query->statement, i);
    declared[i] = (unsigned char)declared_of(sqlite3_column_decltype(query->statement, i));
  }
  const edgeonnx_status status =
      rows_open(&target, names, declared, query->n_columns, false, true, most_rows(query->n_columns), &query->rows, failure);
  sqlite3_free(names);
  if (status != EDGEONNX_OK) return failure_code(failure);
  code = list_columns(query, asked, failure);
  if (code == SQLITE_OK) code = let_gather(query, question->sql, failure);
  for (int i = 0; i < question->n_values && code == SQLITE_OK; ++i) {
    if (sqlite3_bind_value(query->statement, i + 1, question->values[i]) != SQLITE_OK)
      code = failure_of_sqlite(failure, connection, "the query's parameters");
  }
  return code;
}

static void clear_cells(Query* query) {
  const size_t n = query->rows ? (size_t)query->rows->n_rows * (size_t)query->n_kept : 0;
  for (size_t i = 0; query->cells && i < n; ++i) {
    sqlite3_value_free(query->cells[i].other);
    query->cells[i].other = NULL;
  }
}

void query_close(Query* query) {
  clear_cells(query);
  rows_close(query->rows);
  sqlite3_finalize(query->statement);
  sqlite3_finalize(query->pulse);
  sqlite3_free(query->read);
  sqlite3_free(query->kept);
  sqlite3_free(query->kept_at);
  sqlite3_free(query->cells);
  sqlite3_free(query->values);
  memset(query, 0, sizeof *query);
}

/* Every version of SQLite tells a statement that the connection was interrupted; sqlite3_is_interrupted is new in 3.41. */
static int is_interrupted(void* data) {
  Query* const query = data;
  if (!query->pulse && sqlite3_prepare_v2(query->connection, "SELECT 1", -1, &query->pulse, NULL) != SQLITE_OK) return 0;
  const int code = sqlite3_step(query->pulse);
  sqlite3_reset(query->pulse);
  return code == SQLITE_INTERRUPT;
}

static int keep(Cell* cell, sqlite3_value* value, Failure* failure) {
  cell->type = sqlite3_value_type(value);
  if (cell->type == SQLITE_INTEGER) {
    cell->number.integer = sqlite3_value_int64(value);
  } else if (cell->type == SQLITE_FLOAT) {
    cell->number.real = sqlite3_value_double(value);
  } else if (cell->type != SQLITE_NULL && !(cell->other = sqlite3_value_dup(value))) {
    return no_memory(failure);
  }
  return SQLITE_OK;
}

/* The connection's mutex is held while a table of it is read, and so the values are protected from other threads. */
static int take_row(Query* query, sqlite3_value** values, Failure* failure) {
  Rows* const rows = query->rows;
  Cell* const cells = query->cells + (size_t)rows->n_rows * (size_t)query->n_kept;
  if (rows_put(rows, query->read, query->n_read, values, failure) != EDGEONNX_OK) return failure_code(failure);
  for (int i = 0; i < query->n_kept; ++i) cells[i].other = NULL;
  for (int i = 0; i < query->n_kept; ++i) {
    const int code = keep(&cells[i], values[query->n_read + i], failure);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

void query_gather(sqlite3_context* context, int n_arguments, sqlite3_value** arguments) {
  Query* const query = n_arguments > 0 ? sqlite3_value_pointer(arguments[0], POINTER_TYPE) : NULL;
  if (!query) {
    sqlite3_result_error(context, "edgeonnx_gather is for edgeonnx_score's own use", -1);
  } else if (take_row(query, arguments + 1, query->failure) != SQLITE_OK) {
    sqlite3_result_error(context, "", 0);
    query->failure = NULL; /* it tells */
  } else {
    sqlite3_result_int(context, query->rows->n_rows == query->batch_rows);
  }
}

/** One step of the statement: a row, or a batch of them. */
static int read_some(Query* query, Failure* failure) {
  query->failure = failure;
  const int code = sqlite3_step(query->statement);
  if (code == SQLITE_DONE) {
    query->ended = true;
    return SQLITE_OK;
  }
  if (code != SQLITE_ROW) return query->failure ? failure_of_sqlite(failure, query->connection, "the query") : failure_code(failure);
  if (query->gathers) return SQLITE_OK;
  for (int i = 0; i < query->n_read + query->n_kept; ++i) {
    const int column = i < query->n_read ? query->read[i] : query->kept[i - query->n_read];
    query->values[i] = sqlite3_column_value(query->statement, column);
  }
  return take_row(query, query->values, failure);
}

static int read_batch(Query* query, Failure* failure) {
  Rows* const rows = query->rows;
  clear_cells(query);
  rows_clear(rows);
  query->row = 0;
  while (rows->n_rows < query->batch_rows && !query->ended) {
    const int code = read_some(query, failure);
    if (code != SQLITE_OK) return code;
  }
  query->batch_rows = query->batch_rows * 4 < rows->capacity ? query->batch_rows * 4 : rows->capacity;
  if (rows->n_rows == 0) return SQLITE_OK;
  return rows_score(rows, is_interrupted, query, failure) == EDGEONNX_OK ? SQLITE_OK : failure_code(failure);
}

bool query_at_end(const Query* query) { return !query->rows || (query->ended && query->row >= query->rows->n_rows); }

int query_next(Query* query, Failure* failure) {
  if (++query->row < query->rows->n_rows || query->ended) return SQLITE_OK;
  return read_batch(query, failure);
}

void query_give_column(const Query* query, sqlite3_context* context, int column) {
  if (query->kept_at[column] < 0) return;
  const Cell* const cell = &query->cells[(size_t)query->row * (size_t)query->n_kept + (size_t)query->kept_at[column]];
  switch (cell->type) {
    case SQLITE_INTEGER:
      sqlite3_result_int64(context, cell->number.integer);
      break;
    case SQLITE_FLOAT:
      sqlite3_result_double(context, cell->number.real);
      break;
    case SQLITE_NULL:
      break;
    default:
      sqlite3_result_value(context, cell->other);
  }
}
