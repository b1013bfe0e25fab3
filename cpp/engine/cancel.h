// A request to stop, set from anywhere.
#pragma once

#include <atomic>

namespace edgeonnx::engine {

struct Cancel {
  std::atomic<bool> requested{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "set from signal handlers");
};

}  // namespace edgeonnx::engine
