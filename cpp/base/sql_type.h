// SQL type names, as T-SQL spells them.
// Sources: learn.microsoft.com, "float and real", "decimal and numeric", "int, bigint, smallint, and tinyint", "bit", "money and
// smallmoney".
#pragma once

#include <string>

#include "base/type.h"

namespace edgeonnx {

struct Declaration {
  DataType type;
  bool not_null = false;
};

/// "decimal(10, 2) NOT NULL", in any case; or an element type of ONNX, "tensor(uint16)". Decimals are Type::kDecimal128.
/// Throws Error(kInvalidArgument) for anything else.
Declaration parse_declaration(const std::string& text);

}  // namespace edgeonnx
