// The ONNX Runtime room against a real library, the one that $EDGEONNX_ORT_LIBRARY names. Cases run in order: those that need a process
// without an open runtime come first.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "base/error.h"
#include "check.h"
#include "ort/abi.h"
#include "ort/library.h"
#include "ort/session.h"
#include "ort/status.h"
#include "tiny_model.h"

namespace {

using edgeonnx::Code;
using edgeonnx::Error;
using edgeonnx::Type;
using namespace edgeonnx::ort;
using Shape = std::vector<int64_t>;

std::string library_path;

const Library& library() { return Library::open(library_path); }

/// The message of the Error that `body` throws; fails the check where its code is another or none is thrown.
template <class Body>
std::string message_of(Code code, Body body) {
  try {
    body();
  } catch (const Error& error) {
    CHECK_EQUAL(static_cast<int>(error.code()), static_cast<int>(code));
    return error.what();
  }
  check::fail(__FILE__, __LINE__, "no error");
  return "";
}

bool contains(const std::string& text, std::string_view part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) std::cerr << "  missing: " << part << "\n  in: " << text << "\n";
  return found;
}

std::string load_error(Code code, const std::string& bytes, const SessionOptions& options = {}) {
  return message_of(code, [&] { const Session session(library(), tiny::as_span(bytes), options); });
}

SessionOptions with_providers(std::vector<Provider> providers) { return {.providers = std::move(providers), .external_data_folder = {}}; }

template <class T>
TensorRef ref(std::vector<T>& values, Type type, const Shape& shape) {
  return {values.data(), type, shape};
}

/// One input, the first output, into memory of ours.
void run_one(const Session& session, const TensorRef& input, const TensorRef& output, const RunControl& control) {
  const std::array<size_t, 1> wanted{0};
  session.run({&input, 1}, wanted, {&output, 1}, {}, control);
}

/// z, a sequence of maps, from x [N, 2]
tiny::Graph zipmap() {
  const tiny::Message maps = tiny::sequence_type(tiny::map_type(Type::kInt64, tiny::tensor_type(Type::kFloat, {})));
  return {.nodes = {tiny::node("ZipMap", {"x"}, {"z"}, {tiny::integers("classlabels_int64s", {0, 1})}, "ai.onnx.ml")},
          .inputs = {tiny::tensor("x", Type::kFloat, {"N", 2})},
          .outputs = {tiny::value_info("z", maps)},
          .initializers = {}};
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "edgeonnx-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
void write_values(const std::filesystem::path& path, const std::vector<T>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

}  // namespace

// ---- The library ----

TEST(test_library_path_missing_names_path_and_remedy) {
  const std::string message = message_of(Code::kRuntimeMissing, [] { Library::open("/nowhere/libonnxruntime.so"); });
  CHECK(contains(message, "'/nowhere/libonnxruntime.so'"));
  CHECK(contains(message, "No such file"));
  CHECK(contains(message, "pip install onnxruntime"));
  CHECK(contains(message, "EDGEONNX_ORT_LIBRARY"));
}

TEST(test_library_variable_names_missing_file_is_reported) {
  setenv("EDGEONNX_ORT_LIBRARY", "/nowhere/by-variable.so", 1);
  CHECK(contains(message_of(Code::kRuntimeMissing, [] { Library::open(""); }), "'/nowhere/by-variable.so'"));
  setenv("EDGEONNX_ORT_LIBRARY", library_path.c_str(), 1);
}

TEST(test_library_file_not_a_library_keeps_loader_reason) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "text.so";
  std::ofstream(path) << "not a shared library, but long enough to have a header that can be read and refused by the loader";
  const std::string message = message_of(Code::kRuntimeMissing, [&] { Library::open(path); });
  CHECK(contains(message, path));
  CHECK(contains(message, "invalid ELF header"));
}

TEST(test_library_of_something_else_is_not_onnx_runtime) {
  const std::string message = message_of(Code::kRuntimeMissing, [] { Library::open("libm.so.6"); });
  CHECK(contains(message, "it is not ONNX Runtime"));
  CHECK(contains(message, "OrtGetApiBase"));
}

