/* Bindings, kept: to make one takes longer than to score a chunk by it.
 *
 * A binding belongs to a model, to a layout of columns and to what is wanted. It is found by all of these in words (`key`), and by the
 * generation of the models, so that one made before a model was replaced or dropped is never found again.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

struct Binding {
  edgeonnx_binding* handle;
  uint64_t generation;
  Text key;
  int64_t n_users; /* and one more while it stands in `kept` */
  Binding* next;   /* the one used longest ago stands last */
};

enum { MAX_KEPT = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Binding* kept;

void bindings_abandon(void) {
  const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
  lock = fresh;
  kept = NULL;
}

const edgeonnx_binding* binding_handle(const Binding* binding) { return binding->handle; }

static void let_go(Binding* binding) {
  if (--binding->n_users > 0) return;
  edgeonnx_binding_release(binding->handle);
  text_free(&binding->key);
  free(binding);
}

void binding_release(Binding* binding) {
  if (!binding) return;
  pthread_mutex_lock(&lock);
  let_go(binding);
  pthread_mutex_unlock(&lock);
}

/* Those of an older generation, and those beyond the number that is kept. */
static void thin_out(uint64_t generation) {
  size_t n = 0;
  for (Binding** at = &kept; *at;) {
    Binding* const each = *at;
    if (each->generation == generation && ++n <= MAX_KEPT) {
      at = &each->next;
      continue;
    }
    *at = each->next;
    let_go(each);
  }
}

void bindings_forget(void) {
  pthread_mutex_lock(&lock);
  thin_out(models_generation());
  pthread_mutex_unlock(&lock);
}

static Binding* find(uint64_t generation, const Text* key) {
  pthread_mutex_lock(&lock);
  Binding* found = NULL;
  for (Binding** at = &kept; *at && !found; at = &(*at)->next) {
    if ((*at)->generation != generation || (*at)->key.length != key->length || memcmp((*at)->key.data, key->data, key->length)) continue;
    found = *at;
    *at = found->next;
    found->next = kept;
    kept = found;
    ++found->n_users;
    break;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

static void keep(Binding* made) {
  pthread_mutex_lock(&lock);
  made->next = kept;
  kept = made;
  ++made->n_users;
  thin_out(models_generation());
  pthread_mutex_unlock(&lock);
}

static Text key_of(const char* model, const Request* request, const Columns* layout) {
  Text key = {0};
  text_add(&key, model, strlen(model) + 1);
  text_add(&key, &request->wanted, sizeof request->wanted);
  for (size_t i = 0; i < request->n_with; ++i) {
    const edgeonnx_result* const result = &request->with[i];
    const int32_t facts[] = {result->type, result->precision, result->scale, result->not_null};
    text_add(&key, result->output, strlen(result->output) + 1);
    text_add(&key, facts, sizeof facts);
  }
  text_add(&key, request->expected ? request->expected : "", request->expected ? strlen(request->expected) + 1 : 1);
  for (size_t i = 0; i < layout->n_columns; ++i) {
    const edgeonnx_field* const field = &layout->fields[i];
    const int64_t facts[] = {field->type, field->width, field->precision, field->scale};
    text_add(&key, facts, sizeof facts);
    /* By position, names are numbers. */
    if (request->wanted != WANTED_ONE) text_add(&key, field->name, strlen(field->name) + 1);
  }
  return key;
}

bool output_is_readable(const edgeonnx_port* output) {
  return output->type != EDGEONNX_TYPE_STRING && output->type != EDGEONNX_TYPE_UNDEFINED;
}

/* The results to ask for, in `results`, which has room for all outputs. */
static bool choose(const char* model, const edgeonnx_scorer* scorer, Wanted wanted, edgeonnx_result* results, size_t* n_results,
                   Failure* failure) {
  Text names = {0};
  bool is_one_value = true;
  *n_results = 0;
  const int64_t n_outputs = edgeonnx_scorer_n_outputs(scorer);
  for (int64_t i = 0; i < n_outputs; ++i) {
    edgeonnx_port output;
    if (edgeonnx_scorer_output(scorer, i, &output) || !output_is_readable(&output)) continue;
    edgeonnx_result* const result = &results[(*n_results)++];
    result->output = output.name;
    if (wanted == WANTED_ONE) result->type = EDGEONNX_TYPE_DOUBLE;
    /* DuckDB has no short floats; every value survives. */
    else if (output.type == EDGEONNX_TYPE_FLOAT16 || output.type == EDGEONNX_TYPE_BFLOAT16)
      result->type = EDGEONNX_TYPE_FLOAT;
    if (output.width != 1) is_one_value = false;
    text_format(&names, names.length ? ", %s" : "%s", output.name);
    if (output.width != 1) text_format(&names, output.width < 0 ? " (several values)" : " (%lld values)", (long long)output.width);
  }
  bool is_fit = true;
  if (*n_results == 0) {
    is_fit = failure_say(failure, EDGEONNX_UNSUPPORTED, "model '%s' has no output of numbers; text can't be read", model);
  } else if (wanted == WANTED_ONE && (*n_results != 1 || !is_one_value)) {
    is_fit =
        failure_say(failure, EDGEONNX_SHAPE_MISMATCH,
                    "edgeonnx_predict gives one value a row, model '%s' has the outputs %s: take edgeonnx_predict_struct('%s', {...}), or "
                    "FROM query(edgeonnx_predict_sql('%s', 'table')) for typed columns",
                    model, names.failed ? "..." : names.data, model, model);
  }
  text_free(&names);
  return is_fit;
}

static edgeonnx_binding* make_handle(const char* model, const Request* request, const Columns* layout, edgeonnx_scorer* scorer,
                                     Failure* failure) {
  const bool chooses = request->wanted != WANTED_WITH;
  edgeonnx_result* const results = chooses ? calloc((size_t)edgeonnx_scorer_n_outputs(scorer) + 1, sizeof *results) : request->with;
  edgeonnx_binding* handle = NULL;
  edgeonnx_binding_options options = {
      .struct_size = sizeof options, .results = results, .n_results = request->n_with, .by_position = request->wanted == WANTED_ONE};
  if (!results) {
    failure_memory(failure);
  } else if (!chooses || choose(model, scorer, request->wanted, results, &options.n_results, failure)) {
    edgeonnx_error error = failure_begin(failure);
    edgeonnx_null_rule rule;
    if (edgeonnx_settings_parse(edgeonnx_scorer_settings(scorer), &options, &rule, &error) ||
        edgeonnx_binding_create(scorer, layout->fields, layout->n_columns, &options, &handle, &error)) {
      failure_finish(failure, &error);
      failure_about(failure, model);
    }
  }
  if (chooses) free(results);
  return handle;
}

bool outputs_in_words(Text* to, const edgeonnx_scorer* scorer) {
  const int64_t n_outputs = edgeonnx_scorer_n_outputs(scorer);
  edgeonnx_port output;
  for (int64_t i = 0; i < n_outputs; ++i) {
    if (edgeonnx_scorer_output(scorer, i, &output) || !output_is_readable(&output)) continue;
    text_format(to, "%s%s %s", to->length ? ", " : "", output.name, *output.sql_type ? output.sql_type : output.onnx_type);
    if (output.width != 1) text_format(to, "[%lld]", (long long)output.width);
  }
  return !to->failed;
}

/* A statement that was made for a model may not be answered by another that took its name meanwhile. */
static bool is_expected(const char* model, const Request* request, const edgeonnx_scorer* scorer, Failure* failure) {
  if (!request->expected || !strcmp(request->expected, edgeonnx_scorer_digest(scorer))) return true;
  Text outputs = {0};
  const bool told = outputs_in_words(&outputs, scorer);
  const bool same = told && outputs.data && !strcmp(outputs.data, request->expected);
  if (!told) failure_memory(failure);
  if (told && !same && strpbrk(request->expected, " ")) {
    failure_say(failure, EDGEONNX_INVALID_STATE,
                "model '%s' returns %s now; this macro was made of a model that returned %s: make it anew with edgeonnx_macro_sql", model,
                outputs.data ? outputs.data : "nothing", request->expected);
  } else if (told && !same) {
    failure_say(failure, EDGEONNX_INVALID_STATE,
                "model '%s' was replaced while this statement ran; run it again, and it is scored by the new one alone", model);
  }
  text_free(&outputs);
  return same;
}

/* Takes `key`. */
static Binding* make(const char* model, const Request* request, const Columns* layout, edgeonnx_scorer* scorer, uint64_t generation,
                     Text* key, Failure* failure) {
  edgeonnx_binding* const handle = make_handle(model, request, layout, scorer, failure);
  Binding* const made = handle ? calloc(1, sizeof *made) : NULL;
  if (!made) {
    if (handle) failure_memory(failure);
    edgeonnx_binding_release(handle);
    text_free(key);
    return NULL;
  }
  *made = (Binding){.handle = handle, .generation = generation, .key = *key, .n_users = 1};
  keep(made);
  return made;
}

Binding* binding_acquire(const char* model, const Request* request, const Columns* layout, Failure* failure) {
  /* The generation first: should the model be replaced meanwhile, what is made here is not found again. */
  const uint64_t generation = models_generation();
  edgeonnx_scorer* const scorer = models_get(model, failure); /* counts as a use, whatever is kept */
  if (!scorer) return NULL;
  Text key = key_of(model, request, layout);
  Binding* binding = NULL;
  if (key.failed) {
    failure_memory(failure);
  } else {
    binding = find(generation, &key);
  }
  if (binding || key.failed || !is_expected(model, request, scorer, failure)) {
    text_free(&key);
  } else {
    binding = make(model, request, layout, scorer, generation, &key, failure);
  }
  edgeonnx_scorer_release(scorer);
  return binding;
}
