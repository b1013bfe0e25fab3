// The shapes of the blocks into which trees are cut: binary trees of a few splits, the heavier child always first.
#pragma once

#include <array>
#include <cstdint>

namespace edgeonnx::kernels::forest {

/// Splits that a block of any shape has at most. More save loads and stores of results between blocks, but the shapes grow in number (1, 1,
/// 2, 3, 6, 11, 23 by splits), and a change of shape is a jump.
inline constexpr int kMaxAnySplits = 5;
/// Only the perfect tree of depth 3 is larger: perfect trees, as some libraries grow them, then need few blocks.
inline constexpr int kMaxBlockSplits = 7;

/// A shape is written as its nodes in preorder from the lowest bit: 1 is a split, followed by its first and its second child; 0 is a child
/// that stands outside of the block.
using ShapeCode = uint32_t;

struct Shape {
  ShapeCode code = 0;
  int n_splits = 0;
};

inline constexpr ShapeCode kPerfect1 = 0b001;
inline constexpr ShapeCode kPerfect2 = 1u | kPerfect1 << 1 | kPerfect1 << 4;
inline constexpr ShapeCode kPerfect3 = 1u | kPerfect2 << 1 | kPerfect2 << 8;

inline constexpr int kShapeCount = 1 + 1 + 2 + 3 + 6 + 1;

/// By number of splits, the smallest first; the perfect tree of depth 3 last.
constexpr std::array<Shape, kShapeCount> make_shapes() {
  std::array<Shape, kShapeCount> shapes{};
  std::array<int, kMaxAnySplits + 2> begin{};
  int count = 0;
  for (int n = 1; n <= kMaxAnySplits; ++n) {
    begin[n] = count;
    for (int first = n - 1; 2 * first >= n - 1; --first) {
      const int second = n - 1 - first;
      const int n_first = first == 0 ? 1 : begin[first + 1] - begin[first];
      const int n_second = second == 0 ? 1 : begin[second + 1] - begin[second];
      for (int i = 0; i < n_first; ++i) {
        for (int j = 0; j < n_second; ++j) {
          const ShapeCode a = first == 0 ? 0 : shapes[begin[first] + i].code;
          const ShapeCode b = second == 0 ? 0 : shapes[begin[second] + j].code;
          if (first == second && a < b) continue;
          shapes[count++] = {1u | a << 1 | b << (2 * first + 2), n};
        }
      }
    }
    begin[n + 1] = count;
  }
  shapes[count] = {kPerfect3, 7};
  return shapes;
}

inline constexpr std::array<Shape, kShapeCount> kShapes = make_shapes();

constexpr std::array<int8_t, 1 << (2 * kMaxBlockSplits + 1)> make_shape_indices() {
  std::array<int8_t, 1 << (2 * kMaxBlockSplits + 1)> indices{};
  for (auto& each : indices) each = -1;
  for (int i = 0; i < kShapeCount; ++i) indices[kShapes[i].code] = static_cast<int8_t>(i);
  return indices;
}

/// Position in kShapes, by code.
inline constexpr auto kShapeIndices = make_shape_indices();

}  // namespace edgeonnx::kernels::forest
