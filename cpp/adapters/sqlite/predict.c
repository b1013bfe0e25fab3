/* edgeonnx_predict('model', value, ...): one row a call, its values fed to the inputs in their order.
 *
 * A binding is tied to what the values are, so a connection keeps those of the last few models and kinds of rows. Within a statement a
 * column that has held both INTEGER and REAL counts as REAL from then on, and a model stays what it was when the statement began.
 */
#include <string.h>

#include "adapter.h"

enum { N_KEPT = 16 };

typedef struct Entry {
  char* target;
  Rows* rows; /* of one row; its kinds never change */
  int n_users;
} Entry;

struct Cache {
  Entry* entries[N_KEPT]; /* used last first */
  int64_t generation;
};

/** What a statement knows of its calls; kept by SQLite where the model's name is constant, else made for every row. */
typedef struct Statement {
  Entry* entry;
  int n_columns;
  unsigned char kinds[];
} Statement;

static void release_entry(Entry* entry) {
  if (!entry || --entry->n_users > 0) return;
  rows_close(entry->rows);
  sqlite3_free(entry->target);
  sqlite3_free(entry);
}

Cache* predict_cache_create(void) {
  Cache* const cache = sqlite3_malloc64(sizeof *cache);
  if (cache) memset(cache, 0, sizeof *cache);
  return cache;
}

void predict_cache_clear(Cache* cache) {
  for (int i = 0; i < N_KEPT; ++i) {
    release_entry(cache->entries[i]);
    cache->entries[i] = NULL;
  }
}

void predict_cache_release(void* cache) {
  predict_cache_clear(cache);
  sqlite3_free(cache);
}

static void close_statement(void* pointer) {
  Statement* const statement = pointer;
  release_entry(statement->entry);
  sqlite3_free(statement);
}

/** Names for messages: those of the inputs where each takes one value, else the numbers of the arguments. */
static char** names_of_arguments(const edgeonnx_scorer* scorer, int n_columns) {
  char** const names = sqlite3_malloc64(((size_t)n_columns + 1) * sizeof *names);
  for (int i = 0; names && i < n_columns; ++i) {
    edgeonnx_port port;
    const bool one_each = edgeonnx_scorer_n_inputs(scorer) == n_columns;
    names[i] = one_each && edgeonnx_scorer_input(scorer, i, &port) == EDGEONNX_OK ? sqlite3_mprintf("%s", port.name)
                                                                                  : sqlite3_mprintf("value %d", i + 1);
  }
  return names;
}

static edgeonnx_status refuse_several(const Rows* rows, const char* target, Failure* failure) {
  failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "the model '%s' has several outputs; name one of", target);
  for (size_t i = 0; i < rows->n_wanted; ++i) failure_add(failure, "%s '%s.%s'", i ? "," : "", target, rows->wanted[i].output);
  failure_add(failure, ", or take all from edgeonnx_score");
  return EDGEONNX_INVALID_ARGUMENT;
}

static edgeonnx_status make_entry(const char* name, const Statement* statement, Entry** out, Failure* failure) {
  Target target;
  edgeonnx_status status = target_open(name, &target, failure);
  if (status != EDGEONNX_OK) return status;
  Entry* const entry = sqlite3_malloc64(sizeof *entry);
  if (!entry) {
    target_close(&target);
    return failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
  }
  memset(entry, 0, sizeof *entry);
  entry->n_users = 1;
  entry->target = sqlite3_mprintf("%s", name);
  char** const names = names_of_arguments(target.scorer, statement->n_columns);
  if (entry->target && names) {
    status = rows_open(&target, names, NULL, statement->n_columns, true, false, 1, &entry->rows, failure);
  } else {
    target_close(&target);
    status = failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
  }
  for (int i = 0; names && i < statement->n_columns; ++i) sqlite3_free(names[i]);
  sqlite3_free(names);
  if (status == EDGEONNX_OK && entry->rows->n_wanted > 1) status = refuse_several(entry->rows, name, failure);
  if (status != EDGEONNX_OK) {
    release_entry(entry);
    return status;
  }
  memcpy(entry->rows->kinds, statement->kinds, (size_t)statement->n_columns);
  *out = entry;
  return EDGEONNX_OK;
}

