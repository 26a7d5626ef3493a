#include "net/service.h"

#include <cctype>
#include <chrono>
#include <new>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/net/served_database.h"

namespace vecnest::net {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

const Route& Find(const Service& service, const std::string& method, const std::string& path) {
  return *service.router().Find(method, path).route;
}

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() : service_(ServiceOptions{}) { service_.SetDatabase(served_.get()); }

  Json Result(const std::string& method, const std::string& path, const std::string& body = "") {
    const Response response = Send(service_, method, path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json["status"], "ok");
    EXPECT_TRUE(json["time"].is_number());
    return json["result"];
  }

  ServedDatabase served_;
  Service service_;
};

TEST_F(ServiceTest, ARequestWithoutMemoryMayComeAgain) {
  Route route = Find(service_, "GET", "/collections");
  route.handler = [](const Request&) -> Response { throw std::bad_alloc(); };
  const Response response = service_.Handle(route, {});
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.headers, Contains(Pair("Retry-After", "1")));
  EXPECT_THAT(response.body, HasSubstr("no memory"));
  EXPECT_TRUE(Result("GET", "/collections").is_object());
}

TEST_F(ServiceTest, QueriesThatTakeLongSaySoBefore) {
  served_.Create("c", 2);
  const auto said = [&](const std::string& path, const std::string& body) {
    int times = 0;
    const Route& route = Find(service_, "POST", path);
    Request request;
    request.parameters = {{"collection", "c"}};
    request.body = body;
    request.expect_long = [&times] { ++times; };
    service_.Handle(route, request);
    return times;
  };
  const std::string query = "/collections/c/points/query";
  const std::string short_query = R"({"query": [1, 0]})";
  EXPECT_EQ(said(query, short_query), 0);
  EXPECT_EQ(said(query, R"({"query": 7})"), 0);
  EXPECT_EQ(said(query, "{}"), 0);
  EXPECT_EQ(said(query, R"({"query": {"text": "a quiet river"}})"), 1);
  EXPECT_EQ(said(query, R"({"query": [1, 0], "params": {"exact": true}})"), 1);
  std::string few = short_query;
  for (int i = 1; i < 8; ++i) few += ',' + short_query;
  EXPECT_EQ(said(query + "/batch", R"({"searches": [)" + few + "]}"), 0);
  EXPECT_EQ(said(query + "/batch", R"({"searches": [)" + few + ',' + short_query + "]}"), 1);
}

TEST_F(ServiceTest, FromCollectionToAnswer) {
  EXPECT_EQ(Result("PUT", "/collections/c", R"({"vectors": {"size": 2, "distance": "Dot"}})"),
            true);
  EXPECT_EQ(Result("GET", "/collections/c/exists")["exists"], true);
  const Json written = Result("PUT", "/collections/c/points?wait=true",
                              R"({"points": [{"id": 1, "vector": [1, 0], "payload": {"a": 1}},
                                             {"id": 2, "vector": [0, 1]}]})");
  EXPECT_EQ(written["status"], "completed");
  const Json found =
      Result("POST", "/collections/c/points/query", R"({"query": [0, 1], "limit": 1})");
  EXPECT_EQ(found["points"][0]["id"], 2);
  EXPECT_EQ(found["points"][0]["score"], 1.0);
  EXPECT_EQ(Result("GET", "/collections/c/points/1")["payload"]["a"], 1);
  EXPECT_EQ(
      Result("POST", "/collections/c/points/delete?wait=true", R"({"points": [1]})")["status"],
      "completed");
  EXPECT_EQ(Result("POST", "/collections/c/points/count", "{}")["count"], 1);
  EXPECT_EQ(Result("DELETE", "/collections/c"), true);
  EXPECT_EQ(Result("DELETE", "/collections/c"), false);
}

