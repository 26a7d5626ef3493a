#include "net/http_client.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using engine::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the server says to one request; status 0 closes the connection without a word.
struct Canned {
  int status = 200;
  std::string body = R"({"result": {}})";
  std::string retry_after = "";
  bool keep_alive = true;
};

// Answers one request after the other with what it was given, then ends.
class CannedServer {
 public:
  explicit CannedServer(std::vector<Canned> answers)
      : answers_(std::move(answers)), acceptor_(io_, tcp::endpoint(tcp::v4(), 0)) {
    url_ = fmt::format("http://127.0.0.1:{}", acceptor_.local_endpoint().port());
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    if (thread_.joinable()) thread_.join();
  }

  const std::string& url() const { return url_; }
  // After the last answer: "METHOD target body" of each request, and how often it was connected to.
  const std::vector<std::string>& Join() {
    thread_.join();
    return requests_;
  }
  int connections() const { return connections_; }
  const std::string& api_key() const { return api_key_; }

 private:
  void Serve() {
    size_t next = 0;
    while (next < answers_.size()) {
      tcp::socket socket = acceptor_.accept();
      ++connections_;
      boost::beast::flat_buffer buffer;
      bool open = true;
      while (open && next < answers_.size()) open = AnswerOne(socket, buffer, next);
    }
  }

  bool AnswerOne(tcp::socket& socket, boost::beast::flat_buffer& buffer, size_t& next) {
    http::request<http::string_body> request;
    boost::system::error_code error;
    http::read(socket, buffer, request, error);
    if (error) return false;
    requests_.push_back(fmt::format("{} {} {}", std::string(request.method_string()),
                                    std::string(request.target()), request.body()));
    api_key_ = std::string(request["api-key"]);
    const Canned& canned = answers_[next++];
    if (canned.status == 0) return false;
    http::response<http::string_body> response;
    response.result(static_cast<unsigned>(canned.status));
    if (!canned.retry_after.empty()) response.set(http::field::retry_after, canned.retry_after);
    response.keep_alive(canned.keep_alive);
    response.body() = canned.body;
    response.prepare_payload();
    http::write(socket, response, error);
    return !error && canned.keep_alive;
  }

  const std::vector<Canned> answers_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::string url_;
  std::vector<std::string> requests_;
  std::string api_key_;
  int connections_ = 0;
  std::thread thread_;
};

std::unique_ptr<HttpClient> Client(const std::string& url, const std::string& api_key = "") {
  auto client = HttpClient::Create(url, api_key);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(HttpClientTest, RefusesWhatIsNotAnAddress) {
  for (const char* url : {"", "localhost:6333", "https://host", "http://", "http://host/path"}) {
    const auto client = HttpClient::Create(url, "");
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  for (const char* url : {"http://host", "http://host:1/", "http://[::1]", "http://[::1]:6333"}) {
    EXPECT_TRUE(HttpClient::Create(url, "").ok()) << url;
  }
}

TEST(HttpClientTest, SendsOverOneConnectionAndReadsTheResult) {
  CannedServer server({{.body = R"({"result": {"a": 1}})"}, {.body = R"({"data": [2]})"}});
  auto client = Client(server.url(), "secret");
  const Json body = {{"x", 1}};
  const auto first = client->Call("PUT", "/p?wait=true", &body);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, Json({{"a", 1}}));
  const auto second = client->Call("GET", "/q", nullptr);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)["data"][0], 2);
  EXPECT_THAT(server.Join(), ElementsAre(R"(PUT /p?wait=true {"x":1})", "GET /q "));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.api_key(), "secret");
}

TEST(HttpClientTest, ConnectsAgainWhenTheConnectionIsGone) {
  CannedServer server({{.keep_alive = false}, {.status = 0}, {}});
  auto client = Client(server.url());
  EXPECT_TRUE(client->Call("GET", "/a", nullptr).ok());
  EXPECT_TRUE(client->Call("GET", "/b", nullptr).ok());
  EXPECT_THAT(server.Join(), ElementsAre("GET /a ", "GET /b ", "GET /b "));
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClientTest, WaitsAsLongAsABusyServerAsks) {
  CannedServer server({{.status = 429, .retry_after = "1"}, {.status = 503}, {}});
  auto client = Client(server.url());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(client->Call("GET", "/", nullptr).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(server.Join().size(), 3U);
}

TEST(HttpClientTest, GivesUpAfterTheAttempts) {
  const Canned busy = {.status = 503, .body = R"({"status": {"error": "loading"}})"};
  CannedServer server({busy, busy});
  auto client = Client(server.url());
  const absl::Status status = client->Call("GET", "/", nullptr, 2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Message(status), "loading (HTTP 503)");
  EXPECT_EQ(server.Join().size(), 2U);
}

TEST(HttpClientTest, SaysWhereNobodyListens) {
  auto client = Client("http://127.0.0.1:1");
  const absl::Status status = client->Call("GET", "/", nullptr, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("connecting to 127.0.0.1:1"));
}

TEST(HttpClientTest, ErrorsOfTheServerBecomeStatuses) {
  using Code = absl::StatusCode;
  const std::vector<std::pair<int, Code>> expected = {
      {400, Code::kInvalidArgument}, {401, Code::kUnauthenticated}, {403, Code::kPermissionDenied},
      {404, Code::kNotFound},        {409, Code::kAlreadyExists},   {413, Code::kInvalidArgument},
      {500, Code::kInternal}};
  std::vector<Canned> answers;
  for (const auto& [status, code] : expected) {
    answers.push_back({.status = status, .body = R"({"status": {"error": "no"}})"});
  }
  answers.push_back({.status = 400, .body = "plain words"});
  answers.push_back({.body = "not JSON"});
  CannedServer server(answers);
  auto client = Client(server.url());
  for (const auto& [http_status, code] : expected) {
    const absl::Status status = client->Call("GET", "/", nullptr).status();
    EXPECT_EQ(status.code(), code) << http_status;
    EXPECT_EQ(Message(status), fmt::format("no (HTTP {})", http_status));
  }
  EXPECT_EQ(Message(client->Call("GET", "/", nullptr).status()), "plain words (HTTP 400)");
  EXPECT_FALSE(client->Call("GET", "/", nullptr).ok());
}

TEST(EncodePathPartTest, KeepsOnlyWhatNeedsNoEncoding) {
  EXPECT_EQ(EncodePathPart("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(EncodePathPart("a b/ü%?"), "a%20b%2F%C3%BC%25%3F");
}

TEST(HttpClientTest, GivesUpWhenTold) {
  asio::io_context io;
  tcp::acceptor silent(io, tcp::endpoint(tcp::v4(), 0));
  const std::string nobody = "http://127.0.0.1:1";  // is tried again, and waited for
  const std::string listening = fmt::format("http://127.0.0.1:{}", silent.local_endpoint().port());
  for (const std::string& url : {listening, nobody}) {
    auto client = Client(url);
    int asked = 0;
    client->set_go_on([&] { return ++asked < 3; });
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(absl::IsCancelled(client->Call("GET", "/", nullptr).status())) << url;
    EXPECT_GE(asked, 3) << url;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << url;
  }
}

TEST(HttpClientTest, ASilentServerIsGivenUp) {
  asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(tcp::v4(), 0));
  auto client =
      HttpClient::Create(fmt::format("http://127.0.0.1:{}", acceptor.local_endpoint().port()), "");
  ASSERT_TRUE(client.ok());
  (*client)->set_silence(std::chrono::milliseconds(50));
  const auto answer = (*client)->Send("GET", "/", "");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace vecnest::net
