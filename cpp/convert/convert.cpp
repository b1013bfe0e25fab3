// The rules of every pair of types, and the loops generated from them.
#include "convert/convert.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "columns/bitmap.h"

namespace edgeonnx::convert {
namespace {

struct Bit {};    // one bit a value; source only
struct Bool {};   // one byte a value, 0 or 1
struct Half {};   // moved, not yet converted
struct Brain {};  // likewise

template <class T>
struct Stored {
  using type = T;
};
template <>
struct Stored<Bool> {
  using type = uint8_t;
};
template <>
struct Stored<Half> {
  using type = uint16_t;
};
template <>
struct Stored<Brain> {
  using type = uint16_t;
};

template <class T>
constexpr bool is_opaque = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;

/// What the pair does; the one place that knows.
template <class From, class To>
constexpr Rule rule_of() {
  if constexpr (std::is_same_v<From, To>) {
    return Rule::kSame;
  } else if constexpr (is_opaque<From> || is_opaque<To> || std::is_same_v<To, Bit>) {
    return Rule::kNone;
  } else if constexpr (std::is_same_v<From, Bit> || std::is_same_v<From, Bool>) {
    return Rule::kExact;
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Rule::kNonzero;
  } else if constexpr (std::is_floating_point_v<To>) {
    return std::numeric_limits<From>::digits <= std::numeric_limits<To>::digits ? Rule::kExact : Rule::kNearest;
  } else if constexpr (std::is_floating_point_v<From>) {
    return Rule::kTruncate;
  } else {
    constexpr bool fits = std::in_range<To>(std::numeric_limits<From>::min()) && std::in_range<To>(std::numeric_limits<From>::max());
    return fits ? Rule::kExact : Rule::kChecked;
  }
}

/// Whether x may be converted at all. Truncation comes first, then the range: any x strictly between min - 1 and max + 1 is legal.
template <class From, class To>
bool fits(From x) {
  constexpr Rule pair = rule_of<From, To>();
  if constexpr (pair == Rule::kTruncate) {
    // max + 1 is a power of two, exact in every floating type.
    constexpr From above = From{2} * static_cast<From>(uint64_t{1} << (std::numeric_limits<To>::digits - 1));
    if constexpr (std::is_unsigned_v<To>) {
      return x > From{-1} && x < above;
    } else if constexpr (std::numeric_limits<To>::digits >= std::numeric_limits<From>::digits) {
      return x >= -above && x < above;  // min - 1 is not a value of From
    } else {
      return x > -above - 1 && x < above;
    }
  } else if constexpr (pair == Rule::kChecked) {
    return std::in_range<To>(x);
  } else if constexpr (std::is_same_v<From, double> && std::is_same_v<To, float>) {
    // Refused from the first double that rounds to infinity: halfway between the largest float and 2^128. NaN and infinity are kept.
    constexpr double limit = 0x1.ffffffp127;
    return !(std::fabs(x) >= limit) || std::isinf(x);
  } else {
    return true;
  }
}

template <class From, class To>
auto convert_one(typename Stored<From>::type x) -> typename Stored<To>::type {
  if constexpr (std::is_same_v<From, Bool>) {
    return static_cast<typename Stored<To>::type>(x != 0);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return x != 0;
  } else {
    return static_cast<typename Stored<To>::type>(x);
  }
}

template <class From, class To, bool kPacked>
int64_t run(const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t* bad) {
  using S = typename Stored<From>::type;
  using T = typename Stored<To>::type;
  const auto* from = static_cast<const std::byte*>(source.data);
  auto* to = static_cast<std::byte*>(target);
  const auto load = [&](int64_t i) {
    S x;
    std::memcpy(&x, from + i * (kPacked ? int64_t{sizeof(S)} : source.stride), sizeof(S));
    return x;
  };
  const auto store = [&](int64_t i, T y) { std::memcpy(to + i * (kPacked ? int64_t{sizeof(T)} : target_stride), &y, sizeof(T)); };
  constexpr Rule pair = rule_of<From, To>();
  constexpr bool can_fail =
      pair == Rule::kTruncate || pair == Rule::kChecked || (std::is_same_v<From, double> && std::is_same_v<To, float>);
  if constexpr (!can_fail) {
    for (int64_t i = 0; i < n; ++i) store(i, convert_one<From, To>(load(i)));
    return -1;
  } else {
    // No branch a value: failures gather in one flag, looked at once at the end. Bad values become 0 before they are converted, since
    // a conversion out of range is undefined.
    unsigned all_fit = 1;
    for (int64_t i = 0; i < n; ++i) {
      const S x = load(i);
      const bool ok = fits<From, To>(x);
      all_fit &= static_cast<unsigned>(ok);
      store(i, convert_one<From, To>(ok ? x : S{0}));
    }
    if (all_fit) return -1;
    int64_t first = -1;
    for (int64_t i = 0; i < n; ++i) {
      if (fits<From, To>(load(i))) continue;
      if (first < 0) first = i;
      if (!bad) break;
      bad[i] = 1;
    }
    return first;
  }
}

template <class To>
int64_t run_bits(const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t*) {
  using T = typename Stored<To>::type;
  for (int64_t i = 0; i < n; ++i) {
    const T y = static_cast<T>(bit_at(static_cast<const uint8_t*>(source.data), source.offset + i));
    std::memcpy(static_cast<std::byte*>(target) + i * target_stride, &y, sizeof(T));
  }
  return -1;
}

template <class From, class To>
int64_t run_any(const Source& source, void* target, int64_t target_stride, int64_t n, uint8_t* bad) {
  const bool packed =
      source.stride == int64_t{sizeof(typename Stored<From>::type)} && target_stride == int64_t{sizeof(typename Stored<To>::type)};
  return packed ? run<From, To, true>(source, target, target_stride, n, bad) : run<From, To, false>(source, target, target_stride, n, bad);
}

struct Pair {
  Rule rule = Rule::kNone;
  Loop loop = nullptr;
};

template <class From, class To>
Pair pair_of() {
  constexpr Rule pair = rule_of<From, To>();
  if constexpr (pair == Rule::kNone || std::is_same_v<To, Bit>) {
    return {};
  } else if constexpr (std::is_same_v<From, Bit>) {
    return {std::is_same_v<To, Bool> ? Rule::kSame : pair, run_bits<To>};
  } else {
    return {pair, run_any<From, To>};
  }
}

/// Calls visitor with a tag for `type`, as in visitor(std::type_identity<int32_t>{}).
template <class Visitor>
Pair visit(Type type, const Visitor& visitor) {
  switch (type) {
    case Type::kBit:
      return visitor(std::type_identity<Bit>{});
    case Type::kBool:
      return visitor(std::type_identity<Bool>{});
    case Type::kInt8:
      return visitor(std::type_identity<int8_t>{});
    case Type::kUint8:
      return visitor(std::type_identity<uint8_t>{});
    case Type::kInt16:
      return visitor(std::type_identity<int16_t>{});
    case Type::kUint16:
      return visitor(std::type_identity<uint16_t>{});
    case Type::kInt32:
      return visitor(std::type_identity<int32_t>{});
    case Type::kUint32:
      return visitor(std::type_identity<uint32_t>{});
    case Type::kInt64:
      return visitor(std::type_identity<int64_t>{});
    case Type::kUint64:
      return visitor(std::type_identity<uint64_t>{});
    case Type::kFloat16:
      return visitor(std::type_identity<Half>{});
    case Type::kBfloat16:
      return visitor(std::type_identity<Brain>{});
    case Type::kFloat:
      return visitor(std::type_identity<float>{});
    case Type::kDouble:
      return visitor(std::type_identity<double>{});
    default:
      return {};
  }
}

Pair find(Type from, Type to) {
  return visit(from, [to]<class From>(std::type_identity<From>) {
    return visit(to, []<class To>(std::type_identity<To>) { return pair_of<From, To>(); });
  });
}

/// Six decimals of seventeen digits, zeros behind them: SQL Server's text of a float that does not fit.
std::string float_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.16e", x);
  const char* exponent_at = std::strchr(text, 'e');
  const int exponent = exponent_at && std::isfinite(x) ? std::atoi(exponent_at + 1) : 0;
  if (exponent <= 10) {
    std::snprintf(text, sizeof text, "%.6f", x);
    return text;
  }
  std::string digits;
  for (const char* at = text; at < exponent_at; ++at) {
    if (*at >= '0' && *at <= '9') digits += *at;
  }
  digits.resize(static_cast<size_t>(exponent) + 7, '0');
  digits.insert(static_cast<size_t>(exponent) + 1, ".");
  return (x < 0 ? "-" : "") + digits;
}

}  // namespace

