// An answer on its way to the client.
#ifndef VECNEST_NET_ANSWER_H_
#define VECNEST_NET_ANSWER_H_

#include <array>
#include <cstddef>
#include <string>

#include "boost/asio/buffer.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/system/error_code.hpp"
#include "net/http.h"

namespace vecnest::net {

// The response as HTTP/1.1, and how much of it has been sent.
class Answer {
 public:
  // `only_head`: of a HEAD request. Without `keep_alive` the client is told that the connection
  // will be closed.
  Answer(Response response, bool only_head, bool keep_alive);

  bool keep_alive() const { return keep_alive_; }
  bool done() const { return sent_ == head_.size() + body_size_; }

  // What is left to be sent, and that `bytes` of it have been.
  std::array<boost::asio::const_buffer, 2> Rest() const;
  void Consume(size_t bytes) { sent_ += bytes; }

  // Sends what the socket, which is non-blocking, takes at once; mostly that is all.
  void SendSome(boost::asio::ip::tcp::socket& socket, boost::system::error_code& error);

 private:
  std::string head_;
  std::string body_;
  size_t body_size_;  // of what is sent of it
  size_t sent_ = 0;
  bool keep_alive_;
};

}  // namespace vecnest::net

#endif  // VECNEST_NET_ANSWER_H_
