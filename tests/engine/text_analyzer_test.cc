#include "engine/text_analyzer.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Words(const std::string& language, std::string_view text) {
  auto analyzer = TextAnalyzer::Create(language);
  EXPECT_TRUE(analyzer.ok()) << analyzer.status();
  std::vector<std::string> words;
  (*analyzer)->ForEachWord(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(TextAnalyzerTest, FoldsAndStems) {
  // Stems as the Snowball project's own list of examples has them.
  EXPECT_THAT(Words("english", "Consistently, CONSISTENCY consisted!"),
              ElementsAre("consist", "consist", "consist"));
  EXPECT_THAT(Words("german", "aufeinanderfolgenden"), ElementsAre("aufeinanderfolg"));
  EXPECT_THAT(Words("none", "Consisted"), ElementsAre("consisted"));
}

TEST(TextAnalyzerTest, CutsAtBoundariesOfWords) {
  EXPECT_THAT(Words("none", "e-mail: 3.14, can't (\xEF\xBC\xA1\xEF\xBC\xA2)"),
              ElementsAre("e", "mail", "3.14", "can't", "ab"));
  EXPECT_THAT(Words("none", " \t...!"), IsEmpty());
  EXPECT_THAT(Words("none", ""), IsEmpty());
  EXPECT_THAT(Words("none", "a\xFFz"), ElementsAre("a", "z"));
}

TEST(TextAnalyzerTest, NamesItsLanguages) {
  EXPECT_THAT(TextAnalyzer::Create("klingon").status().message(), HasSubstr("none, "));
  EXPECT_THAT(TextAnalyzer::Languages(), testing::Contains("english"));
}

}  // namespace
}  // namespace vecnest::engine
