// Ctrl-C and SIGTERM while a command works.
#ifndef VECNEST_NET_CLI_INTERRUPT_H_
#define VECNEST_NET_CLI_INTERRUPT_H_

namespace vecnest::cli {

// From now on the first signal is remembered, so that the command can end where no harm is done;
// the second one ends the program at once.
void CatchInterrupts();
bool Interrupted();

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_INTERRUPT_H_
