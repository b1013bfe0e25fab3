/* Answers: what the library wrote, as Datums of the types that the caller declared. */
#include "edgeonnx_pg.h"

/** What PREDICT's WITH list calls the type; NULL where no answer can have it. */
static const char* declaration_of(Oid type, int32 typmod) {
  switch (type) {
    case BOOLOID:
      return "bit";
    case INT2OID:
      return "smallint";
    case INT4OID:
      return "int";
    case INT8OID:
      return "bigint";
    case FLOAT4OID:
      return "real";
    case FLOAT8OID:
      return "float";
    case NUMERICOID: /* numeric(p, s): spelled alike */
      return typmod < (int32)VARHDRSZ ? NULL : format_type_with_typemod(type, typmod);
    default:
      return NULL;
  }
}

void answer_init(Answer* result, char* output, Oid type, int32 typmod) {
  const Oid base = getBaseTypeAndTypmod(type, &typmod);
  const Oid element = get_element_type(base);
  memset(result, 0, sizeof *result);
  result->type = OidIsValid(element) ? element : base;
  result->array_of = OidIsValid(element) ? base : InvalidOid;
  const char* declaration = declaration_of(result->type, typmod);
  if (!declaration)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column '%s': the query has no such column, and an output of a model can't be %s", output,
                           format_type_with_typemod(type, typmod)),
                    detail_of(EDGEONNX_TYPE_MISMATCH),
                    errhint("Declare boolean, smallint, integer, bigint, real, double precision, numeric(p, s), or an array of these.")));
  Failure failure;
  check_status(edgeonnx_result_parse(declaration, &result->wanted, failure_room(&failure)), &failure);
  result->wanted.output = to_utf8(output);
  result->size = result->wanted.type == EDGEONNX_TYPE_DECIMAL128 ? (int32)sizeof(int128) : get_typlen(result->type);
}

void answer_allocate(Answer* result, const edgeonnx_port* port, int64 n_rows) {
  if (port->width != 1 && !OidIsValid(result->array_of))
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("output '%s' has " INT64_FORMAT " values a row and was declared as one %s", from_utf8(result->wanted.output),
                           port->width, format_type_be(result->type)),
                    detail_of(EDGEONNX_SHAPE_MISMATCH), errhint("Declare an array, %s[].", format_type_be(result->type))));
  result->width = port->width;
  result->values = palloc(n_rows * result->width * result->size);
  result->mask = palloc(n_rows);
}

static Datum numeric_datum(const char* at, const edgeonnx_result* type) {
  int128 value;
  memcpy(&value, at, sizeof value);
  char text[64];
  char* end = text + sizeof text - 1;
  char* to = end;
  *to = '\0';
  const bool is_negative = value < 0;
  for (int n_digits = 0; value != 0 || n_digits <= type->scale; ++n_digits, value /= 10) {
    if (n_digits == type->scale && n_digits > 0) *--to = '.';
    *--to = (char)('0' + abs((int)(value % 10)));
  }
  if (is_negative) *--to = '-';
  return DirectFunctionCall3(numeric_in, CStringGetDatum(to), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static Datum value_datum(const Answer* result, const char* at) {
  switch (result->type) {
    case BOOLOID:
      return BoolGetDatum(*at);
    case INT2OID:
      return Int16GetDatum(*(const int16*)at);
    case INT4OID:
      return Int32GetDatum(*(const int32*)at);
    case INT8OID:
      return Int64GetDatum(*(const int64*)at);
    case FLOAT4OID:
      return Float4GetDatum(*(const float4*)at);
    case FLOAT8OID:
      return Float8GetDatum(*(const float8*)at);
    default:
      return numeric_datum(at, &result->wanted);
  }
}

Datum answer_get(const Answer* result, int64 row, bool* is_null) {
  *is_null = result->mask[row];
  if (*is_null) return (Datum)0;
  const char* values = result->values + row * result->width * result->size;
  if (!OidIsValid(result->array_of)) return value_datum(result, values);
  Datum* elements = palloc(result->width * sizeof(Datum));
  for (int64 i = 0; i < result->width; ++i) elements[i] = value_datum(result, values + i * result->size);
  int16 length;
  bool by_value;
  char align;
  get_typlenbyvalalign(result->type, &length, &by_value, &align);
  return PointerGetDatum(construct_array(elements, (int)result->width, result->type, length, by_value, align));
}
