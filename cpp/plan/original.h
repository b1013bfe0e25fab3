// The session of the whole model, made on a thread of its own: what native parts are compared with, or the plan itself.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "ort/session.h"

namespace edgeonnx::plan {

class Original {
 public:
  using Make = std::function<std::unique_ptr<ort::Session>()>;

  /// `make` may be called on another thread, until the object is gone.
  explicit Original(Make make) : make_(std::move(make)) {}

  /// Begins to make the session beside whatever else is done. Without it, it is made when it is asked for.
  void begin() { coming_ = std::async(std::launch::async | std::launch::deferred, make_); }

  /// Waits for the session. Throws what making it throws.
  const ort::Session& get() {
    if (!session_) session_ = coming_.valid() ? coming_.get() : make_();
    return *session_;
  }
  std::unique_ptr<ort::Session> take() {
    (void)get();
    return std::move(session_);
  }

 private:
  Make make_;
  std::future<std::unique_ptr<ort::Session>> coming_;
  std::unique_ptr<ort::Session> session_;
};

}  // namespace edgeonnx::plan
