// How many calls may be under way, and what one of them comes to.
#ifndef VECNEST_NET_CALL_PLACES_H_
#define VECNEST_NET_CALL_PLACES_H_

#include <atomic>
#include <cstddef>
#include <functional>

#include "net/http.h"

namespace vecnest::net {

// A bounded number of places. Thread-safe.
class CallPlaces {
 public:
  explicit CallPlaces(size_t places) : places_(places) {}

  // True: one place more is taken.
  bool TryEnter();
  void Leave() { --taken_; }

 private:
  const size_t places_;
  std::atomic<size_t> taken_ = 0;
};

// What `call` returns, or 500 for an exception: whatever a library throws must cost neither the
// place nor the connection. Others than std::exception end the process.
Response RunCall(const std::function<Response()>& call) noexcept;

}  // namespace vecnest::net

#endif  // VECNEST_NET_CALL_PLACES_H_
