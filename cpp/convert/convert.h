// One type to another, checked: a conversion is found once for two types and then run over columns.
#pragma once

#include <cstdint>
#include <string>

#include "convert/rules.h"

namespace edgeonnx::convert {

/// What became of a run of values.
struct Outcome {
  int64_t first_bad = -1;  ///< index of the first value that does not fit, or -1
  int64_t n_changed = 0;   ///< values that fit but are not what they were: rounded, truncated, made 1
};

struct Conversion;

/// n packed values into n packed values. A value that does not fit becomes 0; if `bad` is given, bad[i] is set to 1 for it and otherwise
/// left alone.
using Loop = Outcome (*)(const Conversion& conversion, const void* from, void* to, int64_t n, uint8_t* bad);

/// One conversion, found once.
struct Conversion {
  DataType from;
  DataType to;
  Rule rule = Rule::kNone;
  bool exact = false;  ///< every value of `from` survives
  Loop loop = nullptr;
};

/// The conversion between two types; rule kNone and no loop where there is none. NULLs alone are converted as values of `to`, which any
/// will do for. Throws Error for a wrong EDGEONNX_CPU.
Conversion conversion(const DataType& from, const DataType& to);

/// Where values stand: value i at data + i * stride, or bit offset + i for Type::kBit.
struct Source {
  const void* data = nullptr;
  int64_t stride = 0;
  int64_t offset = 0;
};

/// Converts n values into target, target_stride bytes apart; `bad` as for a Loop. Neither side needs to be aligned.
Outcome run(const Conversion& conversion, const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t* bad);

/// Value i as text: of floats the shortest that reads back as the value, of decimals all digits.
std::string value_text(const Source& source, const DataType& type, int64_t i);

}  // namespace edgeonnx::convert