TEST(test_library_version_too_old_names_both_versions) {
  CHECK_EQUAL(served_minor_version("1.19.0", "p"), 19);
  CHECK_EQUAL(served_minor_version("1.105.2", "p"), 105);
  const std::string message = message_of(Code::kRuntimeMissing, [] { served_minor_version("1.18.1", "/lib/old.so"); });
  CHECK(contains(message, "'/lib/old.so'"));
  CHECK(contains(message, "1.18.1"));
  CHECK(contains(message, "1.19 or newer"));
  for (const char* version : {"2.0.0", "", "1.", "1.x", "garbage", "1.-2"}) {
    CHECK_ERROR(served_minor_version(version, "p"), Code::kRuntimeMissing);
  }
}

TEST(test_library_open_after_failures_reads_version) {
  const Library& opened = library();
  CHECK(opened.version().starts_with("1." + std::to_string(opened.minor_version()) + "."));
  CHECK(opened.minor_version() >= kOldestMinor);
  CHECK(std::filesystem::equivalent(opened.path(), library_path));
  CHECK(opened.environment() != nullptr);
  CHECK_EQUAL(std::string(getenv("ORT_DISABLE_TELEMETRY")), std::string("1"));
}

TEST(test_library_open_again_is_the_same_and_another_path_is_refused) {
  const Library& opened = library();
  CHECK(&Library::open("") == &opened);
  CHECK(&Library::open(opened.path()) == &opened);
  const TemporaryFolder folder;
  const std::filesystem::path link = folder.path() / "link.so";
  std::filesystem::create_symlink(std::filesystem::absolute(library_path), link);
  CHECK(&Library::open(link) == &opened);
  CHECK(contains(message_of(Code::kInvalidState, [] { Library::open("libm.so.6"); }), opened.path()));
}

// ---- Loading a model ----

TEST(test_session_ports_give_names_types_and_shapes) {
  const Session session(library(), tiny::as_span(tiny::add(Type::kDouble, {"N", 3, {}})), {});
  CHECK_EQUAL(session.inputs().size(), size_t{2});
  CHECK_EQUAL(session.outputs().size(), size_t{1});
  CHECK_EQUAL(session.inputs()[1].name, std::string("b"));
  const PortInfo& port = session.outputs()[0];
  CHECK_EQUAL(port.name, std::string("sum"));
  CHECK_EQUAL(port.type_text, std::string("tensor(double)"));
  CHECK(port.is_tensor && port.type == Type::kDouble && port.has_shape);
  CHECK(port.shape == Shape({-1, 3, -1}));
}

TEST(test_session_port_nested_type_is_spelled_out) {
  const tiny::Message maybe = tiny::optional_type(tiny::tensor_type(Type::kInt32, {2}));
  tiny::Graph graph = zipmap();
  graph.nodes.push_back(tiny::node("Identity", {"o"}, {"p"}));
  graph.inputs.push_back(tiny::value_info("o", maybe));
  graph.outputs.push_back(tiny::value_info("p", maybe));
  const Session session(library(), tiny::as_span(tiny::model(graph)), {});
  CHECK_EQUAL(session.outputs()[0].type_text, std::string("seq(map(int64,tensor(float)))"));
  CHECK(!session.outputs()[0].is_tensor);
  CHECK_EQUAL(session.inputs()[1].type_text, std::string("optional(tensor(int32))"));
}

TEST(test_session_port_rank_unknown_has_no_shape) {
  const tiny::Message unknown = tiny::tensor_type(Type::kFloat);
  const std::string bytes = tiny::model({.nodes = {tiny::node("Identity", {"x"}, {"y"}), tiny::node("Identity", {"s"}, {"t"})},
                                         .inputs = {tiny::value_info("x", unknown), tiny::tensor("s", Type::kFloat, {})},
                                         .outputs = {tiny::value_info("y", unknown), tiny::tensor("t", Type::kFloat, {})},
                                         .initializers = {}});
  const Session session(library(), tiny::as_span(bytes), {});
  CHECK(!session.inputs()[0].has_shape);
  CHECK(session.inputs()[0].shape.empty());
  CHECK_EQUAL(session.inputs()[1].has_shape, library().minor_version() >= 24);
}

