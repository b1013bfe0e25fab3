#include "plan/session_maker.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/error.h"

namespace edgeonnx::plan {
namespace {

using onnx::Division;

/// By how often they are divided.
constexpr Type kTypes[] = {Type::kFloat, Type::kInt64,  Type::kInt32,  Type::kUint8, Type::kInt8,
                           Type::kInt16, Type::kUint16, Type::kUint32, Type::kUint64};

/// Finds types that the model does not tell by asking ONNX Runtime, which loads a guard only where its type is the right one. Nothing is
/// run: a division of constants would be, if the session were allowed to compute ahead.
class TypeSearch {
 public:
  TypeSearch(onnx::Bytes bytes, const ort::Library& library, const ort::SessionOptions& options)
      : bytes_(bytes), library_(library), options_(options) {
    options_.providers.clear();
    options_.optimizes = false;
  }

  void resolve(std::span<Division> divisions) const {
    if (divisions.empty() || fit(divisions, Type::kFloat)) return;
    (void)ort::Session(library_, bytes_, options_);  // throws where it is not their types that keep the model from loading
    resolve_integers(divisions);
  }

 private:
  bool fit(std::span<Division> divisions, Type type) const {
    for (Division& each : divisions) each.type = type;
    return loads(onnx::guard_divisions(bytes_, divisions));
  }

  /// All at once, or else by halves.
  void resolve_integers(std::span<Division> divisions) const {
    for (const Type type : kTypes) {
      if (fit(divisions, type)) return;
    }
    if (divisions.size() == 1) {
      throw Error(Code::kUnsupported, divisions[0].name + " divides numbers of several types, integers perhaps among them, and can't be " +
                                          "kept from dividing them by 0; export the model without functions of its own");
    }
    for (Division& each : divisions) each.type = Type::kUndefined;
    const size_t half = divisions.size() / 2;
    resolve_integers(divisions.first(half));
    resolve_integers(divisions.subspan(half));
  }

  bool loads(std::span<const std::byte> bytes) const {
    try {
      (void)ort::Session(library_, bytes, options_);
      return true;
    } catch (const Error& error) {
      // Types are checked before kernels are looked for.
      if (error.code() == Code::kUnsupported) return true;
      if (error.code() != Code::kInvalidModel) throw;
      return false;
    }
  }

  onnx::Bytes bytes_;
  const ort::Library& library_;
  ort::SessionOptions options_;
};

}  // namespace

std::vector<Division> SessionMaker::find(onnx::Bytes bytes) const {
  if (!has_divisions_) return {};
  std::vector<Division> divisions = onnx::find_divisions(bytes);
  const auto unknown =
      std::partition(divisions.begin(), divisions.end(), [](const Division& each) { return each.type != Type::kUndefined; });
  TypeSearch(bytes, library_(), options_).resolve(std::span(unknown, divisions.end()));
  std::erase_if(divisions, [](const Division& each) { return !onnx::is_guarded(each.type); });
  if (divisions.empty() || ort::are_cpu(options_.providers)) return divisions;
  std::string names;
  for (const Division& each : divisions) names += (names.empty() ? "" : ", ") + each.name;
  throw Error(Code::kUnsupported, "the model divides integers, in " + names +
                                      ", and a divisor of 0 is noticed on the CPU alone: load it without providers, or export it so that "
                                      "it divides real numbers");
}

std::unique_ptr<ort::Session> SessionMaker::make(onnx::Bytes bytes) const {
  const std::vector<Division> divisions = find(bytes);
  if (divisions.empty()) return std::make_unique<ort::Session>(library_(), bytes, options_);
  try {
    return std::make_unique<ort::Session>(library_(), onnx::guard_divisions(bytes, divisions), options_);
  } catch (const Error& error) {
    // What depends on constants alone is computed at load, guards included; the text is that of a Gather whose index is too large.
    if (std::string_view(error.what()).find("out of data bounds") == std::string_view::npos) throw;
    std::string names;
    for (const Division& each : divisions) names += (names.empty() ? "" : ", ") + each.name;
    throw Error(Code::kInvalidModel, "the model divides integers by a constant that is 0, or the least integer by -1; it has " + names +
                                         ", one of which is at fault (" + error.what() + ")");
  }
}

std::vector<std::byte> SessionMaker::guarded(std::vector<std::byte> bytes) const {
  const std::vector<Division> divisions = find(bytes);
  return divisions.empty() ? std::move(bytes) : onnx::guard_divisions(bytes, divisions);
}

}  // namespace edgeonnx::plan
