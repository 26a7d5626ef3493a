#include "net/answer.h"

#include <string>
#include <utility>

#include "boost/asio/io_context.hpp"
#include "boost/asio/read.hpp"
#include "boost/beast/http/parser.hpp"
#include "boost/beast/http/string_body.hpp"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

std::string Text(const Answer& answer) {
  std::string text;
  for (const asio::const_buffer& part : answer.Rest()) {
    text.append(static_cast<const char*>(part.data()), part.size());
  }
  return text;
}

Response Refusal(std::string body) {
  Response response;
  response.status = 429;
  response.body = std::move(body);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// Beast reads what is written here.
http::response<http::string_body> Read(const std::string& text, bool only_head) {
  http::response_parser<http::string_body> parser;
  parser.skip(only_head);
  parser.eager(true);
  boost::system::error_code error;
  const size_t used = parser.put(asio::buffer(text), error);
  EXPECT_FALSE(error) << error.message();
  EXPECT_EQ(used, text.size());
  EXPECT_TRUE(parser.is_done());
  return parser.release();
}

TEST(AnswerTest, IsHttp) {
  const auto read = Read(Text(Answer(Refusal("{}"), false, true)), false);
  EXPECT_EQ(read.result_int(), 429u);
  EXPECT_EQ(read.reason(), "Too Many Requests");
  EXPECT_EQ(read[http::field::retry_after], "1");
  EXPECT_EQ(read[http::field::content_type], "application/json");
  EXPECT_EQ(read.body(), "{}");
  EXPECT_TRUE(read.keep_alive());
}

TEST(AnswerTest, SaysThatTheConnectionEnds) {
  const Answer answer(Refusal(""), false, false);
  EXPECT_FALSE(answer.keep_alive());
  EXPECT_FALSE(Read(Text(answer), false).keep_alive());
}

TEST(AnswerTest, AHeadTellsTheSizeOfTheBodyItLeavesOut) {
  const auto read = Read(Text(Answer(Refusal("1234"), true, true)), true);
  EXPECT_EQ(read[http::field::content_length], "4");
  EXPECT_EQ(read.body(), "");
}

TEST(AnswerTest, TheRestBeginsWhereSendingEnded) {
  Answer answer(Refusal("body"), false, true);
  const std::string text = Text(answer);
  for (size_t sent = 0; sent < text.size(); ++sent) {
    EXPECT_FALSE(answer.done());
    EXPECT_EQ(Text(answer), text.substr(sent));
    answer.Consume(1);
  }
  EXPECT_TRUE(answer.done());
}

TEST(AnswerTest, SendsWhatTheSocketTakes) {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  asio::ip::tcp::socket server = acceptor.accept();
  server.non_blocking(true);
  Answer answer(Refusal(std::string(50 << 20, 'x')), false, true);
  const std::string text = Text(answer);
  boost::system::error_code error;
  answer.SendSome(server, error);
  EXPECT_FALSE(answer.done());  // more than the buffers of both ends hold
  std::string received;
  while (!error && received.size() < text.size()) {
    std::string part(1 << 20, '\0');
    part.resize(client.read_some(asio::buffer(part)));
    received += part;
    answer.SendSome(server, error);
  }
  EXPECT_TRUE(answer.done());
  EXPECT_TRUE(received == text);

  client.close();
  Answer late(Refusal(std::string(50 << 20, 'x')), false, true);
  while (!error && !late.done()) late.SendSome(server, error);
  EXPECT_TRUE(error);
}

}  // namespace
}  // namespace vecnest::net
