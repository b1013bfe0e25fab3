// How many threads this process may keep busy.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgeonnx::engine {

/// EDGEONNX_THREADS if it is set, else the processors of the affinity mask, limited by the cgroup CPU quota (rounded up) of this process
/// and of every group above it. At least 1. Read afresh at each call. Throws Error if EDGEONNX_THREADS is no positive number.
int default_threads();

/// CPUs that the quota files below `root` grant to the groups listed in `proc_cgroup` (the text of /proc/self/cgroup); nothing where
/// there is no quota. Control groups v2: cpu.max; v1: cpu.cfs_quota_us and cpu.cfs_period_us.
std::optional<double> cgroup_cpus(std::string_view proc_cgroup, const std::string& root);

}  // namespace edgeonnx::engine
