// Models against stored f32 vectors and hidden states of another implementation.
// 1e-5 cosine distance and 1e-4 per component is a generous bound: two f32 implementations differ
// by about 4e-7.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/encoder.h"
#include "tests/embedder/test_models.h"

namespace vecnest::embedder {
namespace {

constexpr double kCosineTolerance = 1e-5;
constexpr double kComponentTolerance = 1e-4;

std::vector<nlohmann::json> ReadLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> lines;
  std::string line;
  while (std::getline(file, line)) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

struct Difference {
  double cosine_distance = 0;
  double component = 0;

  void Include(const std::vector<float>& ours, const std::vector<float>& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    double dot = 0, a = 0, b = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      dot += static_cast<double>(ours[i]) * theirs[i];
      a += static_cast<double>(ours[i]) * ours[i];
      b += static_cast<double>(theirs[i]) * theirs[i];
      component = std::max(component, std::abs(static_cast<double>(ours[i]) - theirs[i]));
    }
    cosine_distance = std::max(cosine_distance, 1 - dot / std::sqrt(a * b));
  }

  void Check(const char* what) const {
    std::printf("%s: largest cosine distance %.2e, largest component difference %.2e\n", what,
                cosine_distance, component);
    EXPECT_LE(cosine_distance, kCosineTolerance);
    EXPECT_LE(component, kComponentTolerance);
  }
};

std::vector<float> MeanOverTokens(const std::vector<float>& rows, size_t width) {
  std::vector<float> mean(width);
  const size_t tokens = rows.size() / width;
  for (size_t i = 0; i < width; ++i) {
    double sum = 0;
    for (size_t t = 0; t < tokens; ++t) sum += rows[t * width + i];
    mean[i] = static_cast<float>(sum / static_cast<double>(tokens));
  }
  return mean;
}

class GoldenFixture : public ::testing::Test {
 protected:
  void LoadModel(const std::string& model) {
    const std::string directory = RealModel(model);
    if (directory.empty()) GTEST_SKIP() << MissingModel(model);
    auto loaded = Encoder::Load(directory, {.threads = 1});
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    encoder_ = *std::move(loaded);
    lines_ = ReadLines(TestData("golden/golden-" + model + ".jsonl"));
    ASSERT_EQ(lines_.size(), 207u);
    for (const nlohmann::json& line : lines_) {
      texts_.push_back(line["text"].get_ref<const std::string&>());
      prefix_ = line["prefix"];
    }
  }
  EncodeOptions Options() const {
    EncodeOptions options;
    options.prefix = prefix_;
    return options;
  }

  std::unique_ptr<Encoder> encoder_;
  std::vector<nlohmann::json> lines_;
  std::vector<std::string_view> texts_;
  std::string prefix_;  // of all of them
};

class GoldenTest : public GoldenFixture, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override { LoadModel(GetParam()); }
};

TEST_P(GoldenTest, IdsAreEqual) {
  const auto batch = encoder_->Tokenize(texts_, Options());
  ASSERT_TRUE(batch.ok()) << batch.status();
  for (size_t i = 0; i < lines_.size(); ++i) {
    const std::vector<int32_t> ids(batch->ids.begin() + static_cast<long>(batch->offsets[i]),
                                   batch->ids.begin() + static_cast<long>(batch->offsets[i + 1]));
    EXPECT_EQ(ids, lines_[i]["ids"].get<std::vector<int32_t>>()) << texts_[i];
  }
}

TEST_P(GoldenTest, VectorsAreClose) {
  const auto encodings = encoder_->Encode(texts_, Options());
  ASSERT_TRUE(encodings.ok()) << encodings.status();
  Difference difference;
  for (size_t i = 0; i < lines_.size(); ++i) {
    difference.Include((*encodings)[i].vector, lines_[i]["vector"].get<std::vector<float>>());
    const int untruncated = lines_[i]["n_tokens_untruncated"];
    EXPECT_EQ((*encodings)[i].truncated, untruncated > encoder_->info().max_tokens);
    EXPECT_EQ((*encodings)[i].tokens, std::min(untruncated, encoder_->info().max_tokens));
  }
  difference.Check("vectors");
}

