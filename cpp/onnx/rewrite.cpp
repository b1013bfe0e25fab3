// The rewritten bytes: the large unchanged stretches are noted as views and copied once, at the end, when all lengths are known.
#include "onnx/rewrite.h"

#include <array>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "onnx/field.h"
#include "onnx/value_info.h"

namespace edgeonnx::onnx {

namespace {

constexpr std::string_view kBatch = "edgeonnx_batch";

/// A message in the making: views of old fields, and new fields, in order.
class Pieces {
 public:
  void keep(Bytes field) {
    n_bytes_ += field.size();
    if (last_is_old_ && pieces_.back().data() + pieces_.back().size() == field.data()) {
      pieces_.back() = Bytes(pieces_.back().data(), pieces_.back().size() + field.size());
    } else {
      pieces_.push_back(field);
    }
    last_is_old_ = true;
  }

  void make(Writer fields) {
    pieces_.push_back(made_.emplace_back(std::move(fields)).buffer());
    n_bytes_ += pieces_.back().size();
    last_is_old_ = false;
  }

  void append(Pieces&& other) {
    // Neither a deque that grows nor a vector that moves puts bytes elsewhere, so the views stay good.
    for (Writer& each : other.made_) made_.push_back(std::move(each));
    pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end());
    n_bytes_ += other.n_bytes_;
    last_is_old_ = false;
  }

  size_t n_bytes() const { return n_bytes_; }

  std::vector<std::byte> join() const {
    std::vector<std::byte> bytes;
    bytes.reserve(n_bytes_);
    for (const Bytes piece : pieces_) bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
  }

