/* edgeonnx_predict, edgeonnx_predict_struct, edgeonnx_predict_lists and edgeonnx_predict_with: one chunk of rows, scored. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

/* What one call has made; all of it goes when the call ends. */
typedef struct Call {
  Request request;
  Columns columns;
  int32_t* which; /* a row's model, or -1: its name is NULL */
  Slice* slices;  /* names of the models, as they come up */
  size_t n_models;
  Binding** bindings; /* one a model */
  const edgeonnx_binding** handles;
  Result* results;
  edgeonnx_output* outputs;
  size_t n_results;
} Call;

/* Which of the models that came up before a name is, or a new one. Mostly it is that of the row before. */
static int32_t model_index(Call* call, Slice name, int32_t before) {
  const int32_t n = (int32_t)call->n_models;
  for (int32_t i = before < 0 ? 0 : before, tried = 0; tried < n; i = i + 1 < n ? i + 1 : 0, ++tried) {
    if (call->slices[i].length == name.length && !memcmp(call->slices[i].data, name.data, name.length)) return i;
  }
  call->slices[n] = name;
  ++call->n_models;
  return n;
}

/* Rows whose name, or whose struct, is NULL have no model. True if every row has the first one. */
static bool choose_models(Call* call, duckdb_vector names, duckdb_vector rows, idx_t n_rows) {
  const duckdb_string_t* const texts = duckdb_vector_get_data(names);
  const bool may_be_null = duckdb_vector_get_validity(names) || (rows && duckdb_vector_get_validity(rows));
  bool is_one = true;
  int32_t before = -1;
  for (idx_t row = 0; row < n_rows; ++row) {
    if (may_be_null && (!is_valid(names, row) || (rows && !is_valid(rows, row)))) {
      call->which[row] = -1;
      is_one = false;
      continue;
    }
    /* A constant name is the same 16 bytes in every row. */
    if (row == 0 || call->which[row - 1] < 0 || memcmp(&texts[row], &texts[row - 1], sizeof *texts)) {
      before = model_index(call, slice_of(names, row), before);
    }
    call->which[row] = before;
    is_one = is_one && before == 0;
  }
  return is_one;
}

static bool acquire_bindings(Call* call, Failure* failure) {
  if (call->n_models == 0) return true;
  call->bindings = calloc(call->n_models, sizeof *call->bindings);
  call->handles = calloc(call->n_models, sizeof *call->handles);
  if (!call->bindings || !call->handles) return failure_memory(failure);
  for (size_t i = 0; i < call->n_models; ++i) {
    char* const name = text_copy(call->slices[i]);
    if (!name) return failure_memory(failure);
    call->bindings[i] = binding_acquire(name, &call->request, &call->columns, failure);
    free(name);
    if (!call->bindings[i]) return false;
    call->handles[i] = binding_handle(call->bindings[i]);
  }
  return true;
}

/* Memory for the results; the one of WANTED_ONE is written where DuckDB wants it, in `to`. */
/* Of all models the same names, since one name stands for the values of all rows. */
static bool names_agree(const Call* call, Failure* failure) {
  for (size_t m = 1; m < call->n_models; ++m) {
    edgeonnx_port first, other;
    for (int64_t i = 0; !edgeonnx_binding_result(call->handles[0], i, &first); ++i) {
      if (edgeonnx_binding_result(call->handles[m], i, &other) || !strcmp(first.name, other.name)) continue;
      const Slice* const names = call->slices;
      return failure_say(
          failure, EDGEONNX_INVALID_ARGUMENT,
          "models '%.*s' and '%.*s' give their outputs other names ('%s', '%s'): score the rows of each in a query of its own",
          (int)names[0].length, names[0].data, (int)names[m].length, names[m].data, first.name, other.name);
    }
  }
  return true;
}

