#include "net/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "spdlog/sinks/ansicolor_sink.h"
#include "spdlog/spdlog.h"

namespace vecnest::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr std::chrono::milliseconds kTerminalPause(100);
constexpr std::chrono::seconds kLogPause(5);

// The line that is redrawn at the bottom of the terminal. Log lines come from any thread.
class BottomLine {
 public:
  // Of the process, never destroyed: threads may log to the end.
  static BottomLine& Get() {
    static auto* line = new BottomLine;
    return *line;
  }

  void Show(std::string text) {
    const absl::MutexLock lock(&mutex_);
    text_ = std::move(text);
    Draw();
  }
  // Leaves it as it stands, or clears it.
  void End(bool clear) {
    const absl::MutexLock lock(&mutex_);
    if (!text_.empty()) fmt::print(stderr, "{}", clear ? kClear : "\n");
    text_.clear();
  }
  void PrintAbove(absl::FunctionRef<void()> print) {
    const absl::MutexLock lock(&mutex_);
    if (!text_.empty()) fmt::print(stderr, "{}", kClear);
    print();
    if (!text_.empty()) Draw();
  }

 private:
  static constexpr const char* kClear = "\r\x1b[K";

  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    fmt::print(stderr, "{}{}", kClear, text_);
    std::fflush(stderr);
  }

  absl::Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);  // empty: there is none
};

class AboveProgressSink final
    : public spdlog::sinks::ansicolor_stderr_sink<spdlog::details::console_mutex> {
  using Base = spdlog::sinks::ansicolor_stderr_sink<spdlog::details::console_mutex>;

 public:
  void log(const spdlog::details::log_msg& message) override {
    BottomLine::Get().PrintAbove([&] { Base::log(message); });
  }
};

void ShowLine(std::string line, bool terminal) {
  if (terminal) {
    BottomLine::Get().Show(std::move(line));
  } else {
    fmt::print(stderr, "{}\n", line);
  }
}

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
  BottomLine::Get().PrintAbove([&] { fmt::print(stderr, "{}\n", line); });
}

void Progress::Finish() {
  if (finished_ || !begun_) return;
  finished_ = true;
  Draw();
  if (terminal_) BottomLine::Get().End(/*clear=*/false);
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
  std::string line = fmt::format("[{}] {:3.0f} % {} {}{}", bar, share * 100, items,
                                 finished_ ? "in " : "left ", Duration(finished_ ? seconds : left));
  ShowLine(std::move(line), terminal_);
}

Waiting::Waiting(std::string what)
    : what_(std::move(what)),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()) {}

Waiting::~Waiting() {
  if (terminal_) BottomLine::Get().End(/*clear=*/true);
}

void Waiting::Update() {
  const auto passed =
      std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - start_);
  if (passed - shown_ < (terminal_ ? std::chrono::seconds(1) : kLogPause)) return;
  shown_ = passed;
  std::string line = fmt::format("{} {}", what_, Duration(static_cast<double>(passed.count())));
  ShowLine(std::move(line), terminal_);
}

void LogAboveProgress() {
  spdlog::set_default_logger(spdlog::create<AboveProgressSink>("vecnest"));
}

}  // namespace vecnest::cli