 private:
  std::vector<Bytes> pieces_;
  std::deque<Writer> made_;
  size_t n_bytes_ = 0;
  bool last_is_old_ = false;
};

/// What a request comes down to in one model.
struct Edits {
  std::unordered_set<const std::byte*> dropped_nodes;             ///< where their NodeProtos begin
  std::unordered_set<std::string_view> dropped_outputs;           ///< names
  std::unordered_map<std::string_view, Writer> replaced_outputs;  ///< by their old names: the new ValueInfoProtos
  std::unordered_set<std::string_view> freed_inputs;
  std::unordered_set<std::string_view> freed_outputs;
  bool drop_value_info = false;
  bool free_outputs = false;
};

/// The ValueInfoProto of a float tensor [free, n_classes].
Writer scores_info(std::string_view name, size_t n_classes, bool names_batch) {
  Writer batch, classes, shape, tensor, type, info;
  if (names_batch) batch.text(field::dimension::kParameter, kBatch);
  classes.integer(field::dimension::kValue, static_cast<int64_t>(n_classes));
  shape.message(field::shape::kDimension, batch);
  shape.message(field::shape::kDimension, classes);
  tensor.integer(field::tensor_type::kElementType, static_cast<int64_t>(Type::kFloat));
  tensor.message(field::tensor_type::kShape, shape);
  type.message(field::type::kTensor, tensor);
  info.text(field::value_info::kName, name);
  info.message(field::value_info::kType, type);
  return info;
}

/// The same value without the sizes of its tensor.
Writer without_shape(Reader message, std::span<const uint32_t> path) {
  Writer out;
  while (message.next()) {
    if (!path.empty() && message.number() == path.front()) {
      out.message(message.number(), without_shape(message.message("ValueInfoProto"), path.subspan(1)));
    } else if (!path.empty() || message.number() != field::tensor_type::kShape) {
      out.verbatim(message.field());
    }
  }
  return out;
}

std::unordered_set<std::string_view> names_of_batch(const std::vector<ValueInfo>& values, int64_t batch) {
  std::unordered_set<std::string_view> names;
  for (const ValueInfo& value : values) {
    if (value.kind == Kind::kTensor && !value.shape.empty() && value.shape[0].value == batch) names.insert(value.name);
  }
  return names;
}

/// `zipmaps` own the names of the new outputs.
Edits edits_of(const Model& model, const Rewrite& request, const std::vector<ZipMap>& zipmaps) {
  Edits edits;
  edits.free_outputs = request.free_outputs;
  edits.drop_value_info = request.free_outputs;
  const std::optional<int64_t> batch = request.free_batch ? fixed_batch(model) : std::nullopt;
  if (batch) {
    edits.freed_inputs = names_of_batch(model.inputs, *batch);
    edits.freed_outputs = names_of_batch(model.outputs, *batch);
    edits.drop_value_info = true;
  }
  std::unordered_set<std::string_view> outputs;
  for (const ValueInfo& output : model.outputs) outputs.insert(output.name);
  for (const ZipMap& zipmap : zipmaps) {
    if (outputs.insert(zipmap.scores).second) {
      edits.replaced_outputs.emplace(zipmap.output, scores_info(zipmap.scores, zipmap.classes.size(), batch.has_value()));
    } else {
      edits.dropped_outputs.insert(zipmap.output);
    }
  }
  for (const Node& node : model.nodes) {
    if (node.op_type != "ZipMap" || node.outputs.size() != 1) continue;
    if (edits.replaced_outputs.contains(node.outputs[0]) || edits.dropped_outputs.contains(node.outputs[0])) {
      edits.dropped_nodes.insert(node.bytes.data());
    }
  }
  return edits;
}

/// `message` with the Dimension at the end of `path` made symbolic; each step of the path is the first field of that number.
Writer with_free_dimension(Reader message, std::span<const uint32_t> path) {
  Writer out;
  bool is_done = false;
  while (message.next()) {
    const uint32_t number = message.number();
    if (path.empty()) {
      if (number != field::dimension::kValue && number != field::dimension::kParameter) out.verbatim(message.field());
    } else if (number == path.front() && !std::exchange(is_done, true)) {
      out.message(number, with_free_dimension(message.message("ValueInfoProto"), path.subspan(1)));
    } else {
      out.verbatim(message.field());
    }
  }
  if (path.empty()) out.text(field::dimension::kParameter, kBatch);
  return out;
}

Pieces rewrite_graph(Reader graph, const Edits& edits) {
  constexpr std::array<uint32_t, 4> kFirstDimension = {field::value_info::kType, field::type::kTensor, field::tensor_type::kShape,
                                                       field::shape::kDimension};
  Pieces pieces;
  const auto put = [&](const Writer& info) {
    Writer field;
    field.message(graph.number(), info);
    pieces.make(std::move(field));
  };
  const auto put_or_free = [&](std::string_view name, const std::unordered_set<std::string_view>& freed) {
    freed.contains(name) ? put(with_free_dimension(graph.message("ValueInfoProto"), kFirstDimension)) : pieces.keep(graph.field());
  };
  while (graph.next()) {
    switch (graph.number()) {
      case field::graph::kNode:
        if (!edits.dropped_nodes.contains(graph.bytes().data())) pieces.keep(graph.field());
        break;
      case field::graph::kInput:
        put_or_free(name_of(graph.message("ValueInfoProto")), edits.freed_inputs);
        break;
      case field::graph::kOutput: {
        const std::string_view name = name_of(graph.message("ValueInfoProto"));
        if (edits.dropped_outputs.contains(name)) break;
        const auto replaced = edits.replaced_outputs.find(name);
        if (edits.free_outputs && replaced == edits.replaced_outputs.end()) {
          constexpr std::array<uint32_t, 2> kTensor = {field::value_info::kType, field::type::kTensor};
          put(without_shape(graph.message("ValueInfoProto"), kTensor));
          break;
        }
        replaced != edits.replaced_outputs.end() ? put(replaced->second) : put_or_free(name, edits.freed_outputs);
        break;
      }
      case field::graph::kValueInfo:
        if (!edits.drop_value_info) pieces.keep(graph.field());
        break;
      default:
        pieces.keep(graph.field());
    }
  }
  return pieces;
}

}  // namespace

std::vector<std::byte> rewrite(Bytes bytes, const Model& model, const Rewrite& request) {
  const std::vector<ZipMap> zipmaps = request.cut_zipmaps ? find_zipmaps(model) : std::vector<ZipMap>();
  const Edits edits = edits_of(model, request, zipmaps);

  Pieces file;
  const Source source{"model", bytes.data()};
  Reader reader(bytes, source, "ModelProto");
  while (reader.next()) {
    if (reader.number() != field::model::kGraph) {
      file.keep(reader.field());
      continue;
    }
    Pieces graph = rewrite_graph(reader.message("GraphProto"), edits);
    Writer head;
    head.head(field::model::kGraph, graph.n_bytes());
    file.make(std::move(head));
    file.append(std::move(graph));
  }
  return file.join();
}

}  // namespace edgeonnx::onnx
