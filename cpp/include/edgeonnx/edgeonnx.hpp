// The C++ face of edgeonnx.h: owners that release themselves, and exceptions instead of statuses. Header only, C++17.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "edgeonnx/edgeonnx.h"

namespace edgeonnx {

/// A call that failed.
class StatusError : public std::runtime_error {
 public:
  StatusError(edgeonnx_status code, const std::string& message) : std::runtime_error(message), code_(code) {}
  explicit StatusError(const edgeonnx_error& error)
      : std::runtime_error(error.message + std::string(error.message_length < error.message_capacity ? "" : " ...")),
        code_(error.code),
        row_(error.row),
        sql_number_(error.sql_number),
        column_(error.column),
        value_(error.value) {}

  edgeonnx_status code() const { return code_; }
  int64_t row() const { return row_; }                ///< -1: none
  int32_t sql_number() const { return sql_number_; }  ///< 0: none
  const std::string& column() const { return column_; }
  const std::string& value() const { return value_; }

 private:
  edgeonnx_status code_;
  int64_t row_ = -1;
  int32_t sql_number_ = 0;
  std::string column_;
  std::string value_;
};

/// Makes the call with an error buffer and throws StatusError unless it returns EDGEONNX_OK:
/// checked([&](edgeonnx_error* error) { return edgeonnx_...(..., error); });
template <class Call>
void checked(const Call& call) {
  char text[32768];  // a binding lists all mistakes and both sides, for hundreds of columns
  edgeonnx_error error{};
  error.message = text;
  error.message_capacity = sizeof text;
  text[0] = '\0';
  error.column = error.value = "";
  error.row = -1;
  const edgeonnx_status status = call(&error);
  if (status == EDGEONNX_OK) return;
  error.code = status;
  throw StatusError(error);
}

namespace detail {
struct Release {
  void operator()(edgeonnx_scorer* scorer) const { edgeonnx_scorer_release(scorer); }
  void operator()(edgeonnx_binding* binding) const { edgeonnx_binding_release(binding); }
  void operator()(edgeonnx_cancel* cancel) const { edgeonnx_cancel_release(cancel); }
};
}  // namespace detail

class Binding {
 public:
  explicit Binding(edgeonnx_binding* handle) : handle_(handle) {}
  edgeonnx_binding* get() const { return handle_.get(); }

  int64_t n_results() const { return edgeonnx_binding_n_results(get()); }
  edgeonnx_port result(int64_t index) const {
    edgeonnx_port port{};
    if (edgeonnx_binding_result(get(), index, &port) != EDGEONNX_OK) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "no such result");
    return port;
  }
  std::vector<edgeonnx_cast> casts() const {
    std::vector<edgeonnx_cast> all(static_cast<size_t>(edgeonnx_binding_n_casts(get())));
    for (size_t i = 0; i < all.size(); ++i) edgeonnx_binding_cast(get(), static_cast<int64_t>(i), &all[i]);
    return all;
  }
  const char* explain() const { return edgeonnx_binding_explain(get()); }

  edgeonnx_report score(const std::vector<edgeonnx_batch>& batches, const std::vector<edgeonnx_output>& outputs,
                        const edgeonnx_call& call) const {
    edgeonnx_report report{};
    report.struct_size = sizeof report;
    checked([&](edgeonnx_error* error) {
      return edgeonnx_binding_score(get(), batches.data(), batches.size(), outputs.data(), outputs.size(), &call, &report, error);
    });
    return report;
  }

 private:
  std::unique_ptr<edgeonnx_binding, detail::Release> handle_;
};

class Scorer {
 public:
  Scorer(const void* model, size_t n_bytes, const edgeonnx_scorer_options& options) {
    edgeonnx_scorer* handle = nullptr;
    checked([&](edgeonnx_error* error) { return edgeonnx_scorer_create(model, n_bytes, &options, &handle, error); });
    handle_.reset(handle);
  }
  edgeonnx_scorer* get() const { return handle_.get(); }

  int64_t n_inputs() const { return edgeonnx_scorer_n_inputs(get()); }
  int64_t n_outputs() const { return edgeonnx_scorer_n_outputs(get()); }
  edgeonnx_port input(int64_t index) const {
    edgeonnx_port port{};
    if (edgeonnx_scorer_input(get(), index, &port) != EDGEONNX_OK) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "no such input");
    return port;
  }
  edgeonnx_port output(int64_t index) const {
    edgeonnx_port port{};
    if (edgeonnx_scorer_output(get(), index, &port) != EDGEONNX_OK) throw StatusError(EDGEONNX_INVALID_ARGUMENT, "no such output");
    return port;
  }
  const char* explain() const { return edgeonnx_scorer_explain(get()); }
  std::vector<std::pair<std::string, std::string>> metadata() const {
    std::vector<std::pair<std::string, std::string>> all(static_cast<size_t>(edgeonnx_scorer_n_metadata(get())));
    const char *key = "", *value = "";
    for (size_t i = 0; i < all.size(); ++i) {
      edgeonnx_scorer_metadata(get(), static_cast<int64_t>(i), &key, &value);
      all[i] = {key, value};
    }
    return all;
  }
  std::vector<std::string> warnings() const {
    std::vector<std::string> all(static_cast<size_t>(edgeonnx_scorer_n_warnings(get())));
    for (size_t i = 0; i < all.size(); ++i) all[i] = edgeonnx_scorer_warning(get(), static_cast<int64_t>(i));
    return all;
  }
  const char* runtime() const { return edgeonnx_scorer_runtime(get()); }

  Binding bind(const std::vector<edgeonnx_field>& fields, const edgeonnx_binding_options& options) const {
    edgeonnx_binding* handle = nullptr;
    checked([&](edgeonnx_error* error) { return edgeonnx_binding_create(get(), fields.data(), fields.size(), &options, &handle, error); });
    return Binding(handle);
  }

 private:
  std::unique_ptr<edgeonnx_scorer, detail::Release> handle_;
};

}  // namespace edgeonnx
