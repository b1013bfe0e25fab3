// Casts and elementwise operators against plain rules, on every instruction set.
#include <cstdint>
#include <functional>

#include "base/error.h"
#include "kernels/elementwise.h"
#include "step_runs.h"

namespace {

using namespace edgeonnx;
using namespace edgeonnx::kernels;
using namespace steps;

/// `make` for registers x and y, at every level and length, against `rule`.
template <class From, class To>
void check_unary(const std::string& what, const std::vector<From>& values,
                 const std::function<std::unique_ptr<Step>(Register, Register, Cpu)>& make, const std::function<To(From)>& rule) {
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      const Register x = tile.add(values), y = tile.add_output<To>();
      tile.run(*make(x, y, level));
      std::vector<To> expected;
      for (const From each : tile.values<From>(x)) expected.push_back(rule(each));
      expect(what + " " + cpu_name(level), tile.values<To>(y), expected);
    }
  }
}

template <class From, class To>
To cast_rule(From x) {
  if constexpr (sizeof(To) == 1) {
    return x != 0;
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const auto cut = std::trunc(static_cast<long double>(x));
    const bool fits =
        cut >= static_cast<long double>(std::numeric_limits<To>::min()) && cut <= static_cast<long double>(std::numeric_limits<To>::max());
    return fits ? static_cast<To>(x) : std::numeric_limits<To>::min();
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void check_cast(Type from, Type to) {
  check_unary<From, To>(
      std::string("cast ") + onnx_name(from) + " to " + onnx_name(to), awkward<From>(),
      [=](Register x, Register y, Cpu level) { return make_cast(from, to, x, y, level); }, cast_rule<From, To>);
}

template <class From>
void check_casts(Type from) {
  check_cast<From, float>(from, Type::kFloat);
  check_cast<From, double>(from, Type::kDouble);
  check_cast<From, int32_t>(from, Type::kInt32);
  check_cast<From, int64_t>(from, Type::kInt64);
  check_cast<From, uint8_t>(from, Type::kBool);
}

TEST(test_cast_every_pair_of_types_cuts_as_x86_does) {
  check_casts<float>(Type::kFloat);
  check_casts<double>(Type::kDouble);
  check_casts<int32_t>(Type::kInt32);
  check_casts<int64_t>(Type::kInt64);
  check_casts<uint8_t>(Type::kBool);
}

template <class T>
void check_unary_operation(Unary operation, const std::function<T(T)>& rule) {
  check_unary<T, T>(
      "unary " + std::to_string(static_cast<int>(operation)), awkward<T>(),
      [=](Register x, Register y, Cpu level) { return make_unary(operation, type_of<T>(), x, y, level); }, rule);
}

template <class T>
void check_unary_signs() {
  using U = std::make_unsigned_t<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>;
  const auto negated = [](T x) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(U{} - static_cast<U>(x));
    return static_cast<T>(-x);
  };
  check_unary_operation<T>(Unary::kNeg, negated);
  check_unary_operation<T>(Unary::kAbs, [=](T x) {
    if constexpr (std::is_integral_v<T>) return x < 0 ? negated(x) : x;
    return static_cast<T>(std::fabs(x));
  });
  check_unary_operation<T>(Unary::kSign, [](T x) { return x != x ? x : static_cast<T>((x > 0) - (x < 0)); });
}

template <class T>
void check_unary_floating() {
  check_unary_signs<T>();
  check_unary_operation<T>(Unary::kRelu, [](T x) { return x < 0 ? T{} : x; });
  check_unary_operation<T>(Unary::kSqrt, [](T x) { return std::sqrt(x); });
  check_unary_operation<T>(Unary::kFloor, [](T x) { return std::floor(x); });
  check_unary_operation<T>(Unary::kCeil, [](T x) { return std::ceil(x); });
  check_unary_operation<T>(Unary::kReciprocal, [](T x) { return 1 / x; });
  check_unary<T, uint8_t>(
      "is_nan", awkward<T>(), [](Register x, Register y, Cpu level) { return make_unary(Unary::kIsNan, type_of<T>(), x, y, level); },
      [](T x) -> uint8_t { return std::isnan(x); });
}

TEST(test_unary_operators_match_their_rules) {
  check_unary_floating<float>();
  check_unary_floating<double>();
  check_unary_signs<int32_t>();
  check_unary_signs<int64_t>();
  check_unary_operation<int32_t>(Unary::kRelu, [](int32_t x) { return x < 0 ? 0 : x; });
  check_unary_operation<uint8_t>(Unary::kNot, [](uint8_t x) -> uint8_t { return !x; });
}

/// All three ways of standing constants, with every constant of `values`' beginning.
template <class T, class To>
void check_binary(Binary operation, const std::function<To(T, T)>& rule, bool constant_comes_second = false) {
  const std::vector<T> values = awkward<T>();
  const std::string what = "binary " + std::to_string(static_cast<int>(operation));
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      for (const size_t by : {0, 3, 8, 60}) {
        Tile tile(n);
        const Register a = tile.add(values), b = tile.add(turned(values, by)), y = tile.add_output<To>();
        const T c = values[by % values.size()];
        const std::vector<T> as = tile.values<T>(a), bs = tile.values<T>(b);
        std::vector<To> both, right, left;
        for (size_t i = 0; i < n; ++i) {
          both.push_back(rule(as[i], bs[i]));
          right.push_back(rule(as[i], c));
          left.push_back(constant_comes_second ? rule(as[i], c) : rule(c, as[i]));
        }
        tile.run(*make_binary(operation, type_of<T>(), Operand::of(a), Operand::of(b), y, level));
        expect(what + " of columns " + cpu_name(level), tile.values<To>(y), both);
        tile.run(*make_binary(operation, type_of<T>(), Operand::of(a), Operand::value(c), y, level));
        expect(what + " constant second " + cpu_name(level), tile.values<To>(y), right);
        tile.run(*make_binary(operation, type_of<T>(), Operand::value(c), Operand::of(a), y, level));
        expect(what + " constant first " + cpu_name(level), tile.values<To>(y), left);
      }
    }
  }
}

