// Keys, types and defaults as ONNX Runtime's providers read them: CUDAExecutionProviderInfo, TensorrtExecutionProviderInfo and OpenVINO's
// ProviderInfo, versions 1.24 to 1.32. tests/test_provider_options.py asks builds that have them.
#include "ort/provider_catalog.h"

#include "base/text.h"

namespace edgeonnx::ort {
namespace {

using enum OptionType;

constexpr int64_t kAny = INT64_MAX;

constexpr ProviderOption kCuda[] = {
    {"device_id", kInteger, "0", "which GPU"},
    {"gpu_mem_limit", kInteger, "18446744073709551615", "bytes that the arena may take", 0, kAny},
    {"arena_extend_strategy", kChoice, "kNextPowerOfTwo", "how the arena grows", 0, 0, "kNextPowerOfTwo kSameAsRequested"},
    {"cudnn_conv_algo_search", kChoice, "EXHAUSTIVE", "how cuDNN's convolutions are chosen", 0, 0, "EXHAUSTIVE HEURISTIC DEFAULT"},
    {"cudnn_conv_use_max_workspace", kFlag, "1", "convolutions may take all the memory that they want"},
    {"cudnn_conv1d_pad_to_nc1d", kFlag, "0", "pads a 1-D convolution to [N, C, 1, D] instead of [N, C, D, 1]"},
    {"enable_cudnn", kFlag, "1", "uses cuDNN; from ONNX Runtime 1.30"},
    {"enable_cuda_graph", kFlag, "0", "records a run once and replays it; every run then has morsel_rows rows"},
    {"use_tf32", kFlag, "1", "float products of 19 bits on tensor cores: faster, and less precise than on the CPU"},
    {"prefer_nhwc", kFlag, "0", "channels last in convolutions"},
    {"fuse_conv_bias", kFlag, "0", "fuses a convolution with what is added to it"},
    {"sdpa_kernel", kInteger, "0", "which attention kernels may be used, a sum of bits"},
    {"do_copy_in_default_stream", kFlag, "1", "copies in the stream that computes; 0 has raced"},
    {"use_ep_level_unified_stream", kFlag, "0", "one stream for all runs of a session"},
    {"has_user_compute_stream", kFlag, "0", "computes in user_compute_stream"},
    {"user_compute_stream", kAddress, "0", "a cudaStream_t", 0, kAny},
    {"gpu_external_alloc", kAddress, "0", "function that allocates", 0, kAny},
    {"gpu_external_free", kAddress, "0", "function that frees", 0, kAny},
    {"gpu_external_empty_cache", kAddress, "0", "function that gives back what is cached", 0, kAny},
    {"tunable_op_enable", kFlag, "0", "uses operators that were tuned"},
    {"tunable_op_tuning_enable", kFlag, "0", "tunes them while it runs"},
    {"tunable_op_max_tuning_duration_ms", kInteger, "0", "milliseconds that tuning one may take; 0: no limit"},
    {"enable_skip_layer_norm_strict_mode", kFlag, "0", "no longer does anything"},
};

constexpr ProviderOption kTensorRt[] = {
    {"device_id", kInteger, "0", "which GPU"},
    {"has_user_compute_stream", kFlag, "0", "computes in user_compute_stream"},
    {"user_compute_stream", kAddress, "0", "a cudaStream_t", 0, kAny},
    {"trt_max_partition_iterations", kInteger, "1000", "attempts to divide the graph"},
    {"trt_min_subgraph_size", kInteger, "1", "nodes that a part must have"},
    {"trt_max_workspace_size", kInteger, "0", "bytes that building may take; 0: all", 0, kAny},
    {"trt_fp16_enable", kFlag, "0", "may compute in float16: faster, other answers"},
    {"trt_bf16_enable", kFlag, "0", "may compute in bfloat16: faster, other answers"},
    {"trt_int8_enable", kFlag, "0", "may compute in int8: faster, other answers"},
    {"trt_int8_calibration_table_name", kText, "", "file of the calibration for int8"},
    {"trt_int8_use_native_calibration_table", kFlag, "0", "it is TensorRT's own, not ONNX Runtime's"},
    {"trt_dla_enable", kFlag, "0", "uses a deep learning accelerator"},
    {"trt_dla_core", kInteger, "0", "which one"},
    {"trt_dump_subgraphs", kFlag, "0", "writes the parts as ONNX files"},
    {"trt_engine_cache_enable", kFlag, "0", "keeps built engines; building takes minutes"},
    {"trt_engine_cache_path", kText, "", "folder for them"},
    {"trt_engine_cache_prefix", kText, "", "what their names begin with"},
    {"trt_weight_stripped_engine_enable", kFlag, "0", "keeps engines without weights"},
    {"trt_onnx_model_folder_path", kText, "", "folder of the model that their weights come from"},
    {"trt_engine_decryption_enable", kFlag, "0", "engines are encrypted"},
    {"trt_engine_decryption_lib_path", kText, "", "library that decrypts them"},
    {"trt_force_sequential_engine_build", kFlag, "0", "builds engines one after the other"},
    {"trt_context_memory_sharing_enable", kFlag, "0", "parts share their working memory"},
    {"trt_layer_norm_fp32_fallback", kFlag, "0", "computes layer norms in float32 where float16 is allowed"},
    {"trt_timing_cache_enable", kFlag, "0", "keeps what was measured while building"},
    {"trt_timing_cache_path", kText, "", "folder for it"},
    {"trt_force_timing_cache", kFlag, "0", "uses it on another GPU of the kind too"},
    {"trt_detailed_build_log", kFlag, "0", "logs every step of building"},
    {"trt_build_heuristics_enable", kFlag, "0", "builds by heuristics: sooner done"},
    {"trt_sparsity_enable", kFlag, "0", "uses sparsity of weights"},
    {"trt_builder_optimization_level", kInteger, "3", "0: builds fast, 5: runs fast", 0, 5},
    {"trt_auxiliary_streams", kInteger, "-1", "streams beside the main one; -1: TensorRT decides", -1},
    {"trt_tactic_sources", kText, "", "libraries that tactics come from: +CUDNN,-CUBLAS"},
    {"trt_extra_plugin_lib_paths", kText, "", "plugin libraries, with semicolons between them"},
    {"trt_profile_min_shapes", kText, "", "least shapes: input:1x28,other:1x4; default: one morsel"},
    {"trt_profile_opt_shapes", kText, "", "usual shapes, likewise"},
    {"trt_profile_max_shapes", kText, "", "largest shapes, likewise"},
    {"trt_cuda_graph_enable", kFlag, "0", "refused: it replays one run of a session in the place of all others"},
    {"trt_dump_ep_context_model", kFlag, "0", "writes a model that holds the engines"},
    {"trt_ep_context_file_path", kText, "", "where to"},
    {"trt_ep_context_embed_mode", kInteger, "0", "0: by path, 1: inside the model", 0, 1},
    {"trt_engine_hw_compatible", kFlag, "0", "engines for later GPUs too"},
    {"trt_onnx_bytestream", kAddress, "0", "the model that weights come from, in memory", 0, kAny},
    {"trt_onnx_bytestream_size", kInteger, "0", "its bytes", 0, kAny},
    {"trt_external_data_bytestream", kAddress, "0", "its external data, in memory", 0, kAny},
    {"trt_external_data_bytestream_size", kInteger, "0", "their bytes", 0, kAny},
    {"trt_op_types_to_exclude", kText, "", "operators to leave to others, with commas between them"},
    {"trt_preview_features", kText, "", "features of TensorRT that are not final"},
    {"trt_load_user_initializer", kFlag, "0", "weights come from the session, not the model"},
};

constexpr ProviderOption kOpenVino[] = {
    {"device_type", kText, "", "CPU, GPU, NPU, GPU.1, AUTO:GPU,CPU ...; default: OpenVINO decides"},
    {"device_id", kChoice, "", "older word for device_type", 0, 0, "CPU GPU NPU"},
    {"device_luid", kText, "", "GPU or NPU by its LUID"},
    {"precision", kChoice, "", "of computing, FP16 on GPU and NPU; ACCURACY keeps the model's", 0, 0, "FP32 FP16 ACCURACY"},
    {"num_of_threads", kInteger, "0", "threads of OpenVINO; 0: it decides", 1},
    {"num_streams", kInteger, "1", "requests that run beside each other", 1},
    {"cache_dir", kText, "", "folder for compiled models"},
    {"load_config", kText, "", "JSON with properties of OpenVINO: {\"CPU\": {\"INFERENCE_NUM_THREADS\": \"4\"}}"},
    {"context", kAddress, "0", "an OpenCL context", 0, kAny},
    {"model_priority", kChoice, "DEFAULT", "among models on a device", 0, 0, "LOW MEDIUM HIGH DEFAULT"},
    {"enable_opencl_throttling", kFlag, "0", "spares the CPU while a GPU computes"},
    {"enable_qdq_optimizer", kFlag, "0", "prunes quantisation nodes, for NPUs"},
    {"enable_causallm", kFlag, "0", "compiles the model as a causal language model"},
    {"disable_dynamic_shapes", kFlag, "0", "compiles for each shape anew"},
    {"reshape_input", kText, "", "shapes to give to inputs: data[1,3,60,80..100]"},
    {"layout", kText, "", "layouts of inputs: data[NCHW]"},
};

constexpr ProviderKind kKinds[] = {
    {"CPUExecutionProvider", "CPU", ProviderCall::kCpu, "", "onnxruntime", {}},
    {"CUDAExecutionProvider", "CUDA", ProviderCall::kCuda, "libonnxruntime_providers_cuda.so", "onnxruntime-gpu", kCuda},
    {"TensorrtExecutionProvider", "TensorRT", ProviderCall::kTensorRt, "libonnxruntime_providers_tensorrt.so", "onnxruntime-gpu",
     kTensorRt},
    {"OpenVINOExecutionProvider", "OpenVINO", ProviderCall::kOpenVino, "libonnxruntime_providers_openvino.so", "onnxruntime-openvino",
     kOpenVino},
    {"MIGraphXExecutionProvider", "MIGraphX", ProviderCall::kByName, "libonnxruntime_providers_migraphx.so", "", {}},
    {"QNNExecutionProvider", "QNN", ProviderCall::kByName, "libonnxruntime_providers_qnn.so", "onnxruntime-qnn", {}},
    {"VitisAIExecutionProvider", "VitisAI", ProviderCall::kByName, "libonnxruntime_providers_vitisai.so", "", {}},
    {"NvTensorRTRTXExecutionProvider", "NvTensorRtRtx", ProviderCall::kByName, "libonnxruntime_providers_nv_tensorrt_rtx.so", "", {}},
    {"WebGpuExecutionProvider", "WebGPU", ProviderCall::kByName, "", "onnxruntime-webgpu", {}},
    {"XnnpackExecutionProvider", "XNNPACK", ProviderCall::kByName, "", "", {}},
    {"CoreMLExecutionProvider", "CoreML", ProviderCall::kByName, "", "", {}},
    {"DmlExecutionProvider", "DML", ProviderCall::kByName, "", "", {}},
    {"AzureExecutionProvider", "AZURE", ProviderCall::kByName, "", "", {}},
};

constexpr std::string_view kSuffix = "ExecutionProvider";

}  // namespace

std::span<const ProviderKind> provider_kinds() { return kKinds; }

std::string_view short_name(std::string_view name) {
  return name.size() > kSuffix.size() && equal_ignoring_case(name.substr(name.size() - kSuffix.size()), kSuffix)
             ? name.substr(0, name.size() - kSuffix.size())
             : name;
}

const ProviderKind* provider_kind(std::string_view name) {
  for (const ProviderKind& kind : kKinds) {
    if (equal_ignoring_case(short_name(name), short_name(kind.name))) return &kind;
  }
  return nullptr;
}

}  // namespace edgeonnx::ort
