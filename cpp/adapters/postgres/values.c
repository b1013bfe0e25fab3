/* Columns: Datums of the types that models take, laid out as the library reads them. */
#include "edgeonnx_pg.h"

enum { kMostDigits = 38 }; /* of a 128-bit decimal */

/** As make_numeric_typmod() of the server packs them; -1 where there is none. */
static void numeric_typmod(int32 typmod, int* precision, int* scale) {
  *precision = *scale = -1;
  if (typmod < (int32)VARHDRSZ) return;
  *precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
  *scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
}

void column_init(Column* column, char* name, Oid type, int32 typmod) {
  memset(column, 0, sizeof *column);
  column->type = getBaseTypeAndTypmod(type, &typmod);
  column->field = (edgeonnx_field){.name = to_utf8(name), .type_name = to_utf8(format_type_with_typemod(column->type, typmod)), .width = 1};
  edgeonnx_field* field = &column->field;
  int precision, scale;
  switch (column->type) {
    case BOOLOID:
      field->type = EDGEONNX_TYPE_BOOL;
      column->size = 1;
      break;
    case INT2OID:
      field->type = EDGEONNX_TYPE_INT16;
      column->size = sizeof(int16);
      break;
    case INT4OID:
      field->type = EDGEONNX_TYPE_INT32;
      column->size = sizeof(int32);
      break;
    case INT8OID:
      field->type = EDGEONNX_TYPE_INT64;
      column->size = sizeof(int64);
      break;
    case FLOAT4OID:
      field->type = EDGEONNX_TYPE_FLOAT;
      column->size = sizeof(float4);
      break;
    case FLOAT8OID:
      field->type = EDGEONNX_TYPE_DOUBLE;
      column->size = sizeof(float8);
      break;
    case NUMERICOID:
      numeric_typmod(typmod, &precision, &scale);
      if (precision > 0 && precision <= kMostDigits && scale >= 0 && scale <= precision) {
        field->type = EDGEONNX_TYPE_DECIMAL128;
        field->precision = (int16)precision;
        field->scale = (int16)scale;
        column->scale = scale;
        column->size = sizeof(int128);
      } else { /* each value has a scale of its own, or more digits than a decimal */
        field->type = EDGEONNX_TYPE_DOUBLE;
        column->size = sizeof(float8);
      }
      break;
    default:
      field->type = EDGEONNX_TYPE_UNDEFINED;
  }
}

void column_allocate(Column* column, int64 n_rows) {
  column->values = palloc(n_rows * column->size);
  column->n_validity = (n_rows + 7) / 8;
  column->validity = palloc(column->n_validity);
  column->has_nulls = true;
  column_clear(column);
}

/** Stored values of a numeric(p, s) have s digits behind the point; those that an expression gives may have fewer or more. */
static int128 scaled(const Column* column, Numeric number) {
  const char* text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
  const char* at = text + (text[0] == '-');
  int128 value = 0;
  int n_digits = 0, n_behind = -1;
  for (; *at == '.' || (*at >= '0' && *at <= '9'); ++at) {
    if (*at == '.') {
      n_behind = 0;
    } else {
      if (n_behind == column->scale) continue; /* cut, as T-SQL cuts decimals */
      value = value * 10 + (*at - '0');
      n_digits += value != 0;
      n_behind += n_behind >= 0;
    }
  }
  for (n_behind = Max(n_behind, 0); n_behind < column->scale; ++n_behind, n_digits += value != 0) value *= 10;
  if (*at || n_digits > kMostDigits)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("column '%s': %s does not fit %s", from_utf8(column->field.name), text, column->field.type_name),
                    detail_of(EDGEONNX_OVERFLOW), errhint("CAST the column AS double precision.")));
  return text[0] == '-' ? -value : value;
}

void column_put(Column* column, int64 row, Datum value, bool is_null) {
  char* to = column->values + row * column->size;
  if (is_null) {
    column->validity[row / 8] &= ~(1 << (row % 8));
    column->has_nulls = true;
    return;
  }
  switch (column->field.type) {
    case EDGEONNX_TYPE_BOOL:
      *to = DatumGetBool(value);
      break;
    case EDGEONNX_TYPE_INT16:
      *(int16*)to = DatumGetInt16(value);
      break;
    case EDGEONNX_TYPE_INT32:
      *(int32*)to = DatumGetInt32(value);
      break;
    case EDGEONNX_TYPE_INT64:
      *(int64*)to = DatumGetInt64(value);
      break;
    case EDGEONNX_TYPE_FLOAT:
      *(float4*)to = DatumGetFloat4(value);
      break;
    case EDGEONNX_TYPE_DECIMAL128: {
      const int128 number = scaled(column, DatumGetNumeric(value));
      memcpy(to, &number, sizeof number); /* palloc aligns to 8 bytes only */
      break;
    }
    default:
      *(float8*)to = DatumGetFloat8(column->type == NUMERICOID ? DirectFunctionCall1(numeric_float8, value) : value);
  }
}

edgeonnx_column column_view(const Column* column) {
  return (edgeonnx_column){.data = column->values, .stride = column->size, .validity = column->has_nulls ? column->validity : NULL};
}

void column_clear(Column* column) {
  if (column->has_nulls) memset(column->validity, 0xff, column->n_validity);
  column->has_nulls = false;
}
