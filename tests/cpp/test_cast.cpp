// CAST of one column through the C interface: NULLs and masks, overflows, coercions, counts, and what is refused.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "digits.h"
#include "scoring.h"

namespace {

using scoring::contains;
using scoring::pack_bits;
using scoring::Table;
using scoring::Type;

/// Longer than the pieces in which a cast works, several times.
constexpr int64_t kManyRows = 20'000;

struct Options {
  int32_t coercion = EDGEONNX_COERCION_TSQL;
  int32_t on_overflow = EDGEONNX_ON_OVERFLOW_ERROR;
};

/// What became of a cast.
struct Cast {
  edgeonnx_status status = EDGEONNX_OK;
  std::string message, column, value;
  int64_t row = -1;
  int32_t sql_number = 0;
  std::vector<std::byte> data;
  std::vector<uint8_t> mask;
  int64_t n_changed = -1;

  template <class T>
  std::vector<T> values() const {
    std::vector<T> typed(data.size() / sizeof(T));
    std::memcpy(typed.data(), data.data(), data.size());
    return typed;
  }
};

/// The first column of the table as `to`, which is spelt as in a WITH list.
Cast cast(const Table& table, const std::string& to, const Options& options = {}, bool has_mask = true) {
  edgeonnx_result target{};
  CHECK_EQUAL(edgeonnx_result_parse(to.c_str(), &target, nullptr), EDGEONNX_OK);
  const int64_t size = edgeonnx::size_of(static_cast<Type>(target.type));
  Cast done;
  done.data.assign(static_cast<size_t>(table.n_rows() * size), std::byte{0xAB});
  done.mask.assign(static_cast<size_t>(table.n_rows()), 7);
  const edgeonnx_output output{done.data.data(), size, has_mask ? done.mask.data() : nullptr};
  const edgeonnx_cast_options raw{sizeof raw, options.coercion, options.on_overflow};
  char text[1024] = "";
  edgeonnx_error error{text, sizeof text, 0, "", "", -1, 0, 0};
  done.status =
      edgeonnx_column_cast(&table.fields()[0], &table.columns()[0], table.n_rows(), &target, &raw, &output, &done.n_changed, &error);
  done.message = text;
  if (done.status == EDGEONNX_OK) return done;
  CHECK_EQUAL(error.code, done.status);
  done.column = error.column;
  done.value = error.value;
  done.row = error.row;
  done.sql_number = error.sql_number;
  return done;
}

Table table_of(int64_t n_rows, const edgeonnx_field& field, const edgeonnx_column& column) {
  Table table(n_rows);
  table.add_column(field, column);
  return table;
}

/// A decimal column with its memory.
struct Decimals {
  Decimals(edgeonnx_field field_of_it, const std::vector<std::string>& unscaled) : field(field_of_it) {
    const auto size = static_cast<size_t>(edgeonnx::size_of(static_cast<Type>(field.type)));
    for (const std::string& each : unscaled) {
      const bool is_negative = each[0] == '-';
      const std::vector<std::byte> bytes = digits::bytes_of(each.substr(is_negative), is_negative, size);
      memory.insert(memory.end(), bytes.begin(), bytes.end());
    }
    column.data = memory.data();
    column.stride = static_cast<int64_t>(size);
    n_rows = static_cast<int64_t>(unscaled.size());
  }
  Table table() const { return table_of(n_rows, field, column); }

