#include "embedder/adaptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/embedder/adaptor_vectors.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AdaptorParameters Parameters(size_t dimensions, unsigned seed = 1) {
  std::vector<float> scales(dimensions);
  for (size_t i = 0; i < dimensions; ++i) scales[i] = 1 + 0.25F * static_cast<float>(i);
  return {dimensions, RandomRotation(dimensions, seed), scales, "prefixes", 1234};
}

std::shared_ptr<const Adaptor> MakeAdaptor(size_t dimensions, unsigned seed = 1) {
  auto adaptor = Adaptor::Create(Parameters(dimensions, seed));
  EXPECT_TRUE(adaptor.ok()) << adaptor.status();
  return *adaptor;
}

TEST(AdaptorTest, RotatesAsAPlainLoop) {
  for (const size_t dimensions : {1, 3, 64, 384}) {
    const auto adaptor = MakeAdaptor(dimensions);
    const std::vector<float>& rotation = adaptor->parameters().rotation;
    constexpr size_t kRows = 5;
    const std::vector<float> rows = NormalValues(kRows * dimensions, 2);
    std::vector<float> rotated(rows.size());
    ASSERT_TRUE(adaptor->Rotate(rows, absl::MakeSpan(rotated)).ok());
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t i = 0; i < dimensions; ++i) {
        const double expected = Dot(&rotation[i * dimensions], &rows[r * dimensions], dimensions);
        ASSERT_NEAR(rotated[r * dimensions + i], expected, 2e-5) << dimensions;
      }
    }
  }
}

