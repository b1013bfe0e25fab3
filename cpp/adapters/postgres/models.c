/* Models: rows of edgeonnx.models, loaded on first use into the registry of this backend.
 *
 * The table is the truth. Every statement looks its models up by name through SPI, with its own snapshot and the rights of its role, and
 * gets the digest of the bytes along; the registry is asked for that digest. So whatever a row becomes, by load_model, UPDATE or
 * a restored dump, the next statement sees it, and bytes are read only where they were not loaded before.
 */
#include "edgeonnx_pg.h"

static edgeonnx_registry* registry;

Stamp stamp_now(void) {
  /* For one xmax, transactions only leave the list of the running ones: their number tells which they are. */
  const Snapshot snapshot = GetActiveSnapshot();
  Stamp stamp;
  memset(&stamp, 0, sizeof stamp); /* compared by memcmp */
  stamp.xmin = snapshot->xmin;
  stamp.xmax = snapshot->xmax;
  stamp.n_running = snapshot->xcnt;
  stamp.n_running_subs = snapshot->subxcnt;
  stamp.command = snapshot->curcid;
  stamp.subtransaction = GetCurrentSubTransactionId();
  stamp.user = GetUserId();
  return stamp;
}

static void model_release(void* data) {
  Model* model = data;
  edgeonnx_binding_release(model->binding);
  edgeonnx_scorer_release(model->scorer);
}

/** Runs a query that is prepared on first use, over (name, version or NULL), and says whether it gave a row. */
static bool look_up(SPIPlanPtr* plan, const char* query, const char* name, const char* version) {
  if (!*plan) {
    Oid types[] = {TEXTOID, TEXTOID};
    SPIPlanPtr fresh = SPI_prepare(query, 2, types);
    if (!fresh || SPI_keepplan(fresh) != 0) elog(ERROR, "edgeonnx: a query was not prepared: %s", SPI_result_code_string(SPI_result));
    *plan = fresh;
  }
  Datum values[] = {CStringGetTextDatum(name), version ? CStringGetTextDatum(version) : (Datum)0};
  const int rc = SPI_execute_plan(*plan, values, version ? "  " : " n", true, 1);
  if (rc != SPI_OK_SELECT) elog(ERROR, "edgeonnx: a query failed: %s", SPI_result_code_string(rc));
  return SPI_processed > 0;
}

static bool find_row(const char* name, const char* version) {
  static SPIPlanPtr plan;
  return look_up(&plan,
                 "SELECT name, version, left(encode(digest, 'hex'), 16), settings FROM edgeonnx.models"
                 " WHERE name = $1 AND ($2 IS NULL OR version = $2) ORDER BY created DESC, version DESC LIMIT 1",
                 name, version);
}

static char* row_text(int column) { return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column); }

static void raise_not_found(const char* name) {
  static SPIPlanPtr plan;
  look_up(&plan, "SELECT string_agg(name, ''', ''') FROM (SELECT DISTINCT name FROM edgeonnx.models ORDER BY name LIMIT 20) AS present",
          name, NULL);
  const char* others = row_text(1);
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model '%s': edgeonnx.models has no such row", name), detail_of(EDGEONNX_NOT_FOUND),
           others ? errhint("It has '%s'. Others are put there with edgeonnx.load_model(name, version, model).", others)
                  : errhint("It is empty; put the model there with edgeonnx.load_model(name, version, model).")));
}

/** What drop_replaced looks for: the same version, another digest. */
typedef struct Stale {
  const char* name;
  const char* key;
  size_t n_version;
  char* found;
} Stale;

static int visit_stale(void* data, const edgeonnx_model_info* model) {
  Stale* stale = data;
  const size_t length = strlen(stale->key);
  if (strcmp(model->name, stale->name) != 0 || strlen(model->version) != length) return 0;
  if (strncmp(model->version, stale->key, stale->n_version) != 0 || strcmp(model->version, stale->key) == 0) return 0;
  memcpy(stale->found, model->version, length + 1);
  return 1;
}

/** Other bytes that this name and version had before. */
static void drop_replaced(const char* name, const char* key, size_t n_version) {
  Stale stale = {name, key, n_version, palloc0(strlen(key) + 1)};
  (void)edgeonnx_registry_list(registry, visit_stale, &stale, NULL);
  if (stale.found[0]) (void)edgeonnx_registry_drop(registry, name, stale.found, NULL, NULL);
}

static void load(const char* name, const char* version, const char* key) {
  static SPIPlanPtr plan;
  bool is_null;
  if (!look_up(&plan, "SELECT model FROM edgeonnx.models WHERE name = $1 AND version = $2", name, version))
    elog(ERROR, "edgeonnx: model '%s' is gone", name); /* one snapshot sees a row always or never */
  struct varlena* model = PG_DETOAST_DATUM_PACKED(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  Failure failure;
  check_status(
      edgeonnx_registry_put(registry, to_utf8(name), key, VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model), NULL, failure_room(&failure)),
      &failure);
  drop_replaced(to_utf8(name), key, strlen(to_utf8(version)) + 1);
}

static void make_registry(void) {
  if (registry) return;
  edgeonnx_scorer_options scoring = {.struct_size = sizeof scoring};
  if (edgeonnx_pg_ort_library[0]) scoring.ort_library = edgeonnx_pg_ort_library;
  const edgeonnx_registry_options options = {.struct_size = sizeof options, .max_models = edgeonnx_pg_max_models, .scoring = &scoring};
  Failure failure;
  check_status(edgeonnx_registry_create(&options, &registry, failure_room(&failure)), &failure);
}

Model* model_open(const char* name, const char* version, MemoryContext context) {
  Model* model = MemoryContextAllocZero(context, sizeof *model);
  model->release.func = model_release;
  model->release.arg = model;
  MemoryContextRegisterResetCallback(context, &model->release);
  model->name = MemoryContextStrdup(context, name);
  make_registry();

  SPI_connect();
  const char* at = strrchr(name, '@');
  if (!find_row(name, version) && !(at && !version && find_row(pnstrdup(name, at - name), at + 1))) raise_not_found(name);
  char* row_name = row_text(1);
  char* row_version = row_text(2);
  char* digest = row_text(3);
  char* settings = to_utf8(row_text(4));
  char* key = psprintf("%s, sha256 %s", to_utf8(row_version), digest);
  Failure failure;
  edgeonnx_status status = edgeonnx_registry_get(registry, to_utf8(row_name), key, &model->scorer, failure_room(&failure));
  if (status == EDGEONNX_NOT_FOUND) {
    load(row_name, row_version, key);
    status = edgeonnx_registry_get(registry, to_utf8(row_name), key, &model->scorer, failure_room(&failure));
  }
  check_status(status, &failure);
  model->options.struct_size = sizeof model->options;
  status = edgeonnx_settings_parse(settings, &model->options, &model->null_rule, failure_room(&failure));
  check_status(status, &failure);
  SPI_finish();
  return model;
}
