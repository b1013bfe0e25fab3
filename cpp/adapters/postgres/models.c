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

/** "HINT: There are 'a', 'b' and 3 more": the last row's names and their number. */
static int hint_present(const char* what, const char* way_out) {
  const int64 n_more = atoll(row_text(2));
  const char* more = n_more > 0 ? psprintf(" and " INT64_FORMAT " more, which edgeonnx.model_info lists", n_more) : "";
  return errhint("%s %s%s. %s", what, row_text(1), more, way_out);
}

static void raise_not_found(const char* name, const char* version) {
  static SPIPlanPtr names, versions;
  const char* at = strchr(name, '@');
  if (!version && at) {
    version = at + 1;
    name = pnstrdup(name, at - name);
  }
  look_up(&versions,
          "SELECT string_agg(quote_literal(version), ', ' ORDER BY n) FILTER (WHERE n <= 20), count(*) - 20 FROM"
          " (SELECT version, row_number() OVER (ORDER BY created DESC, version DESC) AS n FROM edgeonnx.models WHERE name = $1) AS present",
          name, NULL);
  if (version && row_text(1))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model '%s': edgeonnx.models has no version '%s' of it", name, version),
                    detail_of(EDGEONNX_NOT_FOUND), hint_present("It has the versions", "A name alone means the one put last.")));
  /* Those that look like a slip of the pen come first. */
  look_up(&names,
          "SELECT string_agg(quote_literal(name), ', ' ORDER BY n) FILTER (WHERE n <= 20), count(*) - 20 FROM"
          " (SELECT name, row_number() OVER (ORDER BY strpos(lower($1), lower(name)) = 0 AND strpos(lower(name), lower($1)) = 0,"
          " left(lower(name), 4) <> left(lower($1), 4), left(lower(name), 2) <> left(lower($1), 2), name) AS n"
          " FROM (SELECT DISTINCT name FROM edgeonnx.models) AS present) AS ranked",
          name, NULL);
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model '%s': edgeonnx.models has no such row", name), detail_of(EDGEONNX_NOT_FOUND),
           row_text(1) ? hint_present("It has", "Others are put there with edgeonnx.load_model(name, version, model).")
                       : errhint("It is empty; put the model there with edgeonnx.load_model(name, version, model).")));
}

/** `name` or `name@version`; no model's name has an @. */
static bool find_named(const char* name) {
  if (find_row(name, NULL)) return true;
  const char* at = strchr(name, '@');
  return at && find_row(pnstrdup(name, at - name), at + 1);
}

/** `name.output`, the longest name first: names, versions and outputs may all have dots. Ends the name where it ends. */
static bool find_with_output(char* name, char** output) {
  for (char* dot = strrchr(name, '.'); dot; dot = strrchr(name, '.')) {
    *dot = '\0';
    if (*output) (*output)[-1] = '.';
    *output = dot + 1;
    if (find_named(name)) return true;
  }
  return false;
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

/** So that a session whose setting was wrong may set it right. */
static void drop_registry(void) {
  edgeonnx_registry_release(registry);
  registry = NULL;
}

static void load(const char* name, const char* version, const char* key) {
  static SPIPlanPtr plan;
  bool is_null;
  if (!look_up(&plan, "SELECT model FROM edgeonnx.models WHERE name = $1 AND version = $2", name, version))
    elog(ERROR, "edgeonnx: model '%s' is gone", name); /* one snapshot sees a row always or never */
  struct varlena* model = PG_DETOAST_DATUM_PACKED(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  Failure failure;
  const edgeonnx_status status =
      edgeonnx_registry_put(registry, to_utf8(name), key, VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model), NULL, failure_room(&failure));
  if (status == EDGEONNX_RUNTIME_MISSING) drop_registry();
  check_status(status, &failure);
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

Model* model_open(const char* name, const char* version, char** output, MemoryContext context) {
  Model* model = MemoryContextAllocZero(context, sizeof *model);
  model->release.func = model_release;
  model->release.arg = model;
  MemoryContextRegisterResetCallback(context, &model->release);
  model->name = MemoryContextStrdup(context, name);
  if (output) *output = NULL;
  make_registry();

  SPI_connect();
  const bool is_found = version ? find_row(name, version) : find_named(name);
  if (!is_found && !(output && find_with_output(model->name, output))) raise_not_found(name, version);
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

void model_check(const Model* model) {
  const int n_inputs = (int)edgeonnx_scorer_n_inputs(model->scorer);
  edgeonnx_field* fields = palloc0((n_inputs + 1) * sizeof *fields);
  bool is_open = false; /* in the width of an input: the columns decide */
  int n_readable;
  edgeonnx_port port;
  (void)readable_outputs(model->scorer, &n_readable, &port);
  for (int i = 0; i < n_inputs; ++i) {
    (void)edgeonnx_scorer_input(model->scorer, i, &port);
    const bool is_text = port.type == EDGEONNX_TYPE_STRING || port.type == EDGEONNX_TYPE_UNDEFINED;
    is_open |= port.width < 0 && !is_text;
    fields[i] = (edgeonnx_field){
        .name = port.name, .type_name = *port.sql_type ? port.sql_type : port.onnx_type, .type = port.type, .width = Max(port.width, 1)};
  }
  if (n_inputs == 0)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("model '%s' has no inputs, so that no row can be given to it", model->name), detail_of(EDGEONNX_UNSUPPORTED)));
  if (is_open && n_readable > 0) return;
  /* One output that can be used is enough. */
  Failure failure;
  (void)failure_room(&failure);
  edgeonnx_status status = EDGEONNX_OK;
  for (int64 i = 0; edgeonnx_scorer_output(model->scorer, i, &port) == EDGEONNX_OK; ++i) {
    const edgeonnx_result result = {.output = port.name};
    edgeonnx_binding_options options = model->options;
    options.results = &result;
    options.n_results = 1;
    edgeonnx_binding* binding = NULL;
    status = edgeonnx_binding_create(model->scorer, fields, n_inputs, &options, &binding, failure_room(&failure));
    edgeonnx_binding_release(binding);
    if (status == EDGEONNX_OK) return;
  }
  if (strncmp(failure.text, "output", strlen("output")) == 0)
    failure.hint = "No output of the model can be used. Export it with one of numbers that has a row for every row of the input.";
  check_status(status, &failure);
}
