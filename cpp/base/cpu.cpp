#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx {
namespace {

constexpr Cpu kAll[] = {Cpu::kScalar, Cpu::kAvx2, Cpu::kAvx512};

#if defined(__x86_64__)
/// The parts of a processor's state that the system saves when threads change.
uint32_t saved_state() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Asked of the processor itself: not every compiler comes with the tables that __builtin_cpu_supports reads.
Cpu best() {
  constexpr uint32_t kAvx2 = bit_AVX2, kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  constexpr uint32_t kBeside = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C | bit_POPCNT;
  constexpr uint32_t kYmm = 0x06, kZmm = 0xe6;  // SSE and AVX; those, masks and both halves of the wide registers
  uint32_t a, basic, extended, c, d;
  if (!__get_cpuid(1, &a, &extended, &basic, &d) || (basic & kBeside) != kBeside) return Cpu::kScalar;
  if (!__get_cpuid_count(7, 0, &a, &extended, &c, &d) || !(extended & kAvx2) || (saved_state() & kYmm) != kYmm) return Cpu::kScalar;
  return (extended & kAvx512) == kAvx512 && (saved_state() & kZmm) == kZmm ? Cpu::kAvx512 : Cpu::kAvx2;
}
#else
Cpu best() { return Cpu::kScalar; }
#endif

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
