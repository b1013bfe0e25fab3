// What a plan is made from.
#pragma once

#include <vector>

#include "onnx/rewrite.h"
#include "plan/original.h"
#include "plan/plan.h"
#include "plan/runtime_defects.h"
#include "plan/session_maker.h"

namespace edgeonnx::plan {

struct Recipe {
  onnx::Bytes bytes;
  const onnx::Model& model;
  const std::vector<onnx::ZipMap>& zipmaps;
  const OpenLibrary& library;
  const Options& options;
  const ort::SessionOptions& session_options;
  const SessionMaker& sessions;
  Original& original;
  RuntimeDefects defects;
};

}  // namespace edgeonnx::plan
