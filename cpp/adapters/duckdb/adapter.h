/* What the files of the DuckDB extension share.
 *
 * DuckDB calls a scalar function with up to 2048 rows, by any of its threads; nothing of a statement can be kept between two calls in the
 * C API's version 1.2.0, which 1.4, 1.5 and 2.0 all load. What is dear, a binding, is therefore kept for the process, in bindings.c.
 */
#ifndef EDGEONNX_DUCKDB_ADAPTER_H
#define EDGEONNX_DUCKDB_ADAPTER_H

#include <edgeonnx/edgeonnx.h>
#include <stdbool.h>

#include "duckdb_extension.h"

DUCKDB_EXTENSION_EXTERN

/* ------------------------------------------------------------------------------------------------------------- failure.c */

/* Why something failed, as DuckDB is told: "NULL_VALUE: ...". */
typedef struct Failure {
  char text[8192];
} Failure;

/* An error to hand to edgeonnx, whose text comes to stand in `failure`; failure_finish puts the status before it. */
edgeonnx_error failure_begin(Failure* failure);
bool failure_finish(Failure* failure, const edgeonnx_error* error);                /* false, for `return` */
bool failure_say(Failure* failure, edgeonnx_status code, const char* format, ...); /* false */
bool failure_memory(Failure* failure);                                             /* false */
bool failure_about(Failure* failure, const char* model);                           /* false; names the model behind the status */

/* --------------------------------------------------------------------------------------------------------------- text.c */

/* Text that grows. `failed` is set, and nothing more is added, once memory is short. */
typedef struct Text {
  char* data; /* zero-terminated; NULL while it is empty */
  size_t length, capacity;
  bool failed;
} Text;

void text_add(Text* text, const void* bytes, size_t n_bytes);
void text_format(Text* text, const char* format, ...);
void text_quote(Text* text, const char* name, char quote); /* with that quote doubled inside */
void text_free(Text* text);

/* Row `row` of a VARCHAR or BLOB vector, in place. */
typedef struct Slice {
  const char* data;
  size_t length;
} Slice;
Slice slice_of(duckdb_vector vector, idx_t row);
bool is_valid(duckdb_vector vector, idx_t row);
char* text_copy(Slice slice); /* zero-terminated, for free; NULL where memory is short */

/* ------------------------------------------------------------------------------------------------------------- models.c */

edgeonnx_registry* models_registry(Failure* failure); /* of this process; NULL on failure */
edgeonnx_scorer* models_get(const char* name, Failure* failure);
bool models_drop(const char* name, int64_t* n_dropped, Failure* failure);
/* Changes with every model put or dropped: what was made of models before may be out of date. */
uint64_t models_generation(void);
void models_register(duckdb_connection connection);

/* ------------------------------------------------------------------------------------------------------------ columns.c */

/* One call's columns, read where DuckDB has them. */
typedef struct Columns {
  edgeonnx_field* fields;
  edgeonnx_column* columns;
  size_t n_columns;
  char** owned; /* names, and values that had to be widened */
  size_t n_owned;
} Columns;

/* Columns first, first + 1 ... of a chunk. */
bool columns_of_chunk(Columns* to, duckdb_data_chunk chunk, idx_t first, Failure* failure);
/* The fields of a STRUCT vector. */
bool columns_of_struct(Columns* to, duckdb_vector vector, idx_t n_rows, Failure* failure);
void columns_free(Columns* columns);

/* ----------------------------------------------------------------------------------------------------------- bindings.c */

typedef struct Binding Binding;
typedef enum Wanted {
  WANTED_ONE, /* columns by position, the one output as a DOUBLE */
  WANTED_ALL, /* columns by name, all outputs that can be read */
  WANTED_WITH /* columns by name, outputs and their types as PREDICT's WITH list has them */
} Wanted;

typedef struct Request {
  Wanted wanted;
  edgeonnx_result* with; /* of WANTED_WITH */
  size_t n_with;
  const char* expected; /* the model's digest, or its outputs in words, when the text of the statement was made; NULL: any */
} Request;

/* The binding of a model to a layout of columns, made or found; released with binding_release. NULL on failure. */
Binding* binding_acquire(const char* model, const Request* request, const Columns* layout, Failure* failure);
void binding_release(Binding* binding);
const edgeonnx_binding* binding_handle(const Binding* binding);
void bindings_forget(void);  /* those that nobody uses, after models changed */
void bindings_abandon(void); /* after a fork, in the child */

/* Outputs of a scorer in words, "score real, bins bigint[4]": what the text of a macro depends on. */
bool outputs_in_words(Text* to, const edgeonnx_scorer* scorer);
/* Outputs of a scorer that SQL can hold: not text. */
bool output_is_readable(const edgeonnx_port* output);

/* ------------------------------------------------------------------------------------------------------------ results.c */

/* One result of all rows of a call. */
typedef struct Result {
  edgeonnx_port port;
  void* data;
  uint8_t* mask; /* 1 = NULL */
} Result;

/* The types that outputs are given in: of the UNION in the map, and of the lists, which also have decimals, as text. */
enum { MEMBER_BIT, MEMBER_BIGINT, MEMBER_UBIGINT, MEMBER_REAL, MEMBER_FLOAT, N_MEMBERS, MEMBER_DECIMAL = N_MEMBERS, N_LISTS };
extern const char* const kMembers[N_LISTS];
int result_member(int32_t type); /* of a result, or of an output */

duckdb_logical_type results_map_type(void);
duckdb_logical_type results_lists_type(void);
/* Rows whose `which` is -1 are NULL. */
bool results_write_map(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows, Failure* failure);
bool results_write_lists(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows, Failure* failure);
size_t result_value_size(const edgeonnx_port* port); /* bytes a value */
/* As text, digits behind the point included. */
void decimal_write(duckdb_vector to, idx_t row, __int128 value, int scale);

/* -------------------------------------------------------------------------------------------------------- the functions */

void casts_register(duckdb_connection connection);   /* casts.c */
void predict_register(duckdb_connection connection); /* predict.c */
void sql_register(duckdb_connection connection);     /* sql.c */
void tables_register(duckdb_connection connection);  /* tables.c */

/* A scalar function of those parameters, more of which can be added. Takes `returns`. */
duckdb_scalar_function scalar_make(const char* name, const duckdb_type* types, idx_t n_types, duckdb_logical_type returns, bool has_effects,
                                   duckdb_scalar_function_t function);
void scalar_register(duckdb_connection connection, duckdb_scalar_function made); /* takes `made` */

#endif
