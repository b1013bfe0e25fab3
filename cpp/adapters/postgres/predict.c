/* edgeonnx.predict(model, VARIADIC features): one row a call, columns bound by position.
 *
 * What a statement needs of a model is made at its first row and kept with the call's node of the plan. A node may outlive a statement
 * (PL/pgSQL keeps simple expressions): the stamp tells.
 */
#include "edgeonnx_pg.h"

enum { kMostNameBytes = 256 }; /* of a name and of a version, as the table has it, with an end or an @ */

typedef struct NamedModel {
  char name[2 * kMostNameBytes];
  Model* model;
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

static void bind(const Prediction* prediction, Model* model) {
  int n_readable;
  edgeonnx_port output;
  char* names = readable_outputs(model->scorer, &n_readable, &output);
  if (n_readable != 1)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    n_readable ? errmsg("model '%s' has %d outputs, %s; predict gives one", model->name, n_readable, names)
                               : errmsg("model '%s' has no output that can be read", model->name),
                    detail_of(EDGEONNX_INVALID_ARGUMENT),
                    errhint("Use edgeonnx.predict_rows(model, query) AS p(output type, ...), which names the ones to give.")));
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
  if (edgeonnx_binding_result(model->binding, 0, &bound) == EDGEONNX_OK && bound.width != 1)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("output '%s' of model '%s' has " INT64_FORMAT " values a row; predict gives one", from_utf8(output.name),
                           model->name, bound.width),
                    detail_of(EDGEONNX_SHAPE_MISMATCH), errhint("Use edgeonnx.predict_rows and declare it as double precision[].")));
}

static Model* find_model(Prediction* prediction, const text* wanted) {
  const char* bytes = VARDATA_ANY(wanted);
  const size_t length = VARSIZE_ANY_EXHDR(wanted);
  NamedModel* last = prediction->last;
  if (last && strncmp(last->name, bytes, length) == 0 && last->name[length] == '\0') return last->model;
  char* name = text_to_cstring(wanted);
  if (length >= sizeof last->name) (void)model_open(name, NULL, prediction->context); /* longer than any in the table: an error */
  bool is_known;
  NamedModel* found = hash_search(prediction->models, name, HASH_FIND, &is_known);
  if (!found) {
    Model* model = model_open(name, NULL, prediction->context);
    bind(prediction, model);
    found = hash_search(prediction->models, name, HASH_ENTER, &is_known);
    found->model = model;
  }
  prediction->last = found;
  return found->model;
}

Datum edgeonnx_pg_predict(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  Prediction* prediction = prediction_of(fcinfo->flinfo);
  const bool is_array = get_fn_expr_variadic(fcinfo->flinfo);
  Features array = {0};
  if (is_array) array = read_array(fcinfo);
  const int n_columns = is_array ? array.n : PG_NARGS() - 1;
  const Stamp stamp = stamp_now();
  if (n_columns != prediction->n_columns || memcmp(&stamp, &prediction->stamp, sizeof stamp) != 0)
    start(prediction, fcinfo, is_array ? &array : NULL, n_columns, &stamp);

  const Model* model = find_model(prediction, PG_GETARG_TEXT_PP(0));
  for (int i = 0; i < n_columns; ++i) {
    Column* column = &prediction->columns[i];
    if (!column->values) continue; /* no input takes it: the binding would have failed otherwise */
    column_clear(column);
    column_put(column, 0, is_array ? array.values[i] : PG_GETARG_DATUM(i + 1), is_array ? array.nulls[i] : PG_ARGISNULL(i + 1));
    prediction->views[i] = column_view(column);
  }
  float8 answer;
  uint8 is_null;
  const edgeonnx_batch batch = {prediction->views, 1};
  const edgeonnx_output output = {&answer, sizeof answer, &is_null};
  const edgeonnx_call call = {.struct_size = sizeof call, .check = is_interrupted, .first_row = prediction->n_rows++, .n_threads = 1};
  Failure failure;
  check_status(edgeonnx_binding_score(model->binding, &batch, 1, &output, 1, &call, NULL, failure_room(&failure)), &failure);
  if (is_null) PG_RETURN_NULL();
  PG_RETURN_FLOAT8(answer);
}
