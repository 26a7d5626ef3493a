#include "embedder/inspection/hidden_layers.h"

#include "embedder/inspection/vectors.h"
#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

TEST(HiddenLayersTest, TheStreamIsThatOfNumPy) {
  const auto reference = InspectionReference("bert");
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const TokenBatch batch = TokenizeOne(*encoder, reference["text"]);
  ASSERT_EQ(nlohmann::json(batch.ids), reference["ids"]);
  const auto states = encoder->HiddenStates(batch);
  ASSERT_TRUE(states.ok()) << states.status();
  const auto stream = MeasureStream(*states, 36, Pooling::kCls);
  ASSERT_EQ(stream.size(), reference["stream"].size());
  for (size_t l = 0; l < stream.size(); ++l) {
    const auto& expected = reference["stream"][l];
    const std::string layer = "layer " + std::to_string(l);
    ExpectNear(stream[l].norms, expected["norms"], layer + " norms");
    ExpectNear(stream[l].cosine_to_first, expected["cosine_to_first"], layer + " cosine to x_0");
    EXPECT_NEAR(stream[l].pooled_cosine_to_last, expected["pooled_cosine_to_last"].get<double>(),
                kInspectionTolerance);
    EXPECT_NEAR(stream[l].mean_cosine, expected["mean_cosine"].get<double>(), kInspectionTolerance);
    if (l == 0) {
      EXPECT_TRUE(stream[l].added.empty());
      EXPECT_TRUE(stream[l].cosine_to_previous.empty());
      continue;
    }
    ExpectNear(stream[l].added, expected["added"], layer + " added");
    ExpectNear(stream[l].cosine_to_previous, expected["cosine_to_previous"], layer + " previous");
  }
}

TEST(HiddenLayersTest, ReadingsOfAPair) {
  const auto reference = InspectionReference("bert");
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const std::string first = reference["sentences"][0];
  const std::string second = reference["sentences"][1];
  const std::string_view texts[] = {first, second};
  const auto batch = encoder->Tokenize(texts, WithoutPrefix());
  const auto readings = ReadLayers(*encoder, *batch, {Pooling::kCls, Pooling::kMean}, {});
  ASSERT_TRUE(readings.ok()) << readings.status();
  ASSERT_EQ(readings->size(), 2u);
  std::vector<double> cosines;
  std::vector<std::string> names;
  for (const LayerReading& reading : (*readings)[1]) {
    names.push_back(reading.name);
    cosines.push_back(Cosine(reading.vectors[0].data(), reading.vectors[1].data(), 36));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"table", "0", "1", "2", "mean of all layers",
                                             "mean of first and last layer"}));
  ExpectNear(cosines, reference["reading_cosines"], "reading");
  // The first token is the same in both, so that only layers tell the texts apart.
  const auto& cls = (*readings)[0];
  EXPECT_EQ(cls[0].vectors[0], cls[0].vectors[1]);
  EXPECT_EQ(cls[1].vectors[0], cls[1].vectors[1]);
  EXPECT_NE(cls[2].vectors[0], cls[2].vectors[1]);
}

TEST(HiddenLayersTest, LastReadingIsWhatEncodeGives) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const std::string_view text = "the cat sat";
  const auto encodings = encoder->Encode({&text, 1}, WithoutPrefix());
  const auto readings = ReadLayers(*encoder, TokenizeOne(*encoder, std::string(text)),
                                   {encoder->parts().pooling}, {});
  const std::vector<float>& last = (*readings)[0][3].vectors[0];
  EXPECT_NEAR(Cosine(last.data(), (*encodings)[0].vector.data(), 36), 1, 1e-6);
}

TEST(HiddenLayersTest, OneTokenHasNothingToBeComparedWith) {
  const std::vector<std::vector<float>> states = {{3, 4}, {0, 0}};
  const auto stream = MeasureStream(states, 2, Pooling::kMean);
  EXPECT_EQ(stream[0].norms, std::vector<double>{5});
  EXPECT_EQ(stream[0].mean_cosine, 0);
  EXPECT_EQ(stream[1].added, std::vector<double>{5});
  EXPECT_EQ(stream[1].cosine_to_previous, std::vector<double>{0});  // a zero has no direction
}

TEST(HiddenLayersTest, ATableHasNoLayers) {
  const auto encoder = LoadForInspection("tiny-words.txt");
  const absl::Status status = ExpectLayers(*encoder);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("tiny-words is a table of vectors without layers"),
            std::string::npos);
  EXPECT_TRUE(ExpectLayers(*LoadForInspection("tiny-bert-cls")).ok());
}

TEST(HiddenLayersTest, StopsWhenAsked) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const TokenBatch batch = TokenizeOne(*encoder, "the cat");
  EXPECT_TRUE(absl::IsCancelled(encoder->HiddenStates(batch, Stopped()).status()));
  EXPECT_TRUE(absl::IsCancelled(ReadLayers(*encoder, batch, {Pooling::kMean}, Stopped()).status()));
}

}  // namespace
}  // namespace vecnest::embedder
