// How a model will be scored, decided once when it is loaded: its ports, the session behind them, and how the batch dimension is fed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/type.h"
#include "onnx/model.h"
#include "ort/session.h"
#include "plan/branches.h"

namespace edgeonnx::plan {

/// One input or output as the user sees it.
struct Port {
  std::string name;
  std::string onnx_type;         ///< "tensor(float)"
  Type type = Type::kUndefined;  ///< kUndefined: not a tensor
  std::vector<int64_t> shape;    ///< rows first; -1 where free
  std::string refusal;           ///< why it can't be fed or read by columns; empty if it can

  /// Values a row; -1 where a dimension other than the first is free.
  int64_t width() const;
};

/// An output port and the place of its values in what the session returns.
struct OutputPort {
  Port port;
  size_t tensor = 0;        ///< index of the session output
  int64_t first_value = 0;  ///< the port's values in a row of that tensor: [first_value, first_value + width)
  bool is_slice = false;    ///< true where the tensor holds other ports too (the classes of a ZipMap)
};

/// How rows meet the model's batch dimension.
enum class BatchMode {
  kFree,   ///< any number of rows in one run
  kFixed,  ///< fixed_batch rows a run, no more and no fewer
};

/// What an output tensor looks like: sizes with the rows first. In a plan of BatchMode::kFree shape[0] is -1 and stands for the rows of
/// the run; otherwise the shape is that of one run of fixed_batch rows.
struct TensorShape {
  std::vector<int64_t> shape;
  int64_t width = 0;    ///< values a row
  std::string refusal;  ///< why the tensor is not one entry a row; empty if it is
};

struct Options {
  std::string model_name = "model";
  std::vector<ort::Provider> providers;
  std::string external_data_folder;
  int64_t morsel_rows = 0;     ///< 0: chosen from the model
  bool native = true;          ///< native kernels where they cover the model
  bool selfcheck = true;       ///< native answers are compared with ONNX Runtime's
  bool deterministic = false;  ///< results depend on nothing but the row
};

struct Plan {
  std::vector<Port> inputs;  ///< in the order of the session's inputs
  std::vector<OutputPort> outputs;
  std::unique_ptr<ort::Session> session;
  /// Makes another session like `session`, with an arena of its own; empty where the model is too large to be held twice.
  std::function<std::unique_ptr<ort::Session>()> another_session;
  std::vector<std::optional<TensorShape>> tensors;  ///< per session output; nothing where only a binding can tell
  BatchMode batch_mode = BatchMode::kFree;
  int64_t fixed_batch = 0;
  int64_t morsel_rows = 0;
  int64_t row_cost = 0;  ///< multiplications a row, roughly; tells a trifle from a long run
  BranchCheck branches;
  std::vector<std::string> notes;  ///< decisions and their reasons, one sentence each
};

/// Reads the model, rewrites what must be rewritten, makes the session, and learns the outputs' shapes from a probe run.
Plan make_plan(onnx::Bytes bytes, const ort::Library& library, const Options& options);

/// Learns the shapes of the session outputs `tensors` by running a few rows of ones, which is the only way to know what a model leaves
/// open. `inner[i]`: the sizes of input i behind the first. Throws what Session::run throws.
std::vector<TensorShape> probe_shapes(const Plan& plan, const ort::Library& library, const std::vector<std::vector<int64_t>>& inner,
                                      const std::vector<size_t>& tensors);

}  // namespace edgeonnx::plan
