/* The entry point of the SQLite extension: gives a connection edgeonnx's functions and tables. */
#include "adapter.h"

SQLITE_EXTENSION_INIT1

enum { OLDEST_SQLITE = 3031000 }; /* SQLITE_DIRECTONLY */

#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0x001000000 /* of 3.45; older ones do not look at it */
#endif

static int add_functions(sqlite3* connection) {
  Cache* const cache = predict_cache_create();
  if (!cache) return SQLITE_NOMEM;
  /* Not deterministic: a model may be replaced, and what an index or a generated column holds must not change. */
  const int harmless = SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_RESULT_SUBTYPE;
  /* Files are read and models replaced by those who are connected, never by the schema of a file. */
  const int direct = SQLITE_UTF8 | SQLITE_DIRECTONLY;
  /* The cache goes when edgeonnx_predict goes, which is when the connection closes. */
  int code = sqlite3_create_function_v2(connection, "edgeonnx_predict", -1, harmless, cache, predict, NULL, NULL, predict_cache_release);
  if (code == SQLITE_OK) code = sqlite3_create_function(connection, "edgeonnx_load", -1, direct, cache, models_load, NULL, NULL);
  if (code == SQLITE_OK) code = sqlite3_create_function(connection, "edgeonnx_drop", 1, direct, cache, models_drop, NULL, NULL);
  if (code == SQLITE_OK) code = sqlite3_create_function(connection, "edgeonnx_gather", -1, direct, NULL, query_gather, NULL, NULL);
  return code;
}

/** A table that runs queries, with a count of the connection's own. */
static int add_scores(sqlite3* connection, const char* name, const sqlite3_module* module) {
  int* const depth = sqlite3_malloc(sizeof *depth);
  if (!depth) return SQLITE_NOMEM;
  *depth = 0;
  return sqlite3_create_module_v2(connection, name, module, depth, sqlite3_free); /* which frees it on failure too */
}

/** Functions can't be replaced while statements run, and SELECT load_extension(...) is one. */
static bool is_loaded(sqlite3* connection) {
  sqlite3_stmt* statement = NULL;
  const int code = sqlite3_prepare_v2(connection, "SELECT edgeonnx_gather()", -1, &statement, NULL);
  sqlite3_finalize(statement);
  return code == SQLITE_OK;
}

__attribute__((visibility("default"))) int sqlite3_edgeonnxsqlite_init(sqlite3* connection, char** message,
                                                                       const sqlite3_api_routines* api) {
  /* An extension has one table of SQLite's calls, and each SQLite in a process its own connections. */
  if (sqlite3_api && sqlite3_api != api) {
    *message = api->mprintf("edgeonnx is already loaded by another SQLite library of this process; use one of them");
    return SQLITE_ERROR;
  }
  if (api->libversion_number() < OLDEST_SQLITE) {
    *message = api->mprintf("edgeonnx needs SQLite 3.31 or newer, this is %s", api->libversion());
    return SQLITE_ERROR;
  }
  SQLITE_EXTENSION_INIT2(api)
  if (is_loaded(connection)) return SQLITE_OK_LOAD_PERMANENTLY;
  models_watch_forks();
  int code = add_scores(connection, "edgeonnx_score", &scores_function);
  if (code == SQLITE_OK) code = add_scores(connection, "edgeonnx", &scores_table);
  if (code == SQLITE_OK) code = sqlite3_create_module(connection, "edgeonnx_models", &models_list, NULL);
  if (code == SQLITE_OK) code = sqlite3_create_module(connection, "edgeonnx_ports", &ports_list, NULL);
  if (code == SQLITE_OK) code = add_functions(connection); /* last: is_loaded asks for them */
  /* The models, and the threads that score, outlive the connection. */
  return code == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : code;
}
