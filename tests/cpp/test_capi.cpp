// The border of the C interface: null pointers, error buffers of every size, the count of live objects.
#include <functional>
#include <memory>

#include "scoring.h"

namespace {

using namespace scoring;

const std::string& adder() {
  static const std::string model = tiny::add(Type::kFloat, {"N"});
  return model;
}

edgeonnx_scorer* make_scorer(const edgeonnx_scorer_options* options = nullptr) {
  edgeonnx_scorer* scorer = nullptr;
  edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_scorer_create(adder().data(), adder().size(), options, &scorer, error); });
  return scorer;
}

const edgeonnx_field kReals[] = {{"a", nullptr, 1, EDGEONNX_TYPE_FLOAT}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT}};

struct Objects {
  edgeonnx_scorer* scorer = make_scorer();
  edgeonnx_binding* binding = nullptr;
  Objects() {
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_binding_create(scorer, kReals, 2, nullptr, &binding, error); });
  }
  ~Objects() {
    edgeonnx_binding_release(binding);
    edgeonnx_scorer_release(scorer);
  }
  Objects(const Objects&) = delete;
};

TEST(test_capi_null_where_something_is_needed_is_an_invalid_argument) {
  const Objects o;
  edgeonnx_scorer* scorer = nullptr;
  edgeonnx_binding* binding = nullptr;
  edgeonnx_port port;
  edgeonnx_cast cast;
  const edgeonnx_output output{};
  const edgeonnx_batch batch{nullptr, 0};
  edgeonnx_scorer_options no_providers{}, no_option_keys{}, negative{};
  no_providers.struct_size = no_option_keys.struct_size = negative.struct_size = sizeof no_providers;
  no_providers.n_providers = no_option_keys.n_providers = 1;
  const edgeonnx_provider provider{"CPUExecutionProvider", nullptr, nullptr, 1};
  no_option_keys.providers = &provider;
  negative.morsel_rows = -1;
  const edgeonnx_column_group no_columns{"a", nullptr, 1};
  std::vector<edgeonnx_binding_options> holes(5, binding_options());
  holes[0].n_null_rules = holes[1].n_renames = holes[2].n_groups = holes[3].n_results = holes[4].n_groups = 1;
  holes[4].groups = &no_columns;

  const auto create = [&](const void* model, const edgeonnx_scorer_options* options, edgeonnx_scorer** out) {
    return edgeonnx_scorer_create(model, adder().size(), options, out, nullptr);
  };
  const auto bind = [&](edgeonnx_scorer* from, const edgeonnx_field* fields, const edgeonnx_binding_options* options,
                        edgeonnx_binding** out) { return edgeonnx_binding_create(from, fields, 2, options, out, nullptr); };
  const auto score = [&](const edgeonnx_binding* with, const edgeonnx_batch* batches, const edgeonnx_output* outputs) {
    return edgeonnx_binding_score(with, batches, 1, outputs, 1, nullptr, nullptr, nullptr);
  };
  const std::pair<const char*, std::function<edgeonnx_status()>> calls[] = {
      {"model", [&] { return create(nullptr, nullptr, &scorer); }},
      {"scorer out", [&] { return create(adder().data(), nullptr, nullptr); }},
      {"providers", [&] { return create(adder().data(), &no_providers, &scorer); }},
      {"option_keys", [&] { return create(adder().data(), &no_option_keys, &scorer); }},
      {"negative morsel_rows", [&] { return create(adder().data(), &negative, &scorer); }},
      {"scorer of an input", [&] { return edgeonnx_scorer_input(nullptr, 0, &port); }},
      {"input port", [&] { return edgeonnx_scorer_input(o.scorer, 0, nullptr); }},
      {"scorer of an output", [&] { return edgeonnx_scorer_output(nullptr, 0, &port); }},
      {"output port", [&] { return edgeonnx_scorer_output(o.scorer, 0, nullptr); }},
      {"scorer to bind", [&] { return bind(nullptr, kReals, nullptr, &binding); }},
      {"fields", [&] { return bind(o.scorer, nullptr, nullptr, &binding); }},
      {"binding out", [&] { return bind(o.scorer, kReals, nullptr, nullptr); }},
      {"null_rules", [&] { return bind(o.scorer, kReals, &holes[0], &binding); }},
      {"renames", [&] { return bind(o.scorer, kReals, &holes[1], &binding); }},
      {"groups", [&] { return bind(o.scorer, kReals, &holes[2], &binding); }},
      {"results", [&] { return bind(o.scorer, kReals, &holes[3], &binding); }},
      {"columns of a group", [&] { return bind(o.scorer, kReals, &holes[4], &binding); }},
      {"binding of a result", [&] { return edgeonnx_binding_result(nullptr, 0, &port); }},
      {"result port", [&] { return edgeonnx_binding_result(o.binding, 0, nullptr); }},
      {"binding of a cast", [&] { return edgeonnx_binding_cast(nullptr, 0, &cast); }},
      {"binding to score", [&] { return score(nullptr, &batch, &output); }},
      {"batches", [&] { return score(o.binding, nullptr, &output); }},
      {"outputs", [&] { return score(o.binding, &batch, nullptr); }},
      {"cancel out", [&] { return edgeonnx_cancel_create(nullptr, nullptr); }},
  };
  const int64_t before = edgeonnx_live_objects();
  for (const auto& [name, call] : calls) {
    const edgeonnx_status status = call();
    if (status != EDGEONNX_INVALID_ARGUMENT) check::fail(__FILE__, __LINE__, std::string(name) + ": " + edgeonnx_status_name(status));
  }
  CHECK(scorer == nullptr && binding == nullptr);
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_capi_null_names_inside_options_are_empty_names) {
  const Objects o;
  const edgeonnx_result result{nullptr, 0};
  const edgeonnx_rename rename{nullptr, nullptr};
  const char* const columns[] = {nullptr};
  const edgeonnx_column_group group{"a", columns, 1};
  std::vector<edgeonnx_binding_options> all(3, binding_options());
  all[0].results = &result, all[0].n_results = 1;
  all[1].renames = &rename, all[1].n_renames = 1;
  all[2].groups = &group, all[2].n_groups = 1;
  for (const edgeonnx_binding_options& options : all) {
    edgeonnx_binding* binding = nullptr;
    CHECK_EQUAL(edgeonnx_binding_create(o.scorer, kReals, 2, &options, &binding, nullptr), EDGEONNX_NOT_FOUND);
  }
}