  edgeonnx_field field;
  std::vector<std::byte> memory;
  edgeonnx_column column{};
  int64_t n_rows;
};

edgeonnx_field decimal_field(Type type, int16_t precision, int16_t scale) {
  return {"d", nullptr, 1, static_cast<int32_t>(type), precision, scale};
}

/// The unscaled values of a decimal result, as whole numbers of 64 bits.
std::vector<int64_t> unscaled(const Cast& done) {
  std::vector<int64_t> low;
  const std::vector<int64_t> words = done.values<int64_t>();
  for (size_t i = 0; i < words.size(); i += 2) {
    CHECK_EQUAL(words[i + 1], words[i] < 0 ? int64_t{-1} : int64_t{0});
    low.push_back(words[i]);
  }
  return low;
}

TEST(test_cast_converts_and_counts_what_it_alters) {
  Table table(5);
  table.add("x", std::vector<double>{10.6, -10.6, 3, -0.0, 255.9});
  const Cast integers = cast(table, "INT");
  CHECK_EQUAL(integers.status, EDGEONNX_OK);
  CHECK(integers.values<int32_t>() == std::vector<int32_t>({10, -10, 3, 0, 255}));
  CHECK(integers.mask == std::vector<uint8_t>(5, 0));
  CHECK_EQUAL(integers.n_changed, int64_t{3});
  const Cast bits = cast(table, "bit");
  CHECK(bits.values<uint8_t>() == std::vector<uint8_t>({1, 1, 1, 0, 1}));
  CHECK_EQUAL(bits.n_changed, int64_t{4});
  const Cast decimals = cast(table, "decimal(5, 1)");
  CHECK(unscaled(decimals) == std::vector<int64_t>({106, -106, 30, 0, 2559}));
  CHECK_EQUAL(decimals.n_changed, int64_t{3});
  CHECK(unscaled(cast(table, "decimal")) == std::vector<int64_t>({11, -11, 3, 0, 256}));
  CHECK_EQUAL(cast(table, "float").n_changed, int64_t{0});
}

TEST(test_cast_nan_stays_nan_and_null_stays_null) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Table table(3);
  table.add("x", std::vector<float>{nan, 2, 3}).valid({1, 0, 1}, 3);
  const Cast done = cast(table, "float");
  CHECK(done.mask == std::vector<uint8_t>({0, 1, 0}));
  CHECK(std::isnan(done.values<double>()[0]) && done.values<double>()[2] == 3);
  CHECK_EQUAL(done.values<double>()[1], 0.0);
  CHECK_EQUAL(done.n_changed, int64_t{0});
  // Not so where the type has no NaN.
  const Cast failed = cast(table, "int");
  CHECK(failed.status == EDGEONNX_OVERFLOW && failed.row == 0 && failed.value == "nan" && failed.sql_number == 232);
}

TEST(test_cast_garbage_under_a_null_neither_overflows_nor_counts) {
  std::vector<double> x(kManyRows, 5);
  std::vector<uint8_t> valid(kManyRows, 1), mask(kManyRows, 0);
  for (size_t i = 0; i < x.size(); i += 7) x[i] = i % 2 ? 1e300 : 0.5, valid[i] = 0, mask[i] = 1;
  Table table(kManyRows);
  table.add("x", x).valid(valid, 5);
  for (const char* to : {"tinyint", "bigint", "real", "decimal(3,0)", "money", "bit", "tensor(float16)"}) {
    for (const int32_t on_overflow : {EDGEONNX_ON_OVERFLOW_ERROR, EDGEONNX_ON_OVERFLOW_NULL}) {
      const Cast done = cast(table, to, {EDGEONNX_COERCION_TSQL, on_overflow});
      CHECK_EQUAL(done.status, EDGEONNX_OK);
      CHECK(done.mask == mask);
      CHECK_EQUAL(done.n_changed, std::string(to) == "bit" ? kManyRows - (kManyRows + 6) / 7 : int64_t{0});
    }
  }
}

TEST(test_cast_garbage_under_a_null_decimal_is_not_looked_at_though_every_value_would_fit) {
  // Digits beyond the precision that the type declares.
  Decimals decimals(decimal_field(Type::kDecimal128, 5, 2), {"12345", "99999999999999999999999999999999999999", "-99999"});
  const std::vector<uint8_t> validity = pack_bits({1, 0, 1}, 0);
  decimals.column.validity = validity.data();
  for (const char* to : {"decimal(5,2)", "decimal(6,2)", "decimal(38,2)", "decimal(38,35)", "money"}) {
    const Cast done = cast(decimals.table(), to);
    if (done.status != EDGEONNX_OK) check::fail(__FILE__, __LINE__, std::string(to) + ": " + done.message);
    CHECK(done.mask == std::vector<uint8_t>({0, 1, 0}));
    CHECK_EQUAL(done.n_changed, int64_t{0});
  }
  Decimals whole(decimal_field(Type::kDecimal128, 9, 0), {"12345", "99999999999999999999999999999999999999", "-99999"});
  whole.column.validity = validity.data();
  const Cast done = cast(whole.table(), "int");
  CHECK_EQUAL(done.status, EDGEONNX_OK);
  CHECK(done.status != EDGEONNX_OK || done.values<int32_t>() == std::vector<int32_t>({12345, 0, -99999}));
}

