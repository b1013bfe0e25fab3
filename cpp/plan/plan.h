// How a model will be scored, decided once when it is loaded: its ports, the native programs and the session behind them, and how the batch
// dimension is fed.
//
// A plan has up to three parts, run in this order: a native front over the columns of the table, a session of ONNX Runtime over tensors of
// inputs and of what the front made, and a native tail over columns and over what the session made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/type.h"
#include "kernels/program.h"
#include "onnx/model.h"
#include "ort/session.h"
#include "plan/branches.h"
#include "plan/probe.h"

namespace edgeonnx::plan {

/// One input or output as the user sees it.
struct Port {
  std::string name;
  std::string onnx_type;                  ///< "tensor(float)"
  Type type = Type::kUndefined;           ///< kUndefined: not a tensor
  std::vector<int64_t> shape;             ///< rows first; -1 where free
  std::string refusal;                    ///< why it can't be fed or read by columns; empty if it can
  std::vector<std::string> symbols = {};  ///< of an input: what the model calls the sizes of `shape`, "" where it gives no name

  /// Values a row; -1 where a dimension other than the first is free.
  int64_t width() const;
};

/// An output port and the place of its values in what a run returns.
struct OutputPort {
  Port port;
  size_t tensor = 0;        ///< index into Plan::tensors
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

enum class Part { kFront, kSession, kTail };

/// A tensor that a run returns.
struct Tensor {
  std::string name;
  std::string onnx_type;
  Type type = Type::kUndefined;
  bool is_tensor = true;
  std::vector<int64_t> declared;     ///< sizes as the model or the session tells them
  std::optional<TensorShape> shape;  ///< nothing where only a binding can tell
  Part part = Part::kSession;        ///< that makes it
  size_t index = 0;                  ///< among what the part makes
};

/// A native part: a program, and where each of its columns comes from.
struct NativePart {
  struct Source {
    bool is_tensor = false;
    size_t index = 0;   ///< into Plan::columns, or of a session output
    int64_t value = 0;  ///< place in a row of that output
  };
  std::vector<Source> sources;
  kernels::Program program;
};

/// What a session input is fed: an input of the plan, or what the front made.
struct SessionInput {
  bool is_front = false;
  size_t index = 0;   ///< of the input, or of the front's output
  TensorShape shape;  ///< of what the front made
};

struct Options {
  std::string model_name = "model";
  std::vector<ort::Provider> providers;
  ort::Fallback fallback = ort::Fallback::kListed;
  std::string external_data_folder;
  ort::MakeDevice make_device;  ///< as ort::SessionOptions has it
  int64_t morsel_rows = 0;      ///< 0: chosen from the model
  bool native = true;           ///< native kernels where they cover the model
  bool selfcheck = true;        ///< a plan with native parts is compared with ONNX Runtime before it is used
  bool deterministic = false;   ///< a row's results depend on nothing but the row
};

/// Opens ONNX Runtime when it is first needed.
using OpenLibrary = std::function<const ort::Library&()>;

struct Plan {
  std::vector<Port> inputs;  ///< in the model's order
  std::vector<OutputPort> outputs;
  std::vector<Tensor> tensors;

  std::vector<InputValue> columns;  ///< values of inputs that native parts read, in ascending order
  std::optional<NativePart> front;
  std::optional<NativePart> tail;

  std::unique_ptr<ort::Session> session;     ///< null where the plan is wholly native
  std::vector<SessionInput> session_inputs;  ///< one an input of the session
  std::vector<size_t> tail_tensors;          ///< outputs of the session that the tail reads
  std::vector<bool> feeds_session;           ///< one an input of the plan: the session takes it as a tensor
  /// Makes another session like `session`, with an arena of its own; empty where the model is too large to be held twice.
  std::function<std::unique_ptr<ort::Session>()> another_session;

  BatchMode batch_mode = BatchMode::kFree;
  int64_t fixed_batch = 0;
  int64_t morsel_rows = 0;
  bool is_morsel_asked = false;  ///< morsel_rows is what the user asked for
  int64_t row_cost = 0;          ///< multiplications a row, roughly; tells a trifle from a long run
  int64_t hidden_bytes = 0;      ///< of a row, roughly, between inputs and outputs, where sizes that the model leaves free are 1
  int64_t padded_rows = 0;       ///< > 0: the session is always run over so many rows, the last ones made up where there are fewer
  BranchCheck branches;
  std::vector<ProbeValues> categories;  ///< values of inputs that made-up rows must have, or the model fails
  std::vector<std::string> notes;       ///< decisions and their reasons, one sentence each
  std::vector<std::string> warnings;    ///< nodes that this ONNX Runtime is known to compute wrongly, one sentence each
  std::vector<std::pair<std::string, std::string>> metadata;  ///< the model's metadata_props: key and value

  bool is_native() const { return !session; }
  /// "native", "native front + ONNX Runtime" ...: what explain() begins with
  std::string road;
};

/// Reads the model, decides which of its nodes native kernels take, rewrites what must be rewritten, makes the session where one is needed,
/// and learns the outputs' shapes.
Plan make_plan(onnx::Bytes bytes, const OpenLibrary& library, const Options& options);

/// Learns the shapes of tensors that a session makes by running a few rows of ones, which is the only way to know what a model leaves
/// open. `inner[i]`: the sizes of input i behind the first. Throws what Session::run throws.
std::vector<TensorShape> probe_shapes(const Plan& plan, const ort::Library& library, const std::vector<std::vector<int64_t>>& inner,
                                      const std::vector<size_t>& tensors);

}  // namespace edgeonnx::plan
