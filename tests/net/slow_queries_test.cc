// What queries of seconds do to others, to clients that leave and to a server that stops.
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

using ::testing::HasSubstr;
using ::testing::StartsWith;

class SlowQueriesTest : public ::testing::Test {
 protected:
  SlowQueriesTest() : served_(SlowOptions()) {
    std::vector<Point> points;
    for (uint64_t i = 0; i < 5000; ++i) {
      const std::vector<float> vector = {1, static_cast<float>(i)};
      points.push_back({.id = i, .vectors = {{"", vector}}, .payload = "{}"});
    }
    EXPECT_TRUE(served_.database()->Upsert("c", std::move(points)).ok());
    // Seconds of work.
    std::string body = R"({"searches": [)";
    for (int i = 0; i < 100'000; ++i) {
      if (i > 0) body += ',';
      body += R"({"query":[1,0],"limit":1,"params":{"exact":true}})";
    }
    slow_ = Post("/collections/c/points/query/batch", body + "]}");
  }
  static ServerOptions SlowOptions() {
    ServerOptions options = Options();
    options.max_body_bytes = 8 << 20;
    options.query_threads = 3;
    options.queue = 0;
    options.drain_seconds = 0;
    return options;
  }
  // How many were answered with this status.
  int CountSlow(const std::string& status) {
    Client client(served_.port());
    client.Send(Get("/metrics"));
    const std::string metrics = client.Receive();
    const std::string name = R"(route="/collections/{collection}/points/query/batch",status=")";
    const size_t found = metrics.find(name + status + "\"} ");
    if (found == std::string::npos) return 0;
    return std::stoi(metrics.substr(found + name.size() + status.size() + 3));
  }
  void AwaitRunning() { std::this_thread::sleep_for(std::chrono::milliseconds(600)); }

  ServedCollection served_;
  std::string slow_;
};

TEST_F(SlowQueriesTest, DelayNobodyAndEndWithTheirClients) {
  {
    Client first(served_.port());
    Client second(served_.port());
    first.Send(slow_);
    second.Send(slow_);
    AwaitRunning();
    Client other(served_.port());
    for (int i = 0; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      other.Send(Post("/collections/c/points/search", R"({"vector": [1, 0], "limit": 1})"));
      EXPECT_THAT(other.Receive(), HasSubstr("\"score\""));
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    }
    ASSERT_EQ(CountSlow("200"), 0) << "they were not slow";
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (CountSlow("499") < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(CountSlow("499"), 2);
  EXPECT_EQ(CountSlow("200"), 0);
}

TEST_F(SlowQueriesTest, RefusalsForWantOfAPlaceAreCounted) {
  Client first(served_.port());
  Client second(served_.port());
  Client third(served_.port());
  for (Client* client : {&first, &second, &third}) client->Send(slow_);
  AwaitRunning();
  Client other(served_.port());
  for (int i = 0; i < 3; ++i) {
    other.Send(Get("/collections"));
    const std::string refused = other.Receive();
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 429"));
    EXPECT_THAT(refused, HasSubstr("Retry-After"));
  }
  first.Close();
  std::string metrics;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!metrics.starts_with("HTTP/1.1 200") && std::chrono::steady_clock::now() < deadline) {
    other.Send(Get("/metrics"));
    metrics = other.Receive();
  }
  EXPECT_THAT(metrics, HasSubstr("route=\"/collections\",status=\"429\"} 3\n"));
}

TEST_F(SlowQueriesTest, AreToldWhenTheServerStops) {
  Client client(served_.port());
  client.Send(slow_);
  AwaitRunning();
  served_.Stop();
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 503"));
}

}  // namespace
}  // namespace vecnest::net