TEST(test_session_bytes_not_a_model_is_invalid_model) {
  CHECK(contains(load_error(Code::kInvalidModel, "these are no protobuf bytes at all"), "INVALID_PROTOBUF"));
  load_error(Code::kInvalidModel, "");
}

TEST(test_session_graph_broken_is_invalid_model) {
  const std::string bytes = tiny::model({.nodes = {tiny::node("Add", {"x", "absent"}, {"y"})},
                                         .inputs = {tiny::tensor("x", Type::kFloat, {"N"})},
                                         .outputs = {tiny::tensor("y", Type::kFloat, {"N"})},
                                         .initializers = {}});
  CHECK(contains(load_error(Code::kInvalidModel, bytes), "absent"));
}

TEST(test_session_opset_too_new_names_both_numbers) {
  const tiny::Graph graph{.nodes = {tiny::node("Identity", {"x"}, {"y"})},
                          .inputs = {tiny::tensor("x", Type::kFloat, {"N"})},
                          .outputs = {tiny::tensor("y", Type::kFloat, {"N"})},
                          .initializers = {}};
  const std::string message = load_error(Code::kInvalidModel, tiny::model(graph, {{"", 99}}));
  CHECK(contains(message, "the model uses opset 99 of domain ai.onnx; ONNX Runtime " + library().version() + " supports up to "));
  CHECK(contains(load_error(Code::kInvalidModel, tiny::model(graph, {{"", 17}, {"ai.onnx.ml", 98}})), "opset 98 of domain ai.onnx.ml;"));
  CHECK_EQUAL(opset_sentence("some other text", "1.31.1"), std::string());
}

TEST(test_session_operator_unknown_or_not_implemented_is_unsupported) {
  const auto one_node = [](const char* op_type, const char* domain, Type type) {
    return tiny::model({.nodes = {tiny::node(op_type, {"x"}, {"y"}, {}, domain)},
                        .inputs = {tiny::tensor("x", type, {"N"})},
                        .outputs = {tiny::tensor("y", type, {"N"})},
                        .initializers = {}},
                       {{"", 17}, {"com.example", 1}});
  };
  CHECK(contains(load_error(Code::kUnsupported, one_node("Bar", "com.example", Type::kFloat)), "com.example:Bar"));
  CHECK(contains(load_error(Code::kUnsupported, one_node("Cosh", "", Type::kDouble)), "Cosh"));
}

TEST(test_session_external_data_are_read_from_the_folder) {
  const TemporaryFolder folder;
  write_values<float>(folder.path() / "w.bin", {10, 20});
  const std::string bytes = tiny::model({.nodes = {tiny::node("Add", {"x", "w"}, {"y"})},
                                         .inputs = {tiny::tensor("x", Type::kFloat, {2})},
                                         .outputs = {tiny::tensor("y", Type::kFloat, {2})},
                                         .initializers = {tiny::external_initializer("w", Type::kFloat, {2}, "w.bin")}});
  SessionOptions options;
  options.external_data_folder = folder.path();
  if (library().minor_version() < 21) {
    CHECK(contains(load_error(Code::kUnsupported, bytes, options), "needs ONNX Runtime 1.21 or newer"));
    return;
  }
  const Session session(library(), tiny::as_span(bytes), options);
  std::vector<float> x{1, 2}, y(2);
  const Shape shape{2};
  run_one(session, ref(x, Type::kFloat, shape), ref(y, Type::kFloat, shape), RunControl(library()));
  CHECK(y == std::vector<float>({11, 22}));
}

// ---- Providers ----

TEST(test_session_provider_cpu_by_any_name_runs) {
  for (const char* name : {"CPU", "cpu", "CPUExecutionProvider"}) {
    const Session session(library(), tiny::as_span(tiny::identity(Type::kFloat, {"N"})), with_providers({{name, {}}}));
    CHECK_EQUAL(session.inputs().size(), size_t{1});
  }
}

