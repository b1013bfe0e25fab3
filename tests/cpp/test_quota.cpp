// How many threads a process may keep busy: control groups of both kinds, laid out in a temporary folder, and the override.
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "edgeonnx/edgeonnx.h"
#include "engine/quota.h"

namespace {

using edgeonnx::engine::cgroup_cpus;
using edgeonnx::engine::default_threads;
namespace fs = std::filesystem;

/// A folder that vanishes with its object.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "edgeonnx_quota_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

struct Example {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  std::string proc_cgroup;
  double cpus;  // 0: no quota
};

const Example kExamples[] = {
    {"no groups at all", {}, "", 0},
    {"no files", {}, "0::/a\n", 0},
    {"v2: own group", {{"a/cpu.max", "150000 100000\n"}}, "0::/a\n", 1.5},
    {"v2: no limit", {{"a/cpu.max", "max 100000\n"}}, "0::/a\n", 0},
    {"v2: limit of the group above", {{"a/b/cpu.max", "max 100000\n"}, {"a/cpu.max", "300000 100000\n"}}, "0::/a/b\n", 3},
    {"v2: the least of all groups", {{"a/b/cpu.max", "400000 100000\n"}, {"a/cpu.max", "50000 100000\n"}}, "0::/a/b\n", 0.5},
    {"v2: limit of the root of a container", {{"cpu.max", "200000 100000\n"}}, "0::/\n", 2},
    {"v2: path of the host inside a container", {{"cpu.max", "200000 100000\n"}}, "0::/system.slice/docker-12.scope\n", 2},
    {"v2: another group's limit", {{"b/cpu.max", "100000 100000\n"}}, "0::/a\n", 0},
    {"v2: period of its own", {{"a/cpu.max", "25000 10000\n"}}, "0::/a\n", 2.5},
    {"v2: damaged file", {{"a/cpu.max", "\n"}}, "0::/a\n", 0},
    {"v2: period of zero", {{"a/cpu.max", "100000 0\n"}}, "0::/a\n", 0},
    {"v1: own group", {{"cpu/a/cpu.cfs_quota_us", "250000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}}, "4:cpu:/a\n", 2.5},
    {"v1: no limit", {{"cpu/a/cpu.cfs_quota_us", "-1\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}}, "4:cpu:/a\n", 0},
    {"v1: controllers mounted together",
     {{"cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
      {"cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
      {"cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n"},
      {"cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"}},
     "12:cpuset:/\n4:cpu,cpuacct:/a\n",
     1},
    {"v1: limit of the group above",
     {{"cpu/a/cpu.cfs_quota_us", "700000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}},
     "4:cpu:/a/b/c\n",
     7},
    {"v1: other controllers do not count",
     {{"cpuset/a/cpu.cfs_quota_us", "100000\n"}, {"cpuset/a/cpu.cfs_period_us", "100000\n"}},
     "4:cpuset:/a\n",
     0},
    {"v1 and v2 side by side: the limit stands in v1",
     {{"cpu/a/cpu.cfs_quota_us", "400000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}},
     "4:cpu:/a\n1:name=systemd:/a\n0::/a\n",
     4},
    {"lines that are none", {{"a/cpu.max", "100000 100000\n"}}, "rubbish\n:\n0::/a\n", 1},
};

TEST(test_quota_of_control_groups_is_the_least_on_the_way_to_the_root) {
  for (const Example& each : kExamples) {
    const Folder folder;
    for (const auto& [name, text] : each.files) folder.write(name, text);
    const double cpus = cgroup_cpus(each.proc_cgroup, folder.path()).value_or(0);
    if (cpus != each.cpus)
      check::fail(__FILE__, __LINE__, each.name + ": " + std::to_string(cpus) + ", expected " + std::to_string(each.cpus));
  }
}

TEST(test_default_threads_override_is_a_positive_number) {
  unsetenv("EDGEONNX_THREADS");
  const int own = default_threads();
  CHECK(own >= 1);
  CHECK(own <= static_cast<int>(std::thread::hardware_concurrency()));
  const std::pair<const char*, int> examples[] = {{"3", 3}, {"64", 64}, {"1", 1}, {"9999999", 4096}, {"", own}};
  for (const auto& [text, expected] : examples) {
    setenv("EDGEONNX_THREADS", text, 1);
    CHECK_EQUAL(default_threads(), expected);
    CHECK_EQUAL(edgeonnx_default_threads(), expected);
  }
  for (const char* text : {"0", "-2", "many", "2x", "1.5"}) {
    setenv("EDGEONNX_THREADS", text, 1);
    CHECK_ERROR(default_threads(), edgeonnx::Code::kInvalidArgument);
    CHECK_EQUAL(edgeonnx_default_threads(), 0);
  }
  unsetenv("EDGEONNX_THREADS");
}

TEST(test_default_threads_follow_the_affinity_mask) {
  cpu_set_t before, one;
  CHECK_EQUAL(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK_EQUAL(default_threads(), 1);
  CHECK_EQUAL(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace

int main() { return check::run(); }