template <class T>
void check_arithmetic() {
  using U = std::conditional_t<std::is_floating_point_v<T>, T, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;
  check_binary<T, T>(Binary::kAdd, [](T a, T b) { return static_cast<T>(U(a) + U(b)); });
  check_binary<T, T>(Binary::kSub, [](T a, T b) { return static_cast<T>(U(a) - U(b)); });
  check_binary<T, T>(Binary::kMul, [](T a, T b) { return static_cast<T>(U(a) * U(b)); });
  check_binary<T, T>(Binary::kMin, [](T a, T b) { return a != a ? a : b != b ? b : a < b ? a : b; }, true);
  check_binary<T, T>(Binary::kMax, [](T a, T b) { return a != a ? a : b != b ? b : a > b ? a : b; }, true);
  check_binary<T, uint8_t>(Binary::kLess, [](T a, T b) -> uint8_t { return a < b; });
  check_binary<T, uint8_t>(Binary::kLessOrEqual, [](T a, T b) -> uint8_t { return a <= b; });
  check_binary<T, uint8_t>(Binary::kGreater, [](T a, T b) -> uint8_t { return a > b; });
  check_binary<T, uint8_t>(Binary::kGreaterOrEqual, [](T a, T b) -> uint8_t { return a >= b; });
  check_binary<T, uint8_t>(Binary::kEqual, [](T a, T b) -> uint8_t { return a == b; });
}

TEST(test_binary_operators_match_their_rules) {
  check_arithmetic<float>();
  check_arithmetic<double>();
  check_arithmetic<int32_t>();
  check_arithmetic<int64_t>();
  check_binary<float, float>(Binary::kDiv, [](float a, float b) { return a / b; });
  check_binary<double, double>(Binary::kDiv, [](double a, double b) { return a / b; });
  check_binary<uint8_t, uint8_t>(Binary::kAnd, [](uint8_t a, uint8_t b) -> uint8_t { return a && b; });
  check_binary<uint8_t, uint8_t>(Binary::kOr, [](uint8_t a, uint8_t b) -> uint8_t { return a || b; });
  check_binary<uint8_t, uint8_t>(Binary::kXor, [](uint8_t a, uint8_t b) -> uint8_t { return a != b; });
  check_binary<uint8_t, uint8_t>(Binary::kEqual, [](uint8_t a, uint8_t b) -> uint8_t { return a == b; });
}

