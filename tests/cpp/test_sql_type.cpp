// Types as PREDICT's WITH list spells them: every spelling, and what is refused.
#include <string>

#include "base/error.h"
#include "base/sql_type.h"
#include "check.h"
#include "edgeonnx/edgeonnx.h"

namespace {

using edgeonnx::Code;
using edgeonnx::DataType;
using edgeonnx::Declaration;
using edgeonnx::parse_declaration;
using edgeonnx::Type;

struct Spelling {
  std::string text;
  DataType type;
};

DataType decimal(int32_t precision, int32_t scale) { return {Type::kDecimal128, precision, scale}; }

const Spelling kSpellings[] = {
    {"bit", {Type::kBool}},
    {"tinyint", {Type::kUint8}},
    {"smallint", {Type::kInt16}},
    {"int", {Type::kInt32}},
    {"integer", {Type::kInt32}},
    {"bigint", {Type::kInt64}},
    {"real", {Type::kFloat}},
    {"float", {Type::kDouble}},
    {"float(1)", {Type::kFloat}},
    {"float(24)", {Type::kFloat}},
    {"float(25)", {Type::kDouble}},
    {"float(53)", {Type::kDouble}},
    {"double precision", {Type::kDouble}},
    {"money", {Type::kMoney, 19, 4}},
    {"decimal", decimal(18, 0)},
    {"numeric", decimal(18, 0)},
    {"dec", decimal(18, 0)},
    {"decimal(1)", decimal(1, 0)},
    {"dec(38)", decimal(38, 0)},
    {"numeric(10,2)", decimal(10, 2)},
    {"decimal(38,38)", decimal(38, 38)},
    {"tensor(float)", {Type::kFloat}},
    {"tensor(double)", {Type::kDouble}},
    {"tensor(bool)", {Type::kBool}},
    {"tensor(int8)", {Type::kInt8}},
    {"tensor(uint8)", {Type::kUint8}},
    {"tensor(int16)", {Type::kInt16}},
    {"tensor(uint16)", {Type::kUint16}},
    {"tensor(int32)", {Type::kInt32}},
    {"tensor(uint32)", {Type::kUint32}},
    {"tensor(int64)", {Type::kInt64}},
    {"tensor(uint64)", {Type::kUint64}},
    {"tensor(float16)", {Type::kFloat16}},
    {"tensor(bfloat16)", {Type::kBfloat16}},
};

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

/// A blank more at every place where one may stand.
std::string spaced(const std::string& text) {
  std::string spread = "\t ";
  for (const char c : text) {
    const bool is_mark = c == '(' || c == ')' || c == ',';
    spread += is_mark ? std::string(" \n") + c + "\r " : c == ' ' ? "  \t" : std::string(1, c);
  }
  return spread + " ";
}

TEST(test_parse_declaration_knows_every_spelling) {
  for (const auto& [text, type] : kSpellings) {
    for (const std::string& each : {text, upper(text), spaced(text)}) {
      for (const auto& [suffix, not_null] : {std::pair{"", false}, {" NULL", false}, {" not null", true}, {"\tNot  Null ", true}}) {
        try {
          const Declaration parsed = parse_declaration(each + suffix);
          if (parsed.type != type || parsed.not_null != not_null) check::fail(__FILE__, __LINE__, each + suffix);
        } catch (const edgeonnx::Error& error) {
          check::fail(__FILE__, __LINE__, error.what());
        }
      }
    }
  }
}

TEST(test_parse_declaration_refuses_everything_else) {
  const char* refused[] = {"",
                           " ",
                           "NULL",
                           "not null",
                           "smallmoney",
                           "varchar(10)",
                           "date",
                           "long",
                           "in t",
                           "ints",
                           "double",
                           "doubleprecision",
                           "precision",
                           "bit(1)",
                           "int(4)",
                           "real(24)",
                           "money(19,4)",
                           "float()",
                           "float(0)",
                           "float(54)",
                           "float(-1)",
                           "float(24,1)",
                           "float(24",
                           "float 24",
                           "float(2 4)",
                           "float(0x10)",
                           "float(24.0)",
                           "double precision(53)",
                           "decimal()",
                           "decimal(0)",
                           "decimal(39)",
                           "decimal(-5,2)",
                           "decimal(+5,2)",
                           "decimal(5,-1)",
                           "decimal(5,6)",
                           "decimal(5,)",
                           "decimal(,2)",
                           "decimal(5 2)",
                           "decimal(5,2,1)",
                           "decimal(5,2))",
                           "decimal(5,2",
                           "decimal((5,2))",
                           "decimal(p,s)",
                           "decimal(99999999999)",
                           "decimal(4294967306)",
                           "int null null",
                           "int not null null",
                           "int null not null",
                           "int not",
                           "int notnull",
                           "int, int",
                           "tensor",
                           "tensor()",
                           "tensor(real)",
                           "tensor(string)",
                           "tensor(complex64)",
                           "tensor(undefined)",
                           "tensor(float",
                           "tensor(float)(",
                           "tensor(float, 3)",
                           "float16",
                           "uint8",
                           "int\xC2\xA0",
                           "int;"};
  for (const char* text : refused) {
    try {
      parse_declaration(text);
      check::fail(__FILE__, __LINE__, std::string("'") + text + "' was taken");
    } catch (const edgeonnx::Error& error) {
      if (error.code() != Code::kInvalidArgument) check::fail(__FILE__, __LINE__, error.what());
      // Short texts would be found anywhere.
      if (std::string(text).size() > 1 && std::string(error.what()).find(text) == std::string::npos)
        check::fail(__FILE__, __LINE__, error.what());
    }
  }
}

TEST(test_result_parse_fills_all_but_the_output) {
  edgeonnx_result result{"y", -1, -1, -1, -1};
  CHECK_EQUAL(edgeonnx_result_parse("Decimal(25, 17) NOT NULL", &result, nullptr), EDGEONNX_OK);
  CHECK_EQUAL(std::string(result.output), std::string("y"));
  CHECK(result.type == EDGEONNX_TYPE_DECIMAL128 && result.precision == 25 && result.scale == 17 && result.not_null == 1);
  CHECK_EQUAL(edgeonnx_result_parse("real", &result, nullptr), EDGEONNX_OK);
  CHECK(result.type == EDGEONNX_TYPE_FLOAT && result.precision == 0 && result.scale == 0 && result.not_null == 0);
}

TEST(test_result_parse_failure_leaves_the_result_alone) {
  char text[256] = "";
  edgeonnx_error error{text, sizeof text, 0, "", "", -1, 0, 0};
  edgeonnx_result result{"y", 77, 5, 3, 1};
  CHECK_EQUAL(edgeonnx_result_parse("decimal(39)", &result, &error), EDGEONNX_INVALID_ARGUMENT);
  CHECK(error.code == EDGEONNX_INVALID_ARGUMENT && std::string(text).find("'decimal(39)'") != std::string::npos);
  CHECK(result.type == 77 && result.precision == 5 && result.scale == 3 && result.not_null == 1);
  CHECK_EQUAL(edgeonnx_result_parse(nullptr, &result, &error), EDGEONNX_INVALID_ARGUMENT);
  CHECK_EQUAL(edgeonnx_result_parse("int", nullptr, &error), EDGEONNX_INVALID_ARGUMENT);
}

}  // namespace

int main() { return check::run(); }
