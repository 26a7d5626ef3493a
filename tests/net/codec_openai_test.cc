#include "net/codec_openai.h"

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecnest::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Texts = std::vector<std::string>;
using Sequences = std::vector<std::vector<int32_t>>;

EmbeddingsRequest Read(const std::string& text) {
  absl::Status status;
  EmbeddingsRequest request = ReadEmbeddingsRequest(Json::parse(text), status);
  EXPECT_TRUE(status.ok()) << status;
  return request;
}

std::string Error(const Json& body) {
  absl::Status status;
  ReadEmbeddingsRequest(body, status);
  EXPECT_FALSE(status.ok()) << body;
  return std::string(status.message());
}

TEST(ReadEmbeddingsRequestTest, Inputs) {
  EXPECT_THAT(std::get<Texts>(Read(R"({"model": "m", "input": "a"})").input), ElementsAre("a"));
  EXPECT_THAT(std::get<Texts>(Read(R"({"model": "m", "input": ["a", "b"]})").input),
              ElementsAre("a", "b"));
  EXPECT_THAT(std::get<Sequences>(Read(R"({"model": "m", "input": [101, 102]})").input),
              ElementsAre(ElementsAre(101, 102)));
  EXPECT_THAT(std::get<Sequences>(Read(R"({"model": "m", "input": [[1], [2, 3]]})").input),
              ElementsAre(ElementsAre(1), ElementsAre(2, 3)));
}

TEST(ReadEmbeddingsRequestTest, Options) {
  const auto request = Read(R"({"model": "m", "input": "a", "dimensions": 64, "truncate": true,
      "encoding_format": "base64", "input_type": "query", "user": "u"})");
  EXPECT_EQ(request.options.model, "m");
  EXPECT_EQ(request.options.dimensions, 64);
  EXPECT_TRUE(request.options.truncate);
  EXPECT_TRUE(request.base64);
  EXPECT_EQ(request.options.type, TextType::kQuery);
  const auto defaults = Read(R"({"model": "m", "input": "a"})");
  EXPECT_FALSE(defaults.base64);
  EXPECT_FALSE(defaults.options.truncate);
  EXPECT_EQ(defaults.options.type, TextType::kDocument);
}

TEST(ReadEmbeddingsRequestTest, ErrorsNameTheField) {
  const auto with = [](const char* name, const Json& value) {
    Json body = {{"model", "m"}, {"input", "a"}};
    body[name] = value;
    return body;
  };
  EXPECT_EQ(Error({{"model", "m"}}), "input: missing");
  EXPECT_EQ(Error({{"input", "a"}}), "model: missing");
  EXPECT_THAT(Error(with("input", 5)), HasSubstr("input: expected a string or a list"));
  EXPECT_THAT(Error(with("input", Json::array())), HasSubstr("input: 0 inputs"));
  EXPECT_THAT(Error(with("input", Texts(2049, "x"))), HasSubstr("input: 2049 inputs"));
  EXPECT_THAT(Error(with("input", Texts{"a", ""})), HasSubstr("input[1]: must not be empty"));
  EXPECT_THAT(Error(with("input", Json::parse(R"(["a", 1])"))), HasSubstr("input[1]: "));
  EXPECT_THAT(Error(with("input", Json::parse("[[1], [-2]]"))), HasSubstr("input[1][0]: "));
  EXPECT_THAT(Error(with("dimensions", 0)), HasSubstr("dimensions: "));
  EXPECT_THAT(Error(with("encoding_format", "hex")), HasSubstr("encoding_format: 'hex'"));
  EXPECT_THAT(Error(with("input_type", "x")), HasSubstr("input_type: 'x'"));
  EXPECT_THAT(Error(with("colour", 1)), HasSubstr("colour: unknown field"));
}

TEST(ReadEmbeddingsRequestTest, AListOfTokensIsOneInputHoweverLong) {
  const Json body = {{"model", "m"}, {"input", std::vector<unsigned>(3000, 7)}};
  absl::Status status;
  const auto request = ReadEmbeddingsRequest(body, status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::get<Sequences>(request.input).size(), 1u);
}

TEST(NameInputTest, NamesTheItem) {
  EXPECT_EQ(NameInput(absl::InvalidArgumentError("text 12 has 300 tokens")).message(),
            "input[12]: text 12 has 300 tokens");
  EXPECT_EQ(NameInput(absl::InvalidArgumentError("sequence 0: token id")).message(),
            "input[0]: sequence 0: token id");
  for (const char* other : {"dimensions: 5", "text is", "text"}) {
    EXPECT_EQ(NameInput(absl::InvalidArgumentError(other)).message(), other);
  }
}

TEST(WriteEmbeddingsTest, FloatsAndUsage) {
  const std::vector<Embedding> embeddings = {{{0.5F, -1}, 3, false}, {{1, 2}, 4, true}};
  ModelInfo model;
  model.name = "m";
  model.identity = "abc";
  model.document_prefix = "passage: ";
  const EmbeddingsRequest request{Texts{"a", "b"}, {}, false};
  const ModelUsage usage = UsageOf(request, embeddings, model);
  EXPECT_EQ(usage.texts, 2u);
  EXPECT_EQ(usage.truncated, 1u);
  EXPECT_EQ(WriteEmbeddings(embeddings, usage, false), Json::parse(R"({
    "object": "list", "model": "m", "identity": "abc", "prefix": "passage: ",
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0], "tokens": 3},
             {"object": "embedding", "index": 1, "embedding": [1.0, 2.0], "tokens": 4,
              "truncated": true}]})"));
}

TEST(WriteEmbeddingsTest, Base64OfLittleEndianFloats) {
  const Json json = WriteEmbeddings({{{1.0F, -2.0F}, 1, false}}, {}, true);
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(json["data"][0]["embedding"].get<std::string>(), &bytes));
  EXPECT_EQ(bytes, std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8));
}

TEST(WriteModelTest, Fields) {
  ModelInfo model;
  model.name = "m";
  model.dimensions = 384;
  model.identity = "abc";
  const Json json = WriteModel(model);
  EXPECT_EQ(json["id"], "m");
  EXPECT_EQ(json["object"], "model");
  EXPECT_EQ(json["dimensions"], 384);
  EXPECT_EQ(json["identity"], "abc");
}

TEST(UsageOfTest, ThePrefixIsWhatWasPutBeforeTheTexts) {
  ModelInfo model;
  model.query_prefix = "query: ";
  model.document_prefix = "passage: ";
  EmbeddingsRequest request{Texts{"a"}, {}, false};
  EXPECT_EQ(UsageOf(request, {}, model).prefix, "passage: ");
  request.options.type = TextType::kQuery;
  EXPECT_EQ(UsageOf(request, {}, model).prefix, "query: ");
  request.options.prefix = "mine: ";
  EXPECT_EQ(UsageOf(request, {}, model).prefix, "mine: ");
  request.input = Sequences{{1, 2}};
  EXPECT_EQ(UsageOf(request, {}, model).prefix, "");
}

}  // namespace
}  // namespace vecnest::net
