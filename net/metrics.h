// What the server counts, in Prometheus' terms.
#ifndef VECNEST_NET_METRICS_H_
#define VECNEST_NET_METRICS_H_

#include <memory>
#include <string>

#include "vecnest/database.h"

namespace vecnest::net {

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One answered request. `route` is the pattern, not the path: the number of series is bounded.
  void CountRequest(const std::string& method, const std::string& route, int status,
                    double seconds);
  // Texts that passed the encoder.
  void CountTokens(uint64_t tokens);

  // The exposition format, with the state of `database` (may be null) at this moment.
  std::string Render(const Database* database) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_METRICS_H_
