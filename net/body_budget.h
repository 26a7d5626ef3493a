// A bound on the bytes of request bodies that are in memory at a time.
#ifndef VECNEST_NET_BODY_BUDGET_H_
#define VECNEST_NET_BODY_BUDGET_H_

#include <atomic>
#include <cstdint>

namespace vecnest::net {

// Thread-safe.
class BodyBudget {
 public:
  // Bodies up to this size are not counted: the number of connections bounds them, and large writes
  // must not keep queries out.
  static constexpr uint64_t kFreeBytes = uint64_t{64} << 10;

  explicit BodyBudget(uint64_t bytes) : bytes_(bytes) {}

  // What one body holds of a budget, given back when it ends.
  class Share {
   public:
    explicit Share(BodyBudget& budget) : budget_(budget) {}
    ~Share() { Release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Makes this the share of a body of `bytes`, not less than before. False: there is no room, and
    // the share stays as it was.
    bool TryGrow(uint64_t bytes);
    void Release();

   private:
    BodyBudget& budget_;
    uint64_t held_ = 0;
  };

 private:
  const uint64_t bytes_;
  std::atomic<uint64_t> held_ = 0;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_BODY_BUDGET_H_
