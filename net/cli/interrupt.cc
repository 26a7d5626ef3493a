#include "net/cli/interrupt.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

namespace vecnest::cli {
namespace {

std::atomic<bool> g_caught = false;
std::atomic<bool> g_interrupted = false;

// Never destroyed: the waiting thread uses it to the end.
std::stop_source& Source() {
  static auto* source = new std::stop_source;
  return *source;
}

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

void Await() {
  using Clock = std::chrono::steady_clock;
  // Whoever presses a key twice, or stands in a group that `timeout` signals beside its child,
  // means it once.
  constexpr auto kOnce = std::chrono::seconds(1);
  const sigset_t signals = Signals();
  std::optional<Clock::time_point> first;
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (g_caught && first && Clock::now() - *first < kOnce) continue;
    first = Clock::now();
    if (!g_caught || g_interrupted.exchange(true)) {
      GiveSignalsBack();
      std::raise(signal);
    }
    Interrupt();
  }
}

}  // namespace

void TakeSignals() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(Await).detach();
}

void CatchInterrupts() { g_caught = true; }

bool Interrupted() { return g_interrupted; }

std::stop_token InterruptToken() { return Source().get_token(); }

void Interrupt() {
  g_interrupted = true;
  Source().request_stop();
  g_interrupted.notify_all();
}

void WaitForInterrupt() { g_interrupted.wait(false); }

void GiveSignalsBack() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace vecnest::cli
