// Ctrl-C and SIGTERM.
#ifndef VECNEST_NET_CLI_INTERRUPT_H_
#define VECNEST_NET_CLI_INTERRUPT_H_

#include <stop_token>

namespace vecnest::cli {

// Called first of all, while there is one thread: from now on a thread of its own waits for the
// signals, and they end the program as usual. No handler runs on a thread that works: kernels that
// oneDNN generates use the stack pointer for other ends, and a handler would write where it points.
void TakeSignals();

// From now on the first signal is remembered, so that the command can end where no harm is done;
// the second one ends the program at once.
void CatchInterrupts();
bool Interrupted();
// Asks to stop when there was a signal.
std::stop_token InterruptToken();
// Returns after the first signal.
void WaitForInterrupt();
// As if there was a signal.
void Interrupt();

// For a program that takes this one's place.
void GiveSignalsBack();

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_INTERRUPT_H_
