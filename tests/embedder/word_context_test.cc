#include "embedder/inspection/word_context.h"

#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

absl::StatusOr<WordInContext> Compare(const Encoder& encoder, std::string_view word,
                                      const std::vector<std::string>& sentences) {
  const std::vector<std::string_view> views(sentences.begin(), sentences.end());
  return CompareContexts(encoder, word, views, WithoutPrefix(), {});
}

TEST(WordContextTest, CosinesAreThoseOfNumPy) {
  const auto reference = InspectionReference("bert");
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const auto context = Compare(*encoder, "cat", reference["sentences"]);
  ASSERT_TRUE(context.ok()) << context.status();
  ASSERT_EQ(context->layers.size(), reference["context"].size());
  for (size_t l = 0; l < context->layers.size(); ++l) {
    ExpectNear(context->layers[l].cosines, reference["context"][l]["cosines"], "cosines");
    EXPECT_NEAR(context->layers[l].baseline, reference["context"][l]["baseline"].get<double>(),
                kInspectionTolerance);
  }
  for (const double cosine : context->table) EXPECT_NEAR(cosine, 1, 1e-9);
}

TEST(WordContextTest, OnlyWholeWordsInEitherCase) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const auto context = Compare(*encoder, "run", {"running the run", "RUN, run"});
  ASSERT_TRUE(context.ok()) << context.status();
  // [CLS] run ##ning the run [SEP]
  EXPECT_EQ(context->places[0].begin, 4u);
  EXPECT_EQ(context->places[0].end, 5u);
  EXPECT_EQ(context->places[1].begin, 1u);
}

TEST(WordContextTest, TypographicMarksPartWords) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  // Quotes, an apostrophe, a dash; a letter beyond ASCII goes on with a word.
  for (const char* sentence : {"the “cat” sat", "the cat’s mat", "cat—dog"}) {
    EXPECT_TRUE(Compare(*encoder, "cat", {sentence, "cat"}).ok()) << sentence;
  }
  EXPECT_FALSE(Compare(*encoder, "cat", {"caté", "cat"}).ok());
}

TEST(WordContextTest, AWordOfSeveralTokensAfterAPrefix) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const std::vector<std::string_view> sentences = {"the sunny mat", "sunny"};
  EncodeOptions options;
  options.type = TextType::kQuery;  // "query: "
  const auto context = CompareContexts(*encoder, "sunny", sentences, options, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->places[0].begin, 4u);
  EXPECT_EQ(context->places[0].end, 6u);
  EXPECT_EQ(context->places[1].begin, 3u);
  EXPECT_EQ(context->places[1].end, 5u);
}

TEST(WordContextTest, ErrorsNameTheSentence) {
  const auto encoder = LoadForInspection("tiny-bert-cls");
  const auto message = [&](const std::vector<std::string>& sentences) {
    const absl::Status status = Compare(*encoder, "cat", sentences).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_EQ(message({"cat", "the dog"}), "sentences[1]: the word 'cat' does not occur in it");
  EXPECT_EQ(message({"cats and a tomcat", "cat"}),
            "sentences[0]: the word 'cat' does not occur in it");
  EXPECT_TRUE(message({"cat", "cat \xff"}).starts_with("sentences[1]: "));
  std::string much = "cat";
  for (int i = 0; i < 40; ++i) much += " a";
  EXPECT_TRUE(message({much, "cat"}).starts_with("sentences[0]: "));
}

TEST(WordContextTest, AWordThatATableDoesNotKnow) {
  const auto encoder = LoadForInspection("tiny-words.txt");
  const absl::Status status = Compare(*encoder, "zzz", {"the zzz", "zzz cat"}).status();
  EXPECT_EQ(status.message(),
            "sentences[0]: the word 'zzz' is unknown to tiny-words, which reads nothing there");
}

}  // namespace
}  // namespace vecnest::embedder
