// A loaded model: its plan, its limits, and the working memory that its score calls reuse.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "edgeonnx/edgeonnx.h"
#include "engine/lane.h"
#include "plan/plan.h"

namespace edgeonnx::engine {

struct ScorerOptions {
  plan::Options plan;
  std::string ort_library;
  int64_t max_model_bytes = int64_t{2} << 30;
  int n_threads = 0;                                                           ///< 0: default_threads()
  void (*on_score)(void*, edgeonnx_status, const edgeonnx_report*) = nullptr;  ///< as edgeonnx_scorer_options has it
  void* on_score_data = nullptr;
};

class Scorer {
 public:
  Scorer(onnx::Bytes model, const ScorerOptions& options);
  /// In a child of fork() the session is left alone: it may need threads that only the parent has.
  ~Scorer();
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  const plan::Plan& plan() const { return plan_; }
  /// ONNX Runtime, opened if it has not been yet. Throws Error(kRuntimeMissing).
  const ort::Library& library() const {
    if (!library_) library_ = &ort::Library::open(ort_library_);
    return *library_;
  }
  /// Version of ONNX Runtime, where it has been opened for this scorer; else empty.
  const char* runtime_version() const {
    const ort::Library* library = library_;
    return library ? library->version().c_str() : "";
  }
  const std::string& model_name() const { return model_name_; }
  int n_threads() const { return n_threads_; }
  /// Tells whoever wants to know what became of a score call.
  void tell(edgeonnx_status status, const edgeonnx_report& report) const {
    if (on_score_) on_score_(on_score_data_, status, &report);
  }
  bool tells() const { return on_score_ != nullptr; }
  const std::string& explain() const { return explain_; }

  /// Throws Error(kInvalidState) in a child of fork().
  void check_usable() const;

  /// Working memory for one thread of a call, from the last call that gave one back where there is one.
  std::unique_ptr<Lane> take_lane() const;
  void give_lane(std::unique_ptr<Lane> lane) const;

 private:
  size_t most_lanes() const;
  std::string explanation() const;

  std::string ort_library_;
  mutable std::atomic<const ort::Library*> library_{nullptr};
  std::string model_name_;
  void (*on_score_)(void*, edgeonnx_status, const edgeonnx_report*);
  void* on_score_data_;
  plan::Plan plan_;
  int n_threads_;
  int64_t generation_;
  std::string explain_;
  mutable std::atomic<int> n_lanes_made_{0};
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace edgeonnx::engine
