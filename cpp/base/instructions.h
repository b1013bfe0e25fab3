// Regions that are compiled for more instructions than every processor has: between EDGEONNX_BEGIN_INSTRUCTIONS("avx2,...") and
// EDGEONNX_END_INSTRUCTIONS, each on a line of its own. What a region includes from the standard library is to be included before it.
#pragma once

#define EDGEONNX_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define EDGEONNX_BEGIN_INSTRUCTIONS(list) EDGEONNX_PRAGMA(clang attribute push(__attribute__((target(list))), apply_to = function))
#define EDGEONNX_END_INSTRUCTIONS EDGEONNX_PRAGMA(clang attribute pop)
#define EDGEONNX_WIDEST_VECTORS  // clang uses registers of 64 bytes where there are some
#else
#define EDGEONNX_BEGIN_INSTRUCTIONS(list) EDGEONNX_PRAGMA(GCC push_options) EDGEONNX_PRAGMA(GCC target(list))
#define EDGEONNX_END_INSTRUCTIONS EDGEONNX_PRAGMA(GCC pop_options)
#define EDGEONNX_WIDEST_VECTORS ",prefer-vector-width=512"
#endif
