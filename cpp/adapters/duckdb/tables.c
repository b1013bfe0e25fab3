/* The table functions edgeonnx_models() and edgeonnx_ports(name): rows of text, taken down when a query begins and handed out piece by
 * piece. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

typedef struct Cell {
  char* text;     /* NULL where the column holds a number */
  int64_t number; /* of a list: how many numbers follow */
  int64_t* list;
} Cell;

enum { MAX_COLUMNS = 6 };

typedef struct Row {
  Cell cells[MAX_COLUMNS];
} Row;

typedef struct Rows {
  Row* rows;
  size_t n_rows, n_taken;
  bool failed;
} Rows;

typedef enum Kind { KIND_TEXT, KIND_NUMBER, KIND_LIST } Kind;

typedef struct Column {
  const char* name;
  Kind kind;
} Column;

static const Column kModelColumns[] = {{"name", KIND_TEXT},    {"version", KIND_TEXT}, {"digest", KIND_TEXT},
                                       {"bytes", KIND_NUMBER}, {"uses", KIND_NUMBER},  {"settings", KIND_TEXT}};
static const Column kPortColumns[] = {{"direction", KIND_TEXT}, {"position", KIND_NUMBER}, {"name", KIND_TEXT},
                                      {"sql_type", KIND_TEXT},  {"onnx_type", KIND_TEXT},  {"shape", KIND_LIST}};

static void rows_free(void* data) {
  Rows* const rows = data;
  for (size_t r = 0; r < rows->n_rows; ++r) {
    for (int c = 0; c < MAX_COLUMNS; ++c) {
      free(rows->rows[r].cells[c].text);
      free(rows->rows[r].cells[c].list);
    }
  }
  free(rows->rows);
  free(rows);
}

static Row* add_row(Rows* rows) {
  Row* const grown = realloc(rows->rows, (rows->n_rows + 1) * sizeof *grown);
  if (!grown) {
    rows->failed = true;
    return NULL;
  }
  rows->rows = grown;
  memset(&grown[rows->n_rows], 0, sizeof *grown);
  return &grown[rows->n_rows++];
}

static Cell text_cell(Rows* rows, const char* text) {
  const Cell cell = {strdup(text), 0, NULL};
  if (!cell.text) rows->failed = true;
  return cell;
}

static Cell number_cell(int64_t number) { return (Cell){NULL, number, NULL}; }

static Cell list_cell(Rows* rows, const int64_t* numbers, int32_t n) {
  const Cell cell = {NULL, n, malloc(((size_t)n + 1) * sizeof *numbers)};
  if (!cell.list) rows->failed = true;
  for (int32_t i = 0; cell.list && i < n; ++i) cell.list[i] = numbers[i];
  return cell;
}

static int take_down_model(void* data, const edgeonnx_model_info* model) {
  Rows* const rows = data;
  Row* const row = add_row(rows);
  if (!row) return 1;
  const Cell cells[MAX_COLUMNS] = {text_cell(rows, model->name), text_cell(rows, model->version), text_cell(rows, model->digest),
                                   number_cell(model->n_bytes),  number_cell(model->n_uses),      text_cell(rows, model->settings)};
  memcpy(row->cells, cells, sizeof cells);
  return rows->failed;
}

static bool take_down_models(Rows* rows, const char* name, Failure* failure) {
  (void)name;
  edgeonnx_registry* const registry = models_registry(failure);
  if (!registry) return false;
  edgeonnx_error error = failure_begin(failure);
  return edgeonnx_registry_list(registry, take_down_model, rows, &error) == EDGEONNX_OK || failure_finish(failure, &error);
}

static void take_down_port(Rows* rows, const char* direction, int64_t index, const edgeonnx_port* port) {
  Row* const row = add_row(rows);
  if (!row) return;
  const Cell cells[MAX_COLUMNS] = {text_cell(rows, direction),       number_cell(index + 1),
                                   text_cell(rows, port->name),      text_cell(rows, port->sql_type),
                                   text_cell(rows, port->onnx_type), list_cell(rows, port->shape, port->rank)};
  memcpy(row->cells, cells, sizeof cells);
}

static bool take_down_ports(Rows* rows, const char* name, Failure* failure) {
  edgeonnx_scorer* const scorer = models_get(name, failure);
  if (!scorer) return false;
  edgeonnx_port port;
  for (int64_t i = 0; edgeonnx_scorer_input(scorer, i, &port) == EDGEONNX_OK; ++i) take_down_port(rows, "input", i, &port);
  for (int64_t i = 0; edgeonnx_scorer_output(scorer, i, &port) == EDGEONNX_OK; ++i) take_down_port(rows, "output", i, &port);
  edgeonnx_scorer_release(scorer);
  return true;
}

