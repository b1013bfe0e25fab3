/* edgeonnx.predict_rows(model, query): the rows of a query and what the model says of them, columns bound by name.
 *
 * The executor hands the query's rows to a receiver as it makes them. The receiver turns them into columns, a batch at a time, has the
 * batch scored, and puts finished rows into the tuplestore that is the function's result and goes to disk past work_mem.
 */
#include "edgeonnx_pg.h"

enum { kMostBatchRows = 8192, kBatchBytes = 16 << 20 };

/** One column of the definition list: a column of the query, or an output. */
typedef struct Target {
  int source;    /* column of the query; -1: an output */
  Answer result; /* of an output */
  Oid domain;    /* that it was declared as; else InvalidOid */
  void* checks;  /* of the domain, as the server keeps them */
  Datum* passed; /* values of a batch */
  bool* passed_nulls;
  bool by_value;
  int16 length;
} Target;

typedef struct Receiver {
  DestReceiver base;
  MemoryContext context;       /* lives as long as the call */
  MemoryContext batch_context; /* values of one batch that stand for themselves */
  Model* model;
  TupleDesc list;
  Tuplestorestate* store;
  int n_targets;
  Target* targets;
  int n_fields; /* columns of the query that the binding is told of */
  int* field_columns;
  Column* fields;
  edgeonnx_column* views;
  int n_renames; /* columns whose input's name the server cut */
  edgeonnx_rename* renames;
  int n_outputs;
  edgeonnx_output* outputs;
  int64 n_rows; /* of the batch */
  int64 batch_rows;
  int64 first_row;
  Datum* row;
  bool* row_nulls;
} Receiver;

PG_FUNCTION_INFO_V1(edgeonnx_pg_predict_rows);

static bool feeds_input(const edgeonnx_scorer* scorer, const char* column) {
  edgeonnx_port port;
  for (int64 i = 0; edgeonnx_scorer_input(scorer, i, &port) == EDGEONNX_OK; ++i) {
    if (pg_strcasecmp(port.name, column) == 0) return true;
  }
  return false;
}

/** No binding reads an array whose length is known from its values only. */
static void refuse_array(const char* name, const FormData_pg_attribute* column) {
  if (!OidIsValid(get_base_element_type(column->atttypid))) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_DATATYPE_MISMATCH),
       errmsg("input '%s': column '%s' of the query is %s, and arrays don't feed inputs", name, name, format_type_be(column->atttypid)),
       detail_of(EDGEONNX_TYPE_MISMATCH), errhint("Select its elements one by one, a[1] AS a1, a[2] AS a2, in the order of the input.")));
}

static int find_column(TupleDesc columns, const char* name) {
  int found = -1;
  for (int i = 0; i < columns->natts; ++i) {
    if (strcmp(NameStr(TupleDescAttr(columns, i)->attname), name) != 0) continue;
    if (found >= 0)
      ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN), errmsg("the query has several columns '%s'; rename all but one", name)));
    found = i;
  }
  return found;
}

static void check_passed(const FormData_pg_attribute* from, const FormData_pg_attribute* to) {
  if (from->atttypid == to->atttypid && (to->atttypmod < 0 || from->atttypmod == to->atttypmod)) return;
  ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                  errmsg("column '%s' of the query is %s and was declared as %s", NameStr(from->attname),
                         format_type_with_typemod(from->atttypid, from->atttypmod), format_type_with_typemod(to->atttypid, to->atttypmod)),
                  detail_of(EDGEONNX_TYPE_MISMATCH), errhint("Declare it alike, or CAST it in the query.")));
}

static void read_list(Receiver* receiver, TupleDesc columns) {
  receiver->targets = palloc0(receiver->n_targets * sizeof(Target));
  for (int i = 0; i < receiver->n_targets; ++i) {
    const FormData_pg_attribute* declared = TupleDescAttr(receiver->list, i);
    Target* target = &receiver->targets[i];
    char* name = pstrdup(NameStr(declared->attname));
    target->source = find_column(columns, name);
    if (target->source < 0) {
      const char* whole = port_cut_to(receiver->model->scorer, edgeonnx_scorer_output, name);
      answer_init(&target->result, whole ? from_utf8(whole) : name, declared->atttypid, declared->atttypmod);
      if (getBaseType(declared->atttypid) != declared->atttypid) target->domain = declared->atttypid;
      ++receiver->n_outputs;
    } else {
      check_passed(TupleDescAttr(columns, target->source), declared);
      target->by_value = declared->attbyval;
      target->length = declared->attlen;
    }
  }
  if (receiver->n_outputs > 0) return;
  int n_readable;
  edgeonnx_port first;
  char* names = readable_outputs(receiver->model->scorer, &n_readable, &first);
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the column definition list names no output of model '%s'", receiver->model->name),
           detail_of(EDGEONNX_NOT_FOUND), n_readable ? errhint("Its outputs are %s.", names) : 0));
}

