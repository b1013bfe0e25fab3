// Scoring in few words, for tests: typed tables, results with their masks, failures as values. All through edgeonnx.hpp, as a client would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include "base/type.h"
#include "check.h"
#include "edgeonnx/edgeonnx.hpp"
#include "tiny_model.h"

namespace scoring {

using edgeonnx::Binding;
using edgeonnx::Scorer;
using edgeonnx::StatusError;
using edgeonnx::Type;

/// The type of a column or result of T; bits are named by hand.
template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, float>) return Type::kFloat;
  if constexpr (std::is_same_v<T, double>) return Type::kDouble;
  if constexpr (std::is_same_v<T, int8_t>) return Type::kInt8;
  if constexpr (std::is_same_v<T, uint8_t>) return Type::kUint8;
  if constexpr (std::is_same_v<T, int16_t>) return Type::kInt16;
  if constexpr (std::is_same_v<T, uint16_t>) return Type::kUint16;
  if constexpr (std::is_same_v<T, int32_t>) return Type::kInt32;
  if constexpr (std::is_same_v<T, uint32_t>) return Type::kUint32;
  if constexpr (std::is_same_v<T, int64_t>) return Type::kInt64;
  if constexpr (std::is_same_v<T, uint64_t>) return Type::kUint64;
  return Type::kUndefined;
}

/// Flags (0 or 1) as a bitmap, lowest bit first, that begins at bit `offset`. Bits outside the flags are set, to be seen if they are read.
inline std::vector<uint8_t> pack_bits(const std::vector<uint8_t>& flags, int64_t offset = 0) {
  std::vector<uint8_t> bits(static_cast<size_t>(offset) / 8 + flags.size() / 8 + 2, 0xFF);
  for (size_t i = 0; i < flags.size(); ++i) {
    const size_t at = static_cast<size_t>(offset) + i;
    if (!flags[i]) bits[at / 8] = static_cast<uint8_t>(bits[at / 8] & ~(1u << (at % 8)));
  }
  return bits;
}

/// Columns with their memory.
class Table {
 public:
  explicit Table(int64_t n_rows) : n_rows_(n_rows) {}
  Table(Table&&) = default;

  /// A column whose rows lie without a gap.
  template <class T>
  Table& add(const std::string& name, const std::vector<T>& values, int64_t width = 1, Type type = type_of<T>()) {
    edgeonnx_column column{};
    column.data = keep(values.data(), values.size() * sizeof(T));
    column.stride = static_cast<int64_t>(sizeof(T)) * width;
    return add_column(name, type, width, column);
  }
  /// Bits, from bit `offset` of their memory on.
  Table& add_bits(const std::string& name, const std::vector<uint8_t>& flags, int64_t offset = 0) {
    const std::vector<uint8_t> bits = pack_bits(flags, offset);
    edgeonnx_column column{};
    column.data = keep(bits.data(), bits.size());
    column.offset = offset;
    return add_column(name, Type::kBit, 1, column);
  }
  /// A column of any memory; the caller keeps it alive.
  Table& add_column(const std::string& name, Type type, int64_t width, const edgeonnx_column& column) {
    return add_column({name.c_str(), nullptr, width, static_cast<int32_t>(type), 0, 0}, column);
  }
  Table& add_column(const edgeonnx_field& field, const edgeonnx_column& column) {
    names_.push_back(field.name);
    fields_.push_back(field);
    fields_.back().name = names_.back().c_str();
    columns_.push_back(column);
    return *this;
  }
  /// Says which rows of the last column are valid.
  Table& valid(const std::vector<uint8_t>& flags, int64_t offset = 0) {
    const std::vector<uint8_t> bits = pack_bits(flags, offset);
    columns_.back().validity = static_cast<const uint8_t*>(keep(bits.data(), bits.size()));
    columns_.back().offset = offset;
    return *this;
  }
  /// Says which single values of the last column, a list, are valid.
  Table& valid_values(const std::vector<uint8_t>& flags, int64_t offset = 0) {
    const std::vector<uint8_t> bits = pack_bits(flags, offset);
    columns_.back().value_validity = static_cast<const uint8_t*>(keep(bits.data(), bits.size()));
    columns_.back().value_offset = offset;
    return *this;
  }

  int64_t n_rows() const { return n_rows_; }
  const std::vector<edgeonnx_field>& fields() const { return fields_; }
  const std::vector<edgeonnx_column>& columns() const { return columns_; }
  edgeonnx_batch batch() const { return {columns_.data(), n_rows_}; }

 private:
  /// Memory of exactly that size, so that a sanitizer sees a step beyond it.
  const void* keep(const void* data, size_t n_bytes) {
    memory_.emplace_back(new std::byte[n_bytes + 1]);
    if (n_bytes > 0) std::memcpy(memory_.back().get(), data, n_bytes);
    return memory_.back().get();
  }

