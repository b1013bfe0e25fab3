// Which conversions a coercion allows.
#pragma once

#include <string>

#include "engine/binding.h"

namespace edgeonnx::engine {

/// Why the conversion of `name`, a column or an output, is not allowed, as the end of a sentence that has told both types; empty if it is.
/// `is_list`: the column's rows are lists of any length.
inline std::string refusal_of(const convert::Conversion& conversion, Coercion coercion, const std::string& name, bool is_list = false) {
  using convert::Rule;
  if (conversion.rule == Rule::kNone && is_list) {
    return ", whose rows may differ in length; pad them to one length and make arrays or fixed-size lists of them: numpy.stack, "
           "cast(pyarrow.list_(type, n)), polars' list.to_array(n), CAST(... AS FLOAT[n]) in DuckDB";
  }
  if (conversion.rule == Rule::kNone) {
    return ", and no conversion turns the one into the other; make numbers of it first: CAST in SQL, pandas.to_numeric in pandas";
  }
  if (coercion == Coercion::kStrict && conversion.rule != Rule::kSame) {
    const char* sql = sql_name(conversion.to.type);
    const std::string type = display_name(conversion.to);
    return "; coercion is strict: " + (*sql ? "use CAST(" + name + " AS " + type + ")" : "give a column of type " + type);
  }
  if (coercion == Coercion::kSafe && !conversion.exact) {
    return "; coercion is safe, and not every value would survive: cast it, or use coercion='tsql'";
  }
  return "";
}

}  // namespace edgeonnx::engine
