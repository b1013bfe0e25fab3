// The loops between types of fixed size, for every instruction set that the processor has, against exact arithmetic.
#include <random>
#include <string>

#include "check.h"
#include "convert/convert.h"
#include "convert/loop_table.h"
#include "exact.h"

namespace {

using namespace exact;
using edgeonnx::convert::Conversion;
using edgeonnx::convert::conversion;
using edgeonnx::convert::kNumberTypes;
using edgeonnx::convert::Loop;
using edgeonnx::convert::LoopTable;
using edgeonnx::convert::Outcome;
using edgeonnx::convert::run;
using edgeonnx::convert::Source;

struct Variant {
  std::string name;
  const LoopTable& loops;

  Loop loop(Type from, Type to) const { return loops[place(from)][place(to)]; }

 private:
  static size_t place(Type type) {
    return static_cast<size_t>(std::find(kNumberTypes.begin(), kNumberTypes.end(), type) - kNumberTypes.begin());
  }
};

/// What the processor can run, whatever EDGEONNX_CPU says.
const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = [] {
    std::vector<Variant> found = {{"scalar", edgeonnx::convert::scalar::kLoops}};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) found.push_back({"avx2", edgeonnx::convert::avx2::kLoops});
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      found.push_back({"avx512", edgeonnx::convert::avx512::kLoops});
    }
    return found;
  }();
  return all;
}

std::string pair_text(Type from, Type to) { return display_name(from) + " -> " + display_name(to); }

/// Values of one type with what must become of them in another.
class Expectation {
 public:
  Expectation(Type from, Type to, const std::vector<Exact>& values) : from_(from), to_(to), values_(values) {
    for (size_t i = 0; i < values.size(); ++i) {
      expected_.push_back(convert(to, values[i]));
      if (!expected_[i].fits && first_bad_ < 0) first_bad_ = static_cast<int64_t>(i);
      n_changed_ += expected_[i].is_changed;
    }
  }

  int64_t n() const { return static_cast<int64_t>(values_.size()); }

  /// The values, a stride apart; `first` is where the first stands.
  void store_at(std::byte* first, int64_t stride) const {
    for (int64_t i = 0; i < n(); ++i) store(from_, values_[static_cast<size_t>(i)], first + i * stride);
  }

  /// `flags` began as sevens, or is null.
  void check(const std::string& what, const std::byte* first, int64_t stride, const Outcome& outcome, const uint8_t* flags) const {
    const std::string text = what + ", " + pair_text(from_, to_) + ": ";
    for (int64_t i = 0; i < n(); ++i) {
      const Converted& expected = expected_[static_cast<size_t>(i)];
      const Exact x = values_[static_cast<size_t>(i)], y = load(to_, first + i * stride);
      if (!same(y, expected.value)) {
        check::fail(__FILE__, __LINE__,
                    text + std::to_string(x) + " became " + std::to_string(y) + ", not " + std::to_string(expected.value));
      }
      if (flags && flags[i] != (expected.fits ? 7 : 1)) check::fail(__FILE__, __LINE__, text + "flag of " + std::to_string(x));
    }
    if (outcome.first_bad != first_bad_) {
      check::fail(__FILE__, __LINE__,
                  text + "first bad value at " + std::to_string(outcome.first_bad) + ", not " + std::to_string(first_bad_));
    }
    if (outcome.n_changed != n_changed_) {
      check::fail(__FILE__, __LINE__, text + std::to_string(outcome.n_changed) + " changed, not " + std::to_string(n_changed_));
    }
  }

 private:
  Type from_, to_;
  std::vector<Exact> values_;
  std::vector<Converted> expected_;
  int64_t first_bad_ = -1;
  int64_t n_changed_ = 0;
};

/// Runs every variant over the values as they lie in an array.
void check_loops(Type from, Type to, const std::vector<Exact>& values) {
  const Expectation expectation(from, to, values);
  const size_t n = values.size();
  std::vector<std::byte> source(n * static_cast<size_t>(size_of(from))), target(n * static_cast<size_t>(size_of(to)));
  expectation.store_at(source.data(), size_of(from));
  const Conversion found = conversion({from}, {to});
  for (const Variant& variant : variants()) {
    for (const bool flags : {false, true}) {
      std::fill(target.begin(), target.end(), std::byte{0xAB});
      std::vector<uint8_t> bad(n, 7);
      uint8_t* const given = flags ? bad.data() : nullptr;
      const Outcome outcome = variant.loop(from, to)(found, source.data(), target.data(), expectation.n(), given);
      expectation.check(variant.name, target.data(), size_of(to), outcome, given);
    }
  }
}