  int64_t n_rows_;
  std::deque<std::string> names_;  // fields point into it
  std::vector<edgeonnx_field> fields_;
  std::vector<edgeonnx_column> columns_;
  std::vector<std::unique_ptr<std::byte[]>> memory_;
};

struct Limits {
  int n_threads = 1;
  int64_t morsel_rows = 0;
  bool native = true;  ///< false: ONNX Runtime alone
};

inline Scorer load(const std::string& model, const Limits& limits = {}) {
  edgeonnx_scorer_options options{};
  options.struct_size = sizeof options;
  options.n_threads = limits.n_threads;
  options.morsel_rows = limits.morsel_rows;
  options.native = limits.native ? EDGEONNX_NATIVE_AUTO : EDGEONNX_NATIVE_OFF;
  return Scorer(model.data(), model.size(), options);
}

inline edgeonnx_binding_options binding_options(int32_t coercion = EDGEONNX_COERCION_TSQL,
                                                int32_t on_overflow = EDGEONNX_ON_OVERFLOW_ERROR) {
  edgeonnx_binding_options options{};
  options.struct_size = sizeof options;
  options.coercion = coercion;
  options.on_overflow = on_overflow;
  return options;
}

inline edgeonnx_null_rule null_rule(int32_t policy, const char* input = nullptr) {
  edgeonnx_null_rule rule{};
  rule.input = input;
  rule.policy = policy;
  return rule;
}

/// Packed results of one call, one entry per result of the binding.
struct Results {
  std::vector<std::vector<std::byte>> data;
  std::vector<std::vector<uint8_t>> masks;
  edgeonnx_report report;

  template <class T>
  std::vector<T> values(size_t i = 0) const {
    std::vector<T> typed(data[i].size() / sizeof(T));
    if (!typed.empty()) std::memcpy(typed.data(), data[i].data(), typed.size() * sizeof(T));
    return typed;
  }
};

inline edgeonnx_call default_call() {
  edgeonnx_call call{};
  call.struct_size = sizeof call;
  return call;
}

inline Results score(const Binding& binding, const std::vector<edgeonnx_batch>& batches, const edgeonnx_call& call = default_call()) {
  int64_t n_rows = 0;
  for (const edgeonnx_batch& batch : batches) n_rows += batch.n_rows;
  Results results{};
  std::vector<edgeonnx_output> outputs;
  for (int64_t i = 0; i < binding.n_results(); ++i) {
    const edgeonnx_port port = binding.result(i);
    const int64_t stride = edgeonnx::size_of(static_cast<Type>(port.type)) * port.width;
    results.data.emplace_back(static_cast<size_t>(n_rows * stride));
    results.masks.emplace_back(static_cast<size_t>(n_rows), uint8_t{0xEE});
    outputs.push_back({nullptr, stride, nullptr});
  }
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].data = results.data[i].data(), outputs[i].mask = results.masks[i].data();
  results.report = binding.score(batches, outputs, call);
  return results;
}

inline Results score(const Binding& binding, const Table& table) { return score(binding, {table.batch()}); }

/// Binds and scores at once.
inline Results score(const Scorer& scorer, const Table& table, const edgeonnx_binding_options& options = binding_options()) {
  return score(scorer.bind(table.fields(), options), table);
}

/// What body() throws; a check fails where that is nothing or another status.
template <class Body>
StatusError failure_of(const char* file, int line, edgeonnx_status expected, const Body& body) {
  try {
    body();
  } catch (const StatusError& error) {
    if (error.code() == expected) return error;
    check::fail(
        file, line,
        std::string("expected ") + edgeonnx_status_name(expected) + ", got " + edgeonnx_status_name(error.code()) + ": " + error.what());
    return error;
  }
  check::fail(file, line, std::string("expected ") + edgeonnx_status_name(expected) + ", got no failure");
  return {EDGEONNX_OK, ""};
}
#define FAILURE(expected, statement) scoring::failure_of(__FILE__, __LINE__, expected, [&] { statement; })

inline bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) std::cerr << "  missing: " << part << "\n  in: " << text << "\n";
  return found;
}

/// main() of a test that needs ONNX Runtime.
inline int run_with_runtime(const char* name) {
  const char* library = std::getenv("EDGEONNX_ORT_LIBRARY");
  if (!library || !*library) {
    std::cerr << name
              << ": set EDGEONNX_ORT_LIBRARY to an ONNX Runtime library, for instance onnxruntime/capi/libonnxruntime.so.* of the "
                 "onnxruntime wheel\n";
    return 1;
  }
  return check::run();
}

}  // namespace scoring
