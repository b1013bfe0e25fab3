// Linear sums and what follows them, against plain loops, on every instruction set.
#include <cstdint>

#include "base/error.h"
#include "kernels/classifier.h"
#include "kernels/linear.h"
#include "step_runs.h"

namespace {

using namespace edgeonnx;
using namespace edgeonnx::kernels;
using namespace steps;

/// Column c of a tile, of the c-th kind of `kinds`; its values as doubles are appended to `columns`.
template <class T>
void add_column(Tile& tile, size_t c, std::vector<LinearInput>& inputs, std::vector<std::vector<double>>& columns) {
  const Register column = tile.add(turned(awkward<T>(), c));
  inputs.push_back({column, type_of<T>()});
  std::vector<double> values;
  for (const T each : tile.values<T>(column)) values.push_back(static_cast<double>(each));
  columns.push_back(values);
}

void check_linear(size_t n_inputs, size_t n_outputs, bool is_mixed, Type output_type, size_t n) {
  std::vector<double> weights, bias;
  for (size_t i = 0; i < n_inputs * n_outputs; ++i) weights.push_back(std::sin(static_cast<double>(i) + 1) * 0.7);
  for (size_t m = 0; m < n_outputs; ++m) bias.push_back(static_cast<double>(m) - 0.3);
  for (const Cpu level : levels()) {
    Tile tile(n);
    Linear linear{.inputs = {}, .weights = weights, .bias = bias, .outputs = {}, .output_type = output_type};
    std::vector<std::vector<double>> columns;
    for (size_t c = 0; c < n_inputs; ++c) {
      switch (is_mixed ? c / 2 % 5 : 0) {
        case 0:
          add_column<float>(tile, c, linear.inputs, columns);
          break;
        case 1:
          add_column<double>(tile, c, linear.inputs, columns);
          break;
        case 2:
          add_column<int32_t>(tile, c, linear.inputs, columns);
          break;
        case 3:
          add_column<int64_t>(tile, c, linear.inputs, columns);
          break;
        default:
          add_column<uint8_t>(tile, c, linear.inputs, columns);
      }
    }
    for (size_t m = 0; m < n_outputs; ++m) {
      linear.outputs.push_back(output_type == Type::kFloat ? tile.add_output<float>() : tile.add_output<double>());
    }
    tile.run(*make_linear(linear, level));
    for (size_t m = 0; m < n_outputs; ++m) {
      std::vector<double> expected;
      for (size_t i = 0; i < n; ++i) {
        double sum = bias[m];
        for (size_t c = 0; c < n_inputs; ++c) {
          const volatile double product = weights[m * n_inputs + c] * columns[c][i];
          sum += product;
        }
        expected.push_back(sum);
      }
      const std::string what =
          std::string("linear ") + std::to_string(n_inputs) + " x " + std::to_string(n_outputs) + " " + cpu_name(level);
      if (output_type == Type::kDouble) {
        expect(what, tile.values<double>(linear.outputs[m]), expected);
      } else {
        expect(what, tile.values<float>(linear.outputs[m]), std::vector<float>(expected.begin(), expected.end()));
      }
    }
  }
}

TEST(test_linear_sums_have_the_bits_of_a_plain_loop) {
  for (const size_t n_inputs : {0, 1, 2, 3, 4, 5, 7, 20, 28, 61}) {
    for (const size_t n_outputs : {1, 2, 3, 4, 5, 7, 16}) {
      for (const size_t n : kLengths) {
        if (n_outputs > 5 && n > 129 && n_inputs > 28) continue;
        check_linear(n_inputs, n_outputs, false, Type::kDouble, n);
        check_linear(n_inputs, n_outputs, true, Type::kFloat, n);
      }
    }
  }
  check_linear(1000, 1, false, Type::kFloat, 129);
  check_linear(300, 3, true, Type::kDouble, 17);
  check_linear(3, 1, true, Type::kFloat, 5003);  // more rows than a block
  check_linear(3, 5, true, Type::kFloat, 2503);
}

TEST(test_linear_of_another_shape_is_refused) {
  CHECK_ERROR(make_linear({{{0, Type::kFloat}}, {1.0, 2.0}, {0.0}, {1}, Type::kFloat}), Code::kInvalidArgument);
  CHECK_ERROR(make_linear({{{0, Type::kFloat}}, {1.0}, {}, {1}, Type::kFloat}), Code::kInvalidArgument);
  CHECK_ERROR(make_linear({{{0, Type::kFloat}}, {1.0}, {0.0}, {1}, Type::kInt64}), Code::kUnsupported);
  CHECK_ERROR(make_linear({{{0, Type::kString}}, {1.0}, {0.0}, {1}, Type::kFloat}), Code::kUnsupported);
}

/// Scores of k classes: ordinary ones, then rows with an infinity or NaN at every place.
std::vector<std::vector<double>> scores_of(size_t k) {
  std::vector<std::vector<double>> scores(k);
  for (size_t i = 0; i < 1000; ++i) {
    for (size_t c = 0; c < k; ++c) {
      const double usual = std::sin(static_cast<double>(i * k + c)) * (i % 5 ? 8 : 300);
      scores[c].push_back(i % 11 == 0 ? 0.0 : i % 7 == 0 ? std::floor(usual) : usual);
    }
    if (i % 13 == 3) scores[i % k].back() = HUGE_VAL;
    if (i % 13 == 5) scores[i % k].back() = -HUGE_VAL;
    if (i % 13 == 7) scores[i % k].back() = std::numeric_limits<double>::quiet_NaN();
  }
  return scores;
}

bool is_near(double found, double expected) {
  if (std::isnan(expected) || std::isinf(expected)) return is_same(found, expected);
  return std::fabs(found - expected) <= 1e-15 + 4e-15 * std::fabs(expected);
}

std::vector<double> transformed(PostTransform transform, const std::vector<double>& row) {
  std::vector<double> result;
  double most = std::numeric_limits<double>::lowest(), sum = 0;
  for (const double x : row) most = x > most ? x : most;
  for (const double x : row) {
    switch (transform) {
      case PostTransform::kNone:
        result.push_back(x);
        break;
      case PostTransform::kLogistic:
        result.push_back(x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)));
        break;
      case PostTransform::kProbit: {
        const double centred = 2 * x - 1, log = std::log((1 - centred) * (1 + centred)), v = 2 / (M_PI * 0.147) + 0.5 * log;
        result.push_back(M_SQRT2 * (centred < 0 ? -1 : 1) * std::sqrt(-v + std::sqrt(v * v - log / 0.147)));
        break;
      }
      default: {
        const bool is_near_zero = transform == PostTransform::kSoftmaxZero && !(std::fabs(x) > double{0.0000001f});
        result.push_back(is_near_zero ? x * std::exp(-most) : std::exp(x - most));
        if (!is_near_zero) sum += result.back();
      }
    }
  }
  if (transform == PostTransform::kSoftmax || transform == PostTransform::kSoftmaxZero) {
    for (double& each : result) each /= sum;
  }
  return result;
}

