// EDGEONNX_CPU: which instructions the vector code uses. Found out once per process, so that every case has a child of its own.
#include <cstdlib>
#include <string>

#include "check.h"
#include "child.h"
#include "edgeonnx/edgeonnx.h"

namespace {

/// What edgeonnx_cpu tells under this cap; the message where it fails.
std::string cpu_under(const char* cap) {
  cap ? setenv("EDGEONNX_CPU", cap, 1) : unsetenv("EDGEONNX_CPU");
  char text[256] = "";
  edgeonnx_error error{text, sizeof text, 0, "", "", -1, 0, 0};
  const char* name = nullptr;
  if (edgeonnx_cpu(&name, &error) == EDGEONNX_OK) return name;
  return error.code == EDGEONNX_INVALID_ARGUMENT ? text : "another error";
}

std::string best() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) return "scalar";
  for (const bool has : {bool(__builtin_cpu_supports("avx512f")), bool(__builtin_cpu_supports("avx512bw")),
                         bool(__builtin_cpu_supports("avx512dq")), bool(__builtin_cpu_supports("avx512vl"))}) {
    if (!has) return "avx2";
  }
  return "avx512";
}

TEST(test_cpu_is_the_best_of_the_processor_under_the_cap) {
  CHECK_EQUAL(in_child([] { return cpu_under(nullptr) == best(); }), 0);
  CHECK_EQUAL(in_child([] { return cpu_under("") == best(); }), 0);
  CHECK_EQUAL(in_child([] { return cpu_under("avx512") == best(); }), 0);
  CHECK_EQUAL(in_child([] { return cpu_under("avx2") == (best() == "scalar" ? "scalar" : "avx2"); }), 0);
  CHECK_EQUAL(in_child([] { return cpu_under("scalar") == "scalar"; }), 0);
}

TEST(test_cpu_is_found_out_once) {
  CHECK_EQUAL(in_child([] { return cpu_under("scalar") == "scalar" && cpu_under(nullptr) == "scalar"; }), 0);
}

TEST(test_cpu_unknown_cap_is_told_until_it_is_put_right) {
  CHECK_EQUAL(in_child([] {
                const std::string text = cpu_under("sse9");
                return text.find("'sse9'") != std::string::npos && text.find("EDGEONNX_CPU") != std::string::npos &&
                       cpu_under("scalar") == "scalar";
              }),
              0);
}

TEST(test_cpu_unknown_cap_stops_a_cast) {
  CHECK_EQUAL(in_child([] {
                setenv("EDGEONNX_CPU", "AVX2", 1);
                const double x = 1;
                float y = 0;
                edgeonnx_column column{};
                column.data = &x;
                column.stride = sizeof x;
                const edgeonnx_field field{"x", nullptr, 1, EDGEONNX_TYPE_DOUBLE, 0, 0};
                const edgeonnx_result to{nullptr, EDGEONNX_TYPE_FLOAT, 0, 0, 0};
                const edgeonnx_output output{&y, sizeof y, nullptr};
                return edgeonnx_column_cast(&field, &column, 1, &to, nullptr, &output, nullptr, nullptr) == EDGEONNX_INVALID_ARGUMENT;
              }),
              0);
}

TEST(test_cpu_null_pointer_is_an_invalid_argument) { CHECK_EQUAL(edgeonnx_cpu(nullptr, nullptr), EDGEONNX_INVALID_ARGUMENT); }

}  // namespace

int main() { return check::run(); }
