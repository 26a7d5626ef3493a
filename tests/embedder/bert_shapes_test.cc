// BERT in the shapes of MiniLM-L12, BGE/E5/GTE base and large, with all their layers. The weights
// come from an integer hash, and make_bert_shapes.py computed in NumPy (float64) what the models
// must give with them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "embedder/encoder.h"
#include "tests/embedder/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::embedder {
namespace {

constexpr int kVocabulary = 200;
constexpr int kPositions = 512;

// Value `i` of a tensor, -128 to 127 (lowbias32).
int Hashed(uint32_t tensor, uint32_t i) {
  uint32_t x = i + tensor * 0x9E3779B1U;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  return static_cast<int8_t>(x >> 24);
}

// Names and shapes of all tensors; the script numbers them in this order, too.
std::map<std::string, std::vector<int>> Tensors(const nlohmann::json& row) {
  const int width = row["width"];
  const int intermediate = row["intermediate"];
  std::map<std::string, std::vector<int>> tensors = {
      {"embeddings.word_embeddings.weight", {kVocabulary, width}},
      {"embeddings.position_embeddings.weight", {kPositions, width}},
      {"embeddings.token_type_embeddings.weight", {2, width}}};
  const auto add = [&](const std::string& name, std::vector<int> shape) {
    tensors[name + ".bias"] = {shape[0]};
    tensors[name + ".weight"] = std::move(shape);
  };
  add("embeddings.LayerNorm", {width});
  for (int layer = 0; layer < row["layers"]; ++layer) {
    const std::string base = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "attention.output.dense"}) {
      add(base + name, {width, width});
    }
    add(base + "intermediate.dense", {intermediate, width});
    add(base + "output.dense", {width, intermediate});
    add(base + "attention.output.LayerNorm", {width});
    add(base + "output.LayerNorm", {width});
  }
  return tensors;
}

void WriteWeights(const nlohmann::json& row, const std::string& path) {
  nlohmann::json header;
  size_t offset = 0;
  const auto tensors = Tensors(row);
  const auto count = [](const std::vector<int>& shape) {
    return static_cast<size_t>(std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>()));
  };
  for (const auto& [name, shape] : tensors) {
    const size_t end = offset + count(shape) * sizeof(uint16_t);
    header[name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::ofstream file(path, std::ios::binary);
  const std::string text = header.dump();
  const uint64_t length = text.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof(length)) << text;
  uint32_t number = 0;
  for (const auto& [name, shape] : tensors) {
    const bool scale = name.ends_with("LayerNorm.weight");
    std::vector<uint16_t> values(count(shape));
    for (size_t i = 0; i < values.size(); ++i) {
      const int hashed = Hashed(number, static_cast<uint32_t>(i));
      // Both are exact in bfloat16, the upper half of a float.
      const float value = scale ? 1 + std::floor(static_cast<float>(hashed) / 4) / 128
                                : static_cast<float>(hashed) / 2048;
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      values[i] = static_cast<uint16_t>(bits >> 16);
    }
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(uint16_t)));
    ++number;
  }
}

void WriteModel(const nlohmann::json& row, const std::string& directory) {
  std::ofstream(directory + "/config.json")
      << nlohmann::json{{"model_type", "bert"},
                        {"hidden_size", row["width"]},
                        {"num_hidden_layers", row["layers"]},
                        {"num_attention_heads", row["heads"]},
                        {"intermediate_size", row["intermediate"]},
                        {"vocab_size", kVocabulary},
                        {"max_position_embeddings", kPositions},
                        {"type_vocab_size", 2}};
  std::ofstream(directory + "/modules.json")
      << R"([{"path": "", "type": "sentence_transformers.models.Transformer"},)"
      << R"( {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},)"
      << R"( {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])";
  std::filesystem::create_directory(directory + "/1_Pooling");
  std::ofstream(directory + "/1_Pooling/config.json") << nlohmann::json{
      {"pooling_mode", row["pooling"]}, {"word_embedding_dimension", row["width"]}};
  std::ofstream(directory + "/vocab.txt") << "[UNK]\n[CLS]\n[SEP]\n";
  WriteWeights(row, directory + "/model.safetensors");
}

class BertShapesTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::ifstream file(TestData("bert_shapes.jsonl"));
    for (std::string line; std::getline(file, line);) {
      nlohmann::json row = nlohmann::json::parse(line);
      if (row["name"] != GetParam()) continue;
      const auto ids = row["ids"].get<std::vector<int32_t>>();
      batch_.ids.insert(batch_.ids.end(), ids.begin(), ids.end());
      batch_.offsets.push_back(batch_.ids.size());
      rows_.push_back(std::move(row));
    }
    ASSERT_EQ(rows_.size(), 3u);
    WriteModel(rows_[0], directory_.path());
  }

  // Texts of 1 to 14 tokens.
  static TokenBatch ShortTexts() {
    TokenBatch batch;
    for (int32_t length = 1; length < 15; ++length) {
      for (int32_t t = 0; t < length; ++t) batch.ids.push_back((length * 31 + t * 7) % kVocabulary);
      batch.offsets.push_back(batch.ids.size());
    }
    return batch;
  }

  static TokenBatch One(const TokenBatch& batch, size_t i) {
    const auto begin = batch.ids.begin();
    TokenBatch one;
    one.ids.assign(begin + static_cast<ptrdiff_t>(batch.offsets[i]),
                   begin + static_cast<ptrdiff_t>(batch.offsets[i + 1]));
    one.offsets.push_back(one.ids.size());
    return one;
  }

  void CheckThreads(Precision precision) const {
    const TokenBatch texts = ShortTexts();
    std::vector<Encoding> expected;
    for (const int threads : {1, 2, 3}) {
      const auto loaded =
          Encoder::Load(directory_.path(), {.threads = threads, .precision = precision});
      ASSERT_TRUE(loaded.ok()) << loaded.status();
      const Encoder& encoder = **loaded;
      if (expected.empty()) expected = *encoder.EncodeTokens(texts, {});
      const auto check_alone = [&](Priority priority) {
        for (size_t i = 0; i < texts.size(); ++i) {
          const auto alone =
              encoder.EncodeTokens(One(texts, i), {}, CallControl{.priority = priority});
          ASSERT_TRUE(alone.ok()) << alone.status();
          ASSERT_EQ((*alone)[0].vector, expected[i].vector)
              << i << " " << threads << " threads " << PrecisionName(precision);
        }
      };
      const auto check_batch = [&] {
        const auto batch = encoder.EncodeTokens(texts, {});
        ASSERT_TRUE(batch.ok()) << batch.status();
        for (size_t i = 0; i < texts.size(); ++i) {
          ASSERT_EQ((*batch)[i].vector, expected[i].vector) << i;
        }
      };
      check_alone(Priority::kUrgent);
      std::vector<std::thread> callers;
      for (int c = 0; c < 3; ++c) callers.emplace_back(check_alone, Priority::kUrgent);
      callers.emplace_back(check_alone, Priority::kBulk);
      for (int c = 0; c < 2; ++c) callers.emplace_back(check_batch);
      for (std::thread& caller : callers) caller.join();
    }
  }

  // The largest cosine distance to the reference, and the largest difference of a component.
  std::pair<double, double> Compare(Precision precision) const {
    const auto encoder = Encoder::Load(directory_.path(), {.threads = 1, .precision = precision});
    EXPECT_TRUE(encoder.ok()) << encoder.status();
    const auto encodings = (*encoder)->EncodeTokens(batch_, {});
    EXPECT_TRUE(encodings.ok()) << encodings.status();
    double distance = 0, component = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const auto expected = rows_[i]["vector"].get<std::vector<double>>();
      const std::vector<float>& vector = (*encodings)[i].vector;
      EXPECT_EQ(vector.size(), expected.size());
      double dot = 0;
      for (size_t d = 0; d < expected.size(); ++d) {
        dot += expected[d] * static_cast<double>(vector[d]);
        component = std::max(component, std::abs(expected[d] - static_cast<double>(vector[d])));
      }
      distance = std::max(distance, 1 - dot);
    }
    std::printf("%s %s: cosine distance up to %.1e, component difference up to %.1e\n", GetParam(),
                std::string(PrecisionName(precision)).c_str(), distance, component);
    return {distance, component};
  }

 private:
  TemporaryDirectory directory_;
  std::vector<nlohmann::json> rows_;
  TokenBatch batch_;
};

class BertThreadsTest : public BertShapesTest {};

// A text alone is shared by the encoder's threads; in a batch, and beside other passes, it is not.
TEST_P(BertThreadsTest, SameBitsAloneAndInABatch) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    if (IsSupported(precision)) CheckThreads(precision);
  }
}

TEST_P(BertShapesTest, AgreesWithTheReference) {
  const auto [distance, component] = Compare(Precision::kF32);
  EXPECT_LT(distance, 1e-5);
  EXPECT_LT(component, 1e-4);
  for (const auto& [precision, most] :
       {std::pair(Precision::kBf16, 1e-3), std::pair(Precision::kInt8, 2e-2)}) {
    if (IsSupported(precision)) {
      EXPECT_LT(Compare(precision).first, most);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Small, BertThreadsTest, testing::Values("minilm-l12"));
INSTANTIATE_TEST_SUITE_P(Models, BertShapesTest,
                         testing::Values("minilm-l12", "bge-base", "e5-large"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace vecnest::embedder
