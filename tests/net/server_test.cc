#include "net/server.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/net/served_collection.h"

namespace vecnest::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : service_(ServiceOptions{}), server_(Options(), service_) {
    service_.SetDatabase(served_.get());
    served_.Create("c", 2);
    const auto status = server_.Start();
    EXPECT_TRUE(status.ok()) << status;
  }

  ServedDatabase served_;
  Service service_;
  Server server_;
};

TEST_F(ServerTest, KeepsConnectionsAlive) {
  Client client(server_.port());
  for (int i = 0; i < 3; ++i) {
    client.Send(Get("/healthz"));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200 OK"));
  }
  client.Send(Get("/nothing"));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 404"));
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_TRUE(client.Closed());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Client client(server_.port());
  client.Send(Get("/healthz") + Post("/collections/c/points/count", "{}") + Get("/livez"));
  EXPECT_THAT(client.Receive(), HasSubstr("healthz"));
  EXPECT_THAT(client.Receive(), HasSubstr("\"count\":0"));
  EXPECT_THAT(client.Receive(), HasSubstr("livez"));
}

TEST_F(ServerTest, TellsTheAllowedMethods) {
  Client client(server_.port());
  client.Send("DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET"));
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  Client client(server_.port());
  client.Send(Get("/healthz"));
  const std::string get = client.Receive();
  const size_t end_of_head = get.find("\r\n\r\n") + 4;
  ASSERT_LT(end_of_head, get.size());
  client.Send("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = client.ReceiveAll();
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(head, HasSubstr("Content-Length: " + std::to_string(get.size() - end_of_head)));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, RefusesLargeBodiesBeforeTheyAreSent) {
  Client client(server_.port());
  client.Send(
      "POST /collections/c/points/count HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, RefusesLargeBodiesInChunks) {
  Client client(server_.port());
  client.Send(
      "POST /collections/c/points/count HTTP/1.1\r\nHost: x\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) client.Send("200\r\n" + std::string(0x200, ' ') + "\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, BulkImportsHaveNoLimit) {
  Client client(server_.port());
  std::string body;
  for (int i = 0; i < 500; ++i) {
    body += R"({"id": )" + std::to_string(i) +
            R"(, "vector": [1, 2]})"
            "\n";
  }
  client.Send(Post("/collections/c/points/bulk", body) + Get("/healthz"));
  EXPECT_THAT(client.Receive(), HasSubstr("\"imported\":500"));
  EXPECT_THAT(client.Receive(), HasSubstr("healthz"));
  EXPECT_EQ(served_.Count("c"), 500u);
}

TEST_F(ServerTest, SaysContinue) {
  Client client(server_.port());
  client.Send(
      "POST /collections/c/points/count HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 100"));
  client.Send("{}");
  EXPECT_THAT(client.Receive(), HasSubstr("\"count\":0"));
}

TEST_F(ServerTest, RefusesLongHeaders) {
  Client client(server_.port());
  client.Send("GET / HTTP/1.1\r\nX-Long: " + std::string(100'000, 'a') + "\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerTest, SurvivesGarbage) {
  for (const std::string& garbage :
       {std::string("hello\r\n\r\n"), std::string("\x16\x03\x01\x00\xff\r\n\r\n", 9),
        std::string("GET / HTTP/9\r\n\r\n"), std::string("GET\r\n\r\n")}) {
    Client client(server_.port());
    client.Send(garbage);
    client.EndSending();
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 400")) << garbage;
  }
  Client cut(server_.port());
  cut.Send("POST /collections/c/points/count HTTP/1.1\r\nContent-Length: 10\r\n\r\n{");
  cut.EndSending();
  EXPECT_TRUE(cut.Closed());
  Client client(server_.port());
  client.Send(Get("/healthz"));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, RefusalsAreCountedAsAnswersAre) {
  const auto answered = [&](const std::string& request, const std::string& code) {
    Client client(server_.port());
    client.Send(request);
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 " + code)) << request;
  };
  const std::string count = "/collections/c/points/count";
  answered(Post(count, "{}"), "200");
  answered(Get("/nothing"), "404");
  answered(Get("/elsewhere"), "404");
  answered("DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "405");
  answered("POST " + count + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
           "415");
  answered(Post(count + "?timeout=never", "{}"), "400");
  answered(Post(count + "?timeuot=1", "{}"), "400");
  answered(Post(count, std::string(2000, ' ')), "413");
  answered("nonsense\r\n\r\n", "400");
  const std::string metrics = service_.metrics().Render(nullptr);
  const auto expect = [&](const std::string& labels, int times) {
    EXPECT_THAT(metrics, HasSubstr("vecnest_http_requests_total{" + labels + "} " +
                                   std::to_string(times) + "\n"));
  };
  const std::string route = R"(method="POST",route="/collections/{collection}/points/count",)";
  const std::string none = R"(method="none",route="none",)";
  expect(route + R"(status="200")", 1);
  expect(route + R"(status="400")", 2);
  expect(route + R"(status="413")", 1);
  expect(route + R"(status="415")", 1);
  expect(none + R"(status="400")", 1);
  expect(none + R"(status="404")", 2);
  expect(none + R"(status="405")", 1);
}

TEST_F(ServerTest, StopClosesIdleConnections) {
  Client client(server_.port());
  client.Send(Get("/healthz"));
  client.Receive();
  const auto start = std::chrono::steady_clock::now();
  server_.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_TRUE(client.Closed());
}

TEST_F(ServerTest, StopEndsListening) {
  const uint16_t port = server_.port();
  server_.Stop();
  EXPECT_THROW(Client{port}, boost::system::system_error);
}

TEST_F(ServerTest, ThePortCanOnlyBeTakenOnce) {
  ServerOptions options = Options();
  options.port = server_.port();
  Server second(options, service_);
  EXPECT_EQ(second.Start().code(), absl::StatusCode::kUnavailable);
}

// Of two bodies that do not fit together the second is refused before it is read, in one piece or
// in chunks, and small ones go on.
TEST(ServerStartTest, BodiesInMemoryAreBounded) {
  ServerOptions options = Options();
  options.max_body_bytes = 300'000;
  options.held_body_bytes = 1;  // but at least one body
  const ServedCollection served(options);
  const std::string path = "/collections/c/points/count";
  const std::string body = "{" + std::string(200'000, ' ') + "}";
  Client first(served.port());
  first.Send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(first.Receive(), StartsWith("HTTP/1.1 100"));

  Client second(served.port());
  second.Send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  const std::string refused = second.Receive();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(refused, HasSubstr("Retry-After"));
  Client chunked(served.port());
  chunked.Send("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.Send("10000\r\n" + std::string(0x10000, ' ') + "\r\n");
  EXPECT_THAT(chunked.Receive(), StartsWith("HTTP/1.1 429"));
  Client small(served.port());
  small.Send(Post(path, "{}"));
  EXPECT_THAT(small.Receive(), HasSubstr("\"count\":0"));

  first.Send(body);
  EXPECT_THAT(first.Receive(), HasSubstr("\"count\":0"));
  Client third(served.port());
  third.Send(Post(path, body));
  EXPECT_THAT(third.Receive(), HasSubstr("\"count\":0"));
}

// Eight clients that go on sending a body that is refused, to a server with one loop, which is
// never quiet then.
class RefusedSendersTest : public ::testing::Test {
 protected:
  RefusedSendersTest() : served_(OneLoop()) {
    for (int i = 0; i < 8; ++i) senders_.emplace_back([this] { SendUntilCutOff(); });
  }
  ~RefusedSendersTest() override {
    enough_ = true;
    for (std::thread& sender : senders_) sender.join();
  }

  static ServerOptions OneLoop() {
    ServerOptions options = Options();
    options.loops = 1;
    return options;
  }
  void SendUntilCutOff() {
    const std::string megabyte(1 << 20, ' ');
    Client client(served_.port());
    client.Send(
        "POST /collections/c/points/count HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 1000000000000\r\n\r\n");
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 413"));
    while (!enough_) {
      if (client.Send(megabyte)) continue;
      ++cut_off_;
      break;
    }
  }

  const ServedCollection served_;
  std::atomic<bool> enough_ = false;
  std::atomic<int> cut_off_ = 0;
  std::vector<std::thread> senders_;
};

TEST_F(RefusedSendersTest, OthersGetTheirAnswers) {
  Client client(served_.port());
  for (int i = 0; i < 20; ++i) {
    client.Send(Get("/healthz"));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200 OK"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the senders are at it by then
  }
  EXPECT_EQ(cut_off_, 0);
}

TEST_F(RefusedSendersTest, AreNotReadForEver) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (cut_off_ < 8 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(cut_off_, 8);
}

// The watch of a request must not end the next one on the connection, nor miss that its client
// left.
TEST(ServerStartTest, EachRequestOfAConnectionIsWatchedForItself) {
  ServedCollection served(Options());
  for (int round = 0; round < 200; ++round) {
    Client client(served.port());
    for (int i = 0; i < 5; ++i) {
      client.Send(Post("/collections/c/points/count", "{}"));
      ASSERT_THAT(client.Receive(), HasSubstr("\"count\":0"));
    }
    // Several requests and then the end of sending: all are answered.
    client.Send(Post("/collections/c/points/count", "{}") + Get("/livez"));
    client.EndSending();
    EXPECT_THAT(client.Receive(), HasSubstr("\"count\":0"));
    EXPECT_THAT(client.Receive(), HasSubstr("livez"));
  }
}

TEST(ServerStartTest, AddressesMustBeAddresses) {
  Service service(ServiceOptions{});
  ServerOptions options = Options();
  options.host = "not an address";
  Server server(options, service);
  EXPECT_EQ(server.Start().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ServerStartTest, IdleConnectionsAreClosed) {
  Service service(ServiceOptions{});
  ServerOptions options = Options();
  options.idle_seconds = 1;
  Server server(options, service);
  ASSERT_TRUE(server.Start().ok());
  Client client(server.port());
  EXPECT_TRUE(client.Closed());
}

// An import that has begun waits for its turn; 429 in the middle would lose what it has sent.
TEST(ServerStartTest, ImportsShareOnePlace) {
  ServerOptions options = Options();
  options.write_threads = 1;
  options.queue = 0;
  ServedCollection served(options);
  constexpr int kImports = 6;
  constexpr int kLines = 3000;
  std::vector<std::thread> imports;
  for (int i = 0; i < kImports; ++i) {
    imports.emplace_back([&served, i] {
      std::string body;
      for (int line = 0; line < kLines; ++line) {
        body += R"({"id": )" + std::to_string(i * kLines + line) +
                R"(, "vector": [1, 2], "payload": )" + R"({"filling": ")" + std::string(200, 'x') +
                "\"}}\n";
      }
      Client client(served.port());
      client.Send(Post("/collections/c/points/bulk", body));
      EXPECT_THAT(client.Receive(), HasSubstr("\"imported\":" + std::to_string(kLines)));
    });
  }
  for (std::thread& import : imports) import.join();
  EXPECT_EQ(served.Count(), static_cast<uint64_t>(kImports * kLines));
}

// The limit is on silence, not on the time that a body takes.
TEST(ServerStartTest, SlowBodiesAreReadToTheirEnd) {
  ServerOptions options = Options();
  options.io_seconds = 1;
  ServedCollection served(options);
  Client client(served.port());
  const std::string request = Post("/collections/c/points/count", "{     }");
  client.Send(request.substr(0, request.size() - 7));
  for (const char byte : request.substr(request.size() - 7)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    client.Send(std::string(1, byte));
  }
  EXPECT_THAT(client.Receive(), HasSubstr("\"count\":0"));

  Client silent(served.port());
  silent.Send(request.substr(0, request.size() - 1));
  EXPECT_TRUE(silent.Closed());
}

TEST(ServerStartTest, SlowReadersGetTheWholeAnswer) {
  ServerOptions options = Options();
  options.io_seconds = 1;
  ServedCollection served(options);
  const std::string text(12 << 20, 'x');
  ASSERT_TRUE(served.database()
                  ->Upsert("c", {{.id = 1,
                                  .vectors = {{"", std::vector<float>{1, 2}}},
                                  .payload = R"({"t":")" + text + "\"}"}})
                  .ok());
  Client client(served.port());
  client.Send("GET /collections/c/points/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  // Longer than io_seconds in all, shorter between two reads.
  size_t received = 0;
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    received += client.ReceiveSome(1 << 20).size();
  }
  received += client.ReceiveAll().size();
  EXPECT_GT(received, text.size());
}

}  // namespace
}  // namespace vecnest::net
