#include "embedder/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "tests/embedder/model_copy.h"
#include "tests/temporary_directory.h"

namespace vecnest::embedder {
namespace {

using ::testing::HasSubstr;

std::string Image(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + data;
}

// The mapping outlives the file, which is gone when this returns.
absl::StatusOr<SafeTensors> OpenImage(const std::string& image) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/safetensors_test.safetensors";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << image;
  return SafeTensors::Open(path);
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST(SafeTensorsTest, ReadsEveryFloatType) {
  // F16 values: 1, -2, the smallest subnormal, infinity. BF16: 1, -0.5.
  const std::string data = Bytes<float>({1.5F, -3.0F}) +
                           Bytes<uint16_t>({0x3C00, 0xC000, 0x0001, 0x7C00}) +
                           Bytes<uint16_t>({0x3F80, 0xBF00});
  const auto tensors = OpenImage(Image(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("h":{"dtype":"F16","shape":[2,2],"data_offsets":[8,16]},)"
      R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}})",
      data));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_TRUE(tensors->Contains("a"));
  EXPECT_FALSE(tensors->Contains("__metadata__"));
  EXPECT_THAT(tensors->Floats("a", {2})->values(), ::testing::ElementsAre(1.5F, -3.0F));
  EXPECT_THAT(tensors->Floats("h", {2, 2})->values(),
              ::testing::ElementsAre(1.0F, -2.0F, 0x1p-24F, INFINITY));
  EXPECT_THAT(tensors->Floats("b", {2})->values(), ::testing::ElementsAre(1.0F, -0.5F));
}

TEST(SafeTensorsTest, ErrorsNameTensorFoundAndExpected) {
  const auto tensors = OpenImage(Image(R"({"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                                       R"("i":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})",
                                       std::string(16, '\0')));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->Floats("x", {1}).status().message(), HasSubstr("no tensor \"x\""));
  EXPECT_THAT(tensors->Floats("w", {2, 1}).status().message(),
              HasSubstr("tensor \"w\": expected shape [2, 1], found [1, 2]"));
  EXPECT_THAT(tensors->Floats("i", {1}).status().message(),
              HasSubstr("tensor \"i\": expected dtype F64, F32, F16 or BF16, found I64"));
}

TEST(SafeTensorsTest, DoublesAndIntegers) {
  const auto tensors = OpenImage(
      Image(R"({"d": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},)"
            R"( "l": {"dtype": "I64", "shape": [2], "data_offsets": [8, 24]},)"
            R"( "i": {"dtype": "I32", "shape": [2, 1], "data_offsets": [24, 32]}})",
            Bytes<double>({0.25}) + Bytes<int64_t>({1LL << 40, -1}) + Bytes<int32_t>({7, -7})));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->Floats("d", {1})->values(), testing::ElementsAre(0.25F));
  EXPECT_THAT(*tensors->Integers("l", {2}), testing::ElementsAre(1LL << 40, -1));
  EXPECT_THAT(*tensors->Integers("i", {2, 1}), testing::ElementsAre(7, -7));
  EXPECT_THAT(*tensors->Shape("i"), testing::ElementsAre(2, 1));
  EXPECT_THAT(tensors->Integers("d", {1}).status().message(),
              HasSubstr("tensor \"d\": expected dtype I32 or I64, found F64"));
  EXPECT_THAT(tensors->Integers("l", {3}).status().message(), HasSubstr("expected shape [3]"));
  EXPECT_THAT(tensors->Shape("x").status().message(), HasSubstr("no tensor \"x\""));
}

TEST(SafeTensorsTest, RefusesDamagedHeaders) {
  const auto one = [](const std::string& tensor) {
    return Image("{\"t\":" + tensor + "}", "12345678");
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "too few"},
      {"1234567", "too few"},
      {std::string(8, '\xff'), "does not fit"},
      {Image("[1]", ""), "no JSON object"},
      {Image("{\"t\"", ""), "not valid JSON"},
      {one("1"), "expected an object"},
      {one(R"({"dtype":"F99","shape":[2],"data_offsets":[0,8]})"), "unknown dtype"},
      {one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), "negative extent"},
      {one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"), "expected an array"},
      {one(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})"), "overflows"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "does not lie within"},
      {one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})"), "does not lie within"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})"), "needs 4 bytes"},
      {one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "[begin, end]"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "cover 4 bytes"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "hole"},
      {Image(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
             "12345678"),
       "overlaps"}};
  for (const auto& [image, message] : cases) {
    const auto tensors = OpenImage(image);
    EXPECT_EQ(tensors.status().code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_THAT(tensors.status().message(), HasSubstr(message));
    EXPECT_THAT(tensors.status().message(), HasSubstr("safetensors_test"));
  }
}

TEST(SafeTensorsTest, EveryTruncationIsAnError) {
  const std::string image = ModelCopy("tiny-bert-max").Read("model.safetensors");
  size_t begin;
  const auto parse = [&](const std::string& bytes) {
    return SafeTensors::ParseHeader(
        {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, "x", &begin);
  };
  EXPECT_TRUE(parse(image).ok());
  for (size_t size = 0; size < image.size(); size += 97)
    EXPECT_FALSE(parse(image.substr(0, size)).ok());
}

TEST(SafeTensorsTest, FlippedBytesNeverCrash) {
  const std::string image = ModelCopy("tiny-bert-cls").Read("model.safetensors");
  std::mt19937 random(1);
  size_t begin;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = image;
    damaged[random() % 4000] = static_cast<char>(random());
    const auto entries = SafeTensors::ParseHeader(
        {reinterpret_cast<const std::byte*>(damaged.data()), damaged.size()}, "x", &begin);
    if (!entries.ok()) continue;
    for (const auto& [name, entry] : *entries) ASSERT_LE(begin + entry.end, damaged.size());
  }
}

}  // namespace
}  // namespace vecnest::embedder
