#include "net/cli/interrupt.h"

#include <csignal>

namespace vecnest::cli {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void Remember(int signal) {
  g_interrupted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void CatchInterrupts() {
  std::signal(SIGINT, Remember);
  std::signal(SIGTERM, Remember);
}

bool Interrupted() { return g_interrupted != 0; }

}  // namespace vecnest::cli
