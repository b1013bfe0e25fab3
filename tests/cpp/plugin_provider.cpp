// A plugin execution provider for ONNX Runtime 1.23.1 or newer that runs on every machine: it computes Add, Sub, Mul, Relu and MatMul of
// float32 by itself, in CPU memory and slowly, so that tests can register, choose and lose a plugin without special hardware. Before
// 1.24.4, ONNX Runtime refuses a model in which one provider has nodes in two graphs, two branches say.
//
// Options, as AppendExecutionProvider_V2 takes them:
//   fail       "create": no session can be made with it; "run": its nodes fail
//   max_nodes  at most so many nodes of a graph, the first in topological order; all when left out
// Environment:
//   EDGEONNX_TEST_PROVIDER_DEVICES=0    it finds no device, as on a machine without the hardware
//   EDGEONNX_TEST_PROVIDER_FACTORIES=0  the library does not start
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "plugin_abi.h"
#include "plugin_computation.h"

namespace edgeonnx::plugin {
namespace {

constexpr const char* kName = "EdgeonnxTestExecutionProvider";
constexpr std::string_view kOptionPrefix = "ep.edgeonnxtestexecutionprovider.";  // ONNX Runtime writes the name in lower case

bool is_off(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "0";
}

struct Options {
  bool fails_to_create = false;
  bool fails_to_run = false;
  size_t max_nodes = std::numeric_limits<size_t>::max();

  /// Nothing is passed over: a misspelt option is an error.
  void set(const std::string& key, const std::string& value) {
    if (key == "fail" && (value == "create" || value == "run")) {
      (value == "create" ? fails_to_create : fails_to_run) = true;
    } else if (key == "fail") {
      throw std::runtime_error("option fail is 'create' or 'run', not '" + value + "'");
    } else if (key == "max_nodes") {
      const char* end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, max_nodes);
      if (error != std::errc() || stop != end) throw std::runtime_error("option max_nodes is a number from 0, not '" + value + "'");
    } else {
      throw std::runtime_error(std::string(kName) + " has no option '" + key + "'; its options are fail and max_nodes");
    }
  }
};

Options read_options(const Api& api, const OrtSessionOptions* session_options) {
  OrtKeyValuePairs* pairs = nullptr;
  check(api.GetSessionOptionsConfigEntries(session_options, &pairs));
  const std::unique_ptr<OrtKeyValuePairs, void (*)(OrtKeyValuePairs*)> owner(pairs, api.ReleaseKeyValuePairs);
  const char* const* keys = nullptr;
  const char* const* values = nullptr;
  size_t n = 0;
  api.GetKeyValuePairs(pairs, &keys, &values, &n);
  Options options;
  for (size_t i = 0; i < n; ++i) {  // the session's own entries are among them
    const std::string_view key = keys[i];
    if (key.starts_with(kOptionPrefix)) options.set(std::string(key.substr(kOptionPrefix.size())), values[i]);
  }
  return options;
}

/// A float32 tensor; of so many dimensions, where `rank` is not 0.
bool is_float_tensor(const Api& api, const OrtValueInfo* value, size_t rank) {
  const OrtTypeInfo* type = nullptr;
  check(api.GetValueInfoTypeInfo(value, &type));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  if (type != nullptr) check(api.CastTypeInfoToTensorInfo(type, &tensor));
  if (tensor == nullptr) return false;
  ONNXTensorElementDataType element{};
  check(api.GetTensorElementType(tensor, &element));
  size_t n_dimensions = 0;  // 0 where the graph does not know
  check(api.GetDimensionsCount(tensor, &n_dimensions));
  return element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && (rank == 0 || n_dimensions == rank);
}

bool is_ours(const Api& api, const OrtNode* node) {
  const std::string domain = text_of(api.Node_GetDomain, node);
  const std::string op = text_of(api.Node_GetOperatorType, node);
  int since = 0;
  check(api.Node_GetSinceVersion(node, &since));
  const bool is_product = op == "MatMul";
  const bool is_broadcast = op == "Add" || op == "Sub" || op == "Mul";
  if (!domain.empty() && domain != "ai.onnx") return false;
  if (!is_product && !is_broadcast && op != "Relu") return false;
  if (is_broadcast && since < 7) return false;  // before, attributes told how to broadcast
  const size_t rank = is_product ? 2 : 0;
  const auto fits = [&](const OrtValueInfo* value) { return is_float_tensor(api, value, rank); };
  return std::ranges::all_of(inputs_of(api, node), fits) && std::ranges::all_of(outputs_of(api, node), fits);
}

struct Factory;

struct Provider : OrtEp {
  const Api& api;
  const EpApi& ep_api;
  Options options;

  Provider(const Factory& factory, const Options& asked);

  void claim(const OrtGraph* graph, OrtEpGraphSupportInfo* info) const {
    size_t n_claimed = 0;
    for (const OrtNode* node : nodes_of(api, graph)) {
      if (n_claimed == options.max_nodes) break;
      if (!is_ours(api, node)) continue;
      check(ep_api.EpGraphSupportInfo_AddNodesToFuse(info, &node, 1, nullptr));  // constants stay inputs
      ++n_claimed;
    }
  }
};

struct Factory : OrtEpFactory {
  const Api api;  // of the runtime that asked: a process may have opened two, and both get the one copy of this library
  const EpApi ep_api;

