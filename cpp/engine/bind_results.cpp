// Outputs to results.
#include <algorithm>
#include <functional>
#include <numeric>

#include "engine/allowed.h"
#include "engine/bind.h"

namespace edgeonnx::engine {
namespace {

class ResultBinder {
 public:
  ResultBinder(Binding& binding, const BindingOptions& options, Mistakes& mistakes)
      : binding_(binding), options_(options), mistakes_(mistakes) {}

  void bind() {
    std::vector<ResultRequest> requests = options_.results;
    if (requests.empty()) {
      for (const plan::OutputPort& output : plan().outputs) requests.push_back({output.port.name, {}});
    }
    std::vector<Choice> chosen;
    for (const ResultRequest& request : requests) {
      const Match match = find_name(request.output, plan().outputs.size(), [this](size_t i) { return plan().outputs[i].port.name; });
      if (!match.index) {
        const std::string why =
            match.ambiguous.empty() ? "the model has no such output" : "the outputs " + join(match.ambiguous) + " all match";
        mistakes_.add(Code::kNotFound, "output " + in_quotes(request.output) + ": " + why);
        continue;
      }
      const plan::OutputPort& output = plan().outputs[*match.index];
      if (!output.port.refusal.empty()) {
        mistakes_.add(Code::kUnsupported, "output " + in_quotes(output.port.name) + " " + output.port.refusal +
                                              "; leave it out by naming the others with outputs=[...]");
        continue;
      }
      chosen.push_back({*match.index, &request});
    }
    if (mistakes_.any()) return;
    find_tensors(chosen);
    for (const auto& [output, request] : chosen) add_result(plan().outputs[output], *request);
  }

 private:
  struct Choice {
    size_t output;
    const ResultRequest* request;
  };

  const plan::Plan& plan() const { return binding_.scorer->plan(); }

  /// The tensors behind the results, with their shapes under this binding's widths, and what the session must be asked for.
  void find_tensors(const std::vector<Choice>& chosen) {
    std::vector<size_t> tensors, unknown;
    for (const auto& [output, request] : chosen) {
      const size_t tensor = plan().outputs[output].tensor;
      if (std::find(tensors.begin(), tensors.end(), tensor) != tensors.end()) continue;
      tensors.push_back(tensor);
      if (!plan().tensors[tensor].shape) unknown.push_back(tensor);
    }
    std::vector<plan::TensorShape> probed;
    if (!unknown.empty()) {
      std::vector<std::vector<int64_t>> inner;
      for (const BoundInput& input : binding_.inputs) inner.emplace_back(input.shape.begin() + 1, input.shape.end());
      probed = plan::probe_shapes(plan(), binding_.scorer->library(), inner, unknown);
    }
    for (const size_t index : tensors) {
      const auto at = std::find(unknown.begin(), unknown.end(), index);
      const plan::Tensor& tensor = plan().tensors[index];
      binding_.tensors.push_back(
          {index, tensor.type, at == unknown.end() ? *tensor.shape : probed[static_cast<size_t>(at - unknown.begin())], 0});
      if (tensor.part == plan::Part::kSession) binding_.wanted.push_back(tensor.index);
      binding_.runs_tail |= tensor.part == plan::Part::kTail;
    }
    if (binding_.runs_tail) {
      for (const size_t output : plan().tail_tensors) {
        if (std::find(binding_.wanted.begin(), binding_.wanted.end(), output) == binding_.wanted.end()) binding_.wanted.push_back(output);
      }
    }
    find_session_outputs();
  }

  void find_session_outputs() {
    for (const size_t output : binding_.wanted) {
      const auto bound = std::find_if(binding_.tensors.begin(), binding_.tensors.end(), [&](const BoundTensor& each) {
        const plan::Tensor& tensor = plan().tensors[each.tensor];
        return tensor.part == plan::Part::kSession && tensor.index == output;
      });
      if (bound != binding_.tensors.end()) {
        binding_.session_outputs.push_back(*bound);
      } else {
        const ort::PortInfo& port = plan().session->outputs()[output];  // one that the tail reads, and so of known sizes
        const int64_t width = std::accumulate(port.shape.begin() + 1, port.shape.end(), int64_t{1}, std::multiplies<>());
        binding_.session_outputs.push_back({0, port.type, {port.shape, width, ""}, 0});
      }
      binding_.between_bytes += binding_.session_outputs.back().row_bytes();
      ++binding_.n_between;
    }
    if (!plan().front) return;
    for (const auto& output : plan().front->program.outputs()) {
      binding_.between_bytes += packed_stride(output.type, static_cast<int64_t>(output.columns.size()));
      ++binding_.n_between;
    }
  }

  void add_result(const plan::OutputPort& output, const ResultRequest& request) {
    const auto bound =
        std::find_if(binding_.tensors.begin(), binding_.tensors.end(), [&](const auto& each) { return each.tensor == output.tensor; });
    const auto index = static_cast<size_t>(bound - binding_.tensors.begin());
    BoundTensor& tensor = *bound;
    ++tensor.n_readers;
    if (!tensor.shape.refusal.empty()) {
      mistakes_.add(Code::kUnsupported, "output " + in_quotes(output.port.name) + " " + tensor.shape.refusal +
                                            "; leave it out by naming the others with outputs=[...]");
      return;
    }
    BoundResult result;
    result.name = output.port.name;
    result.onnx_type = output.port.onnx_type;
    result.tensor = index;
    result.first_value = output.first_value;
    result.width = output.is_slice ? 1 : tensor.shape.width;
    result.shape = output.is_slice ? std::vector<int64_t>{-1} : tensor.shape.shape;
    if (!result.shape.empty()) result.shape[0] = -1;
    const DataType to = request.type.type == Type::kUndefined ? DataType{tensor.type} : request.type;
    result.conversion = convert::conversion({tensor.type}, to);
    const convert::Rule rule = result.conversion.rule;
    const std::string both = "output " + in_quotes(result.name) + " is " + display_name(tensor.type) + ", asked for as " + display_name(to);
    if (output.is_slice && output.first_value >= tensor.shape.width) {
      mistakes_.add(Code::kShapeMismatch, "output " + in_quotes(result.name) + ": the model returns " + std::to_string(tensor.shape.width) +
                                              " values a row, fewer than it has classes");
    }
    // Strict is a demand on the data; what the WITH list declares is converted.
    const Coercion coercion = options_.coercion == Coercion::kSafe ? Coercion::kSafe : Coercion::kTsql;
    if (const std::string refusal = refusal_of(result.conversion, coercion, result.name); !refusal.empty()) {
      mistakes_.add(Code::kTypeMismatch, both + refusal);
    }
    if (rule != convert::Rule::kSame) {
      result.cast = binding_.casts.size();
      binding_.casts.push_back({result.name, display_name(tensor.type), display_name(to), rule, result.conversion.exact});
    }
    result.not_null = request.not_null;
    result.nullable = binding_.can_mask && !request.not_null;
    binding_.results.push_back(std::move(result));
  }

  Binding& binding_;
  const BindingOptions& options_;
  Mistakes& mistakes_;
};

}  // namespace

void bind_results(Binding& binding, const BindingOptions& options, Mistakes& mistakes) { ResultBinder(binding, options, mistakes).bind(); }

}  // namespace edgeonnx::engine
