#include "embedder/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "embedder/safetensors.h"
#include "tests/embedder/model_copy.h"

namespace {

// Of allocations; larger ones fail.
std::atomic<size_t> largest_allocation = std::numeric_limits<size_t>::max();

}  // namespace

// Not inlined: gcc would see malloc and free meet delete and new.
// Sanitizers have allocation functions of their own, which must not be mixed with these.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VECNEST_ALLOCATIONS_CAN_FAIL
[[gnu::noinline]] void* operator new(size_t size) {
  void* const memory = size > largest_allocation ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Encoder> Load(const std::string& name, int threads = 1) {
  auto encoder = Encoder::Load(TestData(name), {.threads = threads});
  EXPECT_TRUE(encoder.ok()) << encoder.status();
  return *std::move(encoder);
}

std::vector<Encoding> Encode(const Encoder& encoder, const std::vector<std::string_view>& texts,
                             const EncodeOptions& options = {}) {
  auto encodings = encoder.Encode(texts, options);
  EXPECT_TRUE(encodings.ok()) << encodings.status();
  return *std::move(encodings);
}

// Pooling, prompts, weight types and odd widths against make_tiny_models.py's NumPy reference.
void CompareWithReference(const std::string& name) {
  const auto encoder = Load(name);
  std::ifstream file(TestData(name + "/reference.jsonl"));
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    const std::string text = row["text"];
    const std::string_view view = text;
    const EncodeOptions options = {.type = row["type"] == "query" ? TextType::kQuery
                                                                  : TextType::kDocument};
    const auto batch = encoder->Tokenize({&view, 1}, options);
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_EQ(batch->ids, row["ids"].get<std::vector<int32_t>>()) << line;
    const std::vector<float> vector = Encode(*encoder, {view}, options)[0].vector;
    const auto expected = row["vector"].get<std::vector<float>>();
    ASSERT_EQ(vector.size(), expected.size());
    for (size_t i = 0; i < vector.size(); ++i) EXPECT_NEAR(vector[i], expected[i], 2e-5);
    const auto states = encoder->HiddenStates(*batch);
    ASSERT_TRUE(states.ok());
    ASSERT_EQ(states->size(), row["state_means"].size());
    for (size_t layer = 0; layer < states->size(); ++layer) {
      for (size_t i = 0; i < vector.size(); ++i) {
        float sum = 0;
        for (size_t t = 0; t < batch->ids.size(); ++t)
          sum += (*states)[layer][t * vector.size() + i];
        EXPECT_NEAR(sum / static_cast<float>(batch->ids.size()),
                    row["state_means"][layer][i].get<float>(), 2e-5);
      }
    }
  }
  EXPECT_EQ(rows, 12);
}

TEST(EncoderTest, ClsPoolingPromptsAndF32) { CompareWithReference("tiny-bert-cls"); }

TEST(EncoderTest, MaxPoolingAndHalfPrecisionWeights) { CompareWithReference("tiny-bert-max"); }

TEST(EncoderTest, Info) {
  const ModelInfo info = Load("tiny-bert-cls")->info();
  EXPECT_EQ(info.name, "tiny-bert-cls");
  EXPECT_EQ(info.architecture, "bert");
  EXPECT_EQ(info.dimensions, 36);
  EXPECT_EQ(info.layers, 2);
  EXPECT_EQ(info.max_tokens, 16);
  EXPECT_EQ(info.pooling, "cls");
  EXPECT_TRUE(info.normalized);
  EXPECT_EQ(info.query_prefix, "query: ");
  EXPECT_EQ(info.identity.size(), 32u);
}

TEST(EncoderTest, TruncatesOrRefuses) {
  const auto encoder = Load("tiny-bert-cls");
  const std::string text(60, '!');
  const std::vector<std::string_view> texts = {"a cat", text};
  const auto encodings = Encode(*encoder, texts);
  EXPECT_FALSE(encodings[0].truncated);
  EXPECT_EQ(encodings[0].tokens, 6);  // passage : a cat and two special tokens
  EXPECT_TRUE(encodings[1].truncated);
  EXPECT_EQ(encodings[1].tokens, 16);
  const auto refused = encoder->Encode(texts, {.truncate = false});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message(), "text 1 has 64 tokens, tiny-bert-cls reads at most 16");
}