TEST_F(ServiceTest, WithoutWaitWritesAreAcknowledged) {
  served_.Create("c", 1);
  EXPECT_EQ(
      Result("PUT", "/collections/c/points", R"({"points": [{"id": 1, "vector": [1]}]})")["status"],
      "acknowledged");
  const Response response = Send(service_, "PUT", "/collections/c/points?wait=2", "{}");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("wait: expected true or false"));
}

TEST_F(ServiceTest, BatchesNameTheOperation) {
  served_.Create("c", 1);
  const Response response = Send(service_, "POST", "/collections/c/points/batch",
                                 R"({"operations": [{"delete": {"points": [1]}}, {"drop": {}}]})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("operations[1]"));
}

TEST_F(ServiceTest, ErrorsAreAnswers) {
  EXPECT_EQ(Send(service_, "GET", "/collections/missing").status, 404);
  EXPECT_EQ(Send(service_, "PUT", "/collections/c", "{").status, 400);
  const Response no_model =
      Send(service_, "POST", "/v1/embeddings", R"({"model": "m", "input": "a"})");
  EXPECT_EQ(no_model.status, 400);
  EXPECT_THAT(no_model.body, HasSubstr("model"));
}

TEST_F(ServiceTest, ExceptionsBecomeAnswers) {
  Route route;
  route.method = "GET";
  route.pattern = "/throws";
  route.handler = [](const Request&) -> Response { throw std::runtime_error("oh no"); };
  const Response response = service_.Handle(route, {});
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr("oh no"));
}

TEST_F(ServiceTest, ContentTypeIsChecked) {
  const Route& route = Find(service_, "POST", "/collections/c/points/query");
  Request request;
  Response refusal;
  for (const char* type : {"", "application/json", "application/vnd.api+json"}) {
    request.content_type = type;
    EXPECT_FALSE(service_.Refuses(route, request, true, refusal)) << type;
  }
  request.content_type = "text/plain";
  EXPECT_FALSE(service_.Refuses(route, request, false, refusal));
  EXPECT_TRUE(service_.Refuses(route, request, true, refusal));
  EXPECT_EQ(refusal.status, 415);
  const Route& bulk = Find(service_, "POST", "/collections/c/points/bulk");
  EXPECT_FALSE(service_.Refuses(bulk, request, true, refusal));
}

TEST(ServiceStartTest, ChecksTheKey) {
  ServedDatabase served;
  Service service({"secret"});
  service.SetDatabase(served.get());
  const Route& route = Find(service, "GET", "/collections");
  Response refusal;
  Request request;
  EXPECT_TRUE(service.Refuses(route, request, false, refusal));
  EXPECT_EQ(refusal.status, 401);
  request.api_key = "secreT";
  EXPECT_TRUE(service.Refuses(route, request, false, refusal));
  request.api_key = "secret";
  EXPECT_FALSE(service.Refuses(route, request, false, refusal));
  request.api_key.clear();
  request.authorization = "Bearer secret";
  EXPECT_FALSE(service.Refuses(route, request, false, refusal));
  request.authorization = "Basic secret";
  EXPECT_TRUE(service.Refuses(route, request, false, refusal));
  EXPECT_FALSE(service.Refuses(Find(service, "GET", "/healthz"), {}, false, refusal));
}

