#include "net/request_head.h"

#include <chrono>
#include <string>

#include "boost/asio/buffer.hpp"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

void Parse(const std::string& head, HeaderParser* parser) {
  boost::system::error_code error;
  parser->put(boost::asio::buffer(head), error);
  ASSERT_FALSE(error) << error.message();
  ASSERT_TRUE(parser->is_header_done());
}

TEST(RequestHeadTest, TakesWhatHandlersNeed) {
  HeaderParser parser;
  Parse(
      "POST /collections/a%20b/points?wait=true&x=%31 HTTP/1.1\r\nHost: x\r\n"
      "Content-Type: Application/JSON ; charset=utf-8\r\nAuthorization: Bearer k\r\n"
      "api-key: secret\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
      &parser);
  const Request request = ToRequest(parser);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/collections/a%20b/points");
  EXPECT_THAT(request.query, ElementsAre(Pair("wait", "true"), Pair("x", "1")));
  EXPECT_EQ(request.content_type, "application/json");
  EXPECT_EQ(request.authorization, "Bearer k");
  EXPECT_EQ(request.api_key, "secret");
  EXPECT_TRUE(HasBody(parser));
  EXPECT_TRUE(WantsContinue(parser));
}

TEST(RequestHeadTest, BodiesHaveALengthOrComeInChunks) {
  HeaderParser none, empty, chunked;
  Parse("GET / HTTP/1.1\r\n\r\n", &none);
  Parse("PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", &empty);
  Parse("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &chunked);
  EXPECT_FALSE(HasBody(none));
  EXPECT_FALSE(WantsContinue(none));
  EXPECT_FALSE(HasBody(empty));
  EXPECT_TRUE(HasBody(chunked));
}

TEST(RequestHeadTest, TheRequestChoosesItsTime) {
  const auto never = std::chrono::steady_clock::time_point::max();
  Request request;
  ASSERT_TRUE(SetDeadline(0, request).ok());
  EXPECT_EQ(request.limits.deadline, never);
  request.query["timeout"] = "3600";
  ASSERT_TRUE(SetDeadline(1, request).ok());
  EXPECT_GT(request.limits.deadline, std::chrono::steady_clock::now() + std::chrono::seconds(3000));
  for (const char* text : {"", "soon", "0", "-1", "1s", "86401", "nan", "inf"}) {
    request.query["timeout"] = text;
    const absl::Status status = SetDeadline(1, request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr("expected a number of seconds from 0.001 to 86400"));
  }
}

TEST(RequestHeadTest, SaysWhatAPathAllows) {
  Request request;
  request.method = "PUT";
  request.path = "/v1/models";
  Router::Match match;
  EXPECT_EQ(NoRoute(request, match).status, 404);
  match.allowed = {"GET", "HEAD"};
  const Response response = NoRoute(request, match);
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, ::testing::Contains(Pair("Allow", "GET, HEAD")));
  EXPECT_THAT(response.body, HasSubstr("\"type\""));  // in OpenAI's form
}

}  // namespace
}  // namespace vecnest::net
