/* The registry of this process, and the functions that change it: edgeonnx_load, edgeonnx_model, edgeonnx_drop. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static edgeonnx_registry* registry;
static atomic_uint_fast64_t generation;

/* Objects of edgeonnx may not be used after a fork: the child begins without models. The parent's are left alone there, not released. */
static void begin_anew(void) {
  const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
  lock = fresh;
  registry = NULL;
  bindings_abandon();
}

edgeonnx_registry* models_registry(Failure* failure) {
  pthread_mutex_lock(&lock);
  if (!registry) {
    edgeonnx_error error = failure_begin(failure);
    if (edgeonnx_registry_create(NULL, &registry, &error)) failure_finish(failure, &error);
  }
  edgeonnx_registry* const found = registry;
  pthread_mutex_unlock(&lock);
  return found;
}

uint64_t models_generation(void) { return atomic_load(&generation); }

static void changed(void) {
  atomic_fetch_add(&generation, 1);
  bindings_forget();
}

edgeonnx_scorer* models_get(const char* name, Failure* failure) {
  edgeonnx_registry* const from = models_registry(failure);
  if (!from) return NULL;
  edgeonnx_error error = failure_begin(failure);
  edgeonnx_scorer* scorer = NULL;
  if (edgeonnx_registry_get(from, name, NULL, &scorer, &error)) failure_finish(failure, &error);
  return scorer;
}

static bool put(const char* name, Slice model, const char* settings, Failure* failure) {
  edgeonnx_registry* const to = models_registry(failure);
  if (!to) return false;
  edgeonnx_error error = failure_begin(failure);
  if (edgeonnx_registry_put(to, name, NULL, model.data, model.length, settings, &error)) return failure_finish(failure, &error);
  changed();
  return true;
}

bool models_drop(const char* name, int64_t* n_dropped, Failure* failure) {
  edgeonnx_registry* const from = models_registry(failure);
  if (!from) return false;
  edgeonnx_error error = failure_begin(failure);
  if (edgeonnx_registry_drop(from, name, NULL, n_dropped, &error)) return failure_finish(failure, &error);
  changed();
  return true;
}

static bool put_file(const char* name, const char* path, const char* settings, Failure* failure) {
  edgeonnx_registry* const to = models_registry(failure);
  if (!to) return false;
  edgeonnx_error error = failure_begin(failure);
  if (edgeonnx_registry_load(to, name, NULL, path, settings, &error)) return failure_finish(failure, &error);
  changed();
  return true;
}

static bool is_blob(duckdb_vector vector) {
  duckdb_logical_type type = duckdb_vector_get_column_type(vector);
  const bool found = duckdb_get_type_id(type) == DUCKDB_TYPE_BLOB;
  duckdb_destroy_logical_type(&type);
  return found;
}

static bool load_row(duckdb_data_chunk chunk, idx_t row, Failure* failure) {
  duckdb_vector names = duckdb_data_chunk_get_vector(chunk, 0), models = duckdb_data_chunk_get_vector(chunk, 1);
  if (!is_valid(names, row) || !is_valid(models, row)) {
    return failure_say(failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_load needs a name and a model, its bytes or its path; one is NULL");
  }
  char* settings = NULL;
  if (duckdb_data_chunk_get_column_count(chunk) > 2 && is_valid(duckdb_data_chunk_get_vector(chunk, 2), row)) {
    settings = text_copy(slice_of(duckdb_data_chunk_get_vector(chunk, 2), row));
    if (!settings) return failure_memory(failure);
  }
  char* const name = text_copy(slice_of(names, row));
  char* const path = is_blob(models) ? NULL : text_copy(slice_of(models, row));
  const bool done = !name || (!path && !is_blob(models)) ? failure_memory(failure)
                    : path                               ? put_file(name, path, settings, failure)
                                                         : put(name, slice_of(models, row), settings, failure);
  free(path);
  free(name);
  free(settings);
  return done;
}

static void load(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  Failure failure;
  bool* const loaded = duckdb_vector_get_data(to);
  for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
    loaded[row] = load_row(chunk, row, &failure);
    if (loaded[row]) continue;
    duckdb_scalar_function_set_error(info, failure.text);
    return;
  }
}

/* A model by its content: its name is its digest and its settings. It is loaded unless one of that name is there. */
static bool keep_row(duckdb_data_chunk chunk, idx_t row, duckdb_vector to, Failure* failure) {
  duckdb_vector digests = duckdb_data_chunk_get_vector(chunk, 0), models = duckdb_data_chunk_get_vector(chunk, 1);
  duckdb_vector words = duckdb_data_chunk_get_vector(chunk, 2);
  if (!is_valid(digests, row) || !is_valid(models, row) || !is_valid(words, row)) {
    return failure_say(failure, EDGEONNX_INVALID_MODEL, "the model is NULL; the query that was to find it found no row, or a NULL");
  }
  Text name = {0};
  const Slice digest = slice_of(digests, row), settings = slice_of(words, row);
  text_add(&name, digest.data, digest.length);
  if (settings.length) {
    text_add(&name, " ", 1);
    text_add(&name, settings.data, settings.length);
  }
  bool done = !name.failed || failure_memory(failure);
  if (done) {
    edgeonnx_scorer* const found = models_get(name.data, failure);
    done = found || put(name.data, slice_of(models, row), settings.length ? name.data + digest.length + 1 : NULL, failure);
    edgeonnx_scorer_release(found);
  }
  if (done) duckdb_vector_assign_string_element_len(to, row, name.data, name.length);
  text_free(&name);
  return done;
}

static void keep(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  Failure failure;
  for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
    if (keep_row(chunk, row, to, &failure)) continue;
    duckdb_scalar_function_set_error(info, failure.text);
    return;
  }
}

static void drop(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  Failure failure;
  duckdb_vector names = duckdb_data_chunk_get_vector(chunk, 0);
  int64_t* const n_dropped = duckdb_vector_get_data(to);
  for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
    char* const name = is_valid(names, row) ? text_copy(slice_of(names, row)) : NULL;
    const bool done = !is_valid(names, row) ? failure_say(&failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_drop needs a name; it is NULL")
                      : !name               ? failure_memory(&failure)
                                            : models_drop(name, &n_dropped[row], &failure);
    free(name);
    if (done) continue;
    duckdb_scalar_function_set_error(info, failure.text);
    return;
  }
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, begin_anew); }

void models_register(duckdb_connection connection) {
  static pthread_once_t once = PTHREAD_ONCE_INIT; /* many databases of one process load the extension */
  pthread_once(&once, watch_forks);
  const duckdb_type from_path[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR};
  const duckdb_type from_bytes[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_VARCHAR};
  duckdb_scalar_function_set loads = duckdb_create_scalar_function_set("edgeonnx_load");
  for (idx_t n = 2; n <= 3; ++n) {
    for (int i = 0; i < 2; ++i) {
      duckdb_scalar_function made =
          scalar_make("edgeonnx_load", i ? from_bytes : from_path, n, duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN), true, load);
      duckdb_add_scalar_function_to_set(loads, made);
      duckdb_destroy_scalar_function(&made);
    }
  }
  duckdb_register_scalar_function_set(connection, loads);
  duckdb_destroy_scalar_function_set(&loads);
  const duckdb_type content[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_VARCHAR};
  scalar_register(connection, scalar_make("edgeonnx_model", content, 3, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR), true, keep));
  scalar_register(connection, scalar_make("edgeonnx_drop", from_path, 1, duckdb_create_logical_type(DUCKDB_TYPE_BIGINT), true, drop));
}