TEST(AdaptorTest, RemembersTheModel) {
  AdaptorParameters parameters = Parameters(4);
  const std::string without = (*Adaptor::Create(parameters))->Encode();
  parameters.model = "a \"quoted\" \xc3\xa9 name";
  parameters.model_identity = "00ff";
  const std::string bytes = (*Adaptor::Create(parameters))->Encode();
  EXPECT_NE(bytes, without);
  EXPECT_THAT(without, Not(HasSubstr("model")));
  const auto decoded = Adaptor::Decode(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ((*decoded)->parameters().model, parameters.model);
  EXPECT_EQ((*decoded)->parameters().model_identity, "00ff");
  // What is too long for a header is not read as one.
  std::string long_header(100'000, '[');
  const uint64_t size = long_header.size();
  long_header.insert(0, reinterpret_cast<const char*>(&size), sizeof(size));
  EXPECT_THAT(std::string(Adaptor::Decode(long_header).status().message()),
              HasSubstr("a header of 100000 bytes"));
  // Part of what the checksum covers.
  std::string other = bytes;
  other.replace(other.find("00ff"), 4, "00fe");
  EXPECT_TRUE(absl::IsDataLoss(Adaptor::Decode(other).status()));
}

TEST(AdaptorTest, FullWidthProductsStay) {
  constexpr size_t kDimensions = 384;
  const auto adaptor = MakeAdaptor(kDimensions);
  std::vector<float> rows = NormalValues(20 * kDimensions, 3);
  for (float& value : rows) value /= std::sqrt(static_cast<float>(kDimensions));
  std::vector<float> rotated(rows.size());
  ASSERT_TRUE(adaptor->Rotate(rows, absl::MakeSpan(rotated)).ok());
  for (size_t a = 0; a < 20; ++a) {
    for (size_t b = 0; b < 20; ++b) {
      EXPECT_NEAR(Dot(&rotated[a * kDimensions], &rotated[b * kDimensions], kDimensions),
                  Dot(&rows[a * kDimensions], &rows[b * kDimensions], kDimensions), 1e-5);
    }
  }
}

TEST(AdaptorTest, ARowHasTheSameBitsWhateverItsNeighbours) {
  constexpr size_t kDimensions = 36;
  constexpr size_t kRows = 211;
  const auto adaptor = MakeAdaptor(kDimensions);
  const std::vector<float> rows = NormalValues(kRows * kDimensions, 4);
  std::vector<float> all(rows.size());
  ASSERT_TRUE(adaptor->Rotate(rows, absl::MakeSpan(all)).ok());
  for (size_t first = 0, count = 1; first + count <= kRows; first += 5, count += 7) {
    std::vector<float> part(count * kDimensions);
    ASSERT_TRUE(
        adaptor->Rotate({&rows[first * kDimensions], part.size()}, absl::MakeSpan(part)).ok());
    EXPECT_EQ(std::memcmp(part.data(), &all[first * kDimensions], part.size() * sizeof(float)), 0)
        << first << "+" << count;
  }
}

TEST(AdaptorTest, ThreadsRotateAtTheSameTime) {
  constexpr size_t kDimensions = 48;
  const auto adaptor = MakeAdaptor(kDimensions);
  const std::vector<float> rows = NormalValues(7 * kDimensions, 5);
  std::vector<float> expected(rows.size());
  ASSERT_TRUE(adaptor->Rotate(rows, absl::MakeSpan(expected)).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<float> rotated(rows.size());
      for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(adaptor->Rotate(rows, absl::MakeSpan(rotated)).ok());
        EXPECT_EQ(rotated, expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(AdaptorTest, RowsThatDoNotFitAreRefused) {
  const auto adaptor = MakeAdaptor(4);
  std::vector<float> rows(8), other(4), none;
  EXPECT_FALSE(adaptor->Rotate({rows.data(), 7}, {rows.data(), 7}).ok());
  EXPECT_FALSE(adaptor->Rotate(rows, absl::MakeSpan(other)).ok());
  EXPECT_TRUE(adaptor->Rotate(none, absl::MakeSpan(none)).ok());
}

TEST(AdaptorTest, ParametersThatMakeNoAdaptorAreRefused) {
  const auto message = [](const auto& change) {
    AdaptorParameters parameters = Parameters(4);
    change(parameters);
    const auto adaptor = Adaptor::Create(std::move(parameters));
    EXPECT_EQ(adaptor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(adaptor.status().message());
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message([](auto& p) { p.dimensions = 0; }), HasSubstr("0 dimensions"));
  EXPECT_THAT(message([](auto& p) { p.dimensions = 4097; }), HasSubstr("it takes 1 to 4096"));
  EXPECT_THAT(message([](auto& p) { p.dimensions = 5; }), HasSubstr("rotation of 16 numbers"));
  EXPECT_THAT(message([](auto& p) { p.scales.pop_back(); }), HasSubstr("3 scales"));
  EXPECT_THAT(message([](auto& p) { p.rotation[3] = kNan; }), HasSubstr("not finite"));
  EXPECT_THAT(message([](auto& p) { p.scales[3] = kNan; }), HasSubstr("0.001 to 1000"));
  EXPECT_THAT(message([](auto& p) { p.scales[0] = 0; }), HasSubstr("scale is 0"));
  EXPECT_THAT(message([](auto& p) { p.scales[0] = -1; }), HasSubstr("scale is -1"));
  EXPECT_THAT(message([](auto& p) { p.scales[0] = 1e38F; }), HasSubstr("scale is 1e+38"));
  EXPECT_THAT(message([](auto& p) { p.model = std::string(257, 'm'); }), HasSubstr("256 bytes"));
  EXPECT_THAT(message([](auto& p) { p.model = "\xff"; }), HasSubstr("of UTF-8"));
  EXPECT_THAT(message([](auto& p) { p.model_identity = "0x"; }), HasSubstr("hexadecimal"));
  EXPECT_THAT(message([](auto& p) { p.rotation[0] += 0.01F; }), HasSubstr("not orthogonal"));
  EXPECT_THAT(message([](auto& p) { p.rotation.assign(16, 0); }), HasSubstr("rows 0 and 0 is 0"));
  EXPECT_THAT(message([](auto& p) { p.rotation.assign(16, 1e30F); }), HasSubstr("not orthogonal"));
  EXPECT_THAT(message([](auto& p) { p.method = ""; }), HasSubstr("method"));
  EXPECT_THAT(message([](auto& p) { p.method = "a\"b"; }), HasSubstr("method"));
}

TEST(AdaptorTest, ReadsWhatItWrote) {
  const auto adaptor = MakeAdaptor(12);
  const std::string bytes = adaptor->Encode();
  const auto read = Adaptor::Decode(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)->parameters().dimensions, 12U);
  EXPECT_EQ((*read)->parameters().rotation, adaptor->parameters().rotation);
  EXPECT_EQ((*read)->parameters().scales, adaptor->parameters().scales);
  EXPECT_EQ((*read)->parameters().method, "prefixes");
  EXPECT_EQ((*read)->parameters().samples, 1234U);
  EXPECT_EQ((*read)->Encode(), bytes);
  EXPECT_EQ((*read)->identity(), adaptor->identity());
  EXPECT_EQ(adaptor->identity().size(), 32U);
  EXPECT_NE(MakeAdaptor(12, 2)->identity(), adaptor->identity());
}

// The form of stored files must not change.
TEST(AdaptorTest, WritesSafetensors) {
  const auto adaptor = Adaptor::Create({1, {-1}, {0.5F}, "rotation", 7});
  ASSERT_TRUE(adaptor.ok());
  const std::string bytes = (*adaptor)->Encode();
  EXPECT_THAT(bytes, HasSubstr(R"("vecnest_adaptor":"1","method":"rotation","samples":"7")"));
  EXPECT_THAT(bytes, HasSubstr(R"("rotation":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]})"));
  EXPECT_EQ(bytes.substr(bytes.size() - 8), std::string("\0\0\x80\xbf\0\0\0\x3f", 8));
  EXPECT_EQ(bytes.size() % 8, 0U);
}

TEST(AdaptorTest, EveryDamageIsFound) {
  const std::string bytes = MakeAdaptor(6)->Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Adaptor::Decode(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Adaptor::Decode(bytes + '\0').ok());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const absl::Status status = Adaptor::Decode(damaged).status();
      EXPECT_TRUE(status.code() == absl::StatusCode::kInvalidArgument ||
                  status.code() == absl::StatusCode::kDataLoss)
          << "byte " << i << " bit " << bit << ": " << status;
    }
  }
}

TEST(AdaptorTest, OtherFilesAreRefused) {
  const auto message = [](std::string header, size_t data_bytes) {
    const uint64_t length = header.size();
    const std::string bytes = std::string(reinterpret_cast<const char*>(&length), sizeof(length)) +
                              header + std::string(data_bytes, '\0');
    return std::string(Adaptor::Decode(bytes).status().message());
  };
  const std::string metadata =
      R"({"__metadata__":{"vecnest_adaptor":"1","method":"pairs","samples":"1","checksum":""})";
  const std::string scales = R"(,"scales":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(message("{}", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(message(R"({"__metadata__":{"vecnest_adaptor":"3"}})", 0),
              HasSubstr("version \"3\" is neither \"1\" nor \"2\""));
  EXPECT_THAT(message(R"({"__metadata__":{"vecnest_adaptor":"1","method":"a","samples":"x"}})", 0),
              HasSubstr("\"samples\" is no number"));
  EXPECT_THAT(message(metadata + "}", 0), HasSubstr("not a rotation and a row of scales"));
  EXPECT_THAT(
      message(metadata + scales + R"(,"other":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}})",
              8),
      HasSubstr("no tensor \"rotation\""));
  EXPECT_THAT(message(metadata + scales +
                          R"(,"rotation":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                      8),
              HasSubstr("tensor \"rotation\""));
  EXPECT_THAT(message(metadata + scales +
                          R"(,"rotation":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}})",
                      8),
              HasSubstr("checksum"));
}

}  // namespace
}  // namespace vecnest::embedder
