// Which instructions the vector code may use: what the processor has, capped by EDGEONNX_CPU.
#pragma once

namespace edgeonnx {

enum class Cpu {
  kScalar = 0,  ///< what every x86-64 has
  kAvx2 = 1,    ///< AVX2, FMA, F16C
  kAvx512 = 2,  ///< also AVX-512 F, BW, DQ, VL
};

/// Found out once per process. Throws Error(kInvalidArgument) if EDGEONNX_CPU is set to anything but scalar, avx2 or avx512. A cap above
/// what the processor has changes nothing.
Cpu cpu();

/// "scalar", "avx2", "avx512".
const char* cpu_name(Cpu cpu);

}  // namespace edgeonnx