TEST(test_session_provider_cpu_with_options_or_first_is_invalid_argument) {
  const std::string bytes = tiny::identity(Type::kFloat, {"N"});
  CHECK(contains(load_error(Code::kInvalidArgument, bytes, with_providers({{"CPU", {{"depth", "3"}}}})), "'depth'"));
  CHECK(contains(load_error(Code::kInvalidArgument, bytes, with_providers({{"CPU", {}}, {"CUDA", {}}})), "'CUDA'"));
}

TEST(test_session_provider_unknown_or_with_unknown_options_is_invalid_argument) {
  const std::string bytes = tiny::identity(Type::kFloat, {"N"});
  for (const char* name : {"CUDA", "CUDAExecutionProvider", "TensorrtExecutionProvider", "OpenVINO"}) {
    const std::string message = load_error(Code::kInvalidArgument, bytes, with_providers({{name, {{"device_ib", "1"}}}, {"CPU", {}}}));
    CHECK(contains(message, "execution provider '" + std::string(name) + "': it has no option 'device_ib' (did you mean 'device_id'?)"));
  }
  CHECK(contains(load_error(Code::kInvalidArgument, bytes, with_providers({{"OpenVINOO", {}}})), "did you mean 'OpenVINO'?"));
}

TEST(test_session_provider_that_the_build_lacks_is_unsupported_with_its_reason) {
  const std::string bytes = tiny::identity(Type::kFloat, {"N"});
  const std::vector<std::string> built_in = available_providers(library());
  for (const char* name : {"CUDAExecutionProvider", "TensorrtExecutionProvider", "OpenVINOExecutionProvider", "QNNExecutionProvider"}) {
    if (std::find(built_in.begin(), built_in.end(), name) != built_in.end()) continue;
    const std::string message = load_error(Code::kUnsupported, bytes, with_providers({{name, {}}, {"CPU", {}}}));
    CHECK(contains(message, "execution provider '" + std::string(name) + "' cannot be used: libonnxruntime_providers_"));
    CHECK(contains(message, library().version()));
  }
}

TEST(test_session_provider_without_cpu_does_not_fall_back) {
  // AzureExecutionProvider runs no node of ours, so all of them would go to the CPU. The CPU builds have it, the CUDA builds do not.
  const std::string bytes = tiny::identity(Type::kFloat, {"N"});
  const std::string message = load_error(Code::kUnsupported, bytes, with_providers({{"AZURE", {}}}));
  if (message.find("built without this provider") != std::string::npos) {
    std::cout << "not tested, the build lacks the provider: ";
    return;
  }
  CHECK(contains(message, "CPU"));
  const Session session(library(), tiny::as_span(bytes), with_providers({{"AZURE", {}}, {"CPU", {}}}));
  CHECK_EQUAL(session.inputs().size(), size_t{1});
}

// ---- Running ----

TEST(test_run_preallocated_output_is_written_in_place) {
  const Session session(library(), tiny::as_span(tiny::matmul(2, 2, {1, 2, 3, 4})), {});
  std::vector<float> x{1, 1, 2, 0, 0, 1}, y(6, -1);
  const Shape shape{3, 2};
  run_one(session, ref(x, Type::kFloat, shape), ref(y, Type::kFloat, shape), RunControl(library()));
  CHECK(y == std::vector<float>({4, 6, 2, 4, 3, 4}));
}

TEST(test_run_every_type_of_fixed_size_passes_unchanged) {
  for (const Type type : {Type::kFloat, Type::kUint8, Type::kInt8, Type::kUint16, Type::kInt16, Type::kInt32, Type::kInt64, Type::kBool,
                          Type::kFloat16, Type::kDouble, Type::kUint32, Type::kUint64, Type::kBfloat16}) {
    const Session session(library(), tiny::as_span(tiny::identity(type, {"N"})), {});
    const auto n_bytes = static_cast<size_t>(3 * size_of(type));
    std::vector<uint8_t> x(n_bytes, 1), y(n_bytes, 0);
    const Shape shape{3};
    run_one(session, ref(x, type, shape), ref(y, type, shape), RunControl(library()));
    CHECK(x == y);
    CHECK(session.inputs()[0].type == type);
  }
}