TEST_P(GoldenTest, HiddenStatesAreClose) {
  const auto width = static_cast<size_t>(encoder_->info().dimensions);
  Difference means, rows;
  for (const nlohmann::json& line :
       ReadLines(TestData(std::string("golden/golden-") + GetParam() + "-layers.jsonl"))) {
    TokenBatch batch;
    batch.ids = line["ids"].get<std::vector<int32_t>>();
    batch.offsets.push_back(batch.ids.size());
    const auto states = encoder_->HiddenStates(batch);
    ASSERT_TRUE(states.ok()) << states.status();
    ASSERT_EQ(states->size(), line["layers_mean"].size());
    for (size_t layer = 0; layer < states->size(); ++layer) {
      means.Include(MeanOverTokens((*states)[layer], width),
                    line["layers_mean"][layer].get<std::vector<float>>());
    }
    const std::vector<float>& last = states->back();
    rows.Include({last.begin(), last.begin() + static_cast<long>(width)},
                 line["last_hidden_row0"].get<std::vector<float>>());
    rows.Include({last.end() - static_cast<long>(width), last.end()},
                 line["last_hidden_rowlast"].get<std::vector<float>>());
  }
  means.Check("means of hidden states 0 to 6");
  rows.Check("first and last row of the last hidden state");
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest,
                         testing::Values("all-MiniLM-L6-v2", "bge-small-en-v1.5", "e5-small-v2"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

class PrecisionGoldenTest : public GoldenFixture, public testing::WithParamInterface<Precision> {
 protected:
  void SetUp() override {
    LoadModel("all-MiniLM-L6-v2");
    if (!IsSupported(GetParam())) GTEST_SKIP() << "this CPU lacks " << PrecisionName(GetParam());
  }
  std::unique_ptr<Encoder> Load(int threads) const {
    auto encoder =
        Encoder::Load(encoder_->info().directory, {.threads = threads, .precision = GetParam()});
    EXPECT_TRUE(encoder.ok()) << encoder.status();
    return *std::move(encoder);
  }
};

TEST_P(PrecisionGoldenTest, SameBitsAloneInABatchAndOnTwoThreads) {
  const auto encoder = Load(1);
  const auto together = encoder->Encode(texts_, {});
  ASSERT_TRUE(together.ok());
  const auto on_two = Load(2)->Encode(texts_, {});
  ASSERT_TRUE(on_two.ok());
  for (size_t i = 0; i < texts_.size(); ++i) {
    EXPECT_EQ((*together)[i].vector, (*on_two)[i].vector) << i;
    const auto alone = encoder->Encode({&texts_[i], 1}, {});
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ((*together)[i].vector, (*alone)[0].vector) << i;
  }
}

class NarrowGoldenTest : public PrecisionGoldenTest {};

// Against our own f32, which the tests above compare with another implementation's.
TEST_P(NarrowGoldenTest, VectorsAreCloseToTheReference) {
  const auto encoder = Load(1);
  EXPECT_EQ(encoder->info().precision, GetParam());
  EXPECT_EQ(encoder->info().identity, encoder_->info().identity);
  const auto reference = encoder_->Encode(texts_, {});
  const auto vectors = encoder->Encode(texts_, {});
  ASSERT_TRUE(reference.ok() && vectors.ok());
  double sum = 0, least = 1;
  for (size_t i = 0; i < texts_.size(); ++i) {
    const double cosine =
        std::inner_product((*vectors)[i].vector.begin(), (*vectors)[i].vector.end(),
                           (*reference)[i].vector.begin(), 0.0);
    sum += cosine;
    least = std::min(least, cosine);
  }
  const double mean = sum / static_cast<double>(texts_.size());
  std::printf("cosine to f32: mean %.6f, least %.6f\n", mean, least);
  const bool int8 = GetParam() == Precision::kInt8;
  EXPECT_GE(mean, int8 ? 0.997 : 0.9999);
  EXPECT_GE(least, int8 ? 0.98 : 0.9999);
}

INSTANTIATE_TEST_SUITE_P(Precisions, PrecisionGoldenTest,
                         testing::Values(Precision::kF32, Precision::kBf16, Precision::kInt8),
                         [](const auto& tested) {
                           return std::string(PrecisionName(tested.param));
                         });

INSTANTIATE_TEST_SUITE_P(Precisions, NarrowGoldenTest,
                         testing::Values(Precision::kBf16, Precision::kInt8),
                         [](const auto& tested) {
                           return std::string(PrecisionName(tested.param));
                         });

}  // namespace
}  // namespace vecnest::embedder
