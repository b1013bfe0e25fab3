#include "engine/registry.h"

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

namespace edgeonnx::engine {
namespace {

std::string title(const std::string& name, const std::optional<std::string>& version) {
  return in_quotes(name) + (version && !version->empty() ? ", version " + in_quotes(*version) : "");
}

}  // namespace

Registry::Loaded Registry::load(const std::string& digest, const std::string& model_name, onnx::Bytes model) {
  std::promise<Loaded> promise;
  std::shared_future<Loaded> others;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = models_.find(digest); at != models_.end()) return at->second.scorer;
    const auto [at, is_first] = loading_.try_emplace(digest, std::shared_future<Loaded>());
    if (is_first) {
      at->second = promise.get_future().share();
    } else {
      others = at->second;
    }
  }
  if (others.valid()) return others.get();
  Loaded loaded;
  try {
    ScorerOptions options = options_.scoring;
    options.plan.model_name = model_name;
    loaded = std::make_shared<const Scorer>(model, options);
    promise.set_value(loaded);
  } catch (...) {
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    loading_.erase(digest);
    throw;
  }
  const std::lock_guard lock(mutex_);
  loading_.erase(digest);
  return loaded;
}

void Registry::put(const std::string& name, const std::string& version, onnx::Bytes model, const std::string& settings) {
  const auto n_bytes = static_cast<int64_t>(model.size());
  if (name.empty()) throw Error(Code::kInvalidArgument, "a model needs a name; it is empty");
  if (n_bytes > options_.max_bytes) {
    throw Error(Code::kOutOfMemory, "the model " + title(name, version) + " has " + std::to_string(n_bytes) + " bytes, more than the " +
                                        std::to_string(options_.max_bytes) + " that all models together may have");
  }
  const std::string digest = sha256(model);
  const Loaded scorer = load(digest, version.empty() ? name : name + ", version " + version, model);
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = models_.try_emplace(digest);
  Model& kept = at->second;
  if (is_new) {
    kept.scorer = scorer;
    kept.n_bytes = n_bytes;
    kept.in_use = by_use_.insert(by_use_.begin(), digest);
    n_bytes_ += n_bytes;
  }
  touch(kept);
  ++kept.n_entries;
  std::vector<Entry>& versions = entries_[name];
  const auto old = std::find_if(versions.begin(), versions.end(), [&](const Entry& entry) { return entry.version == version; });
  std::optional<std::string> replaced;
  if (old != versions.end()) {
    replaced = old->digest;
    versions.erase(old);
  }
  versions.push_back({version, digest, settings, 0});
  put_out_.erase({name, version});
  if (replaced) release_entry(*replaced);
  make_room(digest);
}

RegisteredModel Registry::get(const std::string& name, const std::optional<std::string>& version) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end()) raise_not_found(name, version);
  std::vector<Entry>& versions = at->second;
  const auto found = version ? std::find_if(versions.begin(), versions.end(), [&](const Entry& entry) { return entry.version == *version; })
                             : versions.end() - 1;
  if (found == versions.end()) raise_not_found(name, version);
  ++found->n_uses;
  Model& model = models_.at(found->digest);
  touch(model);
  return {model.scorer, found->settings, found->digest};
}

int64_t Registry::drop(const std::string& name, const std::optional<std::string>& version) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end()) raise_not_found(name, version);
  std::vector<Entry>& versions = at->second;
  std::vector<std::string> digests;
  for (const Entry& entry : versions) {
    if (!version || entry.version == *version) digests.push_back(entry.digest);
  }
  if (digests.empty()) raise_not_found(name, version);
  std::erase_if(versions, [&](const Entry& entry) { return !version || entry.version == *version; });
  if (versions.empty()) entries_.erase(at);
  for (const std::string& digest : digests) release_entry(digest);
  return static_cast<int64_t>(digests.size());
}

std::vector<ModelInfo> Registry::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelInfo> all;
  for (const auto& [name, versions] : entries_) {
    for (const Entry& entry : versions)
      all.push_back({name, entry.version, entry.digest, entry.settings, models_.at(entry.digest).n_bytes, entry.n_uses});
  }
  return all;
}

void Registry::touch(Model& model) { by_use_.splice(by_use_.begin(), by_use_, model.in_use); }

void Registry::make_room(const std::string& keep) {
  while (n_bytes_ > options_.max_bytes || static_cast<int64_t>(models_.size()) > options_.max_models) {
    if (by_use_.back() == keep) return;
    forget(std::string(by_use_.back()));
  }
}

/// Takes the model from every name that has it.
void Registry::forget(const std::string& digest) {
  constexpr size_t kMostPutOut = 10000;  // what is remembered of them is for messages alone
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& [name, versions] = *at;
    for (const Entry& entry : versions) {
      if (entry.digest == digest && put_out_.size() < kMostPutOut) put_out_.insert({name, entry.version});
    }
    std::erase_if(versions, [&](const Entry& entry) { return entry.digest == digest; });
    at = versions.empty() ? entries_.erase(at) : std::next(at);
  }
  const auto model = models_.find(digest);
  n_bytes_ -= model->second.n_bytes;
  by_use_.erase(model->second.in_use);
  models_.erase(model);
}

void Registry::release_entry(const std::string& digest) {
  const auto model = models_.find(digest);
  if (--model->second.n_entries > 0) return;
  n_bytes_ -= model->second.n_bytes;
  by_use_.erase(model->second.in_use);
  models_.erase(model);
}

void Registry::raise_not_found(const std::string& name, const std::optional<std::string>& version) const {
  const bool had_to_go = std::any_of(put_out_.begin(), put_out_.end(),
                                     [&](const auto& gone) { return gone.first == name && (!version || gone.second == *version); });
  if (had_to_go) {
    throw Error(Code::kNotFound, "the model " + title(name, version) + " had to make room for others, since at most " +
                                     std::to_string(options_.max_models) + " models of " + std::to_string(options_.max_bytes) +
                                     " bytes together are kept; load it again");
  }
  std::vector<std::string> known;
  constexpr size_t kMostNamed = 20;
  for (const auto& [each, versions] : entries_) {
    if (known.size() == kMostNamed) break;
    if (version && each == name) {
      for (const Entry& entry : versions) known.push_back(title(each, entry.version));
    } else {
      known.push_back(in_quotes(each));
    }
  }
  throw Error(Code::kNotFound, "there is no model " + title(name, version) + "; loaded are " + (known.empty() ? "none" : join(known)) +
                                   (entries_.size() > kMostNamed ? " and more" : ""));
}

}  // namespace edgeonnx::engine
