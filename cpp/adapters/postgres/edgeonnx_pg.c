/* The PostgreSQL extension: settings, what the models are like, checks. predict.c and predict_rows.c score. */
#include "edgeonnx_pg.h"

PG_MODULE_MAGIC;

int edgeonnx_pg_threads;
int edgeonnx_pg_max_models;
char* edgeonnx_pg_ort_library;

void _PG_init(void);

void _PG_init(void) {
  DefineCustomIntVariable("edgeonnx.threads", "Most threads that predict_rows scores with; 0: all cores.", NULL, &edgeonnx_pg_threads, 0, 0,
                          1024, PGC_USERSET, 0, NULL, NULL, NULL);
  DefineCustomIntVariable("edgeonnx.max_models", "Models that a session keeps loaded; fixed at its first use of one.", NULL,
                          &edgeonnx_pg_max_models, 32, 1, 100000, PGC_USERSET, 0, NULL, NULL, NULL);
  DefineCustomStringVariable("edgeonnx.ort_library", "Path of ONNX Runtime's library; empty: looked for by edgeonnx.",
                             "Fixed at a session's first use of a model.", &edgeonnx_pg_ort_library, "", PGC_SUSET, 0, NULL, NULL, NULL);
  MarkGUCPrefixReserved("edgeonnx");
}

PG_FUNCTION_INFO_V1(edgeonnx_pg_check_model);
PG_FUNCTION_INFO_V1(edgeonnx_pg_ports);
PG_FUNCTION_INFO_V1(edgeonnx_pg_live_objects);

Datum edgeonnx_pg_check_model(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the model's name must not be NULL"), detail_of(EDGEONNX_NULL_VALUE)));
  Doing doing;
  doing_begin(&doing, "check_model", PG_GETARG_TEXT_PP(0));
  const char* version = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
  model_check(model_open(text_to_cstring(doing.model), version, NULL, CurrentMemoryContext));
  doing_end(&doing);
  PG_RETURN_VOID();
}

/** The type that a column of the port's values has here; NULL where there is none. */
static const char* type_of(const edgeonnx_port* port) {
  switch (port->type) {
    case EDGEONNX_TYPE_BOOL:
      return "boolean";
    case EDGEONNX_TYPE_INT8:
    case EDGEONNX_TYPE_UINT8:
    case EDGEONNX_TYPE_INT16:
      return "smallint";
    case EDGEONNX_TYPE_UINT16:
    case EDGEONNX_TYPE_INT32:
      return "integer";
    case EDGEONNX_TYPE_UINT32:
    case EDGEONNX_TYPE_INT64:
      return "bigint";
    case EDGEONNX_TYPE_UINT64:
      return "numeric(20,0)";
    case EDGEONNX_TYPE_FLOAT16:
    case EDGEONNX_TYPE_BFLOAT16:
    case EDGEONNX_TYPE_FLOAT:
      return "real";
    case EDGEONNX_TYPE_DOUBLE:
      return "double precision";
    default:
      return NULL;
  }
}

char* readable_outputs(const edgeonnx_scorer* scorer, int* n_readable, edgeonnx_port* first) {
  char* names = pstrdup("");
  *n_readable = 0;
  for (int64 i = 0; i < edgeonnx_scorer_n_outputs(scorer); ++i) {
    edgeonnx_port port;
    if (edgeonnx_scorer_output(scorer, i, &port) != EDGEONNX_OK || !type_of(&port)) continue;
    if (++*n_readable == 1) *first = port;
    names = psprintf("%s%s'%s'", names, *n_readable > 1 ? ", " : "", from_utf8(port.name));
  }
  return names;
}

const char* port_cut_to(const edgeonnx_scorer* scorer, PortGetter get, const char* name) {
  const char* found = NULL;
  edgeonnx_port port;
  for (int64 i = 0; get(scorer, i, &port) == EDGEONNX_OK; ++i) {
    const char* whole = from_utf8(port.name);
    const int n_bytes = (int)strlen(whole);
    if (n_bytes < NAMEDATALEN) continue;
    const int n_kept = pg_mbcliplen(whole, n_bytes, NAMEDATALEN - 1); /* as the server cuts names */
    if (strlen(name) != (size_t)n_kept || strncmp(whole, name, n_kept) != 0) continue;
    if (found) return NULL;
    found = port.name;
  }
  return found;
}

static void put_port(ReturnSetInfo* set, const char* kind, int position, const edgeonnx_port* port) {
  const char* type = type_of(port);
  const char* brackets = port->width == 1 ? "" : "[]";
  Datum values[] = {
      CStringGetTextDatum(kind),
      Int32GetDatum(position),
      CStringGetTextDatum(from_utf8(port->name)),
      (Datum)0,
      Int64GetDatum(port->width),
      CStringGetTextDatum(port->onnx_type),
  };
  bool nulls[] = {false, false, false, type == NULL, port->width < 0, false};
  if (type) values[3] = CStringGetTextDatum(psprintf("%s%s", type, brackets));
  tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

Datum edgeonnx_pg_ports(PG_FUNCTION_ARGS) {
  Doing doing;
  doing_begin(&doing, "ports", PG_GETARG_TEXT_PP(0));
  const Model* model = model_open(text_to_cstring(doing.model), NULL, NULL, CurrentMemoryContext);
  doing_end(&doing);
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* set = (ReturnSetInfo*)fcinfo->resultinfo;
  edgeonnx_port port;
  for (int64 i = 0; edgeonnx_scorer_input(model->scorer, i, &port) == EDGEONNX_OK; ++i) put_port(set, "input", (int)i + 1, &port);
  for (int64 i = 0; edgeonnx_scorer_output(model->scorer, i, &port) == EDGEONNX_OK; ++i) put_port(set, "output", (int)i + 1, &port);
  return (Datum)0;
}

Datum edgeonnx_pg_live_objects(PG_FUNCTION_ARGS) { PG_RETURN_INT64(edgeonnx_live_objects()); }