void check_transform(PostTransform transform, size_t k) {
  const auto scores = scores_of(k);
  std::vector<std::vector<double>> first;
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      std::vector<Register> inputs, outputs, narrow;
      for (size_t c = 0; c < k; ++c) {
        std::vector<double> column = scores[c];
        // Probit is a function of probabilities: 0.003 to 0.997, where the formula does not cancel.
        if (transform == PostTransform::kProbit) {
          for (double& x : column) x = std::isfinite(x) ? 0.5 + 0.49 * std::sin(x + 0.3) : x;
        }
        inputs.push_back(tile.add(column));
      }
      for (size_t c = 0; c < k; ++c) {
        outputs.push_back(tile.add_output<double>());
        narrow.push_back(tile.add_output<float>());
      }
      tile.run(*make_post_transform(transform, inputs, outputs, Type::kDouble, level));
      tile.run(*make_post_transform(transform, inputs, narrow, Type::kFloat, level));
      std::vector<std::vector<double>> all;
      for (size_t c = 0; c < k; ++c) all.push_back(tile.values<double>(outputs[c]));
      for (size_t i = 0; i < n; ++i) {
        std::vector<double> row;
        for (const Register input : inputs) row.push_back(tile.values<double>(input)[i]);
        const std::vector<double> expected = transformed(transform, row);
        for (size_t c = 0; c < k; ++c) {
          const bool is_good = transform == PostTransform::kProbit && std::isfinite(expected[c]) ? std::fabs(all[c][i] - expected[c]) < 1e-9
                                                                                                 : is_near(all[c][i], expected[c]);
          if (!is_good) {
            check::fail(cpu_name(level), static_cast<int>(i),
                        "transform " + std::to_string(static_cast<int>(transform)) + ": " + std::to_string(all[c][i]) + " for " +
                            std::to_string(expected[c]));
          }
        }
      }
      for (size_t c = 0; c < k; ++c) {
        expect("rounded once", tile.values<float>(narrow[c]), std::vector<float>(all[c].begin(), all[c].end()));
      }
      if (n != kLengths.back()) continue;
      if (first.empty()) first = all;
      for (size_t c = 0; c < k; ++c) expect(std::string("the scalar level and ") + cpu_name(level), all[c], first[c]);
    }
  }
}

