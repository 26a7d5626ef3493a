// A small HTTP/1.1 client for the command line: one connection, kept alive, blocking.
#ifndef VECNEST_NET_HTTP_CLIENT_H_
#define VECNEST_NET_HTTP_CLIENT_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/json.h"

namespace vecnest::net {

struct ClientResponse {
  int status = 0;
  std::string body;
  int retry_after_seconds = 0;  // 0: the header is missing
};

// Not thread-safe.
class HttpClient {
 public:
  // "http://HOST[:PORT]", an IPv6 address in brackets; InvalidArgument otherwise. Connects on the
  // first request.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(const std::string& url,
                                                            const std::string& api_key);
  ~HttpClient();
  // Asked several times a second, from the calling thread, while a request is under way or another
  // attempt is waited for; false gives up, and the call is Cancelled.
  void set_go_on(std::function<bool()> go_on);
  void set_silence(std::chrono::milliseconds silence) { silence_ = silence; }

  // Cancelled as set_go_on says. Unavailable when there is no connection to be had, it breaks or
  // the server neither takes nor sends anything for `silence` (a synced write of a large batch of
  // texts may take minutes); connects again next time.
  absl::StatusOr<ClientResponse> Send(const std::string& method, const std::string& path,
                                      const std::string& body,
                                      const char* content_type = "application/json");

  // Sends JSON and reads "result" of the answer. Waits and tries again on 429, 503 and broken
  // connections, at most `attempts` times. The server's error becomes the status: Unauthenticated
  // for 401, PermissionDenied for 403, NotFound for 404, AlreadyExists for 409, InvalidArgument
  // for other 4xx.
  static constexpr int kAttempts = 8;
  absl::StatusOr<engine::Json> Call(const std::string& method, const std::string& path,
                                    const engine::Json* body, int attempts = kAttempts);
  // Sends bytes, once, and gives the answer's body as it is; errors as those of Call.
  absl::StatusOr<std::string> CallWithBytes(const std::string& method, const std::string& path,
                                            const std::string& bytes);
  // The same as Call, but gives the whole answer.
  absl::StatusOr<engine::Json> CallForAll(const std::string& method, const std::string& path,
                                          const engine::Json* body, int attempts = kAttempts);

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::chrono::milliseconds silence_ = std::chrono::minutes(10);
};

// Percent-encodes a part of a path.
std::string EncodePathPart(const std::string& part);

}  // namespace vecnest::net

#endif  // VECNEST_NET_HTTP_CLIENT_H_