static duckdb_logical_type type_of(Kind kind) {
  if (kind == KIND_TEXT) return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
  if (kind == KIND_NUMBER) return number;
  duckdb_logical_type list = duckdb_create_list_type(number);
  duckdb_destroy_logical_type(&number);
  return list;
}

static void add_columns(duckdb_bind_info info, const Column* columns) {
  for (int i = 0; i < MAX_COLUMNS; ++i) {
    duckdb_logical_type type = type_of(columns[i].kind);
    duckdb_bind_add_result_column(info, columns[i].name, type);
    duckdb_destroy_logical_type(&type);
  }
}

static void bind_models(duckdb_bind_info info) { add_columns(info, kModelColumns); }

static void bind_ports(duckdb_bind_info info) {
  add_columns(info, kPortColumns);
  duckdb_value name = duckdb_bind_get_parameter(info, 0);
  if (duckdb_is_null_value(name)) {
    Failure failure;
    failure_say(&failure, EDGEONNX_INVALID_ARGUMENT, "edgeonnx_ports needs the name of a model; it is NULL");
    duckdb_bind_set_error(info, failure.text);
  } else {
    duckdb_bind_set_bind_data(info, duckdb_get_varchar(name), duckdb_free);
  }
  duckdb_destroy_value(&name);
}

static void init(duckdb_init_info info, bool (*take_down)(Rows* rows, const char* name, Failure* failure)) {
  Failure failure;
  Rows* const rows = calloc(1, sizeof *rows);
  if (!rows) {
    failure_memory(&failure);
    duckdb_init_set_error(info, failure.text);
    return;
  }
  duckdb_init_set_init_data(info, rows, rows_free);
  duckdb_init_set_max_threads(info, 1);
  const char* const name = duckdb_init_get_bind_data(info);
  if (!take_down(rows, name, &failure) || (rows->failed && !failure_memory(&failure))) duckdb_init_set_error(info, failure.text);
}

static void init_models(duckdb_init_info info) { init(info, take_down_models); }
static void init_ports(duckdb_init_info info) { init(info, take_down_ports); }

static void write_list(duckdb_vector to, idx_t row, const Cell* cell) {
  const idx_t first = duckdb_list_vector_get_size(to), n = (idx_t)cell->number;
  duckdb_list_vector_reserve(to, first + n);
  duckdb_list_vector_set_size(to, first + n);
  ((duckdb_list_entry*)duckdb_vector_get_data(to))[row] = (duckdb_list_entry){first, n};
  duckdb_vector values = duckdb_list_vector_get_child(to);
  duckdb_vector_ensure_validity_writable(values);
  for (idx_t i = 0; i < n; ++i) {
    ((int64_t*)duckdb_vector_get_data(values))[first + i] = cell->list[i];
    /* A free size is no number. */
    if (cell->list[i] < 0) duckdb_validity_set_row_invalid(duckdb_vector_get_validity(values), first + i);
  }
}

static void hand_out(duckdb_function_info info, duckdb_data_chunk chunk) {
  Rows* const rows = duckdb_function_get_init_data(info);
  idx_t n = 0;
  for (; n < duckdb_vector_size() && rows->n_taken < rows->n_rows; ++n, ++rows->n_taken) {
    for (idx_t c = 0; c < MAX_COLUMNS; ++c) {
      const Cell* const cell = &rows->rows[rows->n_taken].cells[c];
      duckdb_vector to = duckdb_data_chunk_get_vector(chunk, c);
      if (cell->text) {
        duckdb_vector_assign_string_element(to, n, cell->text);
      } else if (cell->list) {
        write_list(to, n, cell);
      } else {
        ((int64_t*)duckdb_vector_get_data(to))[n] = cell->number;
      }
    }
  }
  duckdb_data_chunk_set_size(chunk, n);
}

static void register_table(duckdb_connection connection, const char* name, bool has_parameter, duckdb_table_function_bind_t bind,
                           duckdb_table_function_init_t begin) {
  duckdb_table_function made = duckdb_create_table_function();
  duckdb_table_function_set_name(made, name);
  if (has_parameter) {
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_table_function_add_parameter(made, text);
    duckdb_destroy_logical_type(&text);
  }
  duckdb_table_function_set_bind(made, bind);
  duckdb_table_function_set_init(made, begin);
  duckdb_table_function_set_function(made, hand_out);
  duckdb_register_table_function(connection, made);
  duckdb_destroy_table_function(&made);
}

void tables_register(duckdb_connection connection) {
  register_table(connection, "edgeonnx_models", false, bind_models, init_models);
  register_table(connection, "edgeonnx_ports", true, bind_ports, init_ports);
}
