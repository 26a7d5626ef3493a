#include "net/connection_sweep.h"

#include <chrono>
#include <memory>
#include <utility>

#include "boost/asio/buffer.hpp"
#include "boost/asio/error.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class NetConnectionSweepTest : public ::testing::Test {
 protected:
  NetConnectionSweepTest() : sweep_(io_), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
    sweep_.Start();
  }
  // The server's end; the client's is client_.
  ConnectionPtr Connect() {
    client_ = std::make_unique<tcp::socket>(io_);
    client_->connect(acceptor_.local_endpoint());
    auto connection = std::make_shared<Connection>(acceptor_.accept());
    connection->socket.non_blocking(true);
    sweep_.Add(connection);
    return connection;
  }
  template <typename Done>
  bool RunUntil(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      io_.run_one_for(std::chrono::milliseconds(100));
    }
    return done();
  }

  asio::io_context io_;
  ConnectionSweep sweep_;
  tcp::acceptor acceptor_;
  std::unique_ptr<tcp::socket> client_;
};

TEST_F(NetConnectionSweepTest, HoldsWhatWasAddedUntilItIsRemoved) {
  const ConnectionPtr one = Connect();
  const ConnectionPtr other = Connect();
  EXPECT_EQ(sweep_.count(), 2U);
  sweep_.Remove(one);
  ASSERT_EQ(sweep_.count(), 1U);
  EXPECT_EQ(sweep_.All().front(), other);
}

TEST_F(NetConnectionSweepTest, GivesUpWhatWaitsForTooLong) {
  const ConnectionPtr connection = Connect();
  boost::system::error_code ended;
  char byte = 0;
  bool done = false;
  connection->ExpireAfter(std::chrono::seconds(0));
  connection->socket.async_read_some(asio::buffer(&byte, 1),
                                     [&](boost::system::error_code error, size_t) {
                                       ended = error;
                                       done = true;
                                     });
  ASSERT_TRUE(RunUntil([&] { return done; }));
  EXPECT_EQ(ended, asio::error::operation_aborted);
}

TEST_F(NetConnectionSweepTest, StopsTheCallsOfClientsThatHaveLeft) {
  const ConnectionPtr connection = Connect();
  sweep_.Watch(*connection);
  client_->close();
  EXPECT_TRUE(RunUntil([&] { return connection->call.stop_requested(); }));
}

TEST_F(NetConnectionSweepTest, LeavesCallsThatAreNotWatchedOrWhoseClientWaits) {
  const ConnectionPtr unwatched = Connect();
  client_->close();
  const ConnectionPtr waited_for = Connect();
  const auto waiting_client = std::move(client_);
  sweep_.Watch(*waited_for);
  const ConnectionPtr left = Connect();
  sweep_.Watch(*left);
  client_->close();
  ASSERT_TRUE(RunUntil([&] { return left->call.stop_requested(); }));
  EXPECT_FALSE(unwatched->call.stop_requested());
  EXPECT_FALSE(waited_for->call.stop_requested());
}

}  // namespace
}  // namespace vecnest::net
