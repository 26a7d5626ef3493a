// How long something takes.
#ifndef VECNEST_ENGINE_STOPWATCH_H_
#define VECNEST_ENGINE_STOPWATCH_H_

#include <chrono>

namespace vecnest::engine {

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_STOPWATCH_H_
