// The border of the C interface: whatever a call throws becomes a status and a filled edgeonnx_error.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <span>
#include <string>

#include "base/error.h"
#include "edgeonnx/edgeonnx.h"

namespace edgeonnx::capi {

/// Objects that exist: see edgeonnx_live_objects.
inline std::atomic<int64_t> live_objects{0};

/// Writes text, column and value behind one another into the caller's buffer, as far as they fit.
inline edgeonnx_status report(const Error& error, edgeonnx_error* out) noexcept {
  const auto code = static_cast<edgeonnx_status>(error.code());
  if (!out) return code;
  out->code = code;
  out->row = error.row();
  out->sql_number = error.sql_number();
  out->column = out->value = "";
  out->message_length = std::strlen(error.what());
  if (!out->message || out->message_capacity == 0) return code;
  size_t used = std::min(out->message_length, out->message_capacity - 1);
  std::memcpy(out->message, error.what(), used);
  // A cut never leaves half of a UTF-8 sequence.
  if (used < out->message_length) {
    while (used > 0 && (static_cast<unsigned char>(error.what()[used]) & 0xC0) == 0x80) --used;
  }
  out->message[used++] = '\0';
  const auto append = [&](const std::string& text, const char** where) {
    if (text.empty() || text.size() + 1 > out->message_capacity - used) return;
    std::memcpy(out->message + used, text.c_str(), text.size() + 1);
    *where = out->message + used;
    used += text.size() + 1;
  };
  append(error.column(), &out->column);
  append(error.value(), &out->value);
  return code;
}

/// Runs body; every call of the C interface that can fail goes through here.
template <class Body>
edgeonnx_status guarded(edgeonnx_error* error, const Body& body) noexcept {
  try {
    body();
    return EDGEONNX_OK;
  } catch (const Error& failure) {
    return report(failure, error);
  } catch (const std::bad_alloc&) {
    try {
      return report(Error(Code::kOutOfMemory, "out of memory"), error);
    } catch (...) {
      return EDGEONNX_OUT_OF_MEMORY;
    }
  } catch (const std::exception& failure) {
    try {
      return report(Error(Code::kInternal, std::string("edgeonnx failed in a way that it should not: ") + failure.what()), error);
    } catch (...) {
      return EDGEONNX_INTERNAL;
    }
  } catch (...) {
    return EDGEONNX_INTERNAL;
  }
}

template <class T>
T& needed(T* pointer, const char* name) {
  if (!pointer) throw Error(Code::kInvalidArgument, std::string(name) + " is null");
  return *pointer;
}

/// n items of the caller's, which may be null only if there are none.
template <class T>
std::span<T> items(T* pointer, size_t n, const char* name) {
  if (n > 0) needed(pointer, name);
  return {pointer, n};
}

/// A struct of the caller's, as long as the caller's header knew it; what it did not know is zero.
template <class T>
T read_struct(const T* given) {
  T known{};
  if (given) std::memcpy(&known, given, std::min(given->struct_size, sizeof(T)));
  return known;
}

inline std::string text_or(const char* text, const char* otherwise) { return text ? text : otherwise; }

}  // namespace edgeonnx::capi
