#include "net/client_watch.h"

#include <utility>

#include "boost/asio/buffer.hpp"
#include "boost/asio/error.hpp"

namespace vecnest::net {

using boost::asio::ip::tcp;
using boost::system::error_code;

ClientWatch::ClientWatch(Connection& connection)
    : connection_(connection), state_(std::make_shared<State>()) {
  state_->call = connection.call;
  if (connection.buffer.size() > 0) return;
  Await(connection_.shared_from_this(), state_);
}

ClientWatch::~ClientWatch() {
  state_->over = true;
  error_code ignored;
  connection_.stream.socket().cancel(ignored);
}

void ClientWatch::Await(ConnectionPtr connection, std::shared_ptr<State> state) {
  tcp::socket& socket = connection->stream.socket();
  socket.async_wait(tcp::socket::wait_read, [connection = std::move(connection),
                                             state = std::move(state)](error_code error) mutable {
    if (error || state->over) return;
    char next = 0;
    connection->stream.socket().receive(boost::asio::buffer(&next, 1), tcp::socket::message_peek,
                                        error);
    if (error == boost::asio::error::would_block) {
      // Woken for bytes of this request, which have been read.
      Await(std::move(connection), std::move(state));
    } else if (error) {
      state->call.request_stop();
    }
  });
}

}  // namespace vecnest::net
