// Callers built against other versions of edgeonnx.h: shorter and longer structs, and the places that may never change.
#include <algorithm>
#include <cstddef>
#include <memory>

#include "scoring.h"

namespace {

using namespace scoring;

const std::string& adder() {
  static const std::string model = tiny::add(Type::kFloat, {"N"});
  return model;
}

/// The first `n_bytes` of a struct, in memory of that size: what a caller with an older header hands in.
template <class T>
class Prefix {
 public:
  Prefix(T whole, size_t n_bytes) : memory_(new std::byte[n_bytes]), n_bytes_(n_bytes) {
    whole.struct_size = n_bytes;
    std::memcpy(memory_.get(), &whole, std::min(n_bytes, sizeof whole));
    for (size_t i = sizeof whole; i < n_bytes; ++i) memory_[i] = std::byte{0xEE};
  }
  T* get() const { return reinterpret_cast<T*>(memory_.get()); }
  std::byte byte(size_t i) const { return memory_[i]; }
  size_t size() const { return n_bytes_; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  size_t n_bytes_;
};

edgeonnx_scorer* make_scorer(const edgeonnx_scorer_options* options = nullptr) {
  edgeonnx_scorer* scorer = nullptr;
  edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_scorer_create(adder().data(), adder().size(), options, &scorer, error); });
  return scorer;
}

const edgeonnx_field kReals[] = {{"a", nullptr, 1, EDGEONNX_TYPE_FLOAT}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT}};
const edgeonnx_field kMixed[] = {{"a", nullptr, 1, EDGEONNX_TYPE_INT64}, {"b", nullptr, 1, EDGEONNX_TYPE_FLOAT}};

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

TEST(test_capi_scorer_options_of_an_older_caller_are_read_as_far_as_they_go) {
  edgeonnx_scorer_options options{};
  options.model_name = "named";
  options.morsel_rows = 7;
  options.n_threads = 37;
  const size_t sizes[] = {sizeof(size_t), offsetof(edgeonnx_scorer_options, external_data_folder),
                          offsetof(edgeonnx_scorer_options, n_threads), sizeof(edgeonnx_scorer_options),
                          sizeof(edgeonnx_scorer_options) + 40};
  for (const size_t size : sizes) {
    const Prefix<edgeonnx_scorer_options> prefix(options, size);
    edgeonnx_scorer* scorer = make_scorer(prefix.get());
    const std::string text = edgeonnx_scorer_explain(scorer);
    const bool knows_morsel = size >= offsetof(edgeonnx_scorer_options, n_threads), knows_threads = size >= sizeof(edgeonnx_scorer_options);
    CHECK_EQUAL(text.find("morsel: 7 rows") != std::string::npos, knows_morsel);
    CHECK_EQUAL(text.find("up to 37\n") != std::string::npos, knows_threads);
    edgeonnx_scorer_release(scorer);
  }
  char text[200];
  edgeonnx_error error{text, sizeof text, 0, "", "", -1, 0, 0};
  for (const bool knows_name : {false, true}) {
    const Prefix<edgeonnx_scorer_options> prefix(options, knows_name ? sizeof options : offsetof(edgeonnx_scorer_options, model_name));
    edgeonnx_scorer* scorer = nullptr;
    CHECK_EQUAL(edgeonnx_scorer_create("rubbish", 7, prefix.get(), &scorer, &error), EDGEONNX_INVALID_MODEL);
    CHECK_EQUAL(std::string(text).find("named") != std::string::npos, knows_name);
  }
}

TEST(test_capi_scorer_options_gap_at_the_end_of_an_older_struct_is_not_read) {
  edgeonnx_scorer_options options{};
  options.reserved = -1;  // what lay there by chance
  const Prefix<edgeonnx_scorer_options> prefix(options, offsetof(edgeonnx_scorer_options, native));
  edgeonnx_scorer_release(make_scorer(prefix.get()));
}

