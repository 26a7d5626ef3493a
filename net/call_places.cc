#include "net/call_places.h"

#include <exception>
#include <string>

#include "net/errors.h"

namespace vecnest::net {

bool CallPlaces::TryEnter() {
  size_t taken = taken_.load();
  while (taken < places_) {
    if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
  }
  return false;
}

Response RunCall(const std::function<Response()>& call) noexcept {
  try {
    return call();
  } catch (const std::exception& error) {
    return ErrorResponse(500, std::string("internal error: ") + error.what(), Dialect::kQdrant, 0);
  }
}

}  // namespace vecnest::net
