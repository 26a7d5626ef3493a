#include "net/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "fmt/format.h"

namespace vecnest::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr std::chrono::milliseconds kTerminalPause(100);
constexpr std::chrono::seconds kLogPause(5);

std::string Duration(double seconds) {
  const auto whole = std::llround(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string unit, uint64_t total)
    : unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

Progress::~Progress() { Finish(); }

void Progress::Update(uint64_t done, uint64_t items) {
  if (!begun_) {
    begun_ = true;
    first_done_ = done;
    first_items_ = items;
  }
  done_ = done;
  items_ = items;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < (terminal_ ? std::chrono::milliseconds(kTerminalPause)
                                : std::chrono::milliseconds(kLogPause))) {
    return;
  }
  drawn_ = now;
  Draw();
}

void Progress::Note(const std::string& line) {
  fmt::print(stderr, "{}{}\n", terminal_ ? "\r\x1b[K" : "", line);
}

void Progress::Finish() {
  if (finished_ || !begun_) return;
  finished_ = true;
  Draw();
  if (terminal_) fmt::print(stderr, "\n");
}

void Progress::Draw() {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double share =
      total_ == 0 ? 1 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double rate = static_cast<double>(items_ - first_items_) / std::max(seconds, 1e-9);
  const double speed = static_cast<double>(done_ - first_done_) / std::max(seconds, 1e-9);
  const double left = speed > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / speed : 0;
  const int filled = static_cast<int>(share * kBarWidth);
  const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                          std::string(static_cast<size_t>(kBarWidth - filled), '.');
  const std::string items = counted_ ? fmt::format("{} {} {:.0f}/s", items_, unit_, rate) : unit_;
  fmt::print(stderr, "{}[{}] {:3.0f} % {} {}{}{}", terminal_ ? "\r" : "", bar, share * 100, items,
             finished_ ? "in " : "left ", Duration(finished_ ? seconds : left),
             terminal_ ? "  " : "\n");
  std::fflush(stderr);
}

}  // namespace vecnest::cli