/// Runs the conversion from and to the given strides; negative ones begin at the far end.
void check_strides(Type from, Type to, const std::vector<Exact>& values, int64_t from_stride, int64_t to_stride) {
  const Expectation expectation(from, to, values);
  const int64_t n = expectation.n();
  const auto room = [n](Type type, int64_t stride) { return static_cast<size_t>((n - 1) * std::abs(stride) + size_of(type)); };
  std::vector<std::byte> source(room(from, from_stride)), target(room(to, to_stride), std::byte{0xAB});
  std::byte* first_source = source.data() + (from_stride < 0 ? (1 - n) * from_stride : 0);
  std::byte* first_target = target.data() + (to_stride < 0 ? (1 - n) * to_stride : 0);
  expectation.store_at(first_source, from_stride);
  std::vector<uint8_t> bad(values.size(), 7);
  const Outcome outcome = run(conversion({from}, {to}), {first_source, from_stride, 0}, first_target, to_stride, n, bad.data());
  const std::string strides = "strides " + std::to_string(from_stride) + " and " + std::to_string(to_stride);
  expectation.check(strides, first_target, to_stride, outcome, bad.data());
}

template <class Body>
void for_every_pair(const Body& body) {
  for (const Type from : kTypes) {
    for (const Type to : kTypes) body(from, to);
  }
}

std::vector<Exact> fitting(std::vector<Exact> values, Type to) {
  std::erase_if(values, [to](Exact x) { return !convert(to, x).fits; });
  return values;
}

/// n values, taken from `pool` at random.
std::vector<Exact> sample(const std::vector<Exact>& pool, size_t n, std::mt19937_64& random) {
  std::vector<Exact> values;
  while (values.size() < n) values.push_back(pool[random() % pool.size()]);
  return values;
}

TEST(test_convert_limits_of_every_pair_match_exact_arithmetic) {
  for_every_pair([](Type from, Type to) {
    for (const Exact value : interesting_values(from)) check_loops(from, to, {value});
  });
}

TEST(test_convert_long_columns_count_what_changes_and_tell_the_first_that_does_not_fit) {
  std::mt19937_64 random(5);
  for_every_pair([&](Type from, Type to) {
    const std::vector<Exact> values = interesting_values(from), good = fitting(values, to);
    check_loops(from, to, sample(good, 2603, random));
    check_loops(from, to, sample(values, 2603, random));
    check_loops(from, to, std::vector<Exact>(2603, good.back()));
    // One bad value, in a block of its own.
    for (const Exact x : values) {
      if (convert(to, x).fits) continue;
      std::vector<Exact> column = sample(good, 2603, random);
      column[random() % column.size()] = x;
      check_loops(from, to, column);
      break;
    }
  });
}

TEST(test_convert_any_bits_match_exact_arithmetic) {
  std::mt19937_64 random(6);
  for_every_pair([&](Type from, Type to) {
    std::vector<Exact> values;
    while (values.size() < 1000) {
      // Of many sizes: integers would else be large, almost all.
      const uint64_t bits = is_floating(from) ? random() : random() >> (random() % 64);
      values.push_back(from == Type::kBool ? Exact(bits & 1) : load(from, reinterpret_cast<const std::byte*>(&bits)));
    }
    check_loops(from, to, values);
    check_loops(from, to, fitting(values, to));
  });
}

TEST(test_convert_every_short_float_is_read_exactly) {
  for (const Type from : {Type::kFloat16, Type::kBfloat16}) {
    std::vector<Exact> values;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) values.push_back(decode(format_of(from), bits));
    for (const Type to : kTypes) check_loops(from, to, values);
  }
}

TEST(test_convert_to_short_floats_rounds_once) {
  for (const Type to : {Type::kFloat16, Type::kBfloat16}) {
    const Format format = format_of(to);
    std::vector<Exact> doubles;
    for (uint32_t bits = 0; bits < 0x7FFF; ++bits) {
      const Exact x = decode(format, bits), next = decode(format, bits + 1);
      if (!std::isfinite(x) || !std::isfinite(next)) continue;
      const double middle = static_cast<double>((x + next) / 2);
      for (const double near : {std::nextafter(middle, 0.0), middle, std::nextafter(middle, kInfinity)}) {
        doubles.push_back(bits % 2 ? near : -near);
      }
    }
    check_loops(Type::kDouble, to, doubles);
    for (const Type from : {Type::kFloat, Type::kInt16, Type::kUint16, Type::kInt32, Type::kUint32, Type::kInt64, Type::kUint64}) {
      std::vector<Exact> values;
      for (const Exact x : doubles) {
        for (const Exact near : {x - 1, x, x + 1, -x}) {
          if (holds(from, near)) values.push_back(near);
        }
      }
      check_loops(from, to, values);
    }
  }
}

