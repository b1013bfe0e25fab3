// The tables of LabelEncoder: few keys are compared one by one, whole numbers that lie close are positions, others are hashed.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/constants.h"
#include "kernels/encoder.h"
#include "kernels/loop_table.h"

namespace edgeonnx::kernels {
namespace {

constexpr size_t kFewKeys = 6;
constexpr double kLargestDense = 65536;  // values: 512 KiB of int64

template <class Key, class Value>
struct Table {
  std::vector<Key> keys;
  std::vector<Value> values;
  std::vector<uint8_t> is_used;
};

template <class T>
ConstantBytes bytes_of(T value) {
  return Operand::value(value).constant;
}

template <class T>
T value_at(std::span<const std::byte> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
  return value;
}

/// The slot of a key, or the free one where it belongs. Keeps step with hash_of() in encoder_loops.h.
template <class Key>
size_t slot_of(Key key, const std::vector<Key>& keys, const std::vector<uint8_t>& is_used, int bits) {
  uint64_t pattern = 0;
  if (key != 0) std::memcpy(&pattern, &key, sizeof key);
  pattern *= 0x9e3779b97f4a7c15u;
  uint64_t at = (pattern ^ (pattern >> 32)) * 0x9e3779b97f4a7c15u >> (64 - bits);
  while (is_used[at] && keys[at] != key) at = (at + 1) & ((uint64_t{1} << bits) - 1);
  return at;
}

template <class Key, class Value>
void hash_keys(const Table<Key, Value>& given, Table<Key, Value>& table, LabelEncoderConstants& constants) {
  constants.search = LabelEncoderConstants::Search::kHash;
  constants.hash_bits = 4;
  while ((size_t{1} << constants.hash_bits) < 2 * given.keys.size()) ++constants.hash_bits;
  const size_t n_slots = size_t{1} << constants.hash_bits;
  table = {std::vector<Key>(n_slots), std::vector<Value>(n_slots), std::vector<uint8_t>(n_slots)};
  for (size_t i = 0; i < given.keys.size(); ++i) {
    const size_t at = slot_of(given.keys[i], table.keys, table.is_used, constants.hash_bits);
    if (table.is_used[at]) continue;  // the first of equal keys counts
    table.keys[at] = given.keys[i];
    table.values[at] = given.values[i];
    table.is_used[at] = 1;
  }
}

/// Whole numbers that a double holds and that lie close.
template <class Key, class Value>
bool place_keys(const Table<Key, Value>& given, Value other, Table<Key, Value>& table, LabelEncoderConstants& constants) {
  const auto [least, most] = std::minmax_element(given.keys.begin(), given.keys.end());
  const auto low = static_cast<double>(*least), high = static_cast<double>(*most);
  const double width = high - low + 1;
  if (!(std::fabs(low) < 0x1p+53 && std::fabs(high) < 0x1p+53)) return false;
  if (width > kLargestDense || width > 1024 + 16 * static_cast<double>(given.keys.size())) return false;
  for (const Key key : given.keys) {
    if (std::floor(static_cast<double>(key)) != static_cast<double>(key)) return false;
  }
  constants.search = LabelEncoderConstants::Search::kDense;
  constants.first = static_cast<int64_t>(*least);
  constants.n_values = static_cast<int64_t>(width);
  table.values.assign(static_cast<size_t>(width), other);
  for (size_t i = given.keys.size(); i-- > 0;)
    table.values[static_cast<size_t>(static_cast<int64_t>(given.keys[i]) - constants.first)] = given.values[i];
  return true;
}

template <class Key, class Value>
LabelEncoderConstants compile(const LabelTable& from) {
  if (from.keys.size() < from.n_keys * sizeof(Key) || from.values.size() < from.n_keys * sizeof(Value)) {
    throw Error(Code::kInvalidArgument, "a label table of " + std::to_string(from.n_keys) + " keys is too short");
  }
  LabelEncoderConstants constants;
  constants.default_value = from.default_value.constant;
  Table<Key, Value> given;
  for (size_t i = 0; i < from.n_keys; ++i) {
    const Key key = value_at<Key>(from.keys, i);
    const Value value = value_at<Value>(from.values, i);
    if (key != key) {
      if (from.nan_equals_nan && !constants.nan_is_key) {
        constants.nan_is_key = true;
        constants.nan_value = bytes_of(value);
      }
      continue;
    }
    given.keys.push_back(key);
    given.values.push_back(value);
  }
  const auto table = std::make_shared<Table<Key, Value>>();
  if (given.keys.size() <= kFewKeys) {
    // From the last to the first: the loop overwrites.
    table->keys.assign(given.keys.rbegin(), given.keys.rend());
    table->values.assign(given.values.rbegin(), given.values.rend());
  } else if (!place_keys(given, value_at<Value>(constants.default_value, 0), *table, constants)) {
    hash_keys(given, *table, constants);
  }
  constants.n_keys = static_cast<int64_t>(given.keys.size());
  constants.keys = table->keys.data();
  constants.values = table->values.data();
  constants.is_used = table->is_used.data();
  constants.owner = table;
  return constants;
}

template <class Key>
LabelEncoderConstants compile_for(const LabelTable& table) {
  switch (table.value_type) {
    case Type::kFloat:
      return compile<Key, float>(table);
    case Type::kDouble:
      return compile<Key, double>(table);
    case Type::kInt64:
      return compile<Key, int64_t>(table);
    default:
      throw Error(Code::kUnsupported, "values of a label table are float, double or int64");
  }
}

LabelEncoderConstants compile_table(const LabelTable& table) {
  switch (table.key_type) {
    case Type::kFloat:
      return compile_for<float>(table);
    case Type::kDouble:
      return compile_for<double>(table);
    case Type::kInt64:
      return compile_for<int64_t>(table);
    default:
      throw Error(Code::kUnsupported, "keys of a label table are float, double or int64");
  }
}

}  // namespace

std::unique_ptr<Step> make_label_encoder(const LabelTable& table, Register x, Register y, Cpu level) {
  LabelEncoderConstants constants = compile_table(table);
  const Loop loop = loops_for(level).label_encoder[element_of(table.key_type)][element_of(table.value_type)];
  return std::make_unique<LoopStep<LabelEncoderConstants>>(loop, std::vector{x}, std::vector{y}, std::move(constants));
}

}  // namespace edgeonnx::kernels