TEST(test_capi_scorer_options_of_unknown_native_value_are_refused) {
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  for (const int32_t native : {-1, 2}) {
    options.native = native;
    edgeonnx_scorer* scorer = nullptr;
    CHECK_EQUAL(edgeonnx_scorer_create(adder().data(), adder().size(), &options, &scorer, nullptr), EDGEONNX_INVALID_ARGUMENT);
  }
}

TEST(test_capi_binding_options_of_an_older_caller_are_read_as_far_as_they_go) {
  edgeonnx_scorer* scorer = make_scorer();
  const edgeonnx_binding_options strict = binding_options(EDGEONNX_COERCION_STRICT);
  for (const bool knows_coercion : {false, true}) {
    const Prefix<edgeonnx_binding_options> prefix(strict, knows_coercion ? sizeof strict : offsetof(edgeonnx_binding_options, coercion));
    edgeonnx_binding* binding = nullptr;
    const edgeonnx_status status = edgeonnx_binding_create(scorer, kMixed, 2, prefix.get(), &binding, nullptr);
    CHECK_EQUAL(status, knows_coercion ? EDGEONNX_TYPE_MISMATCH : EDGEONNX_OK);
    edgeonnx_binding_release(binding);
  }
  edgeonnx_scorer_release(scorer);
}

TEST(test_capi_cast_options_of_an_older_caller_are_read_as_far_as_they_go) {
  const double x = 300;
  uint8_t y = 7, mask = 7;
  edgeonnx_column column{};
  column.data = &x;
  column.stride = sizeof x;
  const edgeonnx_field field{"x", nullptr, 1, EDGEONNX_TYPE_DOUBLE, 0, 0};
  const edgeonnx_result to{nullptr, EDGEONNX_TYPE_UINT8, 0, 0, 0};
  const edgeonnx_output output{&y, 1, &mask};
  const edgeonnx_cast_options null{0, EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL};
  for (const size_t size : {sizeof(size_t), offsetof(edgeonnx_cast_options, on_overflow), sizeof null, sizeof null + 16}) {
    const Prefix<edgeonnx_cast_options> prefix(null, size);
    CHECK_EQUAL(edgeonnx_column_cast(&field, &column, 1, &to, prefix.get(), &output, nullptr, nullptr),
                size >= sizeof null ? EDGEONNX_OK : EDGEONNX_OVERFLOW);
  }
  CHECK(y == 0 && mask == 1);
}

