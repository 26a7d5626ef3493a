#include "net/errors.h"

#include "engine/json.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using engine::Json;

TEST(HttpStatusTest, EveryCode) {
  EXPECT_EQ(HttpStatus(absl::OkStatus()), 200);
  EXPECT_EQ(HttpStatus(absl::InvalidArgumentError("")), 400);
  EXPECT_EQ(HttpStatus(absl::FailedPreconditionError("")), 400);
  EXPECT_EQ(HttpStatus(absl::UnimplementedError("")), 400);
  EXPECT_EQ(HttpStatus(absl::UnauthenticatedError("")), 401);
  EXPECT_EQ(HttpStatus(absl::NotFoundError("")), 404);
  EXPECT_EQ(HttpStatus(absl::AlreadyExistsError("")), 409);
  EXPECT_EQ(HttpStatus(absl::ResourceExhaustedError("")), 429);
  EXPECT_EQ(HttpStatus(absl::UnavailableError("")), 503);
  EXPECT_EQ(HttpStatus(absl::InternalError("")), 500);
  EXPECT_EQ(HttpStatus(absl::DataLossError("")), 500);
}

TEST(ErrorResponseTest, QdrantDialect) {
  const Response response =
      ErrorResponse(absl::NotFoundError("Collection `x`"), Dialect::kQdrant, 0.5);
  EXPECT_EQ(response.status, 404);
  const Json expected = {{"status", {{"error", "Collection `x`"}}}, {"time", 0.5}};
  EXPECT_EQ(Json::parse(response.body), expected);
}

TEST(ErrorResponseTest, OpenAiDialect) {
  const Response response =
      ErrorResponse(absl::InvalidArgumentError("input[3]: too long"), Dialect::kOpenAi, 0);
  const Json error = Json::parse(response.body)["error"];
  EXPECT_EQ(error["message"], "input[3]: too long");
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(error["param"], "input[3]");
  EXPECT_TRUE(error["code"].is_null());
}

TEST(ErrorResponseTest, OpenAiCodes) {
  const Json model = Json::parse(
      ErrorResponse(absl::NotFoundError("model 'x' is not loaded"), Dialect::kOpenAi, 0).body);
  EXPECT_EQ(model["error"]["code"], "model_not_found");
  EXPECT_TRUE(model["error"]["param"].is_null());
  const Json key = Json::parse(ErrorResponse(401, "no key", Dialect::kOpenAi, 0).body);
  EXPECT_EQ(key["error"]["code"], "invalid_api_key");
  EXPECT_EQ(key["error"]["type"], "authentication_error");
  const Json broken = Json::parse(ErrorResponse(500, "oh", Dialect::kOpenAi, 0).body);
  EXPECT_EQ(broken["error"]["type"], "server_error");
}

TEST(ErrorResponseTest, SaysWhenToComeBack) {
  for (const int status : {429, 503}) {
    const Response response = ErrorResponse(status, "later", Dialect::kQdrant, 0);
    ASSERT_EQ(response.headers.size(), 1u);
    EXPECT_EQ(response.headers[0].first, "Retry-After");
  }
  EXPECT_TRUE(ErrorResponse(400, "no", Dialect::kQdrant, 0).headers.empty());
}

TEST(ErrorResponseTest, MessagesNeedNotBeUtf8) {
  const Response response = ErrorResponse(400, "got \xff", Dialect::kQdrant, 0);
  EXPECT_TRUE(Json::accept(response.body)) << response.body;
}

}  // namespace
}  // namespace vecnest::net
