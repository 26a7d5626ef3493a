// What a piece of work costs, for the drivers that comparison scripts run.
#ifndef VECNEST_TESTS_BENCH_SPENT_H_
#define VECNEST_TESTS_BENCH_SPENT_H_

#include <chrono>
#include <ctime>

namespace vecnest {

// Processor time of all threads of this process until now.
inline double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Seconds. What a default object holds is more than anything takes.
struct Spent {
  double wall = 1e30;
  double cpu = 1e30;
};

template <class Function>
Spent Measure(const Function& function) {
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  function();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), CpuSeconds() - cpu};
}

}  // namespace vecnest

#endif  // VECNEST_TESTS_BENCH_SPENT_H_