TEST(test_capi_call_and_report_of_an_older_caller_are_used_as_far_as_they_go) {
  const Objects objects;
  const float values[3] = {1, 2, 3};
  edgeonnx_column column{};
  column.data = values;
  column.stride = 4;
  const edgeonnx_column columns[] = {column, column};
  const edgeonnx_batch batch{columns, 3};
  float sums[3];
  const edgeonnx_output output{sums, 4, nullptr};
  edgeonnx_cancel* token = nullptr;
  CHECK_EQUAL(edgeonnx_cancel_create(&token, nullptr), EDGEONNX_OK);
  edgeonnx_cancel_request(token);
  edgeonnx_call call = default_call();
  call.cancel = token;
  for (const bool knows_cancel : {false, true}) {
    const Prefix<edgeonnx_call> prefix(call, knows_cancel ? offsetof(edgeonnx_call, check) : offsetof(edgeonnx_call, cancel));
    CHECK_EQUAL(edgeonnx_binding_score(objects.binding, &batch, 1, &output, 1, prefix.get(), nullptr, nullptr),
                knows_cancel ? EDGEONNX_CANCELLED : EDGEONNX_OK);
  }
  edgeonnx_cancel_release(token);

  edgeonnx_binding* converting = nullptr;
  CHECK_EQUAL(edgeonnx_binding_create(objects.scorer, kMixed, 2, nullptr, &converting, nullptr), EDGEONNX_OK);
  const int64_t integers[3] = {1, 2, 16777217};
  edgeonnx_column mixed[] = {column, column};
  mixed[0].data = integers;
  mixed[0].stride = 8;
  const edgeonnx_batch mixed_batch{mixed, 3};
  for (const bool knows_counts : {false, true}) {
    int64_t n_changed = 7;
    call = default_call();
    call.n_changed = &n_changed;
    const Prefix<edgeonnx_call> prefix(call, knows_counts ? sizeof call : offsetof(edgeonnx_call, n_changed));
    CHECK_EQUAL(edgeonnx_binding_score(converting, &mixed_batch, 1, &output, 1, prefix.get(), nullptr, nullptr), EDGEONNX_OK);
    CHECK_EQUAL(n_changed, int64_t{knows_counts ? 1 : 7});
  }
  edgeonnx_binding_release(converting);

  edgeonnx_report untouched;
  std::memset(&untouched, 0x5A, sizeof untouched);
  for (const size_t size : {sizeof(size_t), offsetof(edgeonnx_report, n_threads), offsetof(edgeonnx_report, n_branch_changes),
                            sizeof(edgeonnx_report), sizeof(edgeonnx_report) + 24}) {
    const Prefix<edgeonnx_report> report(untouched, size);
    CHECK_EQUAL(edgeonnx_binding_score(objects.binding, &batch, 1, &output, 1, nullptr, report.get(), nullptr), EDGEONNX_OK);
    size_t struct_size;
    std::memcpy(&struct_size, report.get(), sizeof struct_size);
    CHECK_EQUAL(struct_size, size);
    if (size >= offsetof(edgeonnx_report, n_threads)) CHECK_EQUAL(report.get()->n_rows, int64_t{3});
    if (size >= sizeof(edgeonnx_report)) CHECK_EQUAL(report.get()->n_branch_changes, int64_t{-1});
    for (size_t i = sizeof(edgeonnx_report); i < size; ++i) CHECK(report.byte(i) == std::byte{0xEE});
  }
  CHECK(sums[0] == 2 && sums[2] == 6);
}

/// The structs as version 1 of the interface froze them: sizes may grow, what is there keeps its place.
TEST(test_capi_structs_keep_the_places_of_version_1) {
  CHECK_EQUAL(offsetof(edgeonnx_error, sql_number), size_t{52});
  CHECK_EQUAL(sizeof(edgeonnx_error), size_t{56});
  CHECK_EQUAL(offsetof(edgeonnx_port, nullable), size_t{48});
  CHECK_EQUAL(offsetof(edgeonnx_port, scale), size_t{54});
  CHECK_EQUAL(offsetof(edgeonnx_field, precision), size_t{28});
  CHECK_EQUAL(sizeof(edgeonnx_field), size_t{32});
  CHECK_EQUAL(offsetof(edgeonnx_result, precision), size_t{12});
  CHECK_EQUAL(offsetof(edgeonnx_result, not_null), size_t{16});
  CHECK_EQUAL(sizeof(edgeonnx_result), size_t{24});
  CHECK_EQUAL(offsetof(edgeonnx_cast, rule), size_t{32});
  CHECK_EQUAL(sizeof(edgeonnx_cast), size_t{40});
  CHECK_EQUAL(sizeof(edgeonnx_column), size_t{48});
  CHECK_EQUAL(sizeof(edgeonnx_batch), size_t{16});
  CHECK_EQUAL(sizeof(edgeonnx_output), size_t{24});
  CHECK_EQUAL(offsetof(edgeonnx_scorer_options, n_threads), size_t{64});
  CHECK_EQUAL(offsetof(edgeonnx_binding_options, counts_branches), size_t{84});
  CHECK_EQUAL(offsetof(edgeonnx_binding_options, row_shapes), size_t{88});
  CHECK_EQUAL(offsetof(edgeonnx_call, n_changed), size_t{40});
  CHECK_EQUAL(offsetof(edgeonnx_report, n_branch_changes), size_t{80});
  CHECK_EQUAL(offsetof(edgeonnx_cast_options, on_overflow), size_t{12});
}

}  // namespace

int main() { return run_with_runtime("test_capi_versions"); }