TEST(test_convert_64_bit_integers_round_once) {
  std::mt19937_64 random(7);
  std::vector<Exact> values;
  for (int length = 20; length <= 64; ++length) {
    for (const int precision : {8, 11, 24, 53}) {
      if (length <= precision) continue;
      for (int i = 0; i < 8; ++i) {
        // `precision` bits, a one behind them and then zeros: halfway.
        const uint64_t top = (random() | uint64_t{1} << 63) >> (64 - precision);
        const Exact middle = std::ldexp(static_cast<Exact>(2 * top + 1), length - precision - 1);
        values.insert(values.end(), {middle - 1, middle, middle + 1});
      }
    }
  }
  for (size_t i = values.size(); i-- > 0;) values.push_back(-values[i]);
  for (const Type from : {Type::kInt64, Type::kUint64}) {
    std::vector<Exact> held = values;
    std::erase_if(held, [from](Exact x) { return !holds(from, x); });
    for (const Type to : {Type::kFloat, Type::kDouble, Type::kBfloat16, Type::kFloat16}) check_loops(from, to, held);
  }
}

TEST(test_convert_any_stride_gives_the_same_values) {
  std::mt19937_64 random(8);
  for_every_pair([&](Type from, Type to) {
    // More than two of the blocks in which such values are brought together.
    const std::vector<Exact> values = sample(interesting_values(from), 1100, random);
    const int64_t size = size_of(from), width = size_of(to);
    for (const int64_t stride : {size, size + 1, 3 * size, -size, -size - 3}) {
      for (const int64_t to_stride : {width, width + 1, 5 * width, -width}) check_strides(from, to, values, stride, to_stride);
    }
  });
}

TEST(test_convert_unaligned_memory_gives_the_same_values) {
  std::mt19937_64 random(9);
  for_every_pair([&](Type from, Type to) {
    const Expectation expectation(from, to, sample(interesting_values(from), 600, random));
    const auto n = static_cast<size_t>(expectation.n());
    for (const size_t offset : {1, 3}) {
      std::vector<std::byte> source(offset + n * static_cast<size_t>(size_of(from))), target(offset + n * static_cast<size_t>(size_of(to)));
      expectation.store_at(&source[offset], size_of(from));
      std::vector<uint8_t> bad(n, 7);
      const Outcome outcome =
          run(conversion({from}, {to}), {&source[offset], size_of(from), 0}, &target[offset], size_of(to), expectation.n(), bad.data());
      expectation.check("unaligned", &target[offset], size_of(to), outcome, bad.data());
    }
  });
}

TEST(test_convert_stride_zero_repeats_one_value) {
  const double x = 41.9;
  std::vector<int32_t> y(1037);
  const Outcome outcome = run(conversion({Type::kDouble}, {Type::kInt32}), {&x, 0, 0}, y.data(), 4, 1037, nullptr);
  CHECK(y == std::vector<int32_t>(1037, 41));
  CHECK_EQUAL(outcome.first_bad, int64_t{-1});
  CHECK_EQUAL(outcome.n_changed, int64_t{1037});
}