static bool prepare_results(Call* call, duckdb_vector to, bool has_rows_without_model, idx_t n_rows, Failure* failure) {
  if (call->request.wanted == WANTED_ALL && !names_agree(call, failure)) return false;
  call->n_results = (size_t)edgeonnx_binding_n_results(call->handles[0]);
  call->results = calloc(call->n_results, sizeof *call->results);
  call->outputs = calloc(call->n_results, sizeof *call->outputs);
  if (!call->results || !call->outputs) return failure_memory(failure);
  for (size_t i = 0; i < call->n_results; ++i) {
    Result* const result = &call->results[i];
    bool nullable = has_rows_without_model;
    for (size_t m = 0; m < call->n_models; ++m) { /* that they are alike in all else is checked by edgeonnx_score_by_row */
      if (edgeonnx_binding_result(call->handles[m], (int64_t)i, &result->port)) break;
      nullable = nullable || result->port.nullable;
    }
    edgeonnx_binding_result(call->handles[0], (int64_t)i, &result->port);
    const size_t stride = (size_t)result->port.width * result_value_size(&result->port);
    result->data = call->request.wanted == WANTED_ONE ? duckdb_vector_get_data(to) : malloc(n_rows * stride + 1);
    result->mask = nullable ? malloc(n_rows) : NULL;
    if (!result->data || (nullable && !result->mask)) return failure_memory(failure);
    call->outputs[i] = (edgeonnx_output){result->data, (int64_t)stride, result->mask};
  }
  return true;
}

static bool score(Call* call, bool is_one_model, idx_t n_rows, Failure* failure) {
  /* One thread: DuckDB gives chunks to as many as there are. It also looks for an interrupt between two of them. */
  const edgeonnx_call options = {.struct_size = sizeof options, .n_threads = 1};
  const edgeonnx_batch batch = {call->columns.columns, (int64_t)n_rows};
  edgeonnx_error error = failure_begin(failure);
  const edgeonnx_status status =
      is_one_model ? edgeonnx_binding_score(call->handles[0], &batch, 1, call->outputs, call->n_results, &options, NULL, &error)
                   : edgeonnx_score_by_row(call->handles, call->n_models, call->which, &batch, call->outputs, call->n_results, &options,
                                           NULL, &error);
  if (status == EDGEONNX_OK) return true;
  failure_finish(failure, &error);
  if (!is_one_model) return false;
  char* const name = text_copy(call->slices[0]);
  if (name) failure_about(failure, name);
  free(name);
  return false;
}

typedef bool (*WriteResults)(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows,
                             Failure* failure);

/* The values are there already. Without results, as where no row has a model, all is NULL. */
static bool write_one(duckdb_vector to, const Result* results, size_t n_results, const int32_t* which, idx_t n_rows, Failure* failure) {
  (void)which;
  (void)failure;
  const uint8_t* const mask = n_results ? results->mask : NULL;
  if (n_results && !mask) return true;
  duckdb_vector_ensure_validity_writable(to);
  uint64_t* const validity = duckdb_vector_get_validity(to);
  for (idx_t row = 0; row < n_rows; ++row) {
    if (!mask || mask[row]) duckdb_validity_set_row_invalid(validity, row);
  }
  return true;
}

