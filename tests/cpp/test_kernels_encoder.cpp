// The feature operators of ai.onnx.ml against plain rules, on every instruction set.
#include <cstdint>

#include "base/error.h"
#include "kernels/encoder.h"
#include "step_runs.h"

namespace {

using namespace edgeonnx;
using namespace edgeonnx::kernels;
using namespace steps;

template <class T>
void check_scaler() {
  for (const auto& [offset, scale] : {std::pair<float, float>{0.1f, 0.3f}, {1e10f, 1e-5f}, {-3.3f, HUGE_VALF}, {1e-40f, 3.0f}}) {
    for (const Cpu level : levels()) {
      for (const size_t n : kLengths) {
        Tile tile(n);
        const Register x = tile.add(awkward<T>()), y = tile.add_output<float>();
        tile.run(*make_scaler(type_of<T>(), x, offset, scale, y, level));
        std::vector<float> expected;
        for (const T each : tile.values<T>(x)) {
          if constexpr (std::is_same_v<T, double>) {
            expected.push_back(static_cast<float>((each - double{offset}) * double{scale}));
          } else {
            const volatile float moved = static_cast<float>(each) - offset;
            expected.push_back(moved * scale);
          }
        }
        expect(std::string("scaler ") + cpu_name(level), tile.values<float>(y), expected);
      }
    }
  }
}

TEST(test_scaler_rounds_each_operation) {
  check_scaler<float>();
  check_scaler<double>();
  check_scaler<int32_t>();
  check_scaler<int64_t>();
}

template <class T>
void check_imputer() {
  for (const T replaced : {awkward<T>()[0], T(0), T(1)}) {
    for (const Cpu level : levels()) {
      for (const size_t n : kLengths) {
        Tile tile(n);
        const Register x = tile.add(awkward<T>()), y = tile.add_output<T>();
        tile.run(*make_imputer(type_of<T>(), x, Operand::value(replaced), Operand::value(T(77)), y, level));
        std::vector<T> expected;
        for (const T each : tile.values<T>(x))
          expected.push_back(each == replaced || (each != each && replaced != replaced) ? T(77) : each);
        expect(std::string("imputer ") + cpu_name(level), tile.values<T>(y), expected);
      }
    }
  }
}

TEST(test_imputer_replaces_the_value_or_nan) {
  check_imputer<float>();
  check_imputer<int64_t>();
}

TEST(test_binarizer_compares_and_refuses_nan) {
  std::vector<float> values = awkward<float>();
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile bad(n);
      const Register x = bad.add(values), y = bad.add_output<float>();
      if (n) CHECK_ERROR(bad.run(*make_binarizer(x, 0.5f, y, level)), Code::kInferenceFailed);
      Tile good(n);
      const std::vector<float> finite(values.begin() + 1, values.end());
      good.add(finite);
      good.add_output<float>();
      if (n < finite.size()) good.run(*make_binarizer(x, 0.5f, y, level));
      std::vector<float> expected;
      for (const float each : good.values<float>(x)) expected.push_back(each > 0.5f);
      if (n < finite.size()) expect("binarizer", good.values<float>(y), expected);
    }
  }
}

template <class T>
void check_one_hot() {
  const std::vector<int64_t> categories = {0, 1, -1, 2, -18, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      const Register x = tile.add(awkward<T>());
      std::vector<OneHotColumn> outputs;
      for (const int64_t category : categories) outputs.push_back({category, tile.add_output<float>()});
      tile.run(*make_one_hot(type_of<T>(), x, outputs, level));
      for (const OneHotColumn& each : outputs) {
        std::vector<float> expected;
        for (const T value : tile.values<T>(x)) {
          const bool fits =
              !std::is_floating_point_v<T> || (static_cast<double>(value) >= -0x1p+63 && static_cast<double>(value) < 0x1p+63);
          const int64_t whole = fits ? static_cast<int64_t>(value) : std::numeric_limits<int64_t>::min();
          expected.push_back(whole == each.category);
        }
        expect(std::string("one hot ") + cpu_name(level), tile.values<float>(each.column), expected);
      }
    }
  }
}

TEST(test_one_hot_compares_what_a_cast_leaves) {
  check_one_hot<float>();
  check_one_hot<double>();
  check_one_hot<int32_t>();
  check_one_hot<int64_t>();
}

