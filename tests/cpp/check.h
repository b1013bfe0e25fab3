// What a C++ test needs and no more: cases that register themselves, checks that name file, line and values. CTest is the runner.
#pragma once

#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace check {

struct Case {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& n_failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

inline void fail(const char* file, int line, const std::string& what) {
  std::cerr << file << ":" << line << ": " << what << "\n";
  ++n_failures();
}

inline int run() {
  for (const Case& each : cases()) {
    const int before = n_failures();
    try {
      each.body();
    } catch (const std::exception& error) {
      fail(each.name.c_str(), 0, std::string("unexpected exception: ") + error.what());
    }
    std::cout << (n_failures() == before ? "passed " : "FAILED ") << each.name << "\n";
  }
  std::cout << cases().size() << " cases, " << n_failures() << " failed checks\n";
  return n_failures() == 0 && !cases().empty() ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                           \
  static void name();                                        \
  static const check::Register register_##name(#name, name); \
  static void name()

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) check::fail(__FILE__, __LINE__, "CHECK(" #condition ")"); \
  } while (false)

#define CHECK_EQUAL(a, b)                                                     \
  do {                                                                        \
    const auto check_a = (a); /* copies: `a` may refer into a temporary */    \
    const auto check_b = (b);                                                 \
    if (!(check_a == check_b)) {                                              \
      std::cerr << "  left: " << check_a << "\n  right: " << check_b << "\n"; \
      check::fail(__FILE__, __LINE__, "CHECK_EQUAL(" #a ", " #b ")");         \
    }                                                                         \
  } while (false)

/// The statement must throw edgeonnx::Error with this code.
#define CHECK_ERROR(statement, expected)                                                                          \
  do {                                                                                                            \
    try {                                                                                                         \
      statement;                                                                                                  \
      check::fail(__FILE__, __LINE__, "no error from " #statement);                                               \
    } catch (const edgeonnx::Error& check_error) {                                                                \
      if (check_error.code() != (expected))                                                                       \
        check::fail(__FILE__, __LINE__, std::string("another error from " #statement ": ") + check_error.what()); \
    }                                                                                                             \
  } while (false)
