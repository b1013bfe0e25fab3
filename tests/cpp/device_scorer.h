// A scorer on the device that stream_compute.h plays.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/handles.h"
#include "check.h"
#include "scoring.h"
#include "stream_compute.h"

namespace device_scorer {

using scoring::Binding;
using scoring::Limits;
using stream_compute::Return;
using stream_compute::state;

/// A scorer whose session has a device, and nothing left of it at its end.
class DeviceScorer {
 public:
  explicit DeviceScorer(const std::string& model, const Limits& limits = {}, bool deterministic = false, Return returns = Return::kAtOnce) {
    edgeonnx::engine::ScorerOptions options;
    options.n_threads = limits.n_threads;
    options.plan.morsel_rows = limits.morsel_rows;
    options.plan.native = limits.native;
    options.plan.deterministic = deterministic;
    options.plan.make_device = stream_compute::make_device;
    state().n_failed = 0;
    state().n_elsewhere = 0;
    state().returns = returns;
    handle_.scorer = std::make_shared<const edgeonnx::engine::Scorer>(tiny::as_span(model), options);
    CHECK(handle_.scorer->plan().session && handle_.scorer->plan().session->device());
  }
  ~DeviceScorer() {
    handle_.scorer.reset();
    state().stream = nullptr;
    CHECK_EQUAL(fake_cuda::controls().live().total(), before_.total());
    CHECK_EQUAL(fake_cuda::controls().n_misuses(), misuses_);
    CHECK_EQUAL(state().n_failed.load(), 0L);
    CHECK_EQUAL(state().n_elsewhere.load(), 0L);
  }

  edgeonnx_scorer* handle() { return &handle_; }
  const edgeonnx::engine::Scorer& scorer() const { return *handle_.scorer; }
  Binding bind(const std::vector<edgeonnx_field>& fields, const edgeonnx_binding_options& options) {
    edgeonnx_binding* binding = nullptr;
    edgeonnx::checked(
        [&](edgeonnx_error* error) { return edgeonnx_binding_create(&handle_, fields.data(), fields.size(), &options, &binding, error); });
    return Binding(binding);
  }

 private:
  fake_cuda::Live before_ = fake_cuda::controls().live();
  long misuses_ = fake_cuda::controls().n_misuses();
  edgeonnx_scorer handle_;
};

}  // namespace device_scorer
