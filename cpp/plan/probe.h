// Small runs that find out what a session does: the shapes it returns, and whether a freed batch dimension changes its answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ort/session.h"

namespace edgeonnx::plan {

/// Numbers that matter to a value of an input.
struct ProbeValues {
  size_t input = 0;
  int64_t value = 0;  ///< place in a row
  std::vector<double> values;
};

/// Rows of made-up values for every input of a session, and what the session made of them.
class Probe {
 public:
  /// `types[i]`, `inner[i]`: element type of input i, and its sizes behind the first. Values are ones (zeros could be divided by), or
  /// random if `seed` is not 0. `categories`: values without which the model fails; of those each row has one.
  Probe(std::vector<Type> types, std::vector<std::vector<int64_t>> inner, int64_t n_rows, uint32_t seed,
        const std::vector<ProbeValues>& categories);
  Probe(const ort::Session& session, std::vector<std::vector<int64_t>> inner, int64_t n_rows, uint32_t seed,
        const std::vector<ProbeValues>& categories);

  /// Gives every row one of the categories.
  void draw(const std::vector<ProbeValues>& categories, uint32_t seed);

  int64_t n_rows() const { return n_rows_; }
  size_t n_inputs() const { return types_.size(); }
  Type type(size_t input) const { return types_[input]; }
  const std::vector<int64_t>& inner(size_t input) const { return inner_[input]; }
  /// Values a row of an input.
  int64_t width(size_t input) const;
  /// All values of an input, row by row.
  std::byte* values(size_t input) { return values_[input].data(); }
  const std::byte* values(size_t input) const { return values_[input].data(); }

  /// One output, laid end to end over all runs.
  struct Answer {
    Type type = Type::kUndefined;
    std::vector<int64_t> shape;  ///< dimension 0 counts all rows
    std::vector<std::byte> values;
  };

  /// Runs `batch` rows at a time. Throws what Session::run throws.
  std::vector<Answer> run(const ort::Session& session, const ort::Library& library, const std::vector<size_t>& wanted, int64_t batch) const;

 private:
  std::vector<Type> types_;
  std::vector<std::vector<int64_t>> inner_;
  std::vector<std::vector<std::byte>> values_;
  int64_t n_rows_;
};

/// Whether two answers agree: integers to the bit, floating values to 1e-5 of the largest magnitude (halves to two units in its last
/// place), NaN with NaN.
bool agree(const std::vector<Probe::Answer>& a, const std::vector<Probe::Answer>& b);

}  // namespace edgeonnx::plan
