// Which CUDA device a session's providers run on, and what they must be told so that we can order copies beside their work.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ort/device.h"
#include "ort/providers.h"

namespace edgeonnx::ort {

/// Makes a device in the place of the one that providers name.
using MakeDevice = std::function<std::unique_ptr<Device>(const Library&)>;

struct DeviceChoice {
  std::unique_ptr<Device> device;  ///< null: runs go over host memory, and ONNX Runtime copies by itself
  std::string reason;              ///< why there is none though a provider is CUDA's or TensorRT's; else empty
};

/// The device of those among `providers` that are CUDA's or TensorRT's, computing in a stream that they are given as user_compute_stream,
/// or in ours. Throws Error(kInvalidArgument) for options that a provider does not have.
DeviceChoice choose_device(const Library& library, const std::vector<Provider>& providers);

/// `providers` told to compute in the device's stream.
std::vector<Provider> computing_on(const Device& device, std::vector<Provider> providers);

/// Whether CUDA's provider is told to capture graphs, of which ONNX Runtime keeps one for each thread and gpu_graph_id.
bool captures_graphs(const std::vector<Provider>& providers);

/// Throws Error(kUnsupported) where TensorRT's provider is told to capture: it keeps one graph a session and replays it whatever a run's
/// shapes and addresses are, so that results would be those of other rows.
void refuse_single_graph(const std::vector<Provider>& providers);

/// Whether every run had better have the same shape: another one is not captured, or has TensorRT build an engine anew.
bool want_one_shape(const std::vector<Provider>& providers);

}  // namespace edgeonnx::ort