TEST(test_cast_nulls_of_bits_share_their_offset) {
  Table table(5);
  table.add_bits("x", {1, 0, 1, 0, 1}, 6).valid({1, 1, 0, 1, 0}, 6);
  const Cast integers = cast(table, "smallint");
  CHECK(integers.values<int16_t>() == std::vector<int16_t>({1, 0, 0, 0, 0}));
  CHECK(integers.mask == std::vector<uint8_t>({0, 0, 1, 0, 1}));
  // A bit of 1 is too much for decimal(2, 2): the one under a NULL must not be seen, the other one must.
  const Cast failed = cast(table, "decimal(2, 2)");
  CHECK(failed.status == EDGEONNX_OVERFLOW && failed.row == 0 && failed.value == "1" && failed.sql_number == 8115);
  Table zeros(5);
  zeros.add_bits("x", {0, 0, 1, 0, 1}, 6).valid({1, 1, 0, 1, 0}, 6);
  const Cast done = cast(zeros, "decimal(2, 2)");
  CHECK_EQUAL(done.status, EDGEONNX_OK);
  CHECK(done.mask == std::vector<uint8_t>({0, 0, 1, 0, 1}) && unscaled(done) == std::vector<int64_t>(5, 0));
  Table many(kManyRows);
  many.add_bits("x", std::vector<uint8_t>(kManyRows, 1), 3).valid(std::vector<uint8_t>(kManyRows, 0), 3);
  CHECK(cast(many, "decimal(1, 1)").mask == std::vector<uint8_t>(kManyRows, 1));
}

TEST(test_cast_overflow_tells_row_column_value_and_number) {
  std::vector<int32_t> x(kManyRows, 1);
  x[kManyRows - 3] = 300;
  x[kManyRows - 1] = -1;
  Table table(kManyRows);
  table.add("x", x);
  const Cast failed = cast(table, "tinyint");
  CHECK_EQUAL(failed.status, EDGEONNX_OVERFLOW);
  CHECK_EQUAL(failed.row, kManyRows - 3);
  CHECK(failed.column == "x" && failed.value == "300" && failed.sql_number == 220);
  CHECK(contains(failed.message, "Arithmetic overflow error for data type tinyint, value = 300. At row 19997 of column 'x'"));

  Decimals decimals(decimal_field(Type::kDecimal64, 18, 2), {"100", "-1234567"});
  const Cast numeric = cast(decimals.table(), "decimal(6, 1)");
  CHECK(numeric.status == EDGEONNX_OK && unscaled(numeric) == std::vector<int64_t>({10, -123457}) && numeric.n_changed == 1);
  const Cast beyond = cast(decimals.table(), "decimal(4, 0)");
  CHECK(beyond.status == EDGEONNX_OVERFLOW && beyond.row == 1 && beyond.value == "-12345.67" && beyond.sql_number == 8115);
  CHECK(contains(beyond.message,
                 "Arithmetic overflow error converting numeric to data type numeric. It is -12345.67 at row 1 of column 'd'"));
}

TEST(test_cast_overflow_becomes_null_beside_the_nulls) {
  Table table(6);
  table.add("x", std::vector<double>{1.5, 1e300, 1e300, -1, 255.5, 0}).valid({1, 1, 0, 1, 1, 1});
  const Cast done = cast(table, "tinyint", {EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL});
  CHECK_EQUAL(done.status, EDGEONNX_OK);
  CHECK(done.mask == std::vector<uint8_t>({0, 1, 1, 1, 0, 0}));
  CHECK(done.values<uint8_t>() == std::vector<uint8_t>({1, 0, 0, 0, 255, 0}));
  CHECK_EQUAL(done.n_changed, int64_t{2});
}