TEST(test_run_output_without_memory_is_allocated) {
  SessionOptions options;
  options.use_arena = false;
  const Session session(library(), tiny::as_span(tiny::add(Type::kInt64, {"N", 2})), options);
  std::vector<int64_t> a{1, 2, 3, 4}, b{10, 20, 30, 40};
  const Shape shape{2, 2};
  const std::array inputs{ref(a, Type::kInt64, shape), ref(b, Type::kInt64, shape)};
  const std::array<size_t, 1> wanted{0};
  const std::array<TensorRef, 1> outputs{};
  std::array<OwnedTensor, 1> owned;
  session.run(inputs, wanted, outputs, owned, RunControl(library()));
  CHECK(owned[0]);
  CHECK(owned[0].type() == Type::kInt64);
  CHECK(owned[0].shape() == shape);
  const auto* sum = static_cast<const int64_t*>(owned[0].data());
  CHECK(std::vector<int64_t>(sum, sum + 4) == std::vector<int64_t>({11, 22, 33, 44}));
  // A second run into the same object must release the first tensor; the address sanitizer watches.
  session.run(inputs, wanted, outputs, owned, RunControl(library()));
  const OwnedTensor moved = std::move(owned[0]);
  CHECK(moved && !owned[0]);
}

TEST(test_run_wanted_outputs_come_in_the_order_asked) {
  tiny::Graph graph;
  graph.inputs = {tiny::tensor("x", Type::kFloat, {"N"})};
  for (const auto& [op_type, name] : {std::pair{"Neg", "minus"}, {"Abs", "size"}, {"Identity", "same"}}) {
    graph.nodes.push_back(tiny::node(op_type, {"x"}, {name}));
    graph.outputs.push_back(tiny::tensor(name, Type::kFloat, {"N"}));
  }
  const Session session(library(), tiny::as_span(tiny::model(graph)), {});
  std::vector<float> x{-2, 5}, same(2);
  const Shape shape{2};
  const std::array inputs{ref(x, Type::kFloat, shape)};
  const std::array<size_t, 2> wanted{2, 0};
  const std::array outputs{ref(same, Type::kFloat, shape), TensorRef{}};
  std::array<OwnedTensor, 2> owned;
  session.run(inputs, wanted, outputs, owned, RunControl(library()));
  CHECK(same == x);
  CHECK(!owned[0] && owned[1]);
  CHECK_EQUAL(static_cast<const float*>(owned[1].data())[0], 2.0F);
}

TEST(test_run_no_rows_gives_no_rows) {
  const Session session(library(), tiny::as_span(tiny::matmul(2, 1, {1, 1})), {});
  const Shape none{0, 2}, none_out{0, 1};
  const TensorRef input{nullptr, Type::kFloat, none};
  std::array<OwnedTensor, 1> owned;
  const std::array<size_t, 1> wanted{0};
  const std::array<TensorRef, 1> outputs{};
  session.run({&input, 1}, wanted, outputs, owned, RunControl(library()));
  CHECK(owned[0].shape() == none_out);
}

TEST(test_run_more_ports_than_fit_the_stack_works) {
  constexpr size_t kPorts = 70;
  tiny::Graph graph;
  for (size_t i = 0; i < kPorts; ++i) {
    const std::string number = std::to_string(i), x = 'x' + number, y = 'y' + number;
    graph.nodes.push_back(tiny::node("Identity", {x}, {y}));
    graph.inputs.push_back(tiny::tensor(x, Type::kFloat, {1}));
    graph.outputs.push_back(tiny::tensor(y, Type::kFloat, {1}));
  }
  const Session session(library(), tiny::as_span(tiny::model(graph)), {});
  std::vector<float> x(kPorts), y(kPorts, -1);
  const Shape shape{1};
  std::vector<TensorRef> inputs, outputs;
  std::vector<size_t> wanted;
  for (size_t i = 0; i < kPorts; ++i) {
    x[i] = static_cast<float>(i);
    inputs.push_back({&x[i], Type::kFloat, shape});
    outputs.push_back({&y[i], Type::kFloat, shape});
    wanted.push_back(i);
  }
  session.run(inputs, wanted, outputs, {}, RunControl(library()));
  CHECK(x == y);
}

