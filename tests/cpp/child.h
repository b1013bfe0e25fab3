// A child of fork(), for tests of what it may and may not do. Included by one source file a test.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <iostream>

/// Wait status of a child that runs body(): 0 if it returns true.
inline int in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    try {
      _exit(body() ? 0 : 1);
    } catch (const std::exception& error) {
      std::cerr << "child: " << error.what() << "\n";
      _exit(2);
    }
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

// A child of a process with threads may start threads of its own; ThreadSanitizer has to be told, and looks for this name.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options() { return "die_after_fork=0"; }
