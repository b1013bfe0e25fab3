/* What the files of the SQLite extension share.
 *
 * The road: a target ('model.output[1]') names a scorer and what is wanted of it -> rows gather values column by column and are scored ->
 * values go back to SQLite. predict.c takes the road a row at a time, scores.c in batches of a query's rows. SQLite calls all of it for one
 * connection by one thread at a time; only models.c is shared by connections.
 */
#ifndef EDGEONNX_ADAPTERS_SQLITE_ADAPTER_H
#define EDGEONNX_ADAPTERS_SQLITE_ADAPTER_H

#include <sqlite3ext.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edgeonnx/edgeonnx.h"

extern const sqlite3_api_routines* sqlite3_api;

/* --------------------------------------------------------------------------------------------------------- failure.c: why a call failed */

typedef struct Failure {
  edgeonnx_error error;
  int sqlite_code; /* SQLITE_OK: follows from error.code */
  char text[4096];
} Failure;

/** Empties `failure` and gives what edgeonnx writes into. */
edgeonnx_error* failure_slot(Failure* failure);
edgeonnx_status failure_set(Failure* failure, edgeonnx_status code, const char* format, ...);
/** Adds to the text that is there. */
void failure_add(Failure* failure, const char* format, ...);
/** Puts "model 'name': " before the text. */
void failure_about(Failure* failure, const char* model);
/** Takes "row 0, " or "row 0 of " out of the text, of a row that has no number. */
void failure_forget_row(Failure* failure);
/** What SQLite itself says of the connection's last call; gives its code. */
int failure_of_sqlite(Failure* failure, sqlite3* connection, const char* what);
int failure_code(const Failure* failure);
/** "NULL_VALUE: ..." with the way out as SQL has it, from sqlite3_malloc. */
char* failure_message(const Failure* failure);
/** Ends a function's call with it. */
void failure_raise(const Failure* failure, sqlite3_context* context);
/** Ends a call of a virtual table with it. */
int failure_of_table(const Failure* failure, sqlite3_vtab* table);

/* ------------------------------------------------------------------------------------------- models.c: the registry of this process */

edgeonnx_status models_registry(edgeonnx_registry** out, Failure* failure);
/** Grows when any connection loads or drops a model, and in a child of fork(). */
int64_t models_generation(void);
/** Call once, before anything else. */
void models_watch_forks(void);
void models_load(sqlite3_context* context, int n_arguments, sqlite3_value** arguments);
void models_drop(sqlite3_context* context, int n_arguments, sqlite3_value** arguments);

/* -------------------------------------------------------------------- target.c: 'model', 'model.output' or 'model.output[position]' */

typedef struct Target {
  char* text; /* as it was given */
  edgeonnx_scorer* scorer;
  char* output;     /* NULL: all that can be read */
  int64_t position; /* of one value of the output; -1: all */
} Target;

edgeonnx_status target_open(const char* text, Target* out, Failure* failure);
void target_close(Target* target);
/** The outputs wanted, from sqlite3_malloc: numbers become bigint or float, SQLite's two types. Names belong to the scorer. */
edgeonnx_status target_results(const Target* target, edgeonnx_result** results, size_t* n_results, Failure* failure);

/* ------------------------------------------------------------------------------------------- rows.c: values of some rows, and scores */

typedef union Number {
  int64_t integer;
  double real;
} Number;

/** What a column holds; follows from the values that it is given. Larger takes in smaller. */
typedef enum Kind { KIND_UNKNOWN, KIND_INTEGER, KIND_REAL, KIND_UNUSED, KIND_TEXT /* unused, and may hold no number */ } Kind;

/** What a column's declared type, or its want of one, says of its values. */
typedef enum Declared { DECLARED_NOTHING, DECLARED_NUMBERS, DECLARED_TEXT /* or BLOB */ } Declared;

typedef struct Result {
  char* name;
  bool is_integer;
  int64_t width;
  Number* values; /* width numbers a row */
  uint8_t* mask;  /* 1: NULL */
} Result;

typedef struct Rows {
  Target target;
  edgeonnx_binding* binding; /* NULL: to be made for the kinds as they are now */
  bool by_position;
  bool all_numeric; /* the model's one input takes all columns that hold numbers */
  int n_columns;
  char** names;
  unsigned char* kinds; /* Kind, one per column */
  bool* is_number;      /* for sure, where all_numeric: so it was declared, or it fed scores that were given */
  int capacity;         /* rows, a multiple of 8 */
  int n_rows;
  int64_t first_row; /* number of the first one */
  Number* values;    /* column by column */
  uint8_t* validity; /* likewise, a bit a row */
  unsigned char* has_nulls;
  edgeonnx_result* wanted;
  size_t n_wanted;
  Result* results; /* n_wanted of them */
  int results_capacity;
} Rows;

/** Takes over the target, on failure too. `names` are copied.
 * @param has_key   the first column is a key: it feeds an input of its name, and is no feature otherwise
 * @param declared  Declared, one per column; NULL: nothing of all */