TEST(test_post_transforms_match_their_formulas_at_every_level) {
  for (const PostTransform transform :
       {PostTransform::kNone, PostTransform::kLogistic, PostTransform::kSoftmax, PostTransform::kSoftmaxZero, PostTransform::kProbit}) {
    for (const size_t k : {1, 2, 3, 9}) check_transform(transform, k);
  }
}

TEST(test_both_classes_of_one_score) {
  const std::vector<double> scores = scores_of(1)[0];
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      const Register x = tile.add(scores), first = tile.add_output<double>(), second = tile.add_output<double>();
      tile.run(*make_logistic_pair(x, first, second, Type::kDouble, level));
      for (size_t i = 0; i < n; ++i) {
        CHECK(is_near(tile.values<double>(first)[i], transformed(PostTransform::kLogistic, {-scores[i]})[0]));
        CHECK(is_near(tile.values<double>(second)[i], transformed(PostTransform::kLogistic, {scores[i]})[0]));
      }
      tile.run(*make_complement(x, first, second, Type::kDouble, level));
      expect("the score itself", tile.values<double>(second), tile.values<double>(x));
      std::vector<double> expected;
      for (const double each : tile.values<double>(x)) expected.push_back(1 - each);
      expect("the complement", tile.values<double>(first), expected);
    }
  }
}

TEST(test_labels_are_of_the_first_greatest_score) {
  const std::vector<int64_t> labels = {30, -4, 7, 9000000000, 5};
  for (const size_t k : {1, 2, 5}) {
    const auto scores = scores_of(k);
    for (const Cpu level : levels()) {
      for (const size_t n : kLengths) {
        Tile tile(n);
        std::vector<Register> inputs;
        for (size_t c = 0; c < k; ++c) inputs.push_back(tile.add(scores[c]));
        const Register label = tile.add_output<int64_t>(), index = tile.add_output<int64_t>();
        tile.run(*make_label(inputs, labels, label, level));
        tile.run(*make_arg_max(Type::kDouble, inputs, index, level));
        std::vector<int64_t> expected, indices;
        for (size_t i = 0; i < n; ++i) {
          size_t most = 0;
          for (size_t c = 1; c < k; ++c) most = scores[c][i] > scores[most][i] ? c : most;
          indices.push_back(static_cast<int64_t>(most));
          expected.push_back(k == 1 ? labels[scores[0][i] > 0] : labels[most]);
        }
        expect("label", tile.values<int64_t>(label), expected);
        expect("arg max", tile.values<int64_t>(index), indices);
      }
    }
  }
  CHECK_ERROR(make_label({0}, {1}, 1), Code::kInvalidArgument);
  CHECK_ERROR(make_label({0, 1, 2}, {1, 2}, 3), Code::kInvalidArgument);
}

template <class T>
void check_arg_max() {
  for (const Cpu level : levels()) {
    for (const size_t n : kLengths) {
      Tile tile(n);
      std::vector<Register> inputs;
      for (size_t c = 0; c < 4; ++c) inputs.push_back(tile.add(turned(awkward<T>(), c * 5)));
      const Register y = tile.add_output<int64_t>();
      tile.run(*make_arg_max(type_of<T>(), inputs, y, level));
      std::vector<int64_t> expected;
      for (size_t i = 0; i < n; ++i) {
        int64_t most = 0;
        for (int64_t c = 1; c < 4; ++c) {
          if (tile.values<T>(inputs[static_cast<size_t>(c)])[i] > tile.values<T>(inputs[static_cast<size_t>(most)])[i]) most = c;
        }
        expected.push_back(most);
      }
      expect("arg max", tile.values<int64_t>(y), expected);
    }
  }
}

TEST(test_arg_max_of_every_type) {
  check_arg_max<float>();
  check_arg_max<double>();
  check_arg_max<int32_t>();
  check_arg_max<int64_t>();
}

}  // namespace

int main() { return check::run(); }