// A deadline that passes after the first operation ends the batch; a client that leaves does not.
TEST(ServiceStartTest, LimitsOfABatchOfOperations) {
  ServedDatabase served;
  served.Create("c", 2);
  Service service(ServiceOptions{});
  service.SetDatabase(served.get());
  std::string points;
  for (int i = 0; i < 3000; ++i) {
    points +=
        (i == 0 ? "" : ",") + std::string(R"({"vector":[1,2],"id":)") + std::to_string(i) + "}";
  }
  const std::string upsert = R"({"upsert":{"points":[)" + points + "]}}";
  Request request;
  request.method = "POST";
  request.path = "/collections/c/points/batch";
  request.body = R"({"operations":[)";
  constexpr int kOperations = 40;
  for (int i = 0; i < kOperations; ++i) request.body += (i == 0 ? "" : ",") + upsert;
  request.body += "]}";
  auto match = service.router().Find(request.method, request.path);
  request.parameters = match.parameters;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(service.Handle(*match.route, request).status, 200);
  const auto whole = std::chrono::steady_clock::now() - start;

  // Late enough for some operations to be done, and early enough for some not to be, though what
  // else the machine does may have made the whole seem long.
  Response late;
  for (auto time = whole / 2; late.status == 200 && time > whole / 1000; time /= 2) {
    request.limits.deadline = std::chrono::steady_clock::now() + time;
    late = service.Handle(*match.route, request);
  }
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("the operations before it are done"));

  std::stop_source client;
  request.limits = {};
  request.limits.stop = client.get_token();
  std::thread leaves([&] {
    std::this_thread::sleep_for(whole * 3 / 4);
    client.request_stop();
  });
  const Response rest = service.Handle(*match.route, request);
  leaves.join();
  EXPECT_EQ(rest.status, 200) << rest.body.substr(0, 300);
}

TEST(ServiceStartTest, RefusesParametersThatTheRouteDoesNotKnow) {
  ServedDatabase served;
  Service service(ServiceOptions{});
  service.SetDatabase(served.get());
  const auto refusal = [&](const char* method, const char* path, const char* query) {
    Request request;
    request.query = ParseQuery(query);
    Response response;
    return service.Refuses(Find(service, method, path), request, false, response)
               ? std::to_string(response.status) + response.body
               : "";
  };
  const char* points = "/collections/c/points";
  EXPECT_EQ(refusal("PUT", points, "wait=true&ordering=weak&timeout=3&consistency=1"), "");
  EXPECT_THAT(refusal("PUT", points, "wiat=true"),
              AllOf(HasSubstr("400"), HasSubstr("wiat: unknown parameter; expected one of: "
                                                "consistency, ordering, timeout, wait")));
  EXPECT_EQ(refusal("POST", "/v1/embeddings", "timeout=3"), "");
  EXPECT_THAT(refusal("POST", "/v1/embeddings", "wait=true"), HasSubstr("\"param\":\"wait\""));
  const char* bulk = "/collections/c/points/bulk";
  EXPECT_EQ(refusal("POST", bulk, "chunk_max_tokens=64&chunk_overlap=8&truncate=false"), "");
  EXPECT_THAT(refusal("POST", bulk, "timeout=abc"), HasSubstr("a bulk import has no time limit"));
  EXPECT_EQ(refusal("GET", "/healthz", "probe=1"), "");
}

TEST(ServiceStartTest, SaysThatItLoadsAndWhyItFailed) {
  Service service(ServiceOptions{});
  const Route& route = Find(service, "GET", "/collections");
  Response refusal;
  EXPECT_TRUE(service.Refuses(route, {}, false, refusal));
  EXPECT_EQ(refusal.status, 503);
  EXPECT_THAT(refusal.body, HasSubstr("loading"));
  EXPECT_EQ(Send(service, "GET", "/readyz").status, 503);
  EXPECT_EQ(Send(service, "GET", "/livez").status, 200);
  service.SetFailure(absl::DataLossError("the disk is gone"));
  EXPECT_TRUE(service.Refuses(route, {}, false, refusal));
  EXPECT_THAT(refusal.body, HasSubstr("the disk is gone"));
  EXPECT_THAT(Send(service, "GET", "/readyz").body, HasSubstr("the disk is gone"));
}

TEST(ServiceStartTest, DescribesItself) {
  Service service(ServiceOptions{});
  const Json document = Json::parse(Send(service, "GET", "/openapi.json").body);
  EXPECT_EQ(document["openapi"], "3.0.3");
  for (const Route& route : service.router().routes()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    EXPECT_TRUE(document["paths"][route.pattern].contains(method))
        << route.method << ' ' << route.pattern;
  }
}

}  // namespace
}  // namespace vecnest::net