template <class Key, class Value>
void check_label_encoder(const std::vector<Key>& keys, bool nan_equals_nan) {
  std::vector<Value> values;
  for (size_t i = 0; i < keys.size(); ++i) values.push_back(static_cast<Value>(i * 3 + 1));
  std::vector<Key> data = awkward<Key>();
  for (size_t i = 0; i < keys.size(); ++i) {
    data.insert(data.begin() + static_cast<std::ptrdiff_t>(i), keys[i]);
    if (keys[i] < 1000000) data.push_back(static_cast<Key>(keys[i] + Key(1)));
  }
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      const Register x = tile.add(data), y = tile.add_output<Value>();
      const LabelTable table{type_of<Key>(),
                             type_of<Value>(),
                             std::as_bytes(std::span(keys)),
                             std::as_bytes(std::span(values)),
                             keys.size(),
                             Operand::value(Value(-5)),
                             nan_equals_nan};
      tile.run(*make_label_encoder(table, x, y, level));
      std::vector<Value> expected;
      for (const Key each : tile.values<Key>(x)) {
        Value found = Value(-5);
        for (size_t k = keys.size(); k-- > 0;) {
          if (keys[k] == each || (nan_equals_nan && keys[k] != keys[k] && each != each)) found = values[k];
        }
        expected.push_back(found);
      }
      expect(std::string("label encoder of ") + std::to_string(keys.size()) + " " + cpu_name(level), tile.values<Value>(y), expected);
    }
  }
}

template <class Key, class Value>
void check_label_tables() {
  std::vector<Key> few = {Key(3), Key(-2), Key(3)}, dense, sparse;
  for (int i = 0; i < 90; ++i) {
    dense.push_back(static_cast<Key>(i * 37 % 90 - 20));
    sparse.push_back(static_cast<Key>(i * 7919.5 * (i % 3 - 1)));
  }
  dense.push_back(dense.front());
  if constexpr (std::is_floating_point_v<Key>) {
    const Key nan = std::numeric_limits<Key>::quiet_NaN();
    for (auto* keys : {&few, &dense, &sparse}) {
      keys->push_back(nan);
      keys->push_back(nan);
    }
    sparse.push_back(std::numeric_limits<Key>::infinity());
  }
  for (const bool nan_equals_nan : {false, true}) {
    for (const auto& keys : {few, dense, sparse, std::vector<Key>{}}) check_label_encoder<Key, Value>(keys, nan_equals_nan);
  }
}

TEST(test_label_encoder_finds_keys_however_they_lie) {
  check_label_tables<int64_t, int64_t>();
  check_label_tables<int64_t, float>();
  check_label_tables<float, int64_t>();
  check_label_tables<float, float>();
  check_label_tables<double, double>();
  check_label_tables<double, int64_t>();
}

TEST(test_label_encoder_short_table_is_refused) {
  const std::vector<int64_t> keys = {1, 2};
  const LabelTable table{
      Type::kInt64, Type::kInt64, std::as_bytes(std::span(keys)), std::as_bytes(std::span(keys)), 3, Operand::value(int64_t{0}), false};
  CHECK_ERROR(make_label_encoder(table, 0, 1), Code::kInvalidArgument);
}

template <class T>
float norm_of(Norm norm, const std::vector<T>& row) {
  float sum = norm == Norm::kMax ? std::numeric_limits<float>::lowest() : 0.0f;
  for (const T x : row) {
    if (norm == Norm::kMax) sum = sum < static_cast<float>(x) ? static_cast<float>(x) : sum;
    if (norm == Norm::kL1) sum += static_cast<float>(x < 0 ? -x : x);
    if (norm == Norm::kL2) sum += static_cast<float>(x * x);
  }
  return sum;
}

template <class T>
void check_normalizer() {
  std::vector<T> values = awkward<T>();
  // Integers whose squares fit.
  if constexpr (std::is_integral_v<T>) values = {0, 0, 5, T(-7), 100, 0, 3, T(-1), 44, 0, 0};
  for (const Norm norm : {Norm::kMax, Norm::kL1, Norm::kL2}) {
    for (const size_t k : {1, 2, 5}) {
      for (const Cpu level : levels()) {
        for (const size_t n : kLengths) {
          Tile tile(n);
          std::vector<Register> inputs, outputs;
          for (size_t c = 0; c < k; ++c) inputs.push_back(tile.add(c ? turned(values, c * 3) : values));
          for (size_t c = 0; c < k; ++c) outputs.push_back(tile.add_output<float>());
          tile.run(*make_normalizer(norm, type_of<T>(), inputs, outputs, level));
          for (size_t c = 0; c < k; ++c) {
            std::vector<float> expected;
            for (size_t i = 0; i < n; ++i) {
              std::vector<T> row;
              for (const Register input : inputs) row.push_back(tile.values<T>(input)[i]);
              const float size = norm_of(norm, row);
              const auto x = static_cast<float>(row[c]);
              const float root = std::sqrt(static_cast<float>(row[c] * row[c]) / size);
              expected.push_back(size == 0 ? x : norm == Norm::kL2 ? (row[c] < 0 ? -root : root) : x / size);
            }
            expect(std::string("normalizer ") + cpu_name(level), tile.values<float>(outputs[c]), expected);
          }
        }
      }
    }
  }
}

TEST(test_normalizer_divides_by_the_norm_of_the_row) {
  check_normalizer<float>();
  check_normalizer<double>();
  check_normalizer<int32_t>();
  check_normalizer<int64_t>();
}

}  // namespace

int main() { return check::run(); }
