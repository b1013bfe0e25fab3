// A layout of columns tied to a model: which column feeds which input, how its values become the input's type, where results go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "columns/column.h"
#include "convert/convert.h"
#include "engine/scorer.h"

namespace edgeonnx::engine {

enum class Coercion { kTsql = 0, kSafe = 1, kStrict = 2 };
enum class NullPolicy { kError = 0, kNan = 1, kPropagate = 2, kConstant = 3 };
enum class OnOverflow { kError = 0, kNull = 1 };

struct NullRule {
  NullPolicy policy = NullPolicy::kError;
  double constant = 0;
  std::optional<int64_t> constant_integer;
};

struct ResultRequest {
  std::string output;
  DataType type;  ///< kUndefined: the output's own
  bool not_null = false;
};

struct BindingOptions {
  Coercion coercion = Coercion::kTsql;
  OnOverflow on_overflow = OnOverflow::kError;
  bool by_position = false;
  NullRule nulls;  ///< for every input without a rule of its own
  std::map<std::string, NullRule> nulls_of_input;
  std::map<std::string, std::string> renames;              ///< column -> input
  std::map<std::string, std::vector<std::string>> groups;  ///< input -> columns
  std::vector<ResultRequest> results;                      ///< none: every output
  bool counts_branches = false;
};

constexpr size_t kNoCast = std::numeric_limits<size_t>::max();

/// One model input and the columns that feed it.
struct BoundInput {
  size_t input = 0;            ///< index of the plan's input
  std::vector<size_t> fields;  ///< one column of `width` values a row, or `width` columns
  Type type = Type::kUndefined;
  int64_t width = 1;
  std::vector<int64_t> shape;                    ///< of a run; shape[0] is set at each run
  std::vector<convert::Conversion> conversions;  ///< one per field
  std::vector<size_t> casts;                     ///< likewise, index into Binding::casts, or kNoCast
  NullPolicy nulls = NullPolicy::kError;
  std::array<std::byte, 8> null_value{};  ///< what stands in the tensor for a NULL: NaN, the constant, or 1 for a row that is masked out

  int64_t row_bytes() const { return packed_stride(type, width); }
};

/// A tensor of the plan that at least one result reads.
struct BoundTensor {
  size_t tensor = 0;  ///< index into the plan's tensors
  Type type = Type::kUndefined;
  plan::TensorShape shape;
  size_t n_readers = 0;

  int64_t row_bytes() const { return packed_stride(type, shape.width); }
};

struct BoundResult {
  std::string name;
  std::string onnx_type;
  std::vector<int64_t> shape;
  size_t tensor = 0;  ///< index into Binding::tensors
  int64_t first_value = 0;
  int64_t width = 1;
  convert::Conversion conversion;
  size_t cast = kNoCast;  ///< index into Binding::casts
  bool nullable = false;  ///< NULLs may come out
  bool not_null = false;  ///< a NULL is an error

  Type from() const { return conversion.from.type; }
  Type to() const { return conversion.to.type; }
};

struct Cast {
  std::string column;
  std::string from;
  std::string to;
  convert::Rule rule = convert::Rule::kNone;
  bool exact = false;
};

struct Binding {
  int64_t id = 0;  ///< unlike that of any other binding of the process
  std::shared_ptr<const Scorer> scorer;
  std::vector<Field> fields;
  std::vector<BoundInput> inputs;
  std::vector<BoundTensor> tensors;
  std::vector<size_t> wanted;                ///< outputs that a run asks of the session
  std::vector<BoundTensor> session_outputs;  ///< likewise; their `tensor` and `n_readers` mean nothing
  int64_t between_bytes = 0;                 ///< a row of all that one part of the plan makes for another
  int64_t n_between = 0;
  bool runs_tail = false;  ///< some result is the tail's
  std::vector<BoundResult> results;
  OnOverflow on_overflow = OnOverflow::kError;
  bool can_mask = false;  ///< rows may be masked out
  bool counts_branches = false;
  int64_t n_columns_read = 0;                   ///< values of a row of the inputs that some part of the plan reads
  int64_t n_columns_unread = 0;                 ///< and those that none does
  std::vector<plan::InputValue> branch_values;  ///< what BranchCheck::count must be given, where branches are counted
  int64_t morsel_rows = 0;                      ///< the plan's, or fewer where the rows are long
  int64_t row_cost = 0;                         ///< likewise more
  std::vector<size_t> fields_read;              ///< those that a score call looks at, in order
  std::vector<Cast> casts;
  std::string explain;
};

/// Binds, or throws one Error that lists every mistake.
Binding bind(std::shared_ptr<const Scorer> scorer, std::vector<Field> fields, const BindingOptions& options);

}  // namespace edgeonnx::engine
