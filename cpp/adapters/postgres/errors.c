/* Errors of the library as errors of the server; interrupts; text. */
#include "edgeonnx_pg.h"

edgeonnx_error* failure_room(Failure* failure) {
  memset(&failure->error, 0, sizeof failure->error);
  failure->hint = NULL;
  failure->error.message = failure->text;
  failure->error.message_capacity = sizeof failure->text;
  failure->text[0] = '\0';
  return &failure->error;
}

int sqlstate_of(edgeonnx_status status) {
  switch (status) {
    case EDGEONNX_INVALID_ARGUMENT:
      return ERRCODE_INVALID_PARAMETER_VALUE;
    case EDGEONNX_INVALID_STATE:
      return ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
    case EDGEONNX_NOT_FOUND:
      return ERRCODE_UNDEFINED_OBJECT;
    case EDGEONNX_IO:
      return ERRCODE_IO_ERROR;
    case EDGEONNX_INVALID_MODEL:
    case EDGEONNX_SHAPE_MISMATCH:
      return ERRCODE_DATA_EXCEPTION;
    case EDGEONNX_TYPE_MISMATCH:
      return ERRCODE_DATATYPE_MISMATCH;
    case EDGEONNX_NULL_VALUE:
      return ERRCODE_NULL_VALUE_NOT_ALLOWED;
    case EDGEONNX_OVERFLOW:
      return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    case EDGEONNX_UNSUPPORTED:
      return ERRCODE_FEATURE_NOT_SUPPORTED;
    case EDGEONNX_OUT_OF_MEMORY:
      return ERRCODE_OUT_OF_MEMORY;
    case EDGEONNX_CANCELLED:
      return ERRCODE_QUERY_CANCELED;
    case EDGEONNX_INFERENCE_FAILED:
      return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
    case EDGEONNX_RUNTIME_MISSING:
      return ERRCODE_UNDEFINED_FILE;
    default:
      return ERRCODE_INTERNAL_ERROR;
  }
}

int detail_of(edgeonnx_status status) { return errdetail_internal("%s", edgeonnx_status_name(status)); }

/** What the message may not tell in words, for programs: two statuses share an SQLSTATE. */
static int add_detail(const edgeonnx_error* error) {
  char row[48] = "", number[48] = "";
  if (error->row >= 0) snprintf(row, sizeof row, ", row " INT64_FORMAT, error->row);
  if (error->sql_number) snprintf(number, sizeof number, ", T-SQL error %d", error->sql_number);
  return errdetail_internal("%s%s%s%s%s", edgeonnx_status_name(error->code), row, error->value && error->value[0] ? ", value " : "",
                            error->value ? from_utf8(error->value) : "", number);
}

void check_status(edgeonnx_status status, const Failure* failure) {
  if (status == EDGEONNX_OK) return;
  if (status == EDGEONNX_CANCELLED) CHECK_FOR_INTERRUPTS();
  const edgeonnx_error* error = &failure->error;
  const char* hint = failure->hint ? failure->hint : hint_of(error, failure->text);
  ereport(ERROR,
          (errcode(sqlstate_of(status)), errmsg_internal("%s", from_utf8(failure->text)), add_detail(error), hint ? errhint("%s", hint) : 0,
           error->column && error->column[0] ? err_generic_string(PG_DIAG_COLUMN_NAME, from_utf8(error->column)) : 0));
}

static void tell_doing(void* data) {
  const Doing* doing = data;
  errcontext("edgeonnx.%s, model '%s'", doing->function, text_to_cstring(doing->model));
}

void doing_begin(Doing* doing, const char* function, const text* model) {
  doing->callback.callback = tell_doing;
  doing->callback.arg = doing;
  doing->callback.previous = error_context_stack;
  doing->function = function;
  doing->model = model;
  error_context_stack = &doing->callback;
}

void doing_end(const Doing* doing) { error_context_stack = doing->callback.previous; }

int is_interrupted(void* unused) {
  return InterruptPending && INTERRUPTS_CAN_BE_PROCESSED() && (QueryCancelPending || ProcDiePending || ClientConnectionLost);
}

char* to_utf8(const char* text) { return pg_server_to_any(text, strlen(text), PG_UTF8); }

char* from_utf8(const char* text) { return pg_any_to_server(text, strlen(text), PG_UTF8); }
