// Sessions over a model and over parts of it, in which no division of integers can end the process.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "onnx/divisions.h"
#include "plan/plan.h"

namespace edgeonnx::plan {

class SessionMaker {
 public:
  /// `has_divisions`: whether the model has a Div or a Mod at all; without one nothing is looked for.
  SessionMaker(const OpenLibrary& library, const ort::SessionOptions& options, bool has_divisions)
      : library_(library), options_(options), has_divisions_(has_divisions) {}

  /// Throws what ort::Session throws, and kUnsupported for a division that can't be guarded. Safe to call from several threads.
  std::unique_ptr<ort::Session> make(onnx::Bytes bytes) const;

  /// What ONNX Runtime is given in the place of `bytes`.
  std::vector<std::byte> guarded(std::vector<std::byte> bytes) const;

 private:
  /// Those of the model that need a guard, their types known.
  std::vector<onnx::Division> find(onnx::Bytes bytes) const;

  const OpenLibrary& library_;
  const ort::SessionOptions& options_;
  bool has_divisions_;
};

}  // namespace edgeonnx::plan
