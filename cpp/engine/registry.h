// Models by name and version, loaded once for equal bytes; the longest unused make room.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/scorer.h"

namespace edgeonnx::engine {

struct RegistryOptions {
  int64_t max_models = 256;
  int64_t max_bytes = int64_t{4} << 30;
  ScorerOptions scoring;  ///< of every model, but for its name
};

struct ModelInfo {
  std::string name;
  std::string version;
  std::string digest;
  std::string settings;
  int64_t n_bytes = 0;
  int64_t n_uses = 0;
};

/// A model as it was put: the scorer, and how rows are to be scored with it.
struct RegisteredModel {
  std::shared_ptr<const Scorer> scorer;
  std::string settings;
  std::string digest;
};

/// Any thread may call anything at any time. Loading holds no lock that others wait for, save those who bring the same bytes.
class Registry {
 public:
  explicit Registry(RegistryOptions options) : options_(std::move(options)) {}

  int64_t max_model_bytes() const { return options_.scoring.max_model_bytes; }
  /// Throws what loading throws; then nothing has changed.
  void put(const std::string& name, const std::string& version, onnx::Bytes model, const std::string& settings);
  /// version: nothing for the one put last. Throws Error(kNotFound).
  RegisteredModel get(const std::string& name, const std::optional<std::string>& version);
  /// How many were dropped. version: nothing for all of that name. Throws Error(kNotFound) where there is none.
  int64_t drop(const std::string& name, const std::optional<std::string>& version);
  /// By name, and then by age.
  std::vector<ModelInfo> list() const;

 private:
  using Loaded = std::shared_ptr<const Scorer>;
  struct Model {
    Loaded scorer;
    int64_t n_bytes = 0;
    int64_t n_entries = 0;
    std::list<std::string>::iterator in_use;  ///< place in by_use_
  };
  struct Entry {
    std::string version;
    std::string digest;
    std::string settings;
    int64_t n_uses = 0;
  };

  Loaded load(const std::string& digest, const std::string& model_name, onnx::Bytes model);
  void touch(Model& model);
  void make_room(const std::string& keep);
  void forget(const std::string& digest);
  void release_entry(const std::string& digest);
  [[noreturn]] void raise_not_found(const std::string& name, const std::optional<std::string>& version) const;

  const RegistryOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Entry>> entries_;  ///< by name; the one put last stands last
  std::unordered_map<std::string, Model> models_;      ///< by digest
  std::list<std::string> by_use_;                      ///< digests, the one used last in front
  std::unordered_map<std::string, std::shared_future<Loaded>> loading_;
  std::set<std::pair<std::string, std::string>> put_out_;  ///< names and versions that had to make room
  int64_t n_bytes_ = 0;
};

}  // namespace edgeonnx::engine
