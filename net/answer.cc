#include "net/answer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "boost/asio/error.hpp"
#include "boost/beast/http/status.hpp"
#include "fmt/compile.h"

namespace vecnest::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;

Answer::Answer(Response response, bool only_head, bool keep_alive)
    : body_(std::move(response.body)),
      body_size_(only_head ? 0 : body_.size()),
      keep_alive_(keep_alive) {
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  auto end = std::back_inserter(head_);
  fmt::format_to(end, FMT_COMPILE("HTTP/1.1 {} {}\r\nServer: vecnest\r\nContent-Type: {}\r\n"),
                 response.status, std::string_view(reason.data(), reason.size()),
                 response.content_type);
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(end, FMT_COMPILE("{}: {}\r\n"), name, value);
  }
  if (!keep_alive) head_ += "Connection: close\r\n";
  fmt::format_to(end, FMT_COMPILE("Content-Length: {}\r\n\r\n"), body_.size());
}

std::array<asio::const_buffer, 2> Answer::Rest() const {
  const size_t of_head = std::min(sent_, head_.size());
  const size_t of_body = sent_ - of_head;
  return {asio::buffer(head_) + of_head,
          asio::buffer(body_.data() + of_body, body_size_ - of_body)};
}

void Answer::SendSome(asio::ip::tcp::socket& socket, boost::system::error_code& error) {
  while (!done() && !error) Consume(socket.write_some(Rest(), error));
  if (error == asio::error::would_block) error = {};
}

}  // namespace vecnest::net