TEST(test_capi_releasing_and_asking_nothing_is_harmless) {
  edgeonnx_scorer_release(nullptr);
  edgeonnx_binding_release(nullptr);
  edgeonnx_cancel_release(nullptr);
  edgeonnx_cancel_request(nullptr);
  edgeonnx_cancel_reset(nullptr);
  CHECK_EQUAL(edgeonnx_scorer_n_inputs(nullptr), int64_t{0});
  CHECK_EQUAL(edgeonnx_scorer_n_outputs(nullptr), int64_t{0});
  CHECK_EQUAL(edgeonnx_binding_n_results(nullptr), int64_t{0});
  CHECK_EQUAL(edgeonnx_binding_n_casts(nullptr), int64_t{0});
  CHECK_EQUAL(edgeonnx_scorer_n_metadata(nullptr), int64_t{0});
  CHECK_EQUAL(edgeonnx_scorer_n_warnings(nullptr), int64_t{0});
  CHECK_EQUAL(std::string(edgeonnx_scorer_runtime(nullptr)) + edgeonnx_scorer_warning(nullptr, 0), std::string());
  CHECK_EQUAL(std::string(edgeonnx_scorer_explain(nullptr)) + edgeonnx_binding_explain(nullptr), std::string());
}

TEST(test_capi_index_out_of_range_fails_and_leaves_the_port_alone) {
  const Objects o;
  edgeonnx_port port{};
  port.type = 77;
  edgeonnx_cast cast{};
  for (const int64_t index : {int64_t{-1}, int64_t{2}, INT64_MAX, INT64_MIN}) {
    CHECK(edgeonnx_scorer_input(o.scorer, index, &port) != EDGEONNX_OK);
    CHECK(edgeonnx_scorer_output(o.scorer, index, &port) != EDGEONNX_OK);
    CHECK(edgeonnx_binding_result(o.binding, index, &port) != EDGEONNX_OK);
    CHECK(edgeonnx_binding_cast(o.binding, index, &cast) != EDGEONNX_OK);
  }
  CHECK_EQUAL(port.type, 77);
}

TEST(test_capi_ports_describe_the_model) {
  const Objects o;
  CHECK_EQUAL(edgeonnx_scorer_n_inputs(o.scorer), int64_t{2});
  CHECK_EQUAL(edgeonnx_scorer_n_outputs(o.scorer), int64_t{1});
  edgeonnx_port input{}, output{};
  CHECK_EQUAL(edgeonnx_scorer_input(o.scorer, 1, &input), EDGEONNX_OK);
  CHECK_EQUAL(edgeonnx_scorer_output(o.scorer, 0, &output), EDGEONNX_OK);
  CHECK_EQUAL(std::string(input.name) + " " + input.sql_type + " " + input.onnx_type, std::string("b real tensor(float)"));
  CHECK(input.type == EDGEONNX_TYPE_FLOAT && input.rank == 1 && input.shape[0] == -1 && input.width == 1);
  CHECK_EQUAL(output.name, std::string("sum"));
}

