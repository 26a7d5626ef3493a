#include "engine/inspection/reports.h"
#include "tests/engine/inspector_fixture.h"

namespace vecnest {
namespace {

// What "a is to b as c is to ?" gives, by a single analogy b - a + c.
AnalogyQuestion Ask(const Inspector& inspector, const std::string& section, const std::string& a,
                    const std::string& b, const std::string& c, const InspectOptions& options) {
  const auto answer = inspector.Analogy(b, a, c, {.inspect = options, .limit = 1});
  EXPECT_TRUE(answer.ok()) << answer.status();
  return {section, a, b, c, answer->nearest[0].token.text};
}

TEST_F(InspectorTest, AnalogiesAreCountedBySection) {
  const InspectOptions words = Of("tiny-words");
  std::vector<AnalogyQuestion> questions = {Ask(inspector(), "first", "cat", "dog", "rain", words),
                                            Ask(inspector(), "second", "sat", "mat", "the", words),
                                            Ask(inspector(), "first", "dog", "cat", "the", words)};
  questions.push_back(questions[0]);
  questions[3].d = questions[0].d == "mat" ? "sat" : "mat";      // wrong
  questions.push_back({"second", "cat", "zzz", "dog", "rain"});  // not in the table
  uint64_t done = 0;
  const auto report = inspector().AskAnalogies(questions, {.inspect = words},
                                               [&](uint64_t now, uint64_t) { done = now; });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(done, 17u);
  EXPECT_EQ(report->candidates, 17u);
  ASSERT_EQ(report->sections.size(), 2u);
  EXPECT_EQ(report->sections[0].name, "first");
  EXPECT_EQ(report->sections[0].questions, 3u);
  EXPECT_EQ(report->sections[0].asked, 3u);
  EXPECT_EQ(report->sections[0].right, 2u);
  EXPECT_EQ(report->sections[1].questions, 2u);
  EXPECT_EQ(report->sections[1].asked, 1u);
  EXPECT_EQ(report->sections[1].right, 1u);
  EXPECT_EQ(report->total.right, 3u);
}

TEST_F(InspectorTest, AnalogiesAmongTheirOwnWords) {
  // Of four words that are all different only one is left to answer.
  const std::vector<AnalogyQuestion> questions = {{"", "cat", "dog", "sun", "mat"}};
  for (const bool encode : {false, true}) {
    const auto report = inspector().AskAnalogies(
        questions, {.inspect = Of("tiny-bert-cls"), .encode = encode, .among_questions = true},
        nullptr);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->candidates, 4u);
    EXPECT_EQ(report->total.right, 1u);
  }
}

TEST_F(InspectorTest, AnalogiesOverTheFrequentWords) {
  const std::vector<AnalogyQuestion> questions = {{"", "the", "cat", "sat", "on"}};
  const auto report =
      inspector().AskAnalogies(questions, {.inspect = Of("tiny-words"), .vocabulary = 2}, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->candidates, 2u);
  EXPECT_EQ(report->total.asked, 0u);
}

TEST_F(InspectorTest, AnalogiesCanBeStopped) {
  const std::vector<AnalogyQuestion> questions = {{"", "the", "cat", "sat", "on"}};
  const auto report =
      inspector().AskAnalogies(questions, {.inspect = Stopped(Of("tiny-words"))}, nullptr);
  EXPECT_TRUE(absl::IsCancelled(report.status()));
}

}  // namespace
}  // namespace vecnest
