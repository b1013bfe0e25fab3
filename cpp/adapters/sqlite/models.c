/* One registry of models for all connections of a process, and the functions that fill it: edgeonnx_load, edgeonnx_drop. */
#include <pthread.h>
#include <stdatomic.h>

#include "adapter.h"

static _Atomic(edgeonnx_registry*) registry;
static atomic_int_fast64_t generation;
static atomic_bool watches;

/* The parent's models may not be used in a child, which makes a registry of its own when it first needs one. */
static void forget_registry(void) {
  atomic_store(&registry, NULL);
  atomic_fetch_add(&generation, 1);
}

void models_watch_forks(void) {
  if (!atomic_exchange(&watches, true)) (void)pthread_atfork(NULL, NULL, forget_registry);
}

int64_t models_generation(void) { return atomic_load(&generation); }

edgeonnx_status models_registry(edgeonnx_registry** out, Failure* failure) {
  *out = atomic_load(&registry);
  if (*out) return EDGEONNX_OK;
  edgeonnx_registry* made = NULL;
  const edgeonnx_status status = edgeonnx_registry_create(NULL, &made, failure_slot(failure));
  if (status != EDGEONNX_OK) return status;
  if (atomic_compare_exchange_strong(&registry, out, made)) {
    *out = made;
  } else {
    edgeonnx_registry_release(made); /* another thread was first */
  }
  return EDGEONNX_OK;
}

static edgeonnx_status put(int n_arguments, sqlite3_value** arguments, Failure* failure) {
  const char* const name = (const char*)sqlite3_value_text(arguments[0]);
  const char* const settings = n_arguments > 2 ? (const char*)sqlite3_value_text(arguments[2]) : NULL;
  const int type = sqlite3_value_type(arguments[1]);
  edgeonnx_registry* models = NULL;
  if (!name) return failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_load: the model's name is NULL");
  if (type == SQLITE_NULL) {
    return failure_set(failure, EDGEONNX_INVALID_ARGUMENT,
                       "edgeonnx_load: the model '%s' is NULL, as readfile('x.onnx') is without that file", name);
  }
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
    return failure_set(failure, EDGEONNX_INVALID_ARGUMENT,
                       "edgeonnx_load: the model '%s' must be a BLOB with its bytes, or TEXT, the path of its file", name);
  }
  edgeonnx_status status = models_registry(&models, failure);
  if (status != EDGEONNX_OK) return status;
  if (type == SQLITE_BLOB) {
    const void* const bytes = sqlite3_value_blob(arguments[1]);
    return edgeonnx_registry_put(models, name, NULL, bytes, (size_t)sqlite3_value_bytes(arguments[1]), settings, failure_slot(failure));
  }
  return edgeonnx_registry_load(models, name, NULL, (const char*)sqlite3_value_text(arguments[1]), settings, failure_slot(failure));
}

/** edgeonnx_load(name, path or blob[, settings]): gives the name. */
void models_load(sqlite3_context* context, int n_arguments, sqlite3_value** arguments) {
  Failure failure;
  if (n_arguments < 2 || n_arguments > 3) {
    failure_set(&failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_load takes a name, a path or a BLOB, and settings where they are wanted");
    failure_raise(&failure, context);
    return;
  }
  if (put(n_arguments, arguments, &failure) != EDGEONNX_OK) {
    failure_raise(&failure, context);
    return;
  }
  atomic_fetch_add(&generation, 1);
  predict_cache_clear(sqlite3_user_data(context));
  sqlite3_result_value(context, arguments[0]);
}

/** edgeonnx_drop(name): gives how many there were. */
void models_drop(sqlite3_context* context, int n_arguments, sqlite3_value** arguments) {
  (void)n_arguments;
  Failure failure;
  edgeonnx_registry* models = NULL;
  int64_t n_dropped = 0;
  const char* const name = (const char*)sqlite3_value_text(arguments[0]);
  edgeonnx_status status = name ? models_registry(&models, &failure)
                                : failure_set(&failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_drop: the model's name is NULL");
  if (status == EDGEONNX_OK) status = edgeonnx_registry_drop(models, name, NULL, &n_dropped, failure_slot(&failure));
  if (status != EDGEONNX_OK) {
    failure_raise(&failure, context);
    return;
  }
  atomic_fetch_add(&generation, 1);
  predict_cache_clear(sqlite3_user_data(context));
  sqlite3_result_int64(context, n_dropped);
}