TEST(test_capi_metadata_and_warnings_of_a_model) {
  tiny::Message entry, whole;
  entry.text(1, "author").text(2, "me");
  whole.message(14, entry);
  const std::string model = tiny::add(Type::kFloat, {"N"}) + whole.bytes();
  edgeonnx_scorer* scorer = nullptr;
  CHECK_EQUAL(edgeonnx_scorer_create(model.data(), model.size(), nullptr, &scorer, nullptr), EDGEONNX_OK);
  CHECK_EQUAL(edgeonnx_scorer_n_metadata(scorer), int64_t{1});
  const char *key = "untouched", *value = key;
  CHECK(edgeonnx_scorer_metadata(scorer, 1, &key, &value) != EDGEONNX_OK);
  CHECK(edgeonnx_scorer_metadata(scorer, 0, nullptr, &value) != EDGEONNX_OK);
  CHECK_EQUAL(std::string(key), std::string("untouched"));
  CHECK_EQUAL(edgeonnx_scorer_metadata(scorer, 0, &key, &value), EDGEONNX_OK);
  CHECK_EQUAL(std::string(key) + "=" + value, std::string("author=me"));
  CHECK_EQUAL(edgeonnx_scorer_n_warnings(scorer), int64_t{0});
  for (const int64_t index : {int64_t{-1}, int64_t{0}, INT64_MAX}) CHECK_EQUAL(std::string(edgeonnx_scorer_warning(scorer, index)), "");
  CHECK_EQUAL(std::string(edgeonnx_scorer_runtime(scorer)).substr(0, 2), std::string("1."));  // for the self-check
  edgeonnx_scorer_release(scorer);
}

TEST(test_capi_message_column_and_value_are_packed_as_far_as_they_fit) {
  // A tinyint column of a name in three scripts, and a value that does not fit.
  const std::string name = "Größe→数量";
  const std::string model = tiny::identity(Type::kUint8, {"N"});
  edgeonnx_scorer* scorer = nullptr;
  CHECK_EQUAL(edgeonnx_scorer_create(model.data(), model.size(), nullptr, &scorer, nullptr), EDGEONNX_OK);
  const edgeonnx_field field{name.c_str(), nullptr, 1, EDGEONNX_TYPE_INT32};
  edgeonnx_binding_options options = binding_options();
  options.by_position = 1;
  edgeonnx_binding* binding = nullptr;
  CHECK_EQUAL(edgeonnx_binding_create(scorer, &field, 1, &options, &binding, nullptr), EDGEONNX_OK);
  const int32_t values[] = {1, 2, -12345};
  edgeonnx_column column{};
  column.data = values;
  column.stride = 4;
  const edgeonnx_batch batch{&column, 3};
  uint8_t scores[3];
  const edgeonnx_output output{scores, 1, nullptr};
  const auto score = [&](edgeonnx_error* error) { return edgeonnx_binding_score(binding, &batch, 1, &output, 1, nullptr, nullptr, error); };

  char large[1000];
  edgeonnx_error whole{large, sizeof large, 0, nullptr, nullptr, 0, 0, 0};
  CHECK_EQUAL(score(&whole), EDGEONNX_OVERFLOW);
  const std::string text = large;
  CHECK(contains(text, "'" + name + "'"));
  CHECK(whole.column == name && whole.value == std::string("-12345"));
  CHECK(whole.column > large && whole.value < large + sizeof large);
  CHECK(whole.row == 2 && whole.code == EDGEONNX_OVERFLOW && whole.sql_number == 220 && whole.message_length == text.size());

  for (size_t capacity = 0; capacity <= text.size() + name.size() + 20; ++capacity) {
    const auto buffer = std::make_unique<char[]>(capacity);  // a sanitizer sees a step beyond
    edgeonnx_error error{buffer.get(), capacity, 0, nullptr, nullptr, 0, 0, 0};
    CHECK_EQUAL(score(&error), EDGEONNX_OVERFLOW);
    CHECK(error.message_length == text.size() && error.row == 2 && error.sql_number == 220);
    const auto is_inside = [&](const char* part) { return part >= buffer.get() && part + std::strlen(part) < buffer.get() + capacity; };
    const size_t behind_text = text.size() + 1;
    CHECK(std::string(error.column) == (capacity >= behind_text + name.size() + 1 ? name : ""));
    if (*error.column) CHECK(is_inside(error.column));
    if (*error.value) CHECK(is_inside(error.value) && error.value == std::string("-12345"));
    if (capacity >= behind_text + name.size() + 1 + 7) CHECK(*error.value != '\0');
    if (capacity == 0) continue;
    const std::string cut = buffer.get();
    CHECK(cut.size() < capacity && text.compare(0, cut.size(), cut) == 0);
    // Cut between two characters, and no sooner than it must be.
    CHECK((static_cast<unsigned char>(text[cut.size()]) & 0xC0) != 0x80);
    CHECK(cut.size() + 4 > std::min(capacity - 1, text.size()));
  }

  edgeonnx_error zeroed{};
  CHECK_EQUAL(score(&zeroed), EDGEONNX_OVERFLOW);
  CHECK(zeroed.code == EDGEONNX_OVERFLOW && zeroed.row == 2 && zeroed.sql_number == 220 && zeroed.message_length == text.size());
  CHECK_EQUAL(score(nullptr), EDGEONNX_OVERFLOW);
  edgeonnx_binding_release(binding);
  edgeonnx_scorer_release(scorer);
}

