#include "engine/vector_adaptor.h"

#include <cmath>
#include <fstream>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

using ::testing::HasSubstr;

constexpr size_t kWidth = 6;

// Swaps neighbours and turns their first pair by 30 degrees.
embedder::AdaptorParameters Parameters() {
  embedder::AdaptorParameters parameters;
  parameters.dimensions = kWidth;
  parameters.rotation.resize(kWidth * kWidth);
  for (size_t i = 0; i < kWidth; ++i) parameters.rotation[i * kWidth + (i ^ 1U)] = 1;
  const auto cosine = static_cast<float>(std::sqrt(0.75));
  parameters.rotation[0] = 0.5F;
  parameters.rotation[1] = cosine;
  parameters.rotation[kWidth] = cosine;
  parameters.rotation[kWidth + 1] = -0.5F;
  parameters.scales = {1, 2, 0.5F, 1.5F, 1, 3};
  parameters.method = "prefixes";
  parameters.samples = 9;
  parameters.model = "the \"model\"";
  parameters.model_identity = "0123456789abcdef";
  return parameters;
}

std::string Bytes() { return (*embedder::Adaptor::Create(Parameters()))->Encode(); }

TEST(VectorAdaptorTest, AppliesRotationAndInPrefixesScales) {
  const auto adaptor = Adaptor::Decode(Bytes());
  ASSERT_TRUE(adaptor.ok()) << adaptor.status();
  EXPECT_EQ((*adaptor)->Encode(), Bytes());
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> vectors(3 * kWidth);
  for (float& value : vectors) value = normal(random);
  const embedder::AdaptorParameters parameters = Parameters();
  for (const size_t width : {size_t{0}, size_t{1}, size_t{4}, kWidth}) {
    const auto applied = (*adaptor)->Apply(vectors, static_cast<int>(width));
    ASSERT_TRUE(applied.ok()) << applied.status();
    const size_t kept = width == 0 ? kWidth : width;
    ASSERT_EQ(applied->size(), 3 * kept);
    for (size_t row = 0; row < 3; ++row) {
      for (size_t i = 0; i < kept; ++i) {
        double expected = 0;
        for (size_t j = 0; j < kWidth; ++j) {
          expected += double{parameters.rotation[i * kWidth + j]} * vectors[row * kWidth + j];
        }
        if (kept < kWidth) expected *= parameters.scales[i];
        EXPECT_NEAR((*applied)[row * kept + i], expected, 1e-5) << row << " " << i << " " << kept;
      }
    }
  }
  for (const int width : {-1, 7}) {
    EXPECT_TRUE(absl::IsInvalidArgument((*adaptor)->Apply(vectors, width).status()));
  }
  vectors.pop_back();
  EXPECT_TRUE(absl::IsInvalidArgument((*adaptor)->Apply(vectors, 0).status()));
}

TEST(VectorAdaptorTest, TellsWhatItIs) {
  const auto adaptor = Adaptor::Decode(Bytes());
  ASSERT_TRUE(adaptor.ok()) << adaptor.status();
  const AdaptorInfo& info = (*adaptor)->info();
  EXPECT_EQ(info.method, "prefixes");
  EXPECT_EQ(info.samples, 9U);
  EXPECT_EQ(info.model, "the \"model\"");
  EXPECT_EQ(info.model_identity, "0123456789abcdef");
  EXPECT_EQ((*adaptor)->dimensions(), static_cast<int>(kWidth));
  EXPECT_TRUE(CheckAdaptorModel(info, "other name", "0123456789abcdef").ok());
  EXPECT_TRUE(CheckAdaptorModel(info, "", "").ok());
  const absl::Status other = CheckAdaptorModel(info, "other", "fedcba9876543210");
  EXPECT_TRUE(absl::IsFailedPrecondition(other));
  EXPECT_THAT(std::string(other.message()), HasSubstr("the \"model\""));
  EXPECT_TRUE(CheckAdaptorModel({}, "other", "fedcba9876543210").ok());
}

TEST(VectorAdaptorTest, FilesThatAreNone) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/a";
  EXPECT_TRUE(absl::IsNotFound(Adaptor::Load(path).status()));
  EXPECT_TRUE(absl::IsNotFound(Adaptor::Load(directory.path()).status()));
  std::string bytes = Bytes();
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_TRUE(Adaptor::Load(path).ok());
  bytes[bytes.size() - 2] = static_cast<char>(bytes[bytes.size() - 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  const absl::Status damaged = Adaptor::Load(path).status();
  EXPECT_TRUE(absl::IsInvalidArgument(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()), HasSubstr(path));
  EXPECT_TRUE(absl::IsInvalidArgument(Adaptor::Decode("").status()));
}

TEST(VectorAdaptorTest, UnitLength) {
  std::vector<float> vector = {3, 0, 4};
  ScaleToUnit(absl::MakeSpan(vector));
  EXPECT_NEAR(vector[0], 0.6, 1e-6);
  EXPECT_NEAR(vector[2], 0.8, 1e-6);
  vector = {0, 0};
  ScaleToUnit(absl::MakeSpan(vector));
  EXPECT_EQ(vector, std::vector<float>({0, 0}));
}

}  // namespace
}  // namespace vecnest::engine
