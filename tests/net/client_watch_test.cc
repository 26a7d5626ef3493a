#include "net/client_watch.h"

#include <chrono>
#include <memory>
#include <string>

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
    connection_->stream.socket().non_blocking(true);
  }

  // Whether the call was asked to stop once what is waiting has been handled.
  bool Stopped() {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(200));
    return connection_->call.stop_requested();
  }

  asio::io_context io_;
  tcp::socket client_;
  ConnectionPtr connection_;
};

TEST_F(ClientWatchTest, AClientThatLeavesEndsItsCall) {
  const ClientWatch watch(*connection_);
  EXPECT_FALSE(Stopped());
  client_.close();
  EXPECT_TRUE(Stopped());
}

TEST_F(ClientWatchTest, AClientThatEndsSendingEndsItsCall) {
  const ClientWatch watch(*connection_);
  client_.shutdown(tcp::socket::shutdown_send);
  EXPECT_TRUE(Stopped());
}

TEST_F(ClientWatchTest, TheNextRequestHidesTheEnd) {
  asio::write(client_, asio::buffer(std::string("GET")));
  const ClientWatch watch(*connection_);
  client_.shutdown(tcp::socket::shutdown_send);
  EXPECT_FALSE(Stopped());
}

TEST_F(ClientWatchTest, BytesThatWereReadHideTheEnd) {
  connection_->buffer.prepare(1);
  connection_->buffer.commit(1);
  const ClientWatch watch(*connection_);
  client_.close();
  EXPECT_FALSE(Stopped());
}

TEST_F(ClientWatchTest, AWatchThatIsOverStopsNothing) {
  {
    const ClientWatch watch(*connection_);
  }
  client_.close();
  EXPECT_FALSE(Stopped());
}

}  // namespace
}  // namespace vecnest::net