TEST(EncoderTest, PrefixAndDimensions) {
  const auto encoder = Load("tiny-bert-cls");
  const auto own = Encode(*encoder, {"a cat"}, {.type = TextType::kQuery})[0];
  const auto given = Encode(*encoder, {"query: a cat"}, {.prefix = ""})[0];
  EXPECT_EQ(own.vector, given.vector);
  const auto cut = Encode(*encoder, {"a cat"}, {.type = TextType::kQuery, .dimensions = 7})[0];
  ASSERT_EQ(cut.vector.size(), 7u);
  const float norm = std::sqrt(
      std::inner_product(own.vector.begin(), own.vector.begin() + 7, own.vector.begin(), 0.0F));
  for (size_t i = 0; i < 7; ++i) EXPECT_NEAR(cut.vector[i], own.vector[i] / norm, 1e-6);
  const auto raw = Load("tiny-bert-max");
  EXPECT_EQ(Encode(*raw, {"a"}, {.dimensions = 1})[0].vector[0], Encode(*raw, {"a"})[0].vector[0]);
  for (const int dimensions : {-1, 37}) {
    const std::string_view text = "a";
    EXPECT_THAT(encoder->Encode({&text, 1}, {.dimensions = dimensions}).status().message(),
                HasSubstr("dimensions must be 1 to 36"));
  }
}

void ExpectNotFinite(const std::string& path, const std::string& text, const std::string& name) {
  const auto encoder = Encoder::Load(path, {});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const std::string_view view = text;
  const auto encodings = (*encoder)->Encode({&view, 1}, {});
  EXPECT_EQ(encodings.status().code(), absl::StatusCode::kInternal) << path;
  EXPECT_THAT(encodings.status().message(),
              HasSubstr("the output of model " + name + " is not finite"));
  EXPECT_THAT(encodings.status().message(), HasSubstr(path));
}

TEST(EncoderTest, AnOutputThatIsNotFiniteIsAnError) {
  const ModelCopy model("tiny-bert-cls");
  std::string weights = model.Read("model.safetensors");
  size_t data = 0;
  const auto entries = SafeTensors::ParseHeader(
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(weights.data()), weights.size()), "",
      &data);
  ASSERT_TRUE(entries.ok());
  const auto& entry = entries->at("encoder.layer.1.output.dense.bias");
  weights.replace(data + entry.begin, 4, std::string("\0\0\xc0\x7f", 4));
  model.Write("model.safetensors", weights);
  ExpectNotFinite(model.path(), "a cat", "tiny-bert-cls");

  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/large.txt") << "a 3e38 1\nb 3e38 1\nc 1 1\n";
  ExpectNotFinite(directory.path() + "/large.txt", "a b", "large");
  const auto table = Encoder::Load(directory.path() + "/large.txt", {});
  EXPECT_EQ(Encode(**table, {"c"})[0].vector, (std::vector<float>{1, 1}));
}

