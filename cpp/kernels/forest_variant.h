// The table of one level's loops, behind the files that define them. Included once per level of instructions, as forest_select.h is.

namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT {

template <class T>
constexpr ValueLoops<T> make_value_loops() {
  ValueLoops<T> loops{};
  loops.search = search<T>;
  constexpr auto kWidths = std::make_integer_sequence<int, kTableWidths>{};
  set_look_ups<Aggregate::kSum>(loops, kWidths);
  set_look_ups<Aggregate::kMin>(loops, kWidths);
  set_look_ups<Aggregate::kMax>(loops, kWidths);
  return loops;
}

constexpr Loops make_loops() {
  Loops loops{};
  loops.floats = make_value_loops<float>();
  loops.doubles = make_value_loops<double>();
  set_selects<1>(loops, std::make_integer_sequence<int, kShapeCount>{});
  set_selects<2>(loops, std::make_integer_sequence<int, kShapeCount>{});
  return loops;
}

constinit const Loops kLoops = make_loops();

}  // namespace edgeonnx::kernels::forest::EDGEONNX_VARIANT
