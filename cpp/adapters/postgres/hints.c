/* What to do about an error of the library, in SQL. Its messages name the arguments of other languages. */
#include "edgeonnx_pg.h"

typedef struct Hint {
  edgeonnx_status status;
  const char* words; /* of the message; NULL: any */
  const char* text;
} Hint;

/* The first that fits is taken. */
static const Hint kHints[] = {
    {EDGEONNX_INVALID_ARGUMENT, "setting", "Settings are load_model's fourth argument, as in 'nulls=propagate, on_overflow=null'."},
    {EDGEONNX_INVALID_ARGUMENT, "is set twice", "Settings are load_model's fourth argument, as in 'nulls=propagate, on_overflow=null'."},
    {EDGEONNX_NOT_FOUND, "columns={",
     "Select as many numeric columns as the input takes, in its order. Arrays don't feed it: select their elements, a[1] AS a1, a[2] AS "
     "a2. "
     "Columns of the definition list pass through and don't feed it either."},
    {EDGEONNX_NOT_FOUND, "there is no column of that name", "Rename a column of the query with AS; double quotes keep the case of a name."},
    {EDGEONNX_NOT_FOUND, "no such output", "edgeonnx.ports(model) lists the outputs; all other columns of the list are the query's."},
    {EDGEONNX_NOT_FOUND, "all match", "Rename all but one with AS, or leave them out of the query."},
    {EDGEONNX_TYPE_MISMATCH, NULL,
     "Cast it with ::, as in x::real, or leave it out of the query. NULL alone is text: NULL::real. "
     "T-SQL's bit is boolean here, tinyint smallint, float double precision."},
    {EDGEONNX_SHAPE_MISMATCH, "values a row, the model takes",
     "Features stand in the order of the inputs, one value each; edgeonnx.ports(model) lists them."},
    {EDGEONNX_SHAPE_MISMATCH, "values a row",
     "Arrays don't feed inputs: select their elements one by one, a[1] AS a1, a[2] AS a2, in the order of the input."},
    {EDGEONNX_NULL_VALUE, NULL,
     "Say what a NULL means in load_model's fourth argument, as in 'nulls=propagate', or replace it in the query: coalesce(x, 0)."},
    {EDGEONNX_OVERFLOW, NULL,
     "Declare or cast to a wider type; with 'on_overflow=null, nulls=propagate' in load_model's fourth argument it becomes NULL."},
    {EDGEONNX_UNSUPPORTED, "outputs=[", "Declare only the outputs that you want."},
    {EDGEONNX_UNSUPPORTED, "external_data", "Make it one file in Python: onnx.save(onnx.load('model.onnx'), 'whole.onnx')."},
};

const char* hint_of(const edgeonnx_error* error, const char* message) {
  if (error->code == EDGEONNX_RUNTIME_MISSING) {
    return edgeonnx_pg_ort_library[0]
               ? psprintf("The setting edgeonnx.ort_library is '%s'; it takes the path of libonnxruntime.so, and RESET has it looked for.",
                          edgeonnx_pg_ort_library)
               : "A superuser sets its path: SET edgeonnx.ort_library = '.../libonnxruntime.so'.";
  }
  for (size_t i = 0; i < lengthof(kHints); ++i) {
    if (kHints[i].status == error->code && (!kHints[i].words || strstr(message, kHints[i].words))) return kHints[i].text;
  }
  return NULL;
}
