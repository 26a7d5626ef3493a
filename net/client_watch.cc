#include "net/client_watch.h"

#include "boost/asio/buffer.hpp"
#include "boost/asio/error.hpp"

namespace vecnest::net {

bool ClientHasLeft(Connection& connection) {
  if (connection.buffer.size() > 0) return false;
  char next = 0;
  boost::system::error_code error;
  connection.socket.receive(boost::asio::buffer(&next, 1), boost::asio::socket_base::message_peek,
                            error);
  return error && error != boost::asio::error::would_block;
}

}  // namespace vecnest::net
