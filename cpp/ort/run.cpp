// What a run takes beside tensors, its switch, and what it may leave behind, tensors of ONNX Runtime's own.
#include "ort/port.h"
#include "ort/session.h"
#include "ort/status.h"

namespace edgeonnx::ort {
namespace {

constexpr const char* kDoing = "describe an output";

OwnedShapeInfo describe(const Api& api, const void* value) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api, api.GetTensorTypeAndShape(static_cast<const OrtValue*>(value), &info), Phase::kRun, kDoing);
  return OwnedShapeInfo(info, {&api});
}

}  // namespace

OwnedTensor::~OwnedTensor() {
  if (value_ != nullptr) api_->ReleaseValue(static_cast<OrtValue*>(value_));
}

const void* OwnedTensor::data() const {
  void* data = nullptr;
  check(*api_, api_->GetTensorMutableData(static_cast<OrtValue*>(value_), &data), Phase::kRun, kDoing);
  return data;
}

Type OwnedTensor::type() const {
  ONNXTensorElementDataType element{};
  check(*api_, api_->GetTensorElementType(describe(*api_, value_).get(), &element), Phase::kRun, kDoing);
  return to_type(element);
}

std::vector<int64_t> OwnedTensor::shape() const { return shape_of(*api_, describe(*api_, value_).get()); }

RunControl::RunControl(const Library& library) : api_(&library.api()), options_(nullptr) {
  OrtRunOptions* options = nullptr;
  check(*api_, api_->CreateRunOptions(&options), Phase::kSetup, "make the options of a run");
  options_ = options;
}

RunControl::~RunControl() { api_->ReleaseRunOptions(static_cast<OrtRunOptions*>(options_)); }

void RunControl::terminate() {
  is_terminated_.store(true);
  check(*api_, api_->RunOptionsSetTerminate(static_cast<OrtRunOptions*>(options_)), Phase::kSetup, "end a run");
}

void RunControl::reset() {
  check(*api_, api_->RunOptionsUnsetTerminate(static_cast<OrtRunOptions*>(options_)), Phase::kSetup, "allow another run");
  is_terminated_.store(false);
}

}  // namespace edgeonnx::ort
