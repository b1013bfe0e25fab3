// The registry of models: names and versions, one load for equal bytes, room for new ones, many threads at once.
#include <atomic>
#include <functional>
#include <thread>

#include "base/sha256.h"
#include "scoring.h"

namespace {

using namespace scoring;

const std::string& model(Type type) {
  static const std::string real = tiny::add(Type::kFloat, {"N"}), whole = tiny::add(Type::kInt64, {"N"}),
                           fine = tiny::add(Type::kDouble, {"N"});
  return type == Type::kFloat ? real : type == Type::kInt64 ? whole : fine;
}

class Registry {
 public:
  explicit Registry(int64_t max_models = 0, int64_t max_bytes = 0) {
    edgeonnx_registry_options options{};
    options.struct_size = sizeof options;
    options.max_models = max_models;
    options.max_bytes = max_bytes;
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_registry_create(&options, &handle_, error); });
  }
  ~Registry() { edgeonnx_registry_release(handle_); }
  Registry(const Registry&) = delete;

  void put(const char* name, const char* version, const std::string& bytes, const char* settings = nullptr) {
    edgeonnx::checked(
        [&](edgeonnx_error* error) { return edgeonnx_registry_put(handle_, name, version, bytes.data(), bytes.size(), settings, error); });
  }
  /// The type of the model's first input.
  int32_t type_of(const char* name, const char* version = nullptr) {
    edgeonnx_scorer* scorer = nullptr;
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_registry_get(handle_, name, version, &scorer, error); });
    edgeonnx_port port{};
    (void)edgeonnx_scorer_input(scorer, 0, &port);
    edgeonnx_scorer_release(scorer);
    return port.type;
  }
  std::string settings_of(const char* name) {
    edgeonnx_scorer* scorer = nullptr;
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_registry_get(handle_, name, nullptr, &scorer, error); });
    const std::string settings = edgeonnx_scorer_settings(scorer);
    edgeonnx_scorer_release(scorer);
    return settings;
  }
  int64_t drop(const char* name, const char* version = nullptr) {
    int64_t n = 0;
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_registry_drop(handle_, name, version, &n, error); });
    return n;
  }
  std::vector<std::string> list() {
    std::vector<std::string> all;
    const auto visit = [](void* data, const edgeonnx_model_info* info) {
      static_cast<std::vector<std::string>*>(data)->push_back(std::string(info->name) + ":" + info->version + " " +
                                                              std::string(info->digest).substr(0, 8) + " " + std::to_string(info->n_uses));
      return 0;
    };
    edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_registry_list(handle_, visit, &all, error); });
    return all;
  }

 private:
  edgeonnx_registry* handle_ = nullptr;
};