TEST(test_capi_error_is_written_on_failure_only) {
  char text[8] = "before";
  edgeonnx_error error{text, sizeof text, 11, "column", "value", 22, 33, 44};
  edgeonnx_scorer* scorer = nullptr;
  CHECK_EQUAL(edgeonnx_scorer_create(adder().data(), adder().size(), nullptr, &scorer, &error), EDGEONNX_OK);
  CHECK(text == std::string("before") && error.message_length == 11 && error.row == 22 && error.code == 33 && error.sql_number == 44);
  CHECK(error.column == std::string("column") && error.value == std::string("value"));
  edgeonnx_scorer_release(scorer);
  CHECK_EQUAL(edgeonnx_scorer_create("rubbish", 7, nullptr, &scorer, &error), EDGEONNX_INVALID_MODEL);
  CHECK(scorer == nullptr && error.row == -1 && error.sql_number == 0 && error.code == EDGEONNX_INVALID_MODEL && std::strlen(text) == 7);
  CHECK(*error.column == '\0' && *error.value == '\0');
}

TEST(test_capi_models_that_are_none_are_told) {
  edgeonnx_scorer* scorer = nullptr;
  CHECK_EQUAL(edgeonnx_scorer_create(nullptr, 0, nullptr, &scorer, nullptr), EDGEONNX_INVALID_MODEL);
  CHECK_EQUAL(edgeonnx_scorer_create(adder().data(), adder().size() / 2, nullptr, &scorer, nullptr), EDGEONNX_INVALID_MODEL);
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  options.max_model_bytes = static_cast<int64_t>(adder().size()) - 1;
  CHECK_EQUAL(edgeonnx_scorer_create(adder().data(), adder().size(), &options, &scorer, nullptr), EDGEONNX_INVALID_MODEL);
  CHECK(scorer == nullptr);
}

TEST(test_capi_live_objects_count_what_is_not_yet_released) {
  const int64_t before = edgeonnx_live_objects();
  {
    const Objects o;
    CHECK_EQUAL(edgeonnx_live_objects(), before + 2);
    edgeonnx_cancel* token = nullptr;
    CHECK_EQUAL(edgeonnx_cancel_create(&token, nullptr), EDGEONNX_OK);
    CHECK_EQUAL(edgeonnx_live_objects(), before + 3);
    edgeonnx_cancel_release(token);
    edgeonnx_scorer* failed = nullptr;
    edgeonnx_scorer_create("rubbish", 7, nullptr, &failed, nullptr);
    CHECK_EQUAL(edgeonnx_live_objects(), before + 2);
  }
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_capi_library_tells_what_it_is) {
  CHECK_EQUAL(edgeonnx_abi_version(), EDGEONNX_ABI_VERSION);
  CHECK_EQUAL(edgeonnx_version(), std::string(EDGEONNX_VERSION));
  const char* names[] = {"OK",         "INVALID_ARGUMENT", "INVALID_STATE",   "NOT_FOUND",
                         "IO",         "INVALID_MODEL",    "TYPE_MISMATCH",   "SHAPE_MISMATCH",
                         "NULL_VALUE", "OVERFLOW",         "UNSUPPORTED",     "OUT_OF_MEMORY",
                         "CANCELLED",  "INFERENCE_FAILED", "RUNTIME_MISSING", "INTERNAL"};
  for (int32_t status = 0; status < 16; ++status) CHECK_EQUAL(edgeonnx_status_name(status), std::string(names[status]));
  for (const int32_t unknown : {-1, 16, INT32_MAX, INT32_MIN}) CHECK_EQUAL(edgeonnx_status_name(unknown), std::string("UNKNOWN"));
  const char *path = nullptr, *version = nullptr;
  CHECK_EQUAL(edgeonnx_runtime_open(nullptr, &path, &version, nullptr), EDGEONNX_OK);
  CHECK(path && *path == '/' && version && std::string(version).starts_with("1."));
  CHECK_EQUAL(edgeonnx_runtime_open(nullptr, nullptr, nullptr, nullptr), EDGEONNX_OK);
}

}  // namespace

int main() { return run_with_runtime("test_capi"); }
