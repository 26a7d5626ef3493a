// A server over a collection, and clients that send it what they are told to.
#ifndef VECNEST_TESTS_NET_SERVED_COLLECTION_H_
#define VECNEST_TESTS_NET_SERVED_COLLECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "boost/asio/connect.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/read.hpp"
#include "boost/asio/read_until.hpp"
#include "boost/asio/write.hpp"
#include "gtest/gtest.h"
#include "net/server.h"
#include "net/service.h"
#include "tests/net/served_database.h"

namespace vecnest::net {

// A connection that sends what it is told to, HTTP or not.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  // False on errors, which are the server's right: it may have closed the connection.
  bool Send(const std::string& text) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(text), error);
    return !error;
  }
  void Close() { socket_.close(); }
  void EndSending() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  // One answer, head and body.
  std::string Receive() {
    boost::system::error_code error;
    const size_t head =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(buffer_), "\r\n\r\n", error);
    if (error) return "";
    const std::string name = "Content-Length: ";
    const size_t field = buffer_.find(name);
    size_t size = head;
    if (field < head) size += std::stoul(buffer_.substr(field + name.size()));
    if (buffer_.size() < size) {
      const size_t missing = size - buffer_.size();
      boost::asio::read(socket_, boost::asio::dynamic_buffer(buffer_),
                        boost::asio::transfer_exactly(missing), error);
    }
    const std::string answer = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return answer;
  }
  // Everything up to the end of the connection.
  std::string ReceiveAll() {
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(buffer_), error);
    return std::exchange(buffer_, {});
  }
  std::string ReceiveSome(size_t most) {
    std::string part(most, '\0');
    boost::system::error_code error;
    part.resize(boost::asio::read(socket_, boost::asio::buffer(part), error));
    return part;
  }
  bool Closed() {
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(buffer_), error);
    return error == boost::asio::error::eof && buffer_.empty();
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

inline std::string Get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

inline std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// On any free port, for small bodies.
inline ServerOptions Options() {
  ServerOptions options;
  options.port = 0;
  options.max_body_bytes = 1000;
  return options;
}

// A server with options of its own over a collection "c" of two dimensions.
class ServedCollection {
 public:
  explicit ServedCollection(const ServerOptions& options)
      : service_(ServiceOptions{}), server_(options, service_) {
    service_.SetDatabase(database_.get());
    database_.Create("c", 2);
    const auto status = server_.Start();
    EXPECT_TRUE(status.ok()) << status;
  }
  uint16_t port() const { return server_.port(); }
  const std::shared_ptr<Database>& database() const { return database_.get(); }
  uint64_t Count() const { return database_.Count("c"); }
  void Stop() { server_.Stop(); }

 private:
  ServedDatabase database_;
  Service service_;
  Server server_;
};

}  // namespace vecnest::net

#endif  // VECNEST_TESTS_NET_SERVED_COLLECTION_H_