/* The WITH list: a STRUCT of outputs' names and declared types, the same in every row. */
static bool read_with(Request* request, duckdb_vector list, Failure* failure) {
  duckdb_logical_type type = duckdb_vector_get_column_type(list);
  const size_t n = duckdb_get_type_id(type) == DUCKDB_TYPE_STRUCT ? (size_t)duckdb_struct_type_child_count(type) : 0;
  request->with = calloc(n + 1, sizeof *request->with);
  bool done = request->with || failure_memory(failure);
  for (size_t i = 0; done && i < n; ++i) {
    duckdb_vector member = duckdb_struct_vector_get_child(list, i);
    duckdb_logical_type member_type = duckdb_struct_type_child_type(type, i);
    const bool is_text = duckdb_get_type_id(member_type) == DUCKDB_TYPE_VARCHAR && is_valid(member, 0);
    duckdb_destroy_logical_type(&member_type);
    char* const name = duckdb_struct_type_child_name(type, i); /* DuckDB's memory */
    char* const declaration = is_text ? text_copy(slice_of(member, 0)) : NULL;
    if (!is_text) {
      done = failure_say(failure, EDGEONNX_INVALID_ARGUMENT, "the type of output '%s' must be text, as in {'score': 'float NOT NULL'}",
                         name ? name : "");
    } else if (!name || !declaration) {
      done = failure_memory(failure);
    } else {
      edgeonnx_error error = failure_begin(failure);
      edgeonnx_result* const result = &request->with[i];
      done = edgeonnx_result_parse(declaration, result, &error) == EDGEONNX_OK || failure_finish(failure, &error);
      /* DuckDB has no short floats; every value survives. */
      if (result->type == EDGEONNX_TYPE_FLOAT16 || result->type == EDGEONNX_TYPE_BFLOAT16) result->type = EDGEONNX_TYPE_FLOAT;
      result->output = strdup(name);
      request->n_with = i + 1;
      done = done && (result->output || failure_memory(failure));
    }
    duckdb_free(name);
    free(declaration);
  }
  duckdb_destroy_logical_type(&type);
  if (done && n == 0) {
    return failure_say(failure, EDGEONNX_INVALID_ARGUMENT,
                       "the second argument must be a STRUCT of outputs and their types, as in {'score': 'float', 'label': 'bigint'}");
  }
  return done;
}

/* Reads a chunk's arguments, and binds its models to its columns. */
static bool bind_rows(Call* call, duckdb_data_chunk chunk, bool* is_one_model, Failure* failure) {
  const idx_t n_rows = duckdb_data_chunk_get_size(chunk);
  const Wanted wanted = call->request.wanted;
  duckdb_vector names = duckdb_data_chunk_get_vector(chunk, 0);
  duckdb_vector rows = wanted == WANTED_ONE ? NULL : duckdb_data_chunk_get_vector(chunk, duckdb_data_chunk_get_column_count(chunk) - 1);
  if (wanted == WANTED_WITH && !read_with(&call->request, duckdb_data_chunk_get_vector(chunk, 1), failure)) return false;
  if (!(rows ? columns_of_struct(&call->columns, rows, n_rows, failure) : columns_of_chunk(&call->columns, chunk, 1, failure)))
    return false;
  call->which = malloc(n_rows * sizeof *call->which);
  call->slices = malloc(n_rows * sizeof *call->slices);
  if (!call->which || !call->slices) return failure_memory(failure);
  *is_one_model = choose_models(call, names, rows, n_rows);
  return acquire_bindings(call, failure);
}

static bool predict_rows(Call* call, duckdb_data_chunk chunk, duckdb_vector to, WriteResults write, Failure* failure) {
  const idx_t n_rows = duckdb_data_chunk_get_size(chunk);
  bool is_one_model;
  if (!bind_rows(call, chunk, &is_one_model, failure)) return false;
  if (call->n_models == 0) return write(to, NULL, 0, call->which, n_rows, failure);
  return prepare_results(call, to, !is_one_model, n_rows, failure) && score(call, is_one_model, n_rows, failure) &&
         write(to, call->results, call->n_results, call->which, n_rows, failure);
}

static void call_end(Call* call) {
  for (size_t i = 0; i < call->n_results && call->results; ++i) {
    if (call->request.wanted != WANTED_ONE) free(call->results[i].data);
    free(call->results[i].mask);
  }
  for (size_t i = 0; i < call->n_models && call->bindings; ++i) binding_release(call->bindings[i]);
  free(call->outputs);
  free(call->results);
  free(call->handles);
  free(call->bindings);
  free(call->slices);
  free(call->which);
  for (size_t i = 0; i < call->request.n_with; ++i) free((char*)call->request.with[i].output);
  free(call->request.with);
  columns_free(&call->columns);
}

static void run(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to, Wanted wanted, const char* expected,
                WriteResults write) {
  if (duckdb_data_chunk_get_size(chunk) == 0) return;
  Failure failure;
  Call call;
  memset(&call, 0, sizeof call);
  call.request.wanted = wanted;
  call.request.expected = expected;
  const bool done = predict_rows(&call, chunk, to, write, &failure);
  call_end(&call);
  if (!done) duckdb_scalar_function_set_error(info, failure.text);
}