TEST(test_convert_documented_examples) {
  struct Example {
    Type from, to;
    Exact value, converted;
    bool is_changed;
  };
  const Example examples[] = {
      {Type::kDouble, Type::kInt32, 10.6496, 10, true},
      {Type::kDouble, Type::kInt32, -10.6496, -10, true},
      {Type::kDouble, Type::kInt32, 2147483647.9, 2147483647, true},
      {Type::kDouble, Type::kInt32, -2147483648.9, -2147483648.0L, true},
      {Type::kDouble, Type::kUint8, -0.9, 0, true},
      {Type::kFloat, Type::kUint8, 255.9375, 255, true},
      {Type::kDouble, Type::kBool, 0.4, 1, true},
      {Type::kDouble, Type::kInt64, -0.0L, 0, false},
      {Type::kInt32, Type::kFloat, 16777217, 16777216, true},
      {Type::kInt64, Type::kDouble, 9007199254740993.0L, 9007199254740992.0L, true},
      {Type::kInt64, Type::kBool, -4294967296.0L, 1, true},
      {Type::kDouble, Type::kFloat, 3.4028235677973362e38, FLT_MAX, true},
      {Type::kDouble, Type::kFloat16, 65519, 65504, true},
      {Type::kDouble, Type::kInt64, -9223372036854775808.0L, -9223372036854775808.0L, false},
  };
  for (const auto& [from, to, value, converted, is_changed] : examples) {
    std::byte source[8], target[8];
    store(from, value, source);
    const Outcome outcome = run(conversion({from}, {to}), {source, 0, 0}, target, 0, 1, nullptr);
    CHECK_EQUAL(outcome.first_bad, int64_t{-1});
    CHECK_EQUAL(outcome.n_changed, int64_t{is_changed});
    CHECK_EQUAL(load(to, target), converted);
  }
}

TEST(test_convert_bits_from_any_offset) {
  const std::vector<uint8_t> bits = {0b10110100, 0b01100011, 0b11111110};
  for (const Type to : kTypes) {
    for (int64_t offset = 0; offset <= 17; ++offset) {
      std::vector<std::byte> target(7 * 9);
      const Outcome outcome = run(conversion({Type::kBit}, {to}), {bits.data(), 0, offset}, target.data(), 9, 7, nullptr);
      CHECK(outcome.first_bad == -1 && outcome.n_changed == 0);
      for (int64_t i = 0; i < 7; ++i)
        CHECK_EQUAL(load(to, target.data() + 9 * i), Exact(bits[static_cast<size_t>(offset + i) / 8] >> ((offset + i) % 8) & 1));
    }
  }
}

TEST(test_convert_long_bitmaps_keep_their_order) {
  std::vector<uint8_t> bits(200);
  std::mt19937 random(10);
  for (uint8_t& byte : bits) byte = static_cast<uint8_t>(random());
  std::vector<float> target(1500);
  run(conversion({Type::kBit}, {Type::kFloat}), {bits.data(), 0, 3}, target.data(), 4, 1500, nullptr);
  for (size_t i = 0; i < 1500; ++i) CHECK_EQUAL(target[i], static_cast<float>(bits[(i + 3) / 8] >> ((i + 3) % 8) & 1));
}

TEST(test_convert_any_byte_but_zero_is_a_true_bool) {
  const std::vector<uint8_t> bytes = {0, 1, 2, 255, 0, 128, 1, 77, 3};
  for (const Variant& variant : variants()) {
    for (const Type to : kTypes) {
      std::vector<std::byte> target(9 * 8);
      const Outcome outcome = variant.loop(Type::kBool, to)(conversion({Type::kBool}, {to}), bytes.data(), target.data(), 9, nullptr);
      for (size_t i = 0; i < 9; ++i) CHECK_EQUAL(load(to, &target[i * static_cast<size_t>(size_of(to))]), Exact(bytes[i] != 0));
      CHECK(outcome.first_bad == -1 && outcome.n_changed == 0);
    }
  }
}

TEST(test_convert_equal_types_move_bits_as_they_are) {
  const uint16_t halves[] = {0x3C00, 0x7E00, 0xFFFF, 0x7C01};
  const uint32_t signalling = 0x7F800001;
  for (const Type type : {Type::kFloat16, Type::kBfloat16}) {
    uint16_t moved[4] = {};
    run(conversion({type}, {type}), {halves + 3, -2, 0}, moved, 2, 4, nullptr);
    CHECK(moved[0] == 0x7C01 && moved[1] == 0xFFFF && moved[2] == 0x7E00 && moved[3] == 0x3C00);
  }
  uint32_t kept = 0;
  run(conversion({Type::kFloat}, {Type::kFloat}), {&signalling, 4, 0}, &kept, 4, 1, nullptr);
  CHECK_EQUAL(kept, signalling);
}

TEST(test_convert_no_values_touches_nothing) {
  for_every_pair([](Type from, Type to) {
    const Outcome outcome = run(conversion({from}, {to}), {nullptr, size_of(from), 0}, nullptr, size_of(to), 0, nullptr);
    CHECK(outcome.first_bad == -1 && outcome.n_changed == 0);
  });
}

}  // namespace

int main() { return check::run(); }
