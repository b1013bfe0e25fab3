/* What there is, as tables: edgeonnx_models, and edgeonnx_ports('model'), the inputs and outputs of a model. */
#include <string.h>

#include "adapter.h"

enum { N_CELLS = 6, MODELS_COLUMNS = 5, PORTS_COLUMNS = 6 };

/** One value: the text where there is one, else the number. */
typedef struct Item {
  char* text;
  int64_t number;
} Item;

typedef struct List {
  sqlite3_vtab base;
  int is_ports;
} List;

typedef struct ListCursor {
  sqlite3_vtab_cursor base;
  Item (*rows)[N_CELLS];
  int n_rows, row;
} ListCursor;

static Item text_of(const char* text) {
  const Item item = {sqlite3_mprintf("%s", text), 0};
  return item;
}

static Item number_of(int64_t number) {
  const Item item = {NULL, number};
  return item;
}

/** A new row at the end; NULL where memory is out. */
static Item* add_row(ListCursor* cursor) {
  void* const larger = sqlite3_realloc64(cursor->rows, ((size_t)cursor->n_rows + 1) * sizeof *cursor->rows);
  if (!larger) return NULL;
  cursor->rows = larger;
  return memset(cursor->rows[cursor->n_rows++], 0, sizeof *cursor->rows);
}

static int add_model(void* data, const edgeonnx_model_info* model) {
  Item* const row = add_row(data);
  if (!row) return 1;
  row[0] = text_of(model->name);
  row[1] = text_of(model->digest);
  row[2] = text_of(model->settings);
  row[3] = number_of(model->n_bytes);
  row[4] = number_of(model->n_uses);
  return 0;
}

static int add_port(ListCursor* cursor, const char* kind, int64_t position, const edgeonnx_port* port) {
  Item* const row = add_row(cursor);
  if (!row) return 1;
  row[0] = text_of(kind);
  row[1] = number_of(position);
  row[2] = text_of(port->name);
  row[3] = text_of(port->sql_type);
  row[4] = text_of(port->onnx_type);
  row[5] = number_of(port->width);
  return 0;
}

static edgeonnx_status add_ports(ListCursor* cursor, const char* model, Failure* failure) {
  Target target;
  const edgeonnx_status status = target_open(model, &target, failure);
  if (status != EDGEONNX_OK) return status;
  edgeonnx_port port;
  bool full = false;
  for (int64_t i = 0; !full && edgeonnx_scorer_input(target.scorer, i, &port) == EDGEONNX_OK; ++i)
    full = add_port(cursor, "input", i, &port);
  for (int64_t i = 0; !full && edgeonnx_scorer_output(target.scorer, i, &port) == EDGEONNX_OK; ++i)
    full = add_port(cursor, "output", i, &port);
  target_close(&target);
  return full ? failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left") : EDGEONNX_OK;
}

static int connect_list(sqlite3* connection, const char* columns, int is_ports, sqlite3_vtab** out) {
  const int code = sqlite3_declare_vtab(connection, columns);
  if (code != SQLITE_OK) return code;
  (void)sqlite3_vtab_config(connection, SQLITE_VTAB_INNOCUOUS);
  List* const list = sqlite3_malloc64(sizeof *list);
  if (!list) return SQLITE_NOMEM;
  memset(list, 0, sizeof *list);
  list->is_ports = is_ports;
  *out = &list->base;
  return SQLITE_OK;
}

static int connect_models(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
  (void)data, (void)n, (void)words, (void)message;
  return connect_list(connection, "CREATE TABLE x(name TEXT, digest TEXT, settings TEXT, n_bytes INTEGER, n_uses INTEGER)", 0, out);
}

static int connect_ports(sqlite3* connection, void* data, int n, const char* const* words, sqlite3_vtab** out, char** message) {
  (void)data, (void)n, (void)words, (void)message;
  return connect_list(connection,
                      "CREATE TABLE x(kind TEXT, position INTEGER, name TEXT, sql_type TEXT, onnx_type TEXT, width INTEGER, model HIDDEN)",
                      1, out);
}

