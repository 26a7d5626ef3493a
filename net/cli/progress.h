// Progress of long work on standard error, and what else is written there meanwhile.
#ifndef VECNEST_NET_CLI_PROGRESS_H_
#define VECNEST_NET_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace vecnest::cli {

// On a terminal a line that is redrawn; elsewhere a line every few seconds. Not thread-safe.
// Lines that the log or Note writes meanwhile stand above it.
class Progress {
 public:
  // `total`: of the measure that Update's `done` counts in, for percent and time left.
  Progress(std::string unit, uint64_t total);
  // Of work that is known by its share alone: `unit` is what is done, the total is 100.
  explicit Progress(std::string unit) : Progress(std::move(unit), 100) { counted_ = false; }
  ~Progress();

  // `done` of the total, `items` so far (with those of earlier runs).
  void Update(uint64_t done, uint64_t items);
  // Prints a line of its own.
  void Note(const std::string& line);
  // Draws the last state and ends the line.
  void Finish();

 private:
  void Draw();

  const std::string unit_;
  const uint64_t total_;
  const bool terminal_;
  bool counted_ = true;  // items and their rate are shown
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
  uint64_t first_done_ = 0;
  uint64_t first_items_ = 0;
  uint64_t done_ = 0;
  uint64_t items_ = 0;
  bool begun_ = false;
  bool finished_ = false;
};

// Work of which nothing is known but that it goes on: "waiting for the server 0:12". On a terminal
// its line goes away with it. Not thread-safe; there is no Progress beside it.
class Waiting {
 public:
  explicit Waiting(std::string what);
  ~Waiting();

  // Often: shows how long it has been going on.
  void Update();

 private:
  const std::string what_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::seconds shown_{0};
};

// Makes spdlog's default logger one that writes to standard error, above a progress bar.
void LogAboveProgress();

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_PROGRESS_H_
