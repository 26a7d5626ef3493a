// Threads that clients wait for get a processor soon.
#ifndef VECNEST_NET_SHORT_TURNS_H_
#define VECNEST_NET_SHORT_TURNS_H_

namespace vecnest::net {

// Asks that the calling thread gets its share of a processor in short turns. Linux from 6.12 on
// lets such a thread, when it wakes, run before one that is in the middle of a longer turn (and
// such as imports have would keep a processor for up to 4 ms, whatever their niceness). It gets no
// larger share, and others no smaller one. False, and nothing is changed, where the kernel has no
// such setting, or the thread is not of the normal kind (SCHED_OTHER).
bool TakeShortTurns();

}  // namespace vecnest::net

#endif  // VECNEST_NET_SHORT_TURNS_H_
