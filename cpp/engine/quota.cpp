#include "engine/quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/text.h"

namespace edgeonnx::engine {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// quota / period of one group folder; nothing where the files are absent or say "max" or -1.
std::optional<double> quota_of(const std::string& folder) {
  std::string quota;
  double period = 0;
  std::istringstream(read_text(folder + "/cpu.max")) >> quota >> period;
  if (quota.empty()) {
    std::istringstream(read_text(folder + "/cpu.cfs_quota_us")) >> quota;
    std::istringstream(read_text(folder + "/cpu.cfs_period_us")) >> period;
  }
  const double limit = std::strtod(quota.c_str(), nullptr);
  if (limit <= 0 || period <= 0) return std::nullopt;
  return limit / period;
}

int processors_of_affinity() {
#if defined(__linux__)
  // The mask may be wider than cpu_set_t on machines with more than 1024 processors.
  for (int n = 1024; n <= 1 << 16; n *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(n));
    const size_t size = CPU_ALLOC_SIZE(static_cast<size_t>(n));
    const bool ok = set && sched_getaffinity(0, size, set) == 0;
    const int count = ok ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (ok) return count;
  }
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

std::optional<double> cgroup_cpus(std::string_view proc_cgroup, const std::string& root) {
  std::optional<double> least;
  const auto take = [&](const std::string& folder) {
    if (const auto cpus = quota_of(folder)) least = std::min(least.value_or(*cpus), *cpus);
  };
  std::istringstream lines{std::string(proc_cgroup)};
  for (std::string line; std::getline(lines, line);) {
    // "0::/a/b" (v2) or "4:cpu,cpuacct:/a/b" (v1). Inside a container the path may be that of the host: its own group is then the root.
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    std::string base = root;
    if (!controllers.empty()) {
      if (("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
      base += "/" + controllers;
      if (!std::ifstream(base + "/cpu.cfs_period_us")) base = root + "/cpu";
    }
    while (true) {
      take(base + (path == "/" ? "" : path));
      const size_t slash = path.rfind('/');
      if (path.empty() || path == "/" || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return least;
}

int default_threads() {
  if (const char* wanted = std::getenv("EDGEONNX_THREADS"); wanted && *wanted) {
    char* end = nullptr;
    const long n = std::strtol(wanted, &end, 10);
    if (n < 1 || *end) {
      throw Error(Code::kInvalidArgument, "EDGEONNX_THREADS is " + in_quotes(wanted) + "; use a whole number from 1 on, or unset it");
    }
    return static_cast<int>(std::min(n, 4096L));
  }
  int threads = std::max(1, processors_of_affinity());
  if (const auto cpus = cgroup_cpus(read_text("/proc/self/cgroup"), "/sys/fs/cgroup")) {
    threads = std::min(threads, std::max(1, static_cast<int>(std::ceil(*cpus))));
  }
  return threads;
}

}  // namespace edgeonnx::engine