static int disconnect(sqlite3_vtab* vtab) {
  sqlite3_free(vtab);
  return SQLITE_OK;
}

static int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  info->estimatedCost = 100;
  if (!((List*)vtab)->is_ports) return SQLITE_OK;
  bool unusable = false;
  for (int i = 0; i < info->nConstraint; ++i) {
    if (info->aConstraint[i].iColumn != PORTS_COLUMNS || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    unusable |= !info->aConstraint[i].usable;
    if (!info->aConstraint[i].usable) continue;
    info->aConstraintUsage[i].argvIndex = 1;
    info->aConstraintUsage[i].omit = 1;
    return SQLITE_OK;
  }
  if (unusable) return SQLITE_CONSTRAINT;
  sqlite3_free(vtab->zErrMsg);
  vtab->zErrMsg = sqlite3_mprintf("INVALID_ARGUMENT: edgeonnx_ports takes a model: edgeonnx_ports('model')");
  return SQLITE_ERROR;
}

static int open_cursor(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) {
  (void)vtab;
  ListCursor* const cursor = sqlite3_malloc64(sizeof *cursor);
  if (!cursor) return SQLITE_NOMEM;
  memset(cursor, 0, sizeof *cursor);
  *out = &cursor->base;
  return SQLITE_OK;
}

static void clear(ListCursor* cursor) {
  for (int i = 0; i < cursor->n_rows; ++i) {
    for (int k = 0; k < N_CELLS; ++k) sqlite3_free(cursor->rows[i][k].text);
  }
  sqlite3_free(cursor->rows);
  cursor->rows = NULL;
  cursor->n_rows = cursor->row = 0;
}

static int close_cursor(sqlite3_vtab_cursor* base) {
  clear((ListCursor*)base);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor* base, int index, const char* text, int n_arguments, sqlite3_value** arguments) {
  (void)index, (void)text;
  ListCursor* const cursor = (ListCursor*)base;
  Failure failure;
  clear(cursor);
  edgeonnx_status status = EDGEONNX_OK;
  if (n_arguments > 0) {
    status = add_ports(cursor, (const char*)sqlite3_value_text(arguments[0]), &failure);
  } else {
    edgeonnx_registry* models = NULL;
    status = models_registry(&models, &failure);
    if (status == EDGEONNX_OK) status = edgeonnx_registry_list(models, add_model, cursor, failure_slot(&failure));
  }
  return status == EDGEONNX_OK ? SQLITE_OK : failure_of_table(&failure, base->pVtab);
}

static int next(sqlite3_vtab_cursor* base) {
  ++((ListCursor*)base)->row;
  return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor* base) { return ((ListCursor*)base)->row >= ((ListCursor*)base)->n_rows; }

static int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* out) {
  *out = ((ListCursor*)base)->row;
  return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int index) {
  const ListCursor* const cursor = (const ListCursor*)base;
  if (index >= N_CELLS) return SQLITE_OK;
  const Item* const item = &cursor->rows[cursor->row][index];
  if (item->text) {
    sqlite3_result_text(context, item->text, -1, SQLITE_TRANSIENT);
  } else {
    sqlite3_result_int64(context, item->number);
  }
  return SQLITE_OK;
}

#define LIST_MODULE(connect)     \
  {                              \
      .xConnect = connect,       \
      .xBestIndex = best_index,  \
      .xDisconnect = disconnect, \
      .xDestroy = disconnect,    \
      .xOpen = open_cursor,      \
      .xClose = close_cursor,    \
      .xFilter = filter,         \
      .xNext = next,             \
      .xEof = at_end,            \
      .xColumn = column,         \
      .xRowid = row_id,          \
  }

const sqlite3_module models_list = LIST_MODULE(connect_models);
const sqlite3_module ports_list = LIST_MODULE(connect_ports);