Rule rule(Type from, Type to) { return find(from, to).rule; }

Loop loop(Type from, Type to) { return find(from, to).loop; }

int32_t overflow_number(Type from, Type to) {
  const auto is_big = [](Type type) { return type == Type::kInt64 || type == Type::kUint64 || type == Type::kUint32; };
  if (is_big(to) || is_big(from)) return 8115;
  return is_floating(from) ? 232 : 220;
}

std::string value_text(const Source& source, Type type, int64_t i) {
  const auto* at = static_cast<const std::byte*>(source.data) + i * source.stride;
  const auto load = [at]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  switch (type) {
    case Type::kBit:
      return bit_at(static_cast<const uint8_t*>(source.data), source.offset + i) ? "1" : "0";
    case Type::kFloat:
      return float_text(static_cast<double>(load(0.0f)));
    case Type::kDouble:
      return float_text(load(0.0));
    case Type::kUint8:
    case Type::kBool:
      return std::to_string(load(uint8_t{}));
    case Type::kInt8:
      return std::to_string(load(int8_t{}));
    case Type::kUint16:
      return std::to_string(load(uint16_t{}));
    case Type::kInt16:
      return std::to_string(load(int16_t{}));
    case Type::kInt32:
      return std::to_string(load(int32_t{}));
    case Type::kUint32:
      return std::to_string(load(uint32_t{}));
    case Type::kInt64:
      return std::to_string(load(int64_t{}));
    case Type::kUint64:
      return std::to_string(load(uint64_t{}));
    default:
      return "";
  }
}

Error overflow_error(Type from, Type to, const std::string& value) {
  const int32_t number = overflow_number(from, to);
  std::string text;
  switch (number) {
    case 220:
      text = "Arithmetic overflow error for data type " + display_name(to) + ", value = " + value + ".";
      break;
    case 232:
      text = "Arithmetic overflow error for type " + display_name(to) + ", value = " + value + ".";
      break;
    default:
      text = "Arithmetic overflow error converting expression to data type " + display_name(to) + ", value = " + value + ".";
  }
  return Error(Code::kOverflow, text).with_sql_number(number).with_value(value);
}

}  // namespace edgeonnx::convert
