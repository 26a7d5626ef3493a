#include "embedder/vocabulary.h"

#include "tests/embedder/inspection_fixture.h"

namespace vecnest::embedder {
namespace {

// Every tokenizer gives names under which it finds the same ids.
TEST(VocabularyTest, NamesLeadBackToTheirIds) {
  for (const char* name : {"tiny-bert-cls", "tiny-bert-max", "tiny-model2vec", "tiny-wordllama",
                           "tiny-words.txt", "tiny-words.bin", "tiny-glove.txt"}) {
    const auto encoder = LoadForInspection(name);
    const Vocabulary& vocabulary = encoder->vocabulary();
    EXPECT_EQ(vocabulary.size(), encoder->parts().architecture->shape().vocabulary);
    size_t named = 0;
    for (size_t i = 0; i < vocabulary.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      if (vocabulary.TextOf(id).empty()) continue;
      ++named;
      EXPECT_EQ(vocabulary.Find(vocabulary.TextOf(id)), id) << name << ' ' << vocabulary.TextOf(id);
    }
    EXPECT_EQ(named, static_cast<size_t>(encoder->parts().tokenizer->traits().vocabulary_size))
        << name;
    EXPECT_EQ(vocabulary.Find("no such token"), -1);
  }
}

TEST(VocabularyTest, TokensAreThoseOfTheReferenceTokenizer) {
  const auto reference = InspectionReference("bert");
  const auto encoder = LoadForInspection("tiny-bert-cls");
  for (size_t i = 0; i < reference["ids"].size(); ++i) {
    EXPECT_EQ(encoder->vocabulary().TextOf(reference["ids"][i].get<int32_t>()),
              reference["tokens"][i]);
  }
}

class FakeTokenizer final : public Tokenizer {
 public:
  const Traits& traits() const override { return traits_; }
  bool Tokenize(std::string_view, size_t, std::vector<int32_t>*, GoOn) const override {
    return false;
  }
  int32_t IdOf(std::string_view token) const override { return token == "word" ? 0 : -1; }
  void ForEachToken(TokenSink sink) const override {
    sink("word", 0, false);
    sink("<s>", 1, true);
    sink("<s>", 1, false);  // listed twice: special all the same
    sink("[unused3]", 2, false);
    sink("beyond", 9, false);
  }

 private:
  Traits traits_;
};

TEST(VocabularyTest, SpecialTokens) {
  const FakeTokenizer tokenizer;
  const Vocabulary vocabulary(tokenizer, 4);
  EXPECT_EQ(vocabulary.size(), 4u);
  EXPECT_FALSE(vocabulary.IsSpecial(0));
  EXPECT_TRUE(vocabulary.IsSpecial(1));
  EXPECT_TRUE(vocabulary.IsSpecial(2));
  EXPECT_TRUE(vocabulary.IsSpecial(3));  // has no token
  EXPECT_EQ(vocabulary.TextOf(3), "");
  EXPECT_EQ(vocabulary.Find("word"), 0);
}

}  // namespace
}  // namespace vecnest::embedder
