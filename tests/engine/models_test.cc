#include "engine/models.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

using testing::HasSubstr;

class ModelsTest : public testing::Test {
 protected:
  ModelsTest() : models_(*LoadedModels::Load({TinyModel(), OtherTinyModel()}, {.threads = 1})) {}
  std::unique_ptr<LoadedModels> models_;
};

TEST_F(ModelsTest, NamesAreForgiving) {
  EXPECT_EQ((*models_->Resolve(""))->info().name, "tiny-bert-cls");
  EXPECT_EQ((*models_->Resolve("tiny-bert-max"))->info().name, "tiny-bert-max");
  EXPECT_EQ((*models_->Resolve("org/Tiny-BERT-max"))->info().name, "tiny-bert-max");
  const auto unknown = models_->Resolve("other");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("tiny-bert-cls, tiny-bert-max"));
  const auto none = LoadedModels::Load({}, {});
  EXPECT_EQ((*none)->Resolve("").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ModelsTest, TablesAreFoundByNameAndFile) {
  const auto models =
      LoadedModels::Load({TinyWords()}, {.threads = 1, .precision = Precision::kInt8});
  ASSERT_TRUE(models.ok()) << models.status();
  for (const char* name : {"tiny-words", "tiny-words.bin", "somewhere/Tiny-Words.bin"}) {
    const auto found = (*models)->Resolve(name);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ((*found)->info().name, "tiny-words");
  }
  EXPECT_EQ((*models)->Models()[0].precision, Precision::kF32);
  EXPECT_FALSE((*models)->Resolve("tiny-words.txt").ok());
}

TEST(ModelNamesTest, TwoModelsOfOneNameAreRefused) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/sub");
  const std::string first = directory.path() + "/tiny.txt";
  const std::string second = directory.path() + "/sub/tiny.txt";
  std::ofstream(first) << "a 1 2\n";
  std::ofstream(second) << "a 3 4\n";
  const auto models = LoadedModels::Load({first, second}, {.threads = 1});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(models.status().message()),
              HasSubstr("'tiny': " + first + " and " + second));
}

TEST(ModelNamesTest, AForgivingNameMustFitOneModelAlone) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/tiny.txt") << "a 1 2\n";
  std::ofstream(directory.path() + "/Tiny.txt") << "a 3 4\n";
  const auto models = LoadedModels::Load(
      {directory.path() + "/tiny.txt", directory.path() + "/Tiny.txt"}, {.threads = 1});
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ((*(*models)->Resolve("Tiny"))->info().name, "Tiny");
  const auto either = (*models)->Resolve("org/TINY");
  EXPECT_EQ(either.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(either.status().message()), HasSubstr("may be 'tiny' or 'Tiny'"));
}

TEST_F(ModelsTest, IdentitiesDiffer) {
  const auto infos = models_->Models();
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_NE(infos[0].identity, infos[1].identity);
  EXPECT_EQ(models_->FindIdentity(infos[1].identity)->info().name, "tiny-bert-max");
  EXPECT_EQ(models_->FindIdentity("other"), nullptr);
}

TEST_F(ModelsTest, NarrowVectorsAreRenormalisedPrefixes) {
  const auto full = models_->Embed({"the cat"}, {});
  EmbedOptions options;
  options.dimensions = 8;
  const auto narrow = models_->Embed({"the cat"}, options);
  ASSERT_TRUE(full.ok() && narrow.ok());
  double norm = 0;
  for (int i = 0; i < 8; ++i) norm += std::pow((*full)[0].vector[static_cast<size_t>(i)], 2);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR((*narrow)[0].vector[i], (*full)[0].vector[i] / std::sqrt(norm), 1e-6);
  }
  options.dimensions = kTinyDimensions + 1;
  EXPECT_THAT(std::string(models_->Embed({"x"}, options).status().message()), HasSubstr("1 to 36"));
}

TEST_F(ModelsTest, ABatchOfTextsChecksWidthAndModel) {
  CollectionConfig config;
  config.vectors["wide"] = {kTinyDimensions + 1, Metric::kCosine, {}};
  config.vectors["x"] = {8, Metric::kCosine, {}};
  const auto definition = Definition::Create("c", config);
  TextBatch batch(*models_, *definition);
  const Text cat = {"a cat", "", {}};
  const Text other = {"a", "tiny-bert-max", {}};
  EXPECT_THAT(std::string(batch.Add(cat, 0, TextType::kDocument).status().message()),
              HasSubstr("gives only 36"));
  const auto ticket = batch.Add(cat, 1, TextType::kDocument);
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(batch.Add(other, 1, TextType::kDocument).status().code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(batch.Run([](size_t) { return ""; }, embedder::Priority::kBulk, {}).ok());
  EXPECT_EQ(batch.result(*ticket).vector.size(), 8u);
  EXPECT_EQ(batch.bindings().at(1).model, "tiny-bert-cls");
}

TEST_F(ModelsTest, TextsSeenBeforeComeFromTheCache) {
  const std::vector<std::string> first = {"hello world", "the cat"};
  const std::vector<std::string> second = {"the dog", "the cat", "hello"};
  const auto before = models_->Embed(first, {});
  const auto mixed = models_->Embed(second, {});
  ASSERT_TRUE(before.ok() && mixed.ok());
  EXPECT_EQ(models_->Stats().cache_hits, 1u);
  EXPECT_EQ(models_->Stats().cache_misses, 4u);
  EXPECT_EQ(models_->Stats().cache_entries, 4u);
  const auto fresh = *LoadedModels::Load({TinyModel()}, {.threads = 1, .cache_bytes = 0});
  const auto expected = fresh->Embed(second, {});
  ASSERT_TRUE(expected.ok());
  for (size_t i = 0; i < second.size(); ++i) {
    EXPECT_EQ((*mixed)[i].vector, (*expected)[i].vector) << i;
    EXPECT_EQ((*mixed)[i].tokens, (*expected)[i].tokens) << i;
  }
  EXPECT_EQ(fresh->Stats().cache_entries, 0u);
  // Errors name the text by its position in the request, whatever was in the cache.
  const auto bad = models_->Embed({"the cat", "hello", "\xff"}, {});
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("text 2"));
}

}  // namespace
}  // namespace vecnest::engine