/** Columns that only pass through are kept from a matrix input, which takes all numeric columns. */
static void read_columns(Receiver* receiver, TupleDesc columns) {
  const bool takes_all = edgeonnx_scorer_n_inputs(receiver->model->scorer) == 1;
  receiver->fields = palloc0(columns->natts * sizeof(Column));
  receiver->views = palloc0(columns->natts * sizeof(edgeonnx_column));
  receiver->renames = palloc0(columns->natts * sizeof(edgeonnx_rename));
  receiver->field_columns = palloc(columns->natts * sizeof(int));
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* attribute = TupleDescAttr(columns, i);
    char* name = pstrdup(NameStr(attribute->attname));
    const char* whole = port_cut_to(receiver->model->scorer, edgeonnx_scorer_input, name);
    const bool feeds = whole || feeds_input(receiver->model->scorer, to_utf8(name));
    bool passes = false;
    for (int t = 0; t < receiver->n_targets; ++t) passes |= receiver->targets[t].source == i;
    if (passes && !feeds) continue;
    if (feeds) refuse_array(name, attribute);
    if (whole) receiver->renames[receiver->n_renames++] = (edgeonnx_rename){.column = to_utf8(name), .input = whole};
    Column* field = &receiver->fields[receiver->n_fields];
    column_init(field, name, attribute->atttypid, attribute->atttypmod);
    receiver->field_columns[receiver->n_fields++] = i;
    if (field->field.type == EDGEONNX_TYPE_UNDEFINED || !(feeds || takes_all)) field->size = 0;
  }
}

static void bind(Receiver* receiver) {
  edgeonnx_field* fields = palloc(receiver->n_fields * sizeof *fields);
  for (int i = 0; i < receiver->n_fields; ++i) fields[i] = receiver->fields[i].field;
  edgeonnx_result* results = palloc(receiver->n_outputs * sizeof *results);
  int n_results = 0;
  for (int i = 0; i < receiver->n_targets; ++i) {
    if (receiver->targets[i].source < 0) results[n_results++] = receiver->targets[i].result.wanted;
  }
  edgeonnx_binding_options options = receiver->model->options;
  options.results = results;
  options.n_results = n_results;
  options.renames = receiver->renames;
  options.n_renames = receiver->n_renames;
  Failure failure;
  check_status(edgeonnx_binding_create(receiver->model->scorer, fields, receiver->n_fields, &options, &receiver->model->binding,
                                       failure_room(&failure)),
               &failure);
}

static void allocate(Receiver* receiver) {
  int64 row_bytes = 1;
  edgeonnx_port port;
  for (int i = 0; i < receiver->n_fields; ++i) row_bytes += receiver->fields[i].size;
  for (int i = 0, result = 0; i < receiver->n_targets; ++i) {
    if (receiver->targets[i].source >= 0) continue;
    if (edgeonnx_binding_result(receiver->model->binding, result++, &port) == EDGEONNX_OK)
      row_bytes += port.width * receiver->targets[i].result.size;
  }
  receiver->batch_rows = Max(1, Min(kMostBatchRows, kBatchBytes / row_bytes));
  for (int i = 0; i < receiver->n_fields; ++i) {
    if (receiver->fields[i].size > 0) column_allocate(&receiver->fields[i], receiver->batch_rows);
  }
  receiver->outputs = palloc(receiver->n_outputs * sizeof(edgeonnx_output));
  for (int i = 0, result = 0; i < receiver->n_targets; ++i) {
    Target* target = &receiver->targets[i];
    if (target->source >= 0) {
      target->passed = palloc(receiver->batch_rows * sizeof(Datum));
      target->passed_nulls = palloc(receiver->batch_rows * sizeof(bool));
      continue;
    }
    (void)edgeonnx_binding_result(receiver->model->binding, result, &port);
    answer_allocate(&target->result, &port, receiver->batch_rows);
    receiver->outputs[result++] = (edgeonnx_output){target->result.values, target->result.width * target->result.size, target->result.mask};
  }
  receiver->row = palloc(receiver->n_targets * sizeof(Datum));
  receiver->row_nulls = palloc(receiver->n_targets * sizeof(bool));
}

static void startup(DestReceiver* base, int operation, TupleDesc columns) {
  Receiver* receiver = (Receiver*)base;
  if (receiver->targets)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("predict_rows takes one query, not several"),
                    detail_of(EDGEONNX_INVALID_ARGUMENT)));
  const MemoryContext caller = MemoryContextSwitchTo(receiver->context);
  read_list(receiver, columns);
  read_columns(receiver, columns);
  bind(receiver);
  allocate(receiver);
  MemoryContextSwitchTo(caller);
}

