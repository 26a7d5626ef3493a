#include "embedder/word_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "tests/embedder/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::embedder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string TextError(std::string_view text) {
  return std::string(ParseWordTable(text, WordTableFormat::kText, "t").status().message());
}

std::string BinaryError(std::string_view bytes) {
  return std::string(ParseWordTable(bytes, WordTableFormat::kBinary, "b").status().message());
}

std::string Row(std::string_view word, std::initializer_list<float> values) {
  std::string row(word);
  row += ' ';
  for (const float value : values) {
    char bytes[sizeof(value)];
    std::memcpy(bytes, &value, sizeof(value));
    row.append(bytes, sizeof(value));
  }
  return row;
}

// gensim wrote the three files out of one table (make_static_models.py).
TEST(WordTableTest, FormsOfOneTableAgree) {
  const auto binary = LoadWordTable(TestData("tiny-words.bin"));
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->width, 11u);
  EXPECT_EQ(binary->ids.size(), 17u);
  EXPECT_EQ(binary->ids.at("u.s."), 7);
  for (const char* name : {"tiny-words.txt", "tiny-glove.txt"}) {
    const auto text = LoadWordTable(TestData(name));
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(text->values, binary->values);
    EXPECT_EQ(text->ids, binary->ids);
  }
}

TEST(WordTableTest, TextForms) {
  const auto table = ParseWordTable("a 1 -2e1 \r\n. . 3 1e-50\n1 4 5", WordTableFormat::kText, "t");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->values, ElementsAre(1, -20, 3, 0, 4, 5));
  EXPECT_EQ(table->ids.at(". ."), 1);
  EXPECT_EQ(table->ids.at("1"), 2);
}

TEST(WordTableTest, DamagedText) {
  EXPECT_EQ(TextError("a 1 2\nb 1\n"), "t:2: expected a word and 2 values, found only 1 values");
  EXPECT_EQ(TextError("a 1 2\nb 1 2 3\n"),
            "t:2: expected a word and 2 values, found more values after \"b\"");
  EXPECT_EQ(TextError("a 1 x\n"), "t:1: value 2: expected a finite number, found \"x\"");
  for (const char* bad : {"nan", "inf", "1e39", "-1e999", "0x1", "+1", "1,5", ""}) {
    EXPECT_THAT(TextError("a 1 1\nb " + std::string(bad) + " 1\n"),
                HasSubstr("t:2: value 1: expected a finite number"))
        << bad;
  }
  EXPECT_EQ(TextError("a 1\nb 2\na 3\n"), "t:3: the word \"a\" is there twice, first as number 1");
  EXPECT_EQ(TextError("a 1\n\nb 2"), "t:2: expected a word and 1 values, found only 0 values");
  EXPECT_EQ(TextError("a 1 2\n 1 2\n"), "t:2: expected a word, found none");
  EXPECT_EQ(TextError("3 2\na 1 2\n"), "t: the first line says 3 words, 1 follow");
  EXPECT_EQ(TextError("1 2\na 1 2\nb 1 2\n"), "t: the first line says 1 words, 2 follow");
  for (const char* bad : {"", "\n", "word\n", "0 2\n", "2 0\n", "1 99999999\n"}) {
    EXPECT_THAT(TextError(bad), HasSubstr("t: expected 1 to")) << bad;
  }
}

TEST(WordTableTest, BinaryForms) {
  const std::string bytes = "2 2\n" + Row("a", {1, 2}) + "\n" + Row("\xff", {3, 4}) + "\n";
  const auto table = ParseWordTable(bytes, WordTableFormat::kBinary, "b");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->values, ElementsAre(1, 2, 3, 4));
}

TEST(WordTableTest, DamagedBinary) {
  const std::string good = "2 2\n" + Row("a", {1, 2}) + Row("b", {3, 4});
  EXPECT_EQ(BinaryError(good), "");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(BinaryError(good.substr(0, size)), HasSubstr("b: ")) << size;
  }
  EXPECT_EQ(BinaryError(good.substr(0, good.size() - 1)),
            "b: 2 words of 2 values need at least 20 bytes, found 19");
  EXPECT_EQ(BinaryError(good + "x"), "b: 1 bytes follow the last word");
  EXPECT_EQ(BinaryError("2 2\n" + Row("a", {1, 2}) + Row("a", {3, 4})),
            "b: word 2 of 2: the word \"a\" is there twice, first as number 1");
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(BinaryError("2 2\n" + Row("a", {1, inf}) + Row("b", {3, 4})),
            "b: word 1 of 2: \"a\": value 2: expected a finite number, found inf");
  EXPECT_EQ(BinaryError("1 1\n" + Row("", {1}) + "x"),
            "b: word 1 of 1: expected a word, found none");
  EXPECT_THAT(BinaryError("1 1\n" + std::string(9000, 'x')), HasSubstr("expected a blank within"));
  EXPECT_THAT(BinaryError("two words\n"), HasSubstr("expected a first line"));
  EXPECT_THAT(BinaryError("2147483647 1\n"), HasSubstr("expected 1 to"));
  EXPECT_THAT(BinaryError("2147483646 65536\n"), HasSubstr("need at least"));
}

TEST(WordTableTest, Files) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/w.txt";
  EXPECT_EQ(LoadWordTable(path).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << "a 1\nb\n";
  EXPECT_EQ(LoadWordTable(path).status().message(),
            path + ":2: expected a word and 1 values, found only 0 values");
  EXPECT_TRUE(IsWordTable("a/b.bin"));
  EXPECT_FALSE(IsWordTable("a/b.bin/c"));
}

}  // namespace
}  // namespace vecnest::embedder