TEST(test_sha256_has_the_published_digests) {
  const auto of = [](const std::string& text) { return edgeonnx::sha256(tiny::as_span(text)); };
  CHECK_EQUAL(of(""), std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK_EQUAL(of("abc"), std::string("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK_EQUAL(of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              std::string("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  CHECK_EQUAL(of(std::string(1000000, 'a')), std::string("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

TEST(test_registry_calls_a_bad_model_by_name_and_version) {
  Registry registry;
  const StatusError named = FAILURE(EDGEONNX_INVALID_MODEL, registry.put("churn", nullptr, "no model"));
  CHECK(std::string(named.what()).rfind("model 'churn' is not", 0) == 0);
  const StatusError versioned = FAILURE(EDGEONNX_INVALID_MODEL, registry.put("churn", "2", "no model"));
  CHECK(std::string(versioned.what()).rfind("model 'churn, version 2' is not", 0) == 0);
}

TEST(test_registry_answers_by_name_and_version) {
  Registry registry;
  registry.put("churn", "1", model(Type::kFloat));
  registry.put("churn", "2", model(Type::kInt64));
  registry.put("price", nullptr, model(Type::kDouble));
  CHECK_EQUAL(registry.type_of("churn", "1"), EDGEONNX_TYPE_FLOAT);
  CHECK_EQUAL(registry.type_of("churn"), EDGEONNX_TYPE_INT64);
  CHECK_EQUAL(registry.type_of("price"), EDGEONNX_TYPE_DOUBLE);
  CHECK_EQUAL(registry.type_of("price", ""), EDGEONNX_TYPE_DOUBLE);
  registry.put("churn", "1", model(Type::kDouble));  // replaced, and now the last one put
  CHECK_EQUAL(registry.type_of("churn"), EDGEONNX_TYPE_DOUBLE);
  CHECK_EQUAL(registry.list().size(), size_t{3});
  const StatusError unknown = FAILURE(EDGEONNX_NOT_FOUND, registry.type_of("chum"));
  CHECK(std::string(unknown.what()).find("'churn'") != std::string::npos);
  FAILURE(EDGEONNX_NOT_FOUND, registry.type_of("churn", "3"));
  CHECK_EQUAL(registry.drop("churn", "1"), int64_t{1});
  CHECK_EQUAL(registry.type_of("churn"), EDGEONNX_TYPE_INT64);
  CHECK_EQUAL(registry.drop("churn"), int64_t{1});
  FAILURE(EDGEONNX_NOT_FOUND, registry.drop("churn"));
  CHECK_EQUAL(registry.list().size(), size_t{1});
}

TEST(test_registry_loads_equal_bytes_once) {
  Registry registry;
  const int64_t before = edgeonnx_live_objects();
  registry.put("a", "1", model(Type::kFloat));
  registry.put("b", "7", model(Type::kFloat));
  const auto all = registry.list();
  CHECK_EQUAL(all.size(), size_t{2});
  CHECK_EQUAL(all[0].substr(4, 8), all[1].substr(4, 8));
  CHECK_EQUAL(registry.drop("a"), int64_t{1});
  CHECK_EQUAL(registry.type_of("b"), EDGEONNX_TYPE_FLOAT);
  CHECK_EQUAL(edgeonnx_live_objects(), before);
}

TEST(test_registry_puts_out_what_was_not_used_longest) {
  Registry registry(2);
  registry.put("a", nullptr, model(Type::kFloat));
  registry.put("b", nullptr, model(Type::kInt64));
  (void)registry.type_of("a");
  registry.put("c", nullptr, model(Type::kDouble));
  CHECK_EQUAL(registry.type_of("a"), EDGEONNX_TYPE_FLOAT);
  const StatusError gone = FAILURE(EDGEONNX_NOT_FOUND, registry.type_of("b"));
  CHECK(std::string(gone.what()).find("make room") != std::string::npos);
  registry.put("b", nullptr, model(Type::kInt64));
  CHECK_EQUAL(registry.type_of("b"), EDGEONNX_TYPE_INT64);
  FAILURE(EDGEONNX_NOT_FOUND, registry.type_of("c"));

  const auto n_bytes = static_cast<int64_t>(model(Type::kFloat).size());
  Registry small(10, n_bytes + n_bytes / 2);
  small.put("a", nullptr, model(Type::kFloat));
  small.put("b", nullptr, model(Type::kInt64));
  FAILURE(EDGEONNX_NOT_FOUND, small.type_of("a"));
  CHECK_EQUAL(small.type_of("b"), EDGEONNX_TYPE_INT64);
  Registry tiny_one(10, 5);
  FAILURE(EDGEONNX_OUT_OF_MEMORY, tiny_one.put("a", nullptr, model(Type::kFloat)));
}

TEST(test_registry_keeps_what_it_has_when_a_load_fails) {
  Registry registry;
  registry.put("a", nullptr, model(Type::kFloat));
  const StatusError error = FAILURE(EDGEONNX_INVALID_MODEL, registry.put("a", nullptr, "no model"));
  CHECK(std::string(error.what()).find("'a'") != std::string::npos);
  CHECK_EQUAL(registry.type_of("a"), EDGEONNX_TYPE_FLOAT);
}

TEST(test_registry_gives_settings_back) {
  Registry registry;
  registry.put("a", nullptr, model(Type::kFloat), "nulls=propagate");
  CHECK(registry.settings_of("a") == "nulls=propagate");
  registry.put("a", nullptr, model(Type::kFloat));
  CHECK(registry.settings_of("a").empty());
  const StatusError error = FAILURE(EDGEONNX_INVALID_ARGUMENT, registry.put("a", nullptr, model(Type::kFloat), "null=propagate"));
  CHECK(contains(error.what(), "nulls"));
}

edgeonnx_binding_options settings_of(const char* text, edgeonnx_null_rule& rule) {
  edgeonnx_binding_options options = binding_options();
  edgeonnx::checked([&](edgeonnx_error* error) { return edgeonnx_settings_parse(text, &options, &rule, error); });
  return options;
}

TEST(test_settings_in_words) {
  edgeonnx_null_rule rule{};
  const edgeonnx_binding_options all = settings_of(" Nulls = PROPAGATE,on_overflow=null , coercion=safe,", rule);
  CHECK(all.null_rules == &rule && all.n_null_rules == 1 && rule.policy == EDGEONNX_NULLS_PROPAGATE && !rule.input);
  CHECK(all.on_overflow == EDGEONNX_ON_OVERFLOW_NULL && all.coercion == EDGEONNX_COERCION_SAFE);
  for (const char* text : {"", "  ", static_cast<const char*>(nullptr)}) {
    const edgeonnx_binding_options none = settings_of(text, rule);
    CHECK(none.coercion == EDGEONNX_COERCION_TSQL && none.on_overflow == EDGEONNX_ON_OVERFLOW_ERROR && rule.policy == EDGEONNX_NULLS_ERROR);
  }
  (void)settings_of("nulls=-7", rule);
  CHECK(rule.policy == EDGEONNX_NULLS_CONSTANT && rule.constant_is_integer == 1 && rule.constant_integer == -7);
  (void)settings_of("nulls=2.5e1", rule);
  CHECK(rule.policy == EDGEONNX_NULLS_CONSTANT && rule.constant_is_integer == 0 && rule.constant == 25);
  for (const char* text : {"nulls='nan'", "nulls = \"nan\"", "nulls=' NaN '"}) {
    (void)settings_of(text, rule);
    CHECK(rule.policy == EDGEONNX_NULLS_NAN);
  }
  for (const char* text : {"nulls='nan", "nulls='", "nulls=''", "nulls='nan\"", "nulls", "nulls=", "nulls=none", "nulls=1x", "nulls=inf",
                           "on_overflow=0", "coercion=any", "mode=1", "=1"}) {
    FAILURE(EDGEONNX_INVALID_ARGUMENT, settings_of(text, rule));
  }
}

TEST(test_registry_serves_many_threads) {
  Registry registry(2);
  std::atomic<int> n_wrong{0}, n_answers{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      constexpr Type kTypes[] = {Type::kFloat, Type::kInt64, Type::kDouble};
      constexpr const char* kNames[] = {"a", "b", "c"};
      for (int i = 0; i < 40; ++i) {
        const int which = (t + i) % 3;
        try {
          if (i % 4 == 0) registry.put(kNames[which], "1", model(kTypes[which]));
          if (i % 7 == 6) (void)registry.drop(kNames[which]);
          n_wrong += registry.type_of(kNames[which]) != static_cast<int32_t>(kTypes[which]);
          ++n_answers;
          (void)registry.list();
        } catch (const StatusError& error) {
          n_wrong += error.code() != EDGEONNX_NOT_FOUND;
        }
      }
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK_EQUAL(n_wrong.load(), 0);
  CHECK(n_answers > 0);
}

}  // namespace

int main() { return check::run(); }
