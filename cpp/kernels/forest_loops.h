// The loops of tree ensembles, as one table for each level of instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "kernels/forest_compiled.h"

namespace edgeonnx::kernels::forest {

inline constexpr int kTableWidths = 5;  ///< 16 << i

template <class T>
struct ValueLoops {
  /// The bins of kRows values, written to the search's lines of the tile; `cuts` are all of Bins. bytes: of a bin.
  void (*search)(const Search& search, int bytes, const T* cuts, const T* values, uint8_t* tile);
  /// By Aggregate and width: takes n lookups, one after the other, into kRows sums on a cache line boundary.
  void (*look_up[3][kTableWidths])(const Lookup* lookups, size_t n, const T* tables, const uint8_t* slots, T* sums);
};

/// Evaluates n blocks of one shape for all rows of a tile. Returns where the code goes on.
using Select = const uint8_t* (*)(const uint8_t* code, int32_t n, const uint8_t* tile, uint8_t* slots);

struct Loops {
  ValueLoops<float> floats;
  ValueLoops<double> doubles;
  Select select[2][kShapeCount];  ///< by bytes of a bin - 1 and shape
};

/// Those of a level that the build has; the best below it otherwise.
const Loops& loops_of(Cpu cpu);

namespace scalar {
extern const Loops kLoops;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Loops kLoops;
}
namespace avx512 {
extern const Loops kLoops;
}
#endif

}  // namespace edgeonnx::kernels::forest