/** Lets the statement use the entry for its kinds: one that is kept, or a new one. */
static edgeonnx_status find_entry(Cache* cache, const char* name, Statement* statement, Failure* failure) {
  release_entry(statement->entry);
  statement->entry = NULL;
  const int64_t generation = models_generation();
  if (cache->generation != generation) predict_cache_clear(cache);
  cache->generation = generation;
  int at = 0;
  for (; at < N_KEPT && cache->entries[at]; ++at) {
    const Entry* const kept = cache->entries[at];
    if (kept->rows->n_columns == statement->n_columns && strcmp(kept->target, name) == 0 &&
        memcmp(kept->rows->kinds, statement->kinds, (size_t)statement->n_columns) == 0)
      break;
  }
  Entry* entry = at < N_KEPT ? cache->entries[at] : NULL;
  if (!entry) {
    const edgeonnx_status status = make_entry(name, statement, &entry, failure);
    if (status != EDGEONNX_OK) return status;
    if (at == N_KEPT) release_entry(cache->entries[--at]);
  }
  memmove(cache->entries + 1, cache->entries, (size_t)at * sizeof *cache->entries);
  cache->entries[0] = entry;
  statement->entry = entry;
  ++entry->n_users;
  return EDGEONNX_OK;
}

/** Takes in what this row holds; whether that changed what the statement's columns hold. */
static bool take_in_kinds(Statement* statement, sqlite3_value** values) {
  bool changed = false;
  for (int i = 0; i < statement->n_columns; ++i) {
    const int type = sqlite3_value_type(values[i]);
    const unsigned char kind = type == SQLITE_FLOAT ? KIND_REAL : type == SQLITE_INTEGER ? KIND_INTEGER : KIND_UNKNOWN;
    if (kind <= statement->kinds[i]) continue;
    statement->kinds[i] = kind;
    changed = true;
  }
  return changed;
}

static edgeonnx_status score_row(sqlite3_context* context, Statement* statement, sqlite3_value** arguments, Failure* failure) {
  edgeonnx_status status = EDGEONNX_OK;
  if (take_in_kinds(statement, arguments + 1) || !statement->entry) {
    status = find_entry(sqlite3_user_data(context), (const char*)sqlite3_value_text(arguments[0]), statement, failure);
    if (status != EDGEONNX_OK) return status;
  }
  Rows* const rows = statement->entry->rows;
  rows_clear(rows);
  rows->first_row = 0; /* rows have no numbers here */
  status = rows_put(rows, NULL, statement->n_columns, arguments + 1, failure);
  if (status == EDGEONNX_OK) status = rows_score(rows, NULL, NULL, failure);
  if (status != EDGEONNX_OK) return status;
  status = value_give(context, &rows->results[0], 0, rows->target.position, failure);
  if (status != EDGEONNX_OK) failure_about(failure, rows->target.text);
  return status;
}

void predict(sqlite3_context* context, int n_arguments, sqlite3_value** arguments) {
  Failure failure;
  if (n_arguments < 1 || sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    if (n_arguments > 0) return; /* a row that names no model has no score */
    failure_set(&failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_predict takes a model's name and the values of its inputs");
    failure_raise(&failure, context);
    return;
  }
  Statement* statement = sqlite3_get_auxdata(context, 0);
  const bool is_new = !statement;
  if (is_new) {
    const size_t n_bytes = sizeof *statement + (size_t)n_arguments;
    statement = sqlite3_malloc64(n_bytes);
    if (!statement) {
      sqlite3_result_error_nomem(context);
      return;
    }
    memset(statement, 0, n_bytes);
    statement->n_columns = n_arguments - 1;
  }
  if (score_row(context, statement, arguments, &failure) != EDGEONNX_OK) {
    failure_forget_row(&failure);
    failure_raise(&failure, context);
  }
  if (is_new) sqlite3_set_auxdata(context, 0, statement, close_statement);
}