edgeonnx_status rows_open(Target* target, char** names, const unsigned char* declared, int n_columns, bool by_position, bool has_key,
                          int capacity, Rows** out, Failure* failure);
void rows_close(Rows* rows);
void rows_clear(Rows* rows);
/** Adds a row of n values; `columns` says of which columns they are, NULL: of all in order. Values of columns that feed nothing need not
 * come. */
edgeonnx_status rows_put(Rows* rows, const int* columns, int n, sqlite3_value** values, Failure* failure);
/** Scores the n_rows rows. `check` is asked now and then, other than 0 stops. */
edgeonnx_status rows_score(Rows* rows, int (*check)(void*), void* check_data, Failure* failure);
/** EDGEONNX_NOT_FOUND where an input lacks its column, whatever values come. */
edgeonnx_status rows_check_names(Rows* rows, Failure* failure);

/* --------------------------------------------------------------------------------------------- values.c: results as values of SQLite */

/** A number, or a JSON array of the row's numbers where there are several; of one position that number. */
edgeonnx_status value_give(sqlite3_context* context, const Result* result, int row, int64_t position, Failure* failure);
/** A JSON object of all results. */
void value_give_all(sqlite3_context* context, const Rows* rows, int row);

/* --------------------------------------------------------------------------------- query.c: the rows of a query, scored in batches */

/** A value of a query's row that is asked for again once the row is scored. */
typedef struct Cell {
  Number number;
  sqlite3_value* other; /* text or BLOB */
  int type;             /* SQLITE_INTEGER ... */
} Cell;

typedef struct Query {
  sqlite3* connection;
  sqlite3_stmt* statement;
  sqlite3_stmt* pulse;    /* a statement that does nothing but hear of sqlite3_interrupt */
  bool gathers;           /* the statement hands its rows to query_gather, and ends a step with every batch */
  Failure* failure;       /* where query_gather tells why it fails */
  sqlite3_value** values; /* of one row: those that are read, then those that are kept */
  Rows* rows;
  int* read;    /* columns that feed the model */
  int* kept;    /* columns that are asked for again */
  int* kept_at; /* of every column: its place in `kept`, or -1 */
  Cell* cells;  /* n_kept a row */
  int n_columns, n_read, n_kept;
  int batch_rows; /* of the next batch; grows, so that LIMIT 1 scores few rows */
  int row;        /* in the batch */
  bool ended;     /* the statement has no more rows */
} Query;

/** What to read: a statement, and the values of its parameters. */
typedef struct Question {
  const char* sql;
  sqlite3_value** values;
  int n_values;
} Question;

/** Prepares one statement that only reads and gives rows. */
int query_prepare(sqlite3* connection, const Question* question, sqlite3_stmt** out, Failure* failure);
/** @param asked  bit i: column i is asked for again; the last bit stands for all from there on */
int query_open(Query* query, sqlite3* connection, const char* target, const Question* question, uint64_t asked, Failure* failure);
/** Nothing happens to a query that is zeroed. */
void query_close(Query* query);
bool query_at_end(const Query* query);
int query_next(Query* query, Failure* failure);
void query_give_column(const Query* query, sqlite3_context* context, int column);
/** edgeonnx_gather(query, value, ...): takes a row, and is true when a batch is full. Only a query's own statement can call it. */
void query_gather(sqlite3_context* context, int n_arguments, sqlite3_value** arguments);

/* ------------------------------------------------------------------------------------------------------- table.c: tables of scores */

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

/* edgeonnx_score's columns; the hidden ones are its arguments, the last eight the query's parameters. */
enum { COLUMN_ROW, COLUMN_KEY, COLUMN_VALUE, COLUMN_OUTPUTS, COLUMN_MODEL, COLUMN_QUERY, COLUMN_P1 };

/** xConnect of edgeonnx_score; `data` is the depth. */
int table_connect_function(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message);
/** xCreate and xConnect of CREATE VIRTUAL TABLE ... USING edgeonnx. */
int table_connect_query(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message);
int table_disconnect(sqlite3_vtab* vtab);

/* ---------------------------------------------------------------------------------------------------------- functions and tables */

#define JSON_SUBTYPE 74 /* what SQLite's JSON functions know their own values by */

typedef struct Cache Cache; /* bindings of one connection */
Cache* predict_cache_create(void);
void predict_cache_release(void* cache);
void predict_cache_clear(Cache* cache);
void predict(sqlite3_context* context, int n_arguments, sqlite3_value** arguments);

extern const sqlite3_module scores_function; /* edgeonnx_score('model', 'query') */
extern const sqlite3_module scores_table;    /* CREATE VIRTUAL TABLE temp.t USING edgeonnx('model', 'query') */
extern const sqlite3_module models_list;     /* edgeonnx_models */
extern const sqlite3_module ports_list;      /* edgeonnx_ports('model') */

#endif
