/* What the files of the PostgreSQL extension share.
 *
 * Rules that hold in all of them: ereport() jumps, so it is called outside of library calls only, and every library object hangs on a
 * memory context that releases it when the statement ends, well or not. Text goes to the library as UTF-8 and comes back so.
 */
#ifndef EDGEONNX_PG_H
#define EDGEONNX_PG_H

#include "postgres.h"
/* The other headers of the server want that one first. They are all here, for every file must begin so. */
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "edgeonnx/edgeonnx.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

/* ------------------------------------------------------------------------------------------------------------------------ errors.c */

/** An error of the library with room for its text. */
typedef struct Failure {
  edgeonnx_error error;
  const char* hint; /* NULL: as hint_of() has it */
  char text[8192];
} Failure;

edgeonnx_error* failure_room(Failure* failure);
/** Raises it, unless the status is EDGEONNX_OK. A cancelled call ends as the server ends cancelled statements. */
void check_status(edgeonnx_status status, const Failure* failure);
int sqlstate_of(edgeonnx_status status);
/** DETAIL of the extension's own errors: the same words as in the library's. */
int detail_of(edgeonnx_status status);
/** HINT: what there is to do in SQL, since the library's message may tell it in the words of another language; NULL if nothing. */
const char* hint_of(const edgeonnx_error* error, const char* message);

/** Names the function and the model in the CONTEXT of all errors from doing_begin() to doing_end(), the query's own included. */
typedef struct Doing {
  ErrorContextCallback callback;
  const char* function;
  const text* model;
} Doing;

void doing_begin(Doing* doing, const char* function, const text* model);
void doing_end(const Doing* doing);

/** For edgeonnx_call.check: 1 when the statement was cancelled, timed out, or the session is to end. */
int is_interrupted(void* unused);

char* to_utf8(const char* text);
char* from_utf8(const char* text);

/* ------------------------------------------------------------------------------------------------------------------------ models.c */

/** A model of the table, loaded; released with the memory context that it was opened in. */
typedef struct Model {
  MemoryContextCallback release;
  edgeonnx_scorer* scorer;
  edgeonnx_binding* binding; /* set by whoever binds */
  edgeonnx_binding_options options;
  edgeonnx_null_rule null_rule;
  char* name; /* as messages call it */
} Model;

/** Looks the name up in edgeonnx.models, as the present snapshot and role see it.
 * @param name     `name` or `name@version`
 * @param version  NULL: the name's, else the newest
 * @param output   NULL, or out: what follows the name in `name.output`, NULL if nothing does. The longest name that is there is taken */
Model* model_open(const char* name, const char* version, char** output, MemoryContext context);
/** Raises the error that every use of the model would end with, if it can't be used at all. */
void model_check(const Model* model);

/** What the answer of model_open depends on, but for the name. */
typedef struct Stamp {
  TransactionId xmin, xmax;
  uint32 n_running, n_running_subs;
  CommandId command;
  SubTransactionId subtransaction;
  Oid user;
} Stamp;

Stamp stamp_now(void);

/* ------------------------------------------------------------------------------------------------------------------------ values.c */

/** Values of one SQL column, laid out for the library. */
typedef struct Column {
  Oid type;  /* without domains */
  int scale; /* of decimals */
  int32 size;
  edgeonnx_field field;
  char* values;      /* NULL: not collected */
  uint8* validity;   /* bitmap */
  size_t n_validity; /* bytes */
  bool has_nulls;
} Column;

void column_init(Column* column, char* name, Oid type, int32 typmod);
void column_allocate(Column* column, int64 n_rows);
void column_put(Column* column, int64 row, Datum value, bool is_null);
edgeonnx_column column_view(const Column* column);
/** Forgets the rows. */
void column_clear(Column* column);

/* ----------------------------------------------------------------------------------------------------------------------- answers.c */

/** Answers of one output in a declared SQL type. */
typedef struct Answer {
  Oid type;     /* of one value */
  Oid array_of; /* its array type, where that is declared; else InvalidOid */
  edgeonnx_result wanted;
  int64 width;
  int32 size;
  char* values;
  uint8* mask;
} Answer;

/** Raises an error for types that no answer can have. */
void answer_init(Answer* result, char* output, Oid type, int32 typmod);
/** Once it is bound: takes the width, and room for so many rows. */
void answer_allocate(Answer* result, const edgeonnx_port* port, int64 n_rows);
Datum answer_get(const Answer* result, int64 row, bool* is_null);

/* ------------------------------------------------------------------------------------------------------------------ edgeonnx_pg.c */

/** GUCs. */
extern int edgeonnx_pg_threads;
extern int edgeonnx_pg_max_models;
extern char* edgeonnx_pg_ort_library;

/** edgeonnx_scorer_input or edgeonnx_scorer_output. */
typedef edgeonnx_status (*PortGetter)(const edgeonnx_scorer* scorer, int64_t index, edgeonnx_port* port);
/** The one port whose name is longer than the server's names may be and is cut to this one; NULL if there is none. As UTF-8. */
const char* port_cut_to(const edgeonnx_scorer* scorer, PortGetter get, const char* name);

/** "'a', 'b'" of the outputs that can be read, and how many these are; text can't. */
char* readable_outputs(const edgeonnx_scorer* scorer, int* n_readable, edgeonnx_port* first);

#endif
