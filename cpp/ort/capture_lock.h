// Who may call CUDA while a graph is captured: nobody but the thread that captures.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace edgeonnx::ort {

/// ONNX Runtime captures in CUDA's global mode, in which a call of another thread that might wait for the device, an allocation among them,
/// fails and spoils the capture. So whoever calls CUDA holds this lock with others, and whoever may capture holds it alone. One for the
/// process, since CUDA makes no difference between our sessions.
class CaptureLock {
 public:
  static CaptureLock& shared() {
    static CaptureLock* const lock = new CaptureLock;  // never destroyed: sessions of other static objects may outlive it
    return *lock;
  }

  void lock_with_others() {
    const std::lock_guard turn(turn_);
    mutex_.lock_shared();
  }
  void unlock_with_others() { mutex_.unlock_shared(); }
  void lock_alone() {
    const std::lock_guard turn(turn_);
    mutex_.lock();
  }
  void unlock_alone() { mutex_.unlock(); }

 private:
  std::mutex turn_;  ///< held while waiting: runs that follow each other without a gap would else keep a capture waiting for ever
  std::shared_mutex mutex_;
};

}  // namespace edgeonnx::ort
