#include "base/cpu.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx {
namespace {

constexpr Cpu kAll[] = {Cpu::kScalar, Cpu::kAvx2, Cpu::kAvx512};

Cpu best() {
#if defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (!has_avx2) return Cpu::kScalar;
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl");
  return has_avx512 ? Cpu::kAvx512 : Cpu::kAvx2;
#else
  return Cpu::kScalar;
#endif
}

Cpu capped() {
  const char* cap = std::getenv("EDGEONNX_CPU");
  if (!cap || !*cap) return best();
  for (const Cpu each : kAll) {
    if (std::string(cap) == cpu_name(each)) return std::min(each, best());
  }
  throw Error(Code::kInvalidArgument, "EDGEONNX_CPU is " + in_quotes(cap) + "; use scalar, avx2 or avx512, or unset it");
}

}  // namespace

Cpu cpu() {
  static const Cpu chosen = capped();  // tried again at the next call if it throws
  return chosen;
}

const char* cpu_name(Cpu cpu) {
  constexpr const char* kNames[] = {"scalar", "avx2", "avx512"};
  return kNames[static_cast<int>(cpu)];
}

}  // namespace edgeonnx