TEST(test_run_input_of_another_type_or_width_keeps_the_text) {
  const Session session(library(), tiny::as_span(tiny::matmul(2, 1, {1, 1})), {});
  const RunControl control(library());
  std::vector<double> wide(2);
  std::vector<float> x(3), y(1);
  const Shape two{1, 2}, three{1, 3}, one{1, 1};
  const TensorRef output = ref(y, Type::kFloat, one);
  std::string message = message_of(Code::kInferenceFailed, [&] { run_one(session, ref(wide, Type::kDouble, two), output, control); });
  CHECK(contains(message, "tensor(double)"));
  CHECK(contains(message, "INVALID_ARGUMENT"));
  message = message_of(Code::kInferenceFailed, [&] { run_one(session, ref(x, Type::kFloat, three), output, control); });
  CHECK(contains(message, "Got: 3 Expected: 2"));
}

TEST(test_run_preallocated_output_of_another_shape_or_type_is_refused) {
  const Session session(library(), tiny::as_span(tiny::matmul(2, 1, {1, 1})), {});
  const RunControl control(library());
  std::vector<float> x(4), y(9);
  std::vector<double> wide(2);
  const Shape in{2, 2}, right{2, 1}, wrong{3, 1};
  const TensorRef input = ref(x, Type::kFloat, in);
  CHECK(contains(message_of(Code::kInferenceFailed, [&] { run_one(session, input, ref(y, Type::kFloat, wrong), control); }), "shape"));
  const TensorRef output = ref(wide, Type::kDouble, right);
  CHECK(contains(message_of(Code::kInferenceFailed, [&] { run_one(session, input, output, control); }), "tensor(double)"));
}

TEST(test_run_strings_and_sequences_are_unsupported) {
  const RunControl control(library());
  std::vector<const char*> texts(1);
  std::vector<float> scores(2);
  const Shape one{1}, two{1, 2};
  {
    const Session session(library(), tiny::as_span(tiny::identity(Type::kString, {"N"})), {});
    const std::string message =
        message_of(Code::kUnsupported, [&] { run_one(session, ref(texts, Type::kString, one), ref(texts, Type::kString, one), control); });
    CHECK(contains(message, "input 'x'"));
  }
  const Session session(library(), tiny::as_span(tiny::model(zipmap())), {});
  const TensorRef input = ref(scores, Type::kFloat, two);
  const std::array<size_t, 1> wanted{0};
  const std::array<TensorRef, 1> outputs{};
  std::array<OwnedTensor, 1> owned;
  const std::string message = message_of(Code::kUnsupported, [&] { session.run({&input, 1}, wanted, outputs, owned, control); });
  CHECK(contains(message, "output 'z': seq(map(int64,tensor(float)))"));
}

TEST(test_run_spans_that_do_not_fit_are_invalid_arguments) {
  const Session session(library(), tiny::as_span(tiny::identity(Type::kFloat, {"N"})), {});
  const RunControl control(library());
  std::vector<float> x(1), y(1);
  const Shape shape{1}, negative{-1}, huge{int64_t{1} << 40, int64_t{1} << 40};
  const TensorRef good = ref(x, Type::kFloat, shape);
  const std::array<size_t, 1> first{0}, beyond{7};
  CHECK_ERROR(session.run({}, first, {&good, 1}, {}, control), Code::kInvalidArgument);
  CHECK_ERROR(session.run({&good, 1}, first, {}, {}, control), Code::kInvalidArgument);
  CHECK_ERROR(session.run({&good, 1}, beyond, {&good, 1}, {}, control), Code::kInvalidArgument);
  CHECK_ERROR(run_one(session, good, TensorRef{}, control), Code::kInvalidArgument);
  CHECK_ERROR(run_one(session, ref(x, Type::kFloat, negative), good, control), Code::kInvalidArgument);
  CHECK_ERROR(run_one(session, ref(x, Type::kFloat, huge), good, control), Code::kInvalidArgument);
  CHECK_ERROR(run_one(session, {nullptr, Type::kFloat, shape}, good, control), Code::kInvalidArgument);
}

