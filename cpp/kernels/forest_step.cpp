#include "kernels/forest_step.h"

#include <utility>

#include "base/error.h"

namespace edgeonnx::kernels {
namespace {

constexpr size_t kLine = 64;

/// Hands out the scratch memory piece by piece; without any it only adds up.
class Pieces {
 public:
  explicit Pieces(std::byte* begin) : begin_(begin) {}

  template <class T>
  T* take(size_t n) {
    T* piece = begin_ ? reinterpret_cast<T*>(begin_ + n_bytes_) : nullptr;
    n_bytes_ += (n * sizeof(T) + kLine - 1) / kLine * kLine;
    return piece;
  }
  size_t n_bytes() const { return n_bytes_; }

 private:
  std::byte* begin_;
  size_t n_bytes_ = 0;
};

class ForestStep final : public Step {
 public:
  ForestStep(const Trees& trees, Aggregate aggregate, ForestEnding ending, std::vector<Register> features, std::vector<Register> scores,
             Register label)
      : forest_(trees, aggregate), ending_(std::move(ending)), features_(std::move(features)), scores_(std::move(scores)), label_(label) {
    if (forest_.features().size() != features_.size()) throw Error(Code::kInternal, "a forest was given columns that it does not test");
    for (int32_t t = 0; t < forest_.n_targets(); ++t) {
      presence_.push_back(forest_.presence(t));
      any_by_row_ |= presence_.back() == Presence::kByRow;
    }
  }

  size_t scratch_bytes(int64_t n_rows) const override {
    const Memory memory = lay_out(nullptr, n_rows);
    return memory.n_bytes + forest_.scratch_bytes(n_rows);
  }

  void run(Registers registers, int64_t n, std::byte* scratch) const override {
    const Memory memory = lay_out(scratch, n);
    for (size_t i = 0; i < features_.size(); ++i) memory.columns[i] = registers[features_[i]];
    for (size_t i = 0; i < scores_.size(); ++i) memory.outputs[i] = registers[scores_[i]];
    const size_t value_bytes = forest_.is_double() ? sizeof(double) : sizeof(float);
    const auto rows = static_cast<size_t>(n);
    for (size_t t = 0; t < presence_.size(); ++t) {
      memory.sums[t] = memory.values + t * rows * value_bytes;
      if (any_by_row_) memory.present[t] = memory.flags + t * rows;
    }
    forest_.run(memory.columns, n, memory.sums, memory.present, scratch + memory.n_bytes);
    ending_.run(memory.sums, memory.present, presence_.data(), n, memory.outputs,
                label_ < 0 ? nullptr : reinterpret_cast<int64_t*>(registers[label_]));
  }

 private:
  struct Memory {
    const std::byte** columns = nullptr;
    std::byte** outputs = nullptr;
    std::byte** sums = nullptr;
    uint8_t** present = nullptr;
    std::byte* values = nullptr;
    uint8_t* flags = nullptr;
    size_t n_bytes = 0;
  };

  Memory lay_out(std::byte* scratch, int64_t n_rows) const {
    const size_t n_targets = presence_.size();
    const size_t n_values = n_targets * static_cast<size_t>(n_rows);
    Pieces pieces(scratch);
    Memory memory;
    memory.columns = pieces.take<const std::byte*>(features_.size());
    memory.outputs = pieces.take<std::byte*>(scores_.size());
    memory.sums = pieces.take<std::byte*>(n_targets);
    if (any_by_row_) memory.present = pieces.take<uint8_t*>(n_targets);
    memory.values = pieces.take<std::byte>(n_values * (forest_.is_double() ? sizeof(double) : sizeof(float)));
    if (any_by_row_) memory.flags = pieces.take<uint8_t>(n_values);
    memory.n_bytes = pieces.n_bytes();
    return memory;
  }

  Forest forest_;
  ForestEnding ending_;
  std::vector<Register> features_;
  std::vector<Register> scores_;
  Register label_;
  std::vector<Presence> presence_;
  bool any_by_row_ = false;
};

}  // namespace

std::unique_ptr<Step> make_forest(const Trees& trees, Aggregate aggregate, ForestEnding ending, std::vector<Register> features,
                                  std::vector<Register> scores, Register label) {
  return std::make_unique<ForestStep>(trees, aggregate, std::move(ending), std::move(features), std::move(scores), label);
}

}  // namespace edgeonnx::kernels