template <class T>
void check_where_and_clip() {
  const std::vector<T> values = awkward<T>(), others = turned(values, 5);
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      const Register c = tile.add(awkward<uint8_t>()), x = tile.add(values), y = tile.add(others), z = tile.add_output<T>();
      const T one = values[4], two = values[3];
      for (const bool x_is_column : {true, false}) {
        for (const bool y_is_column : {true, false}) {
          tile.run(*make_where(type_of<T>(), c, x_is_column ? Operand::of(x) : Operand::value(one),
                               y_is_column ? Operand::of(y) : Operand::value(two), z, level));
          std::vector<T> expected;
          for (size_t i = 0; i < n; ++i) {
            const T chosen = x_is_column ? values[i % values.size()] : one, other = y_is_column ? others[i % others.size()] : two;
            expected.push_back(tile.values<uint8_t>(c)[i] ? (chosen == 0 ? T(0) : chosen) : other);
          }
          expect(std::string("where ") + cpu_name(level), tile.values<T>(z), expected);
        }
      }
      for (size_t bound = 0; bound < 12; ++bound) {
        const T low = values[bound], high = values[(bound * 5 + 1) % 14];
        tile.run(*make_clip(type_of<T>(), x, Operand::value(low), Operand::value(high), z, level));
        std::vector<T> expected;
        for (const T each : tile.values<T>(x)) {
          const T raised = each < low ? low : each;
          expected.push_back(raised > high ? high : raised);
        }
        expect(std::string("clip ") + cpu_name(level), tile.values<T>(z), expected);
      }
    }
  }
}

TEST(test_where_and_clip_match_their_rules) {
  check_where_and_clip<float>();
  check_where_and_clip<double>();
  check_where_and_clip<int32_t>();
  check_where_and_clip<int64_t>();
}

/// Within `most` units in the last place of the long double function, and the same bits at every level.
void check_function(Unary operation, long double (*truth)(long double), double most) {
  std::vector<double> values = awkward<double>();
  for (int i = -4000; i < 4000; ++i) values.push_back(i * 0.19 + 1e-3);
  for (int i = 0; i < 500; ++i) values.push_back((i % 2 ? 1 : -1) * std::ldexp(1.37, -i * 2));
  std::vector<double> first;
  for (const Cpu level : levels()) {
    Tile tile(values.size());
    const Register x = tile.add(values), y = tile.add_output<double>();
    tile.run(*make_unary(operation, Type::kDouble, x, y, level));
    const std::vector<double> found = tile.values<double>(y);
    if (first.empty()) first = found;
    expect(std::string("the scalar level and ") + cpu_name(level), found, first);
    for (size_t i = 0; i < values.size(); ++i) {
      const long double expected = truth(values[i]);
      const auto rounded = static_cast<double>(expected);
      if (!std::isfinite(rounded) || rounded == 0) {
        if (!is_same(found[i], rounded))
          check::fail(cpu_name(level), static_cast<int>(i), std::to_string(values[i]) + " gives " + std::to_string(found[i]));
        continue;
      }
      const double magnitude = std::fabs(rounded);
      const double ulp = std::fmax(std::nextafter(magnitude, HUGE_VAL) - magnitude, std::numeric_limits<double>::denorm_min());
      const auto error = static_cast<double>(std::fabs(static_cast<long double>(found[i]) - expected)) / ulp;
      if (!(error <= most))
        check::fail(cpu_name(level), static_cast<int>(i), std::to_string(values[i]) + " is off by " + std::to_string(error));
    }
  }
}

TEST(test_functions_of_doubles_are_within_two_ulp) {
  check_function(Unary::kExp, [](long double x) { return std::exp(x); }, 1);
  check_function(Unary::kLog, [](long double x) { return std::log(x); }, 1);
  check_function(Unary::kTanh, [](long double x) { return std::tanh(x); }, 2);
  check_function(Unary::kSigmoid, [](long double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, 2);
}

TEST(test_elementwise_refuses_what_it_has_no_loop_for) {
  CHECK_ERROR(make_unary(Unary::kSqrt, Type::kInt64, 0, 1), Code::kUnsupported);
  CHECK_ERROR(make_binary(Binary::kDiv, Type::kInt32, Operand::of(0), Operand::of(1), 2), Code::kUnsupported);
  CHECK_ERROR(make_binary(Binary::kAdd, Type::kFloat, Operand::value(1.0f), Operand::value(1.0f), 2), Code::kInvalidArgument);
  CHECK_ERROR(make_cast(Type::kString, Type::kFloat, 0, 1), Code::kUnsupported);
}

}  // namespace

int main() { return check::run(); }
