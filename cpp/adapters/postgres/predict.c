/* edgeonnx.predict(model, VARIADIC features): one row a call, columns bound by position, one number of one output.
 *
 * What a statement needs of a model is made at its first row and kept with the call's node of the plan. A node may outlive a statement
 * (PL/pgSQL keeps simple expressions): the stamp tells.
 */
#include "edgeonnx_pg.h"

enum { kMostNameBytes = 1024 }; /* of a name and a version, 255 as the table has them, an output and what joins them */

/** What `model`, `model@version`, `model.output` or `model.output[position]` stands for. */
typedef struct NamedModel {
  char name[kMostNameBytes];
  Model* model;
  int64 width;     /* values that the output has a row */
  int64 position;  /* of the one that is given */
  float8* answers; /* room for them */
  int32 n_threads; /* of a call */
} NamedModel;

typedef struct Prediction {
  MemoryContext context; /* of all below; reset where the stamp or the number of columns changes */
  Stamp stamp;
  HTAB* models;
  NamedModel* last;
  int n_columns;
  Column* columns;
  edgeonnx_column* views;
  int64 n_rows;
} Prediction;

PG_FUNCTION_INFO_V1(edgeonnx_pg_predict);

/** An array that was passed as VARIADIC stands for its elements. */
typedef struct Features {
  int n;
  Datum* values;
  bool* nulls;
  Oid element; /* of an array */
} Features;

static Features read_array(FunctionCallInfo fcinfo) {
  Features features = {0};
  features.element = get_element_type(get_fn_expr_argtype(fcinfo->flinfo, 1));
  if (!OidIsValid(features.element) || PG_ARGISNULL(1))
    ereport(ERROR,
            (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the array of features must not be NULL"), detail_of(EDGEONNX_NULL_VALUE)));
  int16 length;
  bool by_value;
  char align;
  get_typlenbyvalalign(features.element, &length, &by_value, &align);
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), features.element, length, by_value, align, &features.values, &features.nulls, &features.n);
  return features;
}

static Prediction* prediction_of(FmgrInfo* function) {
  Prediction* prediction = function->fn_extra;
  if (!prediction) {
    prediction = MemoryContextAllocZero(function->fn_mcxt, sizeof *prediction);
    prediction->context = AllocSetContextCreate(function->fn_mcxt, "edgeonnx predict", ALLOCSET_SMALL_SIZES);
    prediction->n_columns = -1;
    function->fn_extra = prediction;
  }
  return prediction;
}

static void start(Prediction* prediction, FunctionCallInfo fcinfo, const Features* array, int n_columns, const Stamp* stamp) {
  prediction->n_columns = -1; /* in case of an error below */
  MemoryContextReset(prediction->context);
  const MemoryContext caller = MemoryContextSwitchTo(prediction->context);
  const HASHCTL how = {.keysize = sizeof prediction->last->name, .entrysize = sizeof(NamedModel), .hcxt = prediction->context};
  prediction->models = hash_create("edgeonnx models", 16, &how, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
  prediction->last = NULL;
  prediction->n_rows = 0;
  prediction->columns = palloc0(n_columns * sizeof(Column));
  prediction->views = palloc0(n_columns * sizeof(edgeonnx_column));
  const Node* call = fcinfo->flinfo->fn_expr;
  for (int i = 0; i < n_columns; ++i) {
    Column* column = &prediction->columns[i];
    if (array) {
      column_init(column, psprintf("element %d", i + 1), array->element, -1);
    } else {
      const Node* argument = call && IsA(call, FuncExpr) ? list_nth(((const FuncExpr*)call)->args, i + 1) : NULL;
      column_init(column, psprintf("feature %d", i + 1), get_fn_expr_argtype(fcinfo->flinfo, i + 1), argument ? exprTypmod(argument) : -1);
    }
    if (column->field.type != EDGEONNX_TYPE_UNDEFINED) column_allocate(column, 1);
  }
  MemoryContextSwitchTo(caller);
  prediction->stamp = *stamp;
  prediction->n_columns = n_columns;
}

static bool find_output(const edgeonnx_scorer* scorer, const char* name, edgeonnx_port* port) {
  for (int64 i = 0; edgeonnx_scorer_output(scorer, i, port) == EDGEONNX_OK; ++i) {
    if (strcmp(from_utf8(port->name), name) == 0) return true;
  }
  return false;
}

/** Cuts '[3]' off and gives 3; -1 where there is none. */
static int64 cut_position(char* output) {
  char* bracket = strrchr(output, '[');
  if (!bracket || bracket == output || bracket[1] < '0' || bracket[1] > '9') return -1;
  char* end;
  const int64 position = strtoi64(bracket + 1, &end, 10);
  if (strcmp(end, "]") != 0) return -1;
  *bracket = '\0';
  return position;
}

/** The one to give, and in `position` which value of it, -1 where that was not said. */
static edgeonnx_port choose_output(const Model* model, char* wanted, int64* position) {
  edgeonnx_port port;
  *position = -1;
  if (wanted && find_output(model->scorer, wanted, &port)) return port;
  if (wanted) *position = cut_position(wanted);
  if (wanted && find_output(model->scorer, wanted, &port)) return port;
  int n_readable;
  const char* names = readable_outputs(model->scorer, &n_readable, &port);
  if (wanted)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model '%s' has no output '%s'", model->name, wanted),
                    detail_of(EDGEONNX_NOT_FOUND), errhint("Its outputs are %s.", names)));
  if (n_readable == 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("model '%s' has no output that can be read", model->name),
                    detail_of(EDGEONNX_INVALID_ARGUMENT), errhint("Numbers can be read; edgeonnx.ports(model) lists what it has.")));
  if (n_readable > 1)
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
         errmsg("model '%s' has %d outputs, %s; predict gives one", model->name, n_readable, names), detail_of(EDGEONNX_INVALID_ARGUMENT),
         errhint("Name it after the model, '%s.%s', or take several with edgeonnx.predict_rows.", model->name, from_utf8(port.name))));
  return port;
}

