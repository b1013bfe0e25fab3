// Small runs that find out what a session does: the shapes it returns, and whether a freed batch dimension changes its answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ort/session.h"

namespace edgeonnx::plan {

/// Rows of made-up values for every input of a session, and what the session made of them.
class Probe {
 public:
  /// `inner[i]`: the sizes of input i behind the first. Values are ones (zeros could be divided by), or random if `seed`
  /// is not 0.
  Probe(const ort::Session& session, std::vector<std::vector<int64_t>> inner, int64_t n_rows, uint32_t seed);

  /// One output, laid end to end over all runs.
  struct Answer {
    Type type = Type::kUndefined;
    std::vector<int64_t> shape;  ///< dimension 0 counts all rows
    std::vector<std::byte> values;
  };

  /// Runs `batch` rows at a time. Throws what Session::run throws.
  std::vector<Answer> run(const ort::Session& session, const ort::Library& library, const std::vector<size_t>& wanted, int64_t batch) const;

 private:
  std::vector<std::vector<int64_t>> inner_;
  std::vector<Type> types_;
  std::vector<std::vector<std::byte>> values_;
  int64_t n_rows_;
};

/// Whether two answers agree: integers to the bit, floating values to 1e-5 of the largest magnitude, NaN with NaN.
bool agree(const std::vector<Probe::Answer>& a, const std::vector<Probe::Answer>& b);

}  // namespace edgeonnx::plan
