// Steps that are one loop over the rows: the loop that suits the processor, with the registers and the constants that it was made for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/type.h"
#include "kernels/step.h"

namespace edgeonnx::kernels {

/// One run of a loop: rows [0, n) of registers[inputs[...]] into registers[outputs[...]].
struct LoopCall {
  Registers registers;
  const Register* inputs;
  const Register* outputs;
  int64_t n;
  const void* constants;  ///< as each loop says
  std::byte* scratch;
  bool is_refused = false;  ///< set by loops of operators that fail for some values
};

using Loop = void (*)(LoopCall&);

struct NoConstants {};

/// Scratch that a loop needs: so much a row, and so much in all.
struct Scratch {
  size_t bytes_a_row = 0;
  size_t bytes = 0;
};

template <class Constants>
class LoopStep final : public Step {
 public:
  /// refusal: what the error says where the loop refuses values.
  LoopStep(Loop loop, std::vector<Register> inputs, std::vector<Register> outputs, Constants constants = {}, Scratch scratch = {},
           const char* refusal = "")
      : loop_(loop),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        constants_(std::move(constants)),
        scratch_(scratch),
        refusal_(refusal) {
    if (!loop_) throw Error(Code::kUnsupported, "no native loop for an operator on these types");
  }

  void run(Registers registers, int64_t n, std::byte* scratch) const override {
    LoopCall call{registers, inputs_.data(), outputs_.data(), n, &constants_, scratch};
    loop_(call);
    if (call.is_refused) throw Error(Code::kInferenceFailed, refusal_);
  }

  size_t scratch_bytes(int64_t n_rows) const override { return scratch_.bytes_a_row * static_cast<size_t>(n_rows) + scratch_.bytes; }

 private:
  Loop loop_;
  std::vector<Register> inputs_;
  std::vector<Register> outputs_;
  Constants constants_;
  Scratch scratch_;
  const char* refusal_;
};

/// The types that registers have, in the order of the tables of loops.
enum Element : int { kFloatElement, kDoubleElement, kInt32Element, kInt64Element, kBoolElement, kElements };

/// Throws Error(kUnsupported) for other types.
inline Element element_of(Type type) {
  switch (type) {
    case Type::kFloat:
      return kFloatElement;
    case Type::kDouble:
      return kDoubleElement;
    case Type::kInt32:
      return kInt32Element;
    case Type::kInt64:
      return kInt64Element;
    case Type::kBool:
      return kBoolElement;
    default:
      throw Error(Code::kUnsupported, "registers hold no values of type " + display_name(type));
  }
}

}  // namespace edgeonnx::kernels
