// Threads that share the work of one forward pass: a lone query is answered by several cores.
#ifndef VECNEST_EMBEDDER_TEAM_H_
#define VECNEST_EMBEDDER_TEAM_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace vecnest::embedder {

// The thread that runs a pass offers pieces of work, and whoever is awake takes the next one: the
// helpers, and the thread itself. It never waits for a helper that has not begun; one that comes
// late finds nothing left. Between pieces a helper spins for some microseconds and then sleeps.
//
// A pass is helped only while no other runs in the process, of whatever model: under load every
// core has a pass of its own. Whether other programs need the cores shows when a helper is kept
// from a piece that it has taken, or runs where the caller does; then the next passes go without
// help, twice as many each time.
class Team {
 public:
  // More were never measured, and waking them costs each query.
  static constexpr size_t kMostMembers = 4;
  // A piece of work. `member`, below members(), differs between those that run at the same time.
  // Must not throw.
  using Work = absl::FunctionRef<void(size_t piece, size_t member)>;

  // `threads`: of the encoder, so that a team of one has no helper.
  explicit Team(size_t threads);
  // No pass may be under way.
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Held while a pass runs. With `team`, which may be null, it asks for the helpers.
  class Pass {
   public:
    explicit Pass(Team* team);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    // Null when this pass has no helpers.
    Team* team() const { return team_; }

   private:
    Team* team_ = nullptr;
  };

  // Those who may take pieces: the thread of the pass, number 0, and the helpers.
  size_t members() const { return helpers_.size() + 1; }

  // Whether pieces would find a taker now, besides the caller. For the thread of the pass that has
  // the team, as is Run.
  bool IsFree() const;
  // Returns when all pieces are done.
  void Run(size_t pieces, Work work);
  // How often Run was called.
  uint32_t rounds() const { return Offer::Of(offer_).round; }

 private:
  // What is offered, in one word, so that taking a piece and seeing that it is still offered are
  // one step. Rounds count up: who looked at an earlier one takes nothing.
  struct Offer {
    static Offer Of(uint64_t word) {
      return {static_cast<uint32_t>(word >> 32), static_cast<uint16_t>(word >> 16),
              static_cast<uint16_t>(word)};
    }
    uint64_t word() const { return uint64_t{round} << 32 | uint64_t{pieces} << 16 | next; }
    bool is_empty() const { return next >= pieces; }

    uint32_t round = 0;
    uint16_t pieces = 0;
    uint16_t next = 0;  // the piece that nobody has taken yet
  };

  bool TryBegin();
  void End();
  void Help(size_t member);
  // Runs a piece; false when none was left.
  bool TakePiece(size_t member);
  // Waits for pieces that helpers have begun.
  void AwaitHelpers(std::chrono::steady_clock::time_point begin);
  // Until woken; false when the team ends.
  bool Sleep();
  void Wake();

  std::atomic<bool> taken_ = false;  // a pass has the helpers
  int rest_ = 0;                     // passes to go without help; of the pass that has the team
  int last_rest_ = 0;
  std::atomic<bool> crowded_ = false;  // in this pass a helper and somebody else wanted a core
  std::atomic<int> caller_cpu_ = -1;
  const Work* work_ = nullptr;  // of the round: written before the offer, read after taking
  std::atomic<uint64_t> offer_ = 0;
  std::atomic<size_t> unfinished_ = 0;  // pieces of the round
  std::atomic<int> wakes_ = 0;          // helpers sleep until it changes
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_TEAM_H_