  explicit Factory(const Api& slots) : OrtEpFactory{}, api(slots), ep_api(slots.GetEpApi()) {
    ort_version_supported = kVersion;
    GetName = [](const OrtEpFactory*) { return kName; };
    GetVendor = [](const OrtEpFactory*) { return "edgeonnx tests"; };
    GetVendorId = [](const OrtEpFactory*) -> uint32_t { return 0; };
    GetVersion = [](const OrtEpFactory*) { return "1.0.0"; };
    GetSupportedDevices = [](OrtEpFactory* self, const OrtHardwareDevice* const* devices, size_t n, OrtEpDevice** offered, size_t n_max,
                             size_t* n_offered) {
      const auto& that = *static_cast<const Factory*>(self);
      *n_offered = 0;
      return guarded(that.api, [&] {
        if (is_off("EDGEONNX_TEST_PROVIDER_DEVICES")) return;
        for (size_t i = 0; i < n && *n_offered < n_max; ++i) {
          if (that.api.HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
          check(that.ep_api.CreateEpDevice(self, devices[i], nullptr, nullptr, &offered[*n_offered]));
          ++*n_offered;
        }
      });
    };
    CreateEp = [](OrtEpFactory* self, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*, size_t,
                  const OrtSessionOptions* session_options, const OrtLogger*, OrtEp** provider) {
      const auto& that = *static_cast<const Factory*>(self);
      *provider = nullptr;
      return guarded(that.api, [&] {
        const Options options = read_options(that.api, session_options);
        if (options.fails_to_create) throw std::runtime_error("asked to fail");
        *provider = new Provider(that, options);
      });
    };
    ReleaseEp = [](OrtEpFactory*, OrtEp* provider) { delete static_cast<Provider*>(provider); };
    // Memory is the CPU's: nothing to allocate, copy or wait for.
    CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** transfer) -> OrtStatus* { return *transfer = nullptr, nullptr; };
    IsStreamAware = [](const OrtEpFactory*) { return false; };
  }
};

Provider::Provider(const Factory& factory, const Options& asked) : OrtEp{}, api(factory.api), ep_api(factory.ep_api), options(asked) {
  ort_version_supported = kVersion;
  GetName = [](const OrtEp*) { return kName; };
  GetCapability = [](OrtEp* self, const OrtGraph* graph, OrtEpGraphSupportInfo* info) {
    const auto& that = *static_cast<const Provider*>(self);
    return guarded(that.api, [&] { that.claim(graph, info); });
  };
  Compile = [](OrtEp* self, const OrtGraph** graphs, const OrtNode** fused_nodes, size_t n, OrtNodeComputeInfo** computations, OrtNode**) {
    const auto& that = *static_cast<const Provider*>(self);
    return guarded(that.api, [&] {
      for (size_t i = 0; i < n; ++i)
        computations[i] = new Computation(that.api, nodes_of(that.api, graphs[i]).at(0), fused_nodes[i], that.options.fails_to_run);
    });
  };
  ReleaseNodeComputeInfos = [](OrtEp*, OrtNodeComputeInfo** computations, size_t n) {
    for (size_t i = 0; i < n; ++i) delete static_cast<Computation*>(computations[i]);
  };
}

}  // namespace
}  // namespace edgeonnx::plugin

#define EDGEONNX_PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))

EDGEONNX_PLUGIN_EXPORT edgeonnx::plugin::OrtStatus* CreateEpFactories(const char*, const edgeonnx::plugin::OrtApiBase* base,
                                                                      const edgeonnx::plugin::OrtLogger*,
                                                                      edgeonnx::plugin::OrtEpFactory** factories, size_t n_max,
                                                                      size_t* n_factories) {
  using namespace edgeonnx::plugin;
  const void* table = base->GetApi(kVersion);
  // 1.23.0 wants to copy values between this provider and the CPU's, and cannot. 1.22 passes other parameters: beyond the second, none may
  // be touched. Slot 0 is the same in every version.
  if (table == nullptr || std::string_view(base->GetVersionString()) == "1.23.0") {
    const auto* slots = static_cast<const void* const*>(base->GetApi(1));
    const auto create_status = reinterpret_cast<decltype(Api::CreateStatus)>(const_cast<void*>(slots[0]));
    const std::string text = std::string(kName) + " needs ONNX Runtime 1.23.1 or newer, not " + base->GetVersionString();
    return create_status(ORT_FAIL, text.c_str());
  }
  const Api api(table);
  return guarded(api, [&] {
    *n_factories = 0;
    if (is_off("EDGEONNX_TEST_PROVIDER_FACTORIES")) throw std::runtime_error("asked not to start");
    if (n_max == 0) throw std::runtime_error("no room for a factory");
    factories[0] = new Factory(api);
    *n_factories = 1;
  });
}

EDGEONNX_PLUGIN_EXPORT edgeonnx::plugin::OrtStatus* ReleaseEpFactory(edgeonnx::plugin::OrtEpFactory* factory) {
  delete static_cast<edgeonnx::plugin::Factory*>(factory);
  return nullptr;
}