TEST(test_cast_not_null_refuses_the_first_null) {
  Table table(4);
  table.add("x", std::vector<double>{1, 2, 300, 1}).valid({1, 1, 1, 0});
  const Cast null = cast(table, "int NOT NULL", {}, false);
  CHECK(null.status == EDGEONNX_NULL_VALUE && null.row == 3 && null.column == "x");
  const Cast overflow = cast(table, "tinyint not null", {EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL}, false);
  CHECK(overflow.status == EDGEONNX_NULL_VALUE && overflow.row == 2);
  Table whole(2);
  whole.add("x", std::vector<double>{1, 2}).valid({1, 1});
  const Cast done = cast(whole, "int not null", {}, false);
  CHECK(done.status == EDGEONNX_OK && done.values<int32_t>() == std::vector<int32_t>({1, 2}));
}

TEST(test_cast_tells_the_first_row_whatever_is_wrong_with_it) {
  Table table(3);
  table.add("x", std::vector<int32_t>{1, 2, 300}).valid({1, 0, 1});
  const Cast null = cast(table, "tinyint NOT NULL");
  CHECK_EQUAL(null.status, EDGEONNX_NULL_VALUE);
  CHECK_EQUAL(null.row, int64_t{1});
  table.valid({1, 1, 0});
  CHECK_EQUAL(cast(table, "tinyint NOT NULL").row, int64_t{2});
}

TEST(test_cast_without_mask_is_refused_where_a_null_comes) {
  Table table(2);
  table.add("x", std::vector<int32_t>{1, 300}).valid({1, 1});
  CHECK_EQUAL(cast(table, "int", {}, false).status, EDGEONNX_OK);
  CHECK_EQUAL(cast(table, "tinyint", {EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_NULL}, false).status, EDGEONNX_INVALID_ARGUMENT);
  table.valid({1, 0});
  CHECK_EQUAL(cast(table, "int", {}, false).status, EDGEONNX_INVALID_ARGUMENT);
}

TEST(test_cast_coercion_decides_which_types_are_taken) {
  Table integers(1), reals(1), text(1);
  integers.add("x", std::vector<int32_t>{7});
  reals.add("x", std::vector<float>{7});
  text.add("x", std::vector<uint8_t>{7}, 1, Type::kString);
  const Decimals decimals(decimal_field(Type::kDecimal64, 10, 2), {"700"});
  const Table numeric = decimals.table();
  struct Example {
    const Table& table;
    std::string to;
    bool tsql, safe, strict;
  };
  const Example examples[] = {
      {integers, "int", true, true, true},
      {integers, "bigint", true, true, false},
      {integers, "smallint", true, false, false},
      {integers, "decimal(10,0)", true, true, false},
      {integers, "decimal(9,0)", true, false, false},
      {integers, "money", true, true, false},
      {reals, "float", true, true, false},
      {reals, "tensor(float16)", true, false, false},
      {reals, "decimal(38,10)", true, false, false},
      {numeric, "decimal(10,2)", true, true, true},
      {numeric, "decimal(12,3)", true, true, false},
      {numeric, "decimal(10,3)", true, false, false},
      {numeric, "float", true, false, false},
      {text, "int", false, false, false},
  };
  for (const auto& [table, to, tsql, safe, strict] : examples) {
    const std::pair<int32_t, bool> cases[] = {
        {EDGEONNX_COERCION_TSQL, tsql}, {EDGEONNX_COERCION_SAFE, safe}, {EDGEONNX_COERCION_STRICT, strict}};
    for (const auto& [coercion, accepted] : cases) {
      const Cast done = cast(table, to, {coercion});
      if (done.status != (accepted ? EDGEONNX_OK : EDGEONNX_TYPE_MISMATCH)) check::fail(__FILE__, __LINE__, to + ": " + done.message);
      if (accepted) continue;
      CHECK(contains(done.message, to.starts_with("tensor") ? "float16" : to));
      CHECK_EQUAL(done.column, std::string(table.fields()[0].name));
    }
  }
}

