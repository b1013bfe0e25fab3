// Reads a GraphProto and what it holds: nodes, attributes, tensors, and the subgraphs inside attributes.
#pragma once

#include <string_view>
#include <vector>

#include "onnx/model.h"

namespace edgeonnx::onnx {

struct Graph {
  std::string_view name;
  std::vector<ValueInfo> inputs;  ///< those that have no initializer
  std::vector<ValueInfo> outputs;
  std::vector<Node> nodes;
  std::vector<Initializer> initializers;
};

/// Reads graphs, and adds up in the model what counts wherever it stands: n_weights, external_paths. Subgraphs are read in full like the
/// top graph, though nothing else of them is kept: what read_model lets pass is sound all the way down.
class GraphReader {
 public:
  explicit GraphReader(Model& totals) : totals_(totals) {}

  Graph read_graph(Reader reader);
  /// Its nodes, and one more that only holds the attributes that it declares: graphs may stand there too.
  std::vector<Node> read_function(Reader reader);

 private:
  Node read_node(Reader reader, Bytes bytes);
  Attribute read_attribute(Reader reader, Bytes bytes);
  Initializer read_tensor(Reader reader, Bytes bytes);
  /// The name, which is that of its values.
  std::string_view read_sparse_tensor(Reader reader);
  void add_weights(int64_t n);

  Model& totals_;
};

}  // namespace edgeonnx::onnx