/** Scores the rows that are there and hands them on. */
static void flush(Receiver* receiver) {
  for (int i = 0; i < receiver->n_fields; ++i) {
    if (receiver->fields[i].values) receiver->views[i] = column_view(&receiver->fields[i]);
  }
  const edgeonnx_batch batch = {receiver->views, receiver->n_rows};
  const edgeonnx_call call = {.struct_size = sizeof call,
                              .check = is_interrupted,
                              .first_row = receiver->first_row,
                              /* One, but not this: it must be free to hear of interrupts. */
                              .n_threads = edgeonnx_pg_threads == 1 ? -1 : edgeonnx_pg_threads};
  Failure failure;
  check_status(edgeonnx_binding_score(receiver->model->binding, &batch, 1, receiver->outputs, receiver->n_outputs, &call, NULL,
                                      failure_room(&failure)),
               &failure);
  const MemoryContext caller = MemoryContextSwitchTo(receiver->batch_context);
  for (int64 row = 0; row < receiver->n_rows; ++row) {
    for (int i = 0; i < receiver->n_targets; ++i) {
      Target* target = &receiver->targets[i];
      if (target->source < 0) {
        receiver->row[i] = answer_get(&target->result, row, &receiver->row_nulls[i]);
        if (OidIsValid(target->domain))
          domain_check(receiver->row[i], receiver->row_nulls[i], target->domain, &target->checks, receiver->context);
      } else {
        receiver->row[i] = target->passed[row];
        receiver->row_nulls[i] = target->passed_nulls[row];
      }
    }
    tuplestore_putvalues(receiver->store, receiver->list, receiver->row, receiver->row_nulls);
  }
  MemoryContextSwitchTo(caller);
  MemoryContextReset(receiver->batch_context);
  for (int i = 0; i < receiver->n_fields; ++i) column_clear(&receiver->fields[i]);
  receiver->first_row += receiver->n_rows;
  receiver->n_rows = 0;
  CHECK_FOR_INTERRUPTS();
}

static bool receive(TupleTableSlot* slot, DestReceiver* base) {
  Receiver* receiver = (Receiver*)base;
  const int64 at = receiver->n_rows;
  slot_getallattrs(slot);
  const MemoryContext caller = MemoryContextSwitchTo(receiver->batch_context);
  for (int i = 0; i < receiver->n_fields; ++i) {
    const int column = receiver->field_columns[i];
    if (receiver->fields[i].values) column_put(&receiver->fields[i], at, slot->tts_values[column], slot->tts_isnull[column]);
  }
  for (int i = 0; i < receiver->n_targets; ++i) {
    Target* target = &receiver->targets[i];
    if (target->source < 0) continue;
    const bool is_null = target->passed_nulls[at] = slot->tts_isnull[target->source];
    target->passed[at] = is_null ? (Datum)0 : datumCopy(slot->tts_values[target->source], target->by_value, target->length);
  }
  MemoryContextSwitchTo(caller);
  ++receiver->n_rows;
  if (receiver->n_rows == receiver->batch_rows || MemoryContextMemAllocated(receiver->batch_context, false) > kBatchBytes) flush(receiver);
  return true;
}

static void shutdown(DestReceiver* base) {
  Receiver* receiver = (Receiver*)base;
  if (receiver->n_rows > 0) flush(receiver);
}

static void destroy(DestReceiver* base) { (void)base; } /* lies in a memory context */

Datum edgeonnx_pg_predict_rows(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("model and query must not be NULL"), detail_of(EDGEONNX_NULL_VALUE)));
  const ReturnSetInfo* info = (ReturnSetInfo*)fcinfo->resultinfo;
  if (!info || !IsA(info, ReturnSetInfo) || !info->expectedDesc)
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("predict_rows stands in FROM, with a column definition list"),
                    errhint("SELECT * FROM edgeonnx.predict_rows(model, query) AS p(column type, ...)")));
  Doing doing;
  doing_begin(&doing, "predict_rows", PG_GETARG_TEXT_PP(0));
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  const MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "edgeonnx predict_rows", ALLOCSET_DEFAULT_SIZES);
  Receiver* receiver = MemoryContextAllocZero(context, sizeof *receiver);
  receiver->base = (DestReceiver){receive, startup, shutdown, destroy, DestNone};
  receiver->context = context;
  receiver->batch_context = AllocSetContextCreate(context, "edgeonnx batch", ALLOCSET_DEFAULT_SIZES);
  receiver->model = model_open(text_to_cstring(doing.model), NULL, NULL, context);
  receiver->list = info->setDesc;
  receiver->n_targets = info->setDesc->natts;
  receiver->store = info->setResult;

  const char* query = text_to_cstring(PG_GETARG_TEXT_PP(1));
  SPI_connect();
  const SPIExecuteOptions options = {.read_only = true, .must_return_tuples = true, .dest = &receiver->base};
  const int rc = SPI_execute_extended(query, &options);
  if (rc < 0) elog(ERROR, "edgeonnx: the query failed: %s", SPI_result_code_string(rc));
  SPI_finish();
  doing_end(&doing);
  MemoryContextDelete(context);
  return (Datum)0;
}