TEST(test_cast_money_rounds_where_a_decimal_is_cut) {
  const std::vector<std::string> values = {"15000", "14999", "-15000", "9223372036854775807"};
  Decimals money({"d", nullptr, 1, EDGEONNX_TYPE_MONEY, 0, 0}, values), decimals(decimal_field(Type::kDecimal128, 19, 4), values);
  CHECK(cast(money.table(), "bigint").values<int64_t>() == std::vector<int64_t>({2, 1, -2, 922337203685478}));
  CHECK(cast(decimals.table(), "bigint").values<int64_t>() == std::vector<int64_t>({1, 1, -1, 922337203685477}));
  const Cast failed = cast(money.table(), "int");
  CHECK(failed.status == EDGEONNX_OVERFLOW && failed.row == 3 && failed.sql_number == 237 && failed.value == "922337203685477.5807");
  CHECK(
      contains(failed.message, "There is insufficient result space to convert a money value to int. It is 922337203685477.5807 at row 3"));
}

TEST(test_cast_reads_columns_of_any_layout) {
  std::vector<std::byte> memory(1 + 40 * 100);
  for (int64_t r = 0; r < 100; ++r) {
    const std::vector<std::byte> bytes = digits::bytes_of(std::to_string(r * 1000 + 5), r % 2 == 1, 32);
    std::copy(bytes.begin(), bytes.end(), memory.begin() + 1 + (99 - r) * 40);
  }
  edgeonnx_column column{};
  column.data = &memory[1 + 99 * 40];
  column.stride = -40;
  const Table table = table_of(100, decimal_field(Type::kDecimal256, 50, 1), column);
  const std::vector<int64_t> converted = unscaled(cast(table, "decimal(20,0)"));
  for (int64_t r = 0; r < 100; ++r) CHECK_EQUAL(converted[static_cast<size_t>(r)], (r % 2 ? -1 : 1) * (r * 100 + 1));
  column.stride = 0;
  CHECK(unscaled(cast(table_of(3, table.fields()[0], column), "decimal(20,1)")) == std::vector<int64_t>(3, 5));
}

TEST(test_cast_of_nothing_and_of_lists) {
  Table empty(0), lists(2);
  empty.add("x", std::vector<int32_t>{});
  const Cast done = cast(empty, "decimal(5,2)");
  CHECK(done.status == EDGEONNX_OK && done.n_changed == 0);
  lists.add("x", std::vector<int32_t>{1, 2, 3, 4}, 2);
  CHECK_EQUAL(cast(lists, "bigint").status, EDGEONNX_SHAPE_MISMATCH);
}

