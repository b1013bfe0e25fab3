// Changes to a model's bytes that must be made before a session is created from them. Nothing else of the model changes: what is not
// named here is copied as it stands, unknown fields included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

/// A ZipMap node that makes a graph output, and what replaces it.
struct ZipMap {
  std::string output;                ///< the graph output, a seq(map(..., float))
  std::string scores;                ///< the [N, n_classes] float tensor that fed the ZipMap; the graph output after the cut
  std::vector<std::string> classes;  ///< classlabels_int64s or classlabels_strings, as text
};

/// The ZipMaps that make graph outputs of `model` and feed no other node, in the order of those outputs.
std::vector<ZipMap> find_zipmaps(const Model& model);

/// A batch size that the model fixes: dimension 0 of its inputs.
/// Some value only if every input is a tensor of rank >= 1 whose dimension 0 is the same number.
std::optional<int64_t> fixed_batch(const Model& model);

struct Rewrite {
  bool cut_zipmaps = false;   ///< remove every ZipMap of find_zipmaps; its `scores` become a graph output in the place of its output
  bool free_batch = false;    ///< a fixed batch becomes the symbol "edgeonnx_batch"; value_info is dropped
  bool free_outputs = false;  ///< outputs are declared without their sizes; value_info is dropped
  bool any() const { return cut_zipmaps || free_batch || free_outputs; }
};

/// The rewritten bytes. `model` must have been read from `bytes`. A cut declares `scores` as tensor(float) of shape [free, n_classes];
/// where it is a graph output already, no second one is added; it may be a graph input or an initializer, which can be outputs as well.
/// Freeing changes the dimensions that equal fixed_batch, and nothing in a model without one.
std::vector<std::byte> rewrite(Bytes bytes, const Model& model, const Rewrite& request);

}  // namespace edgeonnx::onnx