static void bind(const Prediction* prediction, NamedModel* named, Model* model, char* wanted) {
  int64 position;
  const edgeonnx_port output = choose_output(model, wanted, &position);
  edgeonnx_field* fields = palloc(prediction->n_columns * sizeof *fields);
  for (int i = 0; i < prediction->n_columns; ++i) fields[i] = prediction->columns[i].field;
  const edgeonnx_result result = {.output = output.name, .type = EDGEONNX_TYPE_DOUBLE};
  edgeonnx_binding_options options = model->options;
  options.results = &result;
  options.n_results = 1;
  options.by_position = 1;
  Failure failure;
  check_status(edgeonnx_binding_create(model->scorer, fields, prediction->n_columns, &options, &model->binding, failure_room(&failure)),
               &failure);
  edgeonnx_port bound;
  (void)edgeonnx_binding_result(model->binding, 0, &bound);
  if (position < 0 ? bound.width != 1 : position >= bound.width)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    position < 0 ? errmsg("output '%s' of model '%s' has " INT64_FORMAT " values a row; predict gives one",
                                          from_utf8(output.name), model->name, bound.width)
                                 : errmsg("output '%s' of model '%s' has " INT64_FORMAT " values a row, and number " INT64_FORMAT
                                          " was asked for, counted from 0",
                                          from_utf8(output.name), model->name, bound.width, position),
                    detail_of(EDGEONNX_SHAPE_MISMATCH),
                    errhint("Say which, counted from 0: '%s.%s[0]'; or use edgeonnx.predict_rows and declare it as double precision[].",
                            model->name, from_utf8(output.name))));
  named->model = model;
  named->width = bound.width;
  named->position = Max(position, 0);
  named->answers = MemoryContextAlloc(prediction->context, bound.width * sizeof(float8));
  /* Where a row may take long, this thread must be free to hear of interrupts. */
  named->n_threads = edgeonnx_binding_is_brief(model->binding, 1) ? 1 : -1;
}

static const NamedModel* find_model(Prediction* prediction, const text* wanted) {
  const char* bytes = VARDATA_ANY(wanted);
  const size_t length = VARSIZE_ANY_EXHDR(wanted);
  NamedModel* last = prediction->last;
  if (last && strncmp(last->name, bytes, length) == 0 && last->name[length] == '\0') return last;
  if (length >= sizeof last->name)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("a model's name of %zu bytes: no model has such a long one", length),
                    detail_of(EDGEONNX_NOT_FOUND)));
  char* name = text_to_cstring(wanted);
  bool is_known;
  NamedModel* found = hash_search(prediction->models, name, HASH_FIND, &is_known);
  if (!found) {
    char* output;
    Model* model = model_open(name, NULL, &output, prediction->context);
    NamedModel fresh;
    bind(prediction, &fresh, model, output);
    found = hash_search(prediction->models, name, HASH_ENTER, &is_known);
    memcpy(fresh.name, found->name, sizeof fresh.name);
    *found = fresh;
  }
  prediction->last = found;
  return found;
}

Datum edgeonnx_pg_predict(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  Doing doing;
  doing_begin(&doing, "predict", PG_GETARG_TEXT_PP(0));
  Prediction* prediction = prediction_of(fcinfo->flinfo);
  const bool is_array = get_fn_expr_variadic(fcinfo->flinfo);
  Features array = {0};
  if (is_array) array = read_array(fcinfo);
  const int n_columns = is_array ? array.n : PG_NARGS() - 1;
  const Stamp stamp = stamp_now();
  if (n_columns != prediction->n_columns || memcmp(&stamp, &prediction->stamp, sizeof stamp) != 0)
    start(prediction, fcinfo, is_array ? &array : NULL, n_columns, &stamp);

  const NamedModel* named = find_model(prediction, doing.model);
  for (int i = 0; i < n_columns; ++i) {
    Column* column = &prediction->columns[i];
    if (!column->values) continue; /* no input takes it: the binding would have failed otherwise */
    column_clear(column);
    column_put(column, 0, is_array ? array.values[i] : PG_GETARG_DATUM(i + 1), is_array ? array.nulls[i] : PG_ARGISNULL(i + 1));
    prediction->views[i] = column_view(column);
  }
  uint8 is_null;
  const edgeonnx_batch batch = {prediction->views, 1};
  const edgeonnx_output output = {named->answers, named->width * sizeof(float8), &is_null};
  const edgeonnx_call call = {
      .struct_size = sizeof call, .check = is_interrupted, .first_row = prediction->n_rows++, .n_threads = named->n_threads};
  Failure failure;
  check_status(edgeonnx_binding_score(named->model->binding, &batch, 1, &output, 1, &call, NULL, failure_room(&failure)), &failure);
  doing_end(&doing);
  if (is_null) PG_RETURN_NULL();
  PG_RETURN_FLOAT8(named->answers[named->position]);
}