TEST(test_cast_wrong_arguments_are_told) {
  const int32_t x[2] = {1, 2};
  int64_t y[2];
  const edgeonnx_field field{"x", nullptr, 1, EDGEONNX_TYPE_INT32, 0, 0};
  edgeonnx_column column{};
  column.data = x;
  column.stride = 4;
  const edgeonnx_result to{nullptr, EDGEONNX_TYPE_INT64, 0, 0, 0};
  const edgeonnx_output output{y, 8, nullptr};
  const edgeonnx_cast_options options{sizeof options, EDGEONNX_COERCION_TSQL, EDGEONNX_ON_OVERFLOW_ERROR};
  CHECK_EQUAL(edgeonnx_column_cast(&field, &column, 2, &to, nullptr, &output, nullptr, nullptr), EDGEONNX_OK);
  CHECK(y[0] == 1 && y[1] == 2);
  const auto status = [&](auto... arguments) { return edgeonnx_column_cast(arguments..., nullptr, nullptr); };
  CHECK_EQUAL(status(nullptr, &column, 2, &to, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(status(&field, nullptr, 2, &to, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(status(&field, &column, 2, nullptr, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(status(&field, &column, 2, &to, &options, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(status(&field, &column, -1, &to, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  const edgeonnx_column no_data{};
  CHECK_EQUAL(status(&field, &no_data, 2, &to, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  const edgeonnx_output nowhere{nullptr, 8, nullptr}, gaps{y, 16, nullptr};
  CHECK_EQUAL(status(&field, &column, 2, &to, &options, &nowhere), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(status(&field, &column, 2, &to, &options, &gaps), EDGEONNX_INVALID_ARGUMENT);
  for (const int32_t wrong : {-1, 99}) {
    const edgeonnx_cast_options coercion{sizeof coercion, wrong, 0}, on_overflow{sizeof on_overflow, 0, wrong};
    CHECK_EQUAL(status(&field, &column, 2, &to, &coercion, &output), EDGEONNX_INVALID_ARGUMENT);
    CHECK_EQUAL(status(&field, &column, 2, &to, &on_overflow, &output), EDGEONNX_INVALID_ARGUMENT);
  }
  for (const auto& [precision, scale] : {std::pair<int16_t, int16_t>{0, 0}, {39, 0}, {5, 6}, {5, -1}}) {
    const edgeonnx_result wrong{nullptr, EDGEONNX_TYPE_DECIMAL128, precision, scale, 0};
    CHECK_EQUAL(status(&field, &column, 2, &wrong, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  }
  for (const auto& [precision, scale] : {std::pair<int16_t, int16_t>{0, 0}, {77, 0}, {5, 77}, {5, -77}}) {
    const edgeonnx_field wrong{"x", nullptr, 1, EDGEONNX_TYPE_DECIMAL32, precision, scale};
    CHECK_EQUAL(status(&wrong, &column, 2, &to, &options, &output), EDGEONNX_INVALID_ARGUMENT);
  }
  for (const int32_t none :
       std::vector<int32_t>{EDGEONNX_TYPE_UNDEFINED, EDGEONNX_TYPE_STRING, EDGEONNX_TYPE_BIT, EDGEONNX_TYPE_DECIMAL64, 4711, -1}) {
    const edgeonnx_result wrong{nullptr, none, 5, 0, 0};
    CHECK(edgeonnx_column_cast(&field, &column, 1, &wrong, &options, &output, nullptr, nullptr) != EDGEONNX_OK);
  }
}

TEST(test_conversion_rule_tells_rule_and_number) {
  struct Example {
    int32_t from, to;
    const char* rule;
    int32_t sql_number;
  };
  const Example examples[] = {
      {EDGEONNX_TYPE_INT32, EDGEONNX_TYPE_INT32, "same", 0},
      {EDGEONNX_TYPE_INT32, EDGEONNX_TYPE_INT64, "exact", 0},
      {EDGEONNX_TYPE_INT64, EDGEONNX_TYPE_DOUBLE, "nearest", 0},
      {EDGEONNX_TYPE_DOUBLE, EDGEONNX_TYPE_FLOAT, "nearest", 232},
      {EDGEONNX_TYPE_DOUBLE, EDGEONNX_TYPE_INT32, "truncate", 232},
      {EDGEONNX_TYPE_DOUBLE, EDGEONNX_TYPE_INT64, "truncate", 8115},
      {EDGEONNX_TYPE_MONEY, EDGEONNX_TYPE_INT32, "round", 237},
      {EDGEONNX_TYPE_DECIMAL64, EDGEONNX_TYPE_MONEY, "round", 8115},
      {EDGEONNX_TYPE_INT32, EDGEONNX_TYPE_UINT8, "checked", 220},
      {EDGEONNX_TYPE_DOUBLE, EDGEONNX_TYPE_BOOL, "nonzero", 0},
      {EDGEONNX_TYPE_BIT, EDGEONNX_TYPE_BOOL, "same", 0},
      {EDGEONNX_TYPE_STRING, EDGEONNX_TYPE_INT32, "none", 0},
      {EDGEONNX_TYPE_INT32, 4711, "none", 0},
      {-1, EDGEONNX_TYPE_INT32, "none", 0},
  };
  for (const auto& [from, to, rule, sql_number] : examples) {
    const char* found = nullptr;
    int32_t number = -1;
    CHECK_EQUAL(edgeonnx_conversion_rule(from, to, &found, &number, nullptr), EDGEONNX_OK);
    CHECK_EQUAL(std::string(found ? found : "(null)"), std::string(rule));
    CHECK_EQUAL(number, sql_number);
  }
  const char* rule = nullptr;
  int32_t number = 0;
  CHECK_EQUAL(edgeonnx_conversion_rule(EDGEONNX_TYPE_INT32, EDGEONNX_TYPE_INT64, nullptr, &number, nullptr), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_conversion_rule(EDGEONNX_TYPE_INT32, EDGEONNX_TYPE_INT64, &rule, nullptr, nullptr), EDGEONNX_INVALID_ARGUMENT);
}

}  // namespace

int main() { return check::run(); }
