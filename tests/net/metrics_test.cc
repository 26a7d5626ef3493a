#include "net/metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/net/served_database.h"

namespace vecnest::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, CountsRequests) {
  Metrics metrics;
  metrics.CountRequest("GET", "/collections/{collection}", 200, 0.003);
  metrics.CountRequest("GET", "/collections/{collection}", 200, 0.003);
  metrics.CountRequest("GET", "/collections/{collection}", 404, 0.003);
  const std::string text = metrics.Render(nullptr);
  EXPECT_THAT(text, HasSubstr("vecnest_http_requests_total{method=\"GET\",route=\"/collections/"
                              "{collection}\",status=\"200\"} 2"));
  EXPECT_THAT(text, HasSubstr("status=\"404\"} 1"));
  EXPECT_THAT(text, HasSubstr("vecnest_http_request_duration_seconds_count{method=\"GET\","
                              "route=\"/collections/{collection}\"} 3"));
}

TEST(MetricsTest, CountsTokens) {
  Metrics metrics;
  metrics.CountTokens(5);
  metrics.CountTokens(7);
  EXPECT_THAT(metrics.Render(nullptr), HasSubstr("vecnest_encoder_tokens_total 12"));
}

TEST(MetricsTest, ShowsTheDatabase) {
  ServedDatabase served;
  served.Create("notes", 2);
  Point point;
  point.id = 1;
  point.vectors[""] = std::vector<float>{1, 2};
  ASSERT_TRUE(served.get()->Upsert("notes", {point}).ok());
  Metrics metrics;
  const std::string text = metrics.Render(served.get().get());
  EXPECT_THAT(text, HasSubstr("vecnest_collections 1"));
  EXPECT_THAT(text, HasSubstr("vecnest_points{collection=\"notes\"} 1"));
  EXPECT_THAT(metrics.Render(nullptr), Not(HasSubstr("vecnest_points")));
}

TEST(MetricsTest, TellsModelsApart) {
  const std::string data = VECNEST_TEST_DATA;
  ServedDatabase served({data + "/tiny-bert-cls", data + "/tiny-words.txt"});
  EmbedOptions options;
  options.model = "tiny-words";
  ASSERT_TRUE(served.get()->embedder().Embed({"the cat", "sat"}, options).ok());
  const std::string text = Metrics().Render(served.get().get());
  EXPECT_THAT(text, HasSubstr("vecnest_encoder_pass_texts_total{model=\"tiny-words\"} 2"));
  EXPECT_THAT(text, HasSubstr("vecnest_encoder_pass_tokens_total{model=\"tiny-words\"} 3"));
  for (const char* name : {"passes", "dropped_texts"}) {
    EXPECT_THAT(text, HasSubstr("vecnest_encoder_" + std::string(name) +
                                "_total{model=\"tiny-bert-cls\"} 0"));
  }
  // 17 rows of 11 values; nothing is packed.
  EXPECT_THAT(text, HasSubstr("vecnest_model_memory_bytes{model=\"tiny-words\",precision=\"f32\"} "
                              "748"));
  EXPECT_THAT(text,
              HasSubstr("vecnest_model_packed_bytes{model=\"tiny-words\",precision=\"f32\"} 0"));
}

}  // namespace
}  // namespace vecnest::net
