// Columns into the rows of a matrix, against a plain loop.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "convert/interleave.h"

namespace {

TEST(test_interleave_any_number_of_columns_matches_a_plain_loop) {
  std::mt19937 random(7);
  for (const int64_t size : {1, 2, 4, 8}) {
    for (const size_t k : {1u, 2u, 3u, 4u, 5u, 28u, 33u}) {
      for (const int64_t n : {0, 1, 2, 3, 4, 5, 17, 515, 4099}) {
        for (const int64_t gap : {int64_t{0}, int64_t{3}}) {
          // Columns one byte off their alignment, since nothing needs to be aligned.
          std::vector<std::vector<uint8_t>> memory(k, std::vector<uint8_t>(static_cast<size_t>(n * size + 1)));
          std::vector<const void*> columns;
          for (auto& column : memory) {
            for (uint8_t& byte : column) byte = static_cast<uint8_t>(random());
            columns.push_back(column.data() + 1);
          }
          const int64_t row_bytes = static_cast<int64_t>(k) * size, stride = row_bytes + gap;
          std::vector<uint8_t> target(static_cast<size_t>(n * stride + 16), 0xCD), expected = target;
          for (int64_t row = 0; row < n; ++row) {
            for (size_t c = 0; c < k; ++c) {
              for (int64_t b = 0; b < size; ++b) {
                expected[static_cast<size_t>(row * stride + static_cast<int64_t>(c) * size + b)] =
                    memory[c][static_cast<size_t>(1 + row * size + b)];
              }
            }
          }
          edgeonnx::convert::interleave(columns, size, n, target.data(), stride);
          if (target != expected)
            check::fail(__FILE__, __LINE__,
                        std::to_string(k) + " columns of " + std::to_string(n) + " values of " + std::to_string(size) + " bytes");
        }
      }
    }
  }
}

}  // namespace

int main() { return check::run(); }