TEST(test_run_two_threads_share_a_session) {
  const Session session(library(), tiny::as_span(tiny::matmul(2, 1, {1, 10})), {});
  std::atomic<int> n_wrong = 0;
  const auto work = [&](float seed) {
    const RunControl control(library());
    for (int i = 0; i < 500; ++i) {
      const int64_t n_rows = 1 + i % 7;
      std::vector<float> x(static_cast<size_t>(2 * n_rows), seed), y(static_cast<size_t>(n_rows));
      const Shape in{n_rows, 2}, out{n_rows, 1};
      run_one(session, ref(x, Type::kFloat, in), ref(y, Type::kFloat, out), control);
      for (const float each : y) n_wrong += each != 11 * seed;
    }
  };
  std::thread other(work, 1.0F);
  work(2.0F);
  other.join();
  CHECK_EQUAL(n_wrong.load(), 0);
}

TEST(test_run_terminated_from_another_thread_is_cancelled_and_runs_again_after_reset) {
  const Session endless(library(), tiny::as_span(tiny::counting_loop(int64_t{1} << 50)), {});
  const Session three(library(), tiny::as_span(tiny::counting_loop(3)), {});
  RunControl control(library());
  std::vector<float> x{1}, y(1);
  const Shape shape{1};
  const TensorRef input = ref(x, Type::kFloat, shape), output = ref(y, Type::kFloat, shape);

  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    control.terminate();
  });
  const std::string message = message_of(Code::kCancelled, [&] { run_one(endless, input, output, control); });
  killer.join();
  CHECK(contains(message, "terminate"));

  CHECK_ERROR(run_one(three, input, output, control), Code::kCancelled);  // still set
  control.reset();
  run_one(three, input, output, control);
  CHECK_EQUAL(y[0], 4.0F);
}

TEST(test_run_failure_in_a_kernel_is_inference_failed) {
  const std::string bytes = tiny::model({.nodes = {tiny::node("Gather", {"table", "x"}, {"y"})},
                                         .inputs = {tiny::tensor("x", Type::kInt64, {"N"})},
                                         .outputs = {tiny::tensor("y", Type::kFloat, {"N"})},
                                         .initializers = {tiny::initializer<float>("table", Type::kFloat, {2}, {5, 6})}});
  const Session session(library(), tiny::as_span(bytes), {});
  std::vector<int64_t> x{9};
  std::vector<float> y(1);
  const Shape shape{1};
  const std::string message = message_of(
      Code::kInferenceFailed, [&] { run_one(session, ref(x, Type::kInt64, shape), ref(y, Type::kFloat, shape), RunControl(library())); });
  CHECK(contains(message, "Gather"));
}

TEST(test_runtime_failures_print_nothing) {
  const TemporaryFolder folder;
  const std::filesystem::path log = folder.path() / "stderr";
  fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  std::FILE* file = std::fopen(log.c_str(), "w");
  dup2(fileno(file), STDERR_FILENO);
  load_error(Code::kInvalidModel, "nonsense");
  {
    const Session session(library(), tiny::as_span(tiny::matmul(2, 1, {1, 1})), {});
    std::vector<float> x(4), y(3);
    const Shape in{2, 2}, wrong{3, 1};
    CHECK_ERROR(run_one(session, ref(x, Type::kFloat, in), ref(y, Type::kFloat, wrong), RunControl(library())), Code::kInferenceFailed);
  }
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::fclose(file);
  CHECK_EQUAL(std::filesystem::file_size(log), uintmax_t{0});
}

int main() {
  const char* variable = getenv("EDGEONNX_ORT_LIBRARY");
  if (variable == nullptr || *variable == '\0') {
    std::cerr << "test_ort: set EDGEONNX_ORT_LIBRARY to an ONNX Runtime library, for instance onnxruntime/capi/libonnxruntime.so.* of the "
                 "onnxruntime wheel\n";
    return 1;
  }
  library_path = variable;
  std::cout << "ONNX Runtime: " << library_path << "\n";
  return check::run();
}