static void predict(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  run(info, chunk, to, WANTED_ONE, NULL, write_one);
}

/* Whether the last argument is one, or an untyped NULL in place of one, of which `to` becomes NULL. */
static bool takes_struct(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  const idx_t last = duckdb_data_chunk_get_column_count(chunk) - 1;
  duckdb_logical_type type = duckdb_vector_get_column_type(duckdb_data_chunk_get_vector(chunk, last));
  const duckdb_type id = duckdb_get_type_id(type);
  duckdb_destroy_logical_type(&type);
  if (id == DUCKDB_TYPE_STRUCT) return true;
  if (id == DUCKDB_TYPE_SQLNULL) {
    duckdb_vector_ensure_validity_writable(to);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      duckdb_validity_set_row_invalid(duckdb_vector_get_validity(to), row);
    }
    return false;
  }
  Failure failure;
  failure_say(&failure, EDGEONNX_TYPE_MISMATCH,
              "the last argument must be a STRUCT of the columns, as in {'a': a, 'b': b}, or a table's name for all of its columns");
  duckdb_scalar_function_set_error(info, failure.text);
  return false;
}

static void predict_struct(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  if (takes_struct(info, chunk, to)) run(info, chunk, to, WANTED_ALL, NULL, results_write_map);
}

/* What the texts of sql.c call: the model's name, what it was when the text was made, the columns. */
static void predict_lists(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  if (duckdb_data_chunk_get_size(chunk) == 0 || !takes_struct(info, chunk, to)) return;
  duckdb_vector texts = duckdb_data_chunk_get_vector(chunk, 1);
  char* const expected = is_valid(texts, 0) ? text_copy(slice_of(texts, 0)) : NULL;
  run(info, chunk, to, WANTED_ALL, expected, results_write_lists);
  free(expected);
}

static void predict_with(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  if (takes_struct(info, chunk, to)) run(info, chunk, to, WANTED_WITH, NULL, results_write_lists);
}

/* Whether edgeonnx_predict_with would take these columns, for who wants to know before it runs. Values don't matter. */
static void check(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector to) {
  if (duckdb_data_chunk_get_size(chunk) == 0 || !takes_struct(info, chunk, to)) return;
  Failure failure;
  Call call;
  memset(&call, 0, sizeof call);
  call.request.wanted = WANTED_WITH;
  bool is_one_model;
  const bool done = bind_rows(&call, chunk, &is_one_model, &failure);
  call_end(&call);
  if (!done) duckdb_scalar_function_set_error(info, failure.text);
  memset(duckdb_vector_get_data(to), 1, duckdb_data_chunk_get_size(chunk));
}

void predict_register(duckdb_connection connection) {
  const duckdb_type types[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_ANY, DUCKDB_TYPE_ANY};
  const duckdb_type expecting[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_ANY};
  duckdb_scalar_function one = scalar_make("edgeonnx_predict", types, 1, duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE), false, predict);
  duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
  duckdb_scalar_function_set_varargs(one, any);
  duckdb_destroy_logical_type(&any);
  scalar_register(connection, one);
  scalar_register(connection, scalar_make("edgeonnx_predict_struct", types, 2, results_map_type(), false, predict_struct));
  scalar_register(connection, scalar_make("edgeonnx_predict_lists", expecting, 3, results_lists_type(), false, predict_lists));
  scalar_register(connection, scalar_make("edgeonnx_check", types, 3, duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN), true, check));
  /* As if they had effects: else a filter on an answer would be moved below the projection that computes it, and rows be scored twice. */
  scalar_register(connection, scalar_make("edgeonnx_predict_rows", expecting, 3, results_lists_type(), true, predict_lists));
  scalar_register(connection, scalar_make("edgeonnx_predict_with", types, 3, results_lists_type(), true, predict_with));
}
