#include "net/client_watch.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "boost/asio/buffer.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/write.hpp"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class ClientWatchTest : public testing::Test {
 protected:
  ClientWatchTest() : client_(io_) {
    tcp::acceptor acceptor(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    client_.connect(acceptor.local_endpoint());
    connection_ = std::make_shared<Connection>(acceptor.accept());
    connection_->socket.non_blocking(true);
  }

  // The loopback may take a moment for what the client does.
  bool HasLeft() {
    for (int i = 0; i < 20 && !ClientHasLeft(*connection_); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return ClientHasLeft(*connection_);
  }

  asio::io_context io_;
  tcp::socket client_;
  ConnectionPtr connection_;
};

TEST_F(ClientWatchTest, AClientThatCloses) {
  EXPECT_FALSE(HasLeft());
  client_.close();
  EXPECT_TRUE(HasLeft());
}

TEST_F(ClientWatchTest, AClientThatEndsSending) {
  client_.shutdown(tcp::socket::shutdown_send);
  EXPECT_TRUE(HasLeft());
}

TEST_F(ClientWatchTest, TheNextRequestHidesTheEnd) {
  asio::write(client_, asio::buffer(std::string("GET")));
  client_.shutdown(tcp::socket::shutdown_send);
  EXPECT_FALSE(HasLeft());
}

TEST_F(ClientWatchTest, BytesThatWereReadHideTheEnd) {
  connection_->buffer.prepare(1);
  connection_->buffer.commit(1);
  client_.close();
  EXPECT_FALSE(HasLeft());
}

}  // namespace
}  // namespace vecnest::net