// A long text is given up in its midst, many texts between two of them: before anything is found to
// be wrong with what comes later.
TEST(EncoderTest, LateCallsAreNotTokenizedToTheirEnd) {
  std::string text;
  while (text.size() < 20 << 20) text += "the cat sat ";
  const std::string_view long_text = text;
  for (const char* name : {"tiny-bert-cls", "tiny-words.txt", "tiny-wordllama"}) {
    const auto encoder = Load(name);
    CallControl control;
    control.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    EXPECT_EQ(encoder->Encode({&long_text, 1}, {.truncate = false}, control).status().code(),
              absl::StatusCode::kDeadlineExceeded)
        << name;
  }
  std::vector<std::string_view> texts(4000, std::string_view(text).substr(0, 10'000));
  texts.back() = "\xff";
  CallControl control;
  control.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  EXPECT_EQ(Load("tiny-bert-cls")->Encode(texts, {}, control).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(EncoderTest, InvalidUtf8NamesTextAndByte) {
  const auto encoder = Load("tiny-bert-cls");
  const std::vector<std::string_view> texts = {"ok", "ab\xff"};
  EXPECT_EQ(encoder->Encode(texts, {}).status().message(), "text 1 is not valid UTF-8 at byte 2");
  EXPECT_FALSE(encoder->Encode({texts.data(), 1}, {.prefix = "\xc3"}).ok());
}

TEST(EncoderTest, TokenInput) {
  const auto encoder = Load("tiny-bert-cls");
  const std::vector<std::string_view> texts = {"a cat", "the dog sat"};
  const auto batch = encoder->Tokenize(texts, {});
  ASSERT_TRUE(batch.ok());
  const auto encodings = encoder->EncodeTokens(*batch, {});
  ASSERT_TRUE(encodings.ok());
  EXPECT_EQ((*encodings)[1].vector, Encode(*encoder, texts)[1].vector);
  const TokenBatch bad[] = {
      {{5}, {0, 0, 1}},    {{5}, {0, 2}},  {{5}, {1, 1}},
      {{5}, {}},           {{-1}, {0, 1}}, {{9999}, {0, 1}},
      {{5, 5}, {0, 2, 1}}, {{5}, {0}},     {std::vector<int32_t>(17, 5), {0, 17}}};
  for (const TokenBatch& tokens : bad) {
    EXPECT_EQ(encoder->EncodeTokens(tokens, {}).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(encoder->HiddenStates(tokens).ok());
  }
  EXPECT_TRUE(encoder->EncodeTokens({}, {})->empty());
}

TEST(EncoderTest, EmptyBatch) {
  const auto encoder = Load("tiny-bert-cls");
  EXPECT_TRUE(Encode(*encoder, {}).empty());
}

TEST(EncoderTest, MoreTextsThanAreTokenizedAtATime) {
  const auto encoder = Load("tiny-bert-max", 2);
  std::vector<std::string_view> texts(9000, "the cat sat");
  texts[8999] = "a dog";
  const auto encodings = Encode(*encoder, texts);
  EXPECT_EQ(encodings[8998].vector, Encode(*encoder, {"the cat sat"})[0].vector);
  EXPECT_EQ(encodings[8999].vector, Encode(*encoder, {"a dog"})[0].vector);
  texts[8192] = "\xff";
  EXPECT_EQ(encoder->Encode(texts, {}).status().message(),
            "text 8192 is not valid UTF-8 at byte 0");
}

TEST(EncoderTest, CallsThatAreOverGiveNothing) {
  const auto encoder = Load("tiny-bert-cls");
  const std::string_view text = "a cat";
  CallControl late;
  late.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(encoder->Encode({&text, 1}, {}, late).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  std::stop_source source;
  source.request_stop();
  CallControl stopped;
  stopped.stop = source.get_token();
  EXPECT_EQ(encoder->Encode({&text, 1}, {}, stopped).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(encoder->stats().dropped, 2U);
}

TEST(EncoderTest, SameBitsInAnyBatchOnAnyThreads) {
  const std::string_view samples[] = {"", "a", "the cat sat on the mat.", "big red dog ? ! . , a a",
                                      "sun rain"};
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < 700; ++i) texts.push_back(samples[i * i % 5]);
  const auto one = Load("tiny-bert-max");
  const auto three = Load("tiny-bert-max", 3);
  const auto expected = Encode(*one, texts);
  const auto spread = Encode(*three, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(expected[i].vector, spread[i].vector);
    ASSERT_EQ(expected[i].vector, Encode(*one, {texts[i]})[0].vector);
  }
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      const auto mine = Encode(*three, texts);
      for (size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(mine[i].vector, expected[i].vector);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

// The buffer between the two feed-forward layers has 96 x 70 floats; nothing else that a short text
// needs is as large.
TEST(EncoderTest, APassWithoutMemoryIsUnavailableAndTheNextOneRuns) {
#ifndef VECNEST_ALLOCATIONS_CAN_FAIL
  GTEST_SKIP() << "allocations do not fail under sanitizers";
#endif
  for (const int threads : {1, 3}) {
    const auto encoder = Load("tiny-bert-cls", threads);
    const std::vector<std::string_view> texts = {"a cat", "the dog sat"};
    largest_allocation = 20'000;
    const auto refused = encoder->Encode(texts, {});
    largest_allocation = std::numeric_limits<size_t>::max();
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(refused.status().message(), "no memory for a forward pass");
    EXPECT_EQ(Encode(*encoder, texts).size(), 2U);
  }
}

TEST(EncoderTest, LoadErrors) {
  const auto error = [](const ModelCopy& model) {
    return std::string(Encoder::Load(model.path(), {}).status().message());
  };
  EXPECT_THAT(Encoder::Load(TestData("tiny-bert-cls"), {.threads = 0}).status().message(),
              HasSubstr("threads"));
  EXPECT_EQ(Encoder::Load("/nowhere", {}).status().code(), absl::StatusCode::kNotFound);
  const ModelCopy model("tiny-bert-cls");
  const std::string vocabulary = model.Read("vocab.txt");
  model.Write("vocab.txt", vocabulary + "more\n");
  EXPECT_THAT(error(model), HasSubstr("ids up to"));
  model.Write("vocab.txt", "a\n");
  EXPECT_THAT(error(model), HasSubstr("\"[UNK]\" is not in the vocabulary"));
  model.Write("vocab.txt", vocabulary);
  model.Replace("1_Pooling/config.json", "36", "35");
  EXPECT_THAT(error(model), HasSubstr("expects width 35, the model has 36"));
  model.Replace("1_Pooling/config.json", "35", "36");
  model.Replace("sentence_bert_config.json", "16", "2");
  EXPECT_THAT(error(model), HasSubstr("2 tokens are too few"));
  model.Replace("sentence_bert_config.json", "2", "16");
  EXPECT_EQ(error(model), "");
  model.Remove("vocab.txt");
  EXPECT_THAT(error(model), HasSubstr("vocab.txt"));
  model.Write("vocab.txt", vocabulary);
  model.Write("model.safetensors", model.Read("model.safetensors").substr(0, 5000));
  EXPECT_THAT(error(model), HasSubstr("model.safetensors"));
  model.Remove("model.safetensors");
  EXPECT_THAT(error(model), HasSubstr("model.safetensors: open"));
}

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i % 7 == 6 ? "cats. " : "the ";
  return text;
}

TEST(EncoderTest, ChunksAreReadWholeWithTheirPrefix) {
  const auto encoder = Load("tiny-bert-cls");
  const std::string text = Words(500);
  for (const std::optional<std::string>& prefix :
       {std::optional<std::string>(), std::optional<std::string>(""),
        std::optional<std::string>("the big ")}) {
    const EncodeOptions options = {.truncate = false, .prefix = prefix};
    const auto spans = encoder->SplitText(text, {16, 3, 1000}, options);
    ASSERT_TRUE(spans.ok()) << spans.status();
    std::vector<std::string_view> chunks;
    for (const TextSpan& span : *spans) {
      chunks.push_back(std::string_view(text).substr(span.begin, span.end - span.begin));
    }
    EXPECT_GT(chunks.size(), 500U / 14);
    for (const Encoding& encoding : Encode(*encoder, chunks, options)) {
      EXPECT_LE(encoding.tokens, 16);
    }
  }
}

// Anything but linear time would not end: words, one word without an end, ideographs, white space.
TEST(EncoderTest, TenMegabytesAreSplit) {
  const auto encoder = Load("tiny-bert-cls");
  for (const std::string_view part : {"the big cat sat. ", "running,", "zzz", "\u732b", "  \n"}) {
    std::string text;
    while (text.size() < 10'000'000) text += part;
    text += " cat";
    const auto spans = encoder->SplitText(text, {16, 4, 10'000'000}, {});
    ASSERT_TRUE(spans.ok()) << spans.status();
    EXPECT_EQ(spans->front().begin, 0U);
    EXPECT_EQ(spans->back().end, text.size());
  }
}

TEST(EncoderTest, ChunkLimitsThatCannotBeKeptAreRefused) {
  const auto encoder = Load("tiny-bert-cls");  // reads 16 tokens, "passage : " and two around it
  const auto message = [&](std::string_view text, const ChunkLimits& limits,
                           const EncodeOptions& options = {}) {
    const auto spans = encoder->SplitText(text, limits, options);
    EXPECT_EQ(spans.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(spans.status().message());
  };
  EXPECT_THAT(message("a", {17, 0, 9}), HasSubstr("max_tokens: 17, expected 12 to 16"));
  EXPECT_THAT(message("a", {11, 0, 9}), HasSubstr("max_tokens: 11, expected 12 to 16"));
  EXPECT_THAT(message("a", {9, 0, 9}, {.prefix = ""}), HasSubstr("expected 10 to 16"));
  EXPECT_THAT(message("a", {16, 12, 9}), HasSubstr("overlap: 12, expected 0 to 11"));
  EXPECT_THAT(message(Words(40), {12, 0, 2}), HasSubstr("more than 2 chunks of 12 tokens"));
  EXPECT_THAT(message("a \xff", {16, 0, 9}), HasSubstr("not valid UTF-8 at byte 2"));
}

}  // namespace
}  // namespace vecnest::embedder
