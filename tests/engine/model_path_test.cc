#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"
#include "vecnest/database.h"

namespace vecnest {
namespace {

TEST(ModelPathTest, LooksInTheEnvironmentsDirectory) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/m");
  std::ofstream(directory.path() + "/m/config.json") << "{}";
  const char* old = getenv("VECNEST_MODELS");
  const std::string before = old == nullptr ? "" : old;
  setenv("VECNEST_MODELS", directory.path().c_str(), 1);
  EXPECT_EQ(*FindModel("m"), directory.path() + "/m");
  EXPECT_EQ(*FindModel("org/m"), directory.path() + "/m");
  EXPECT_EQ(*FindModel(directory.path() + "/m"), directory.path() + "/m");
  const auto missing = FindModel("other");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(
      std::string(missing.status().message()),
      testing::AllOf(testing::HasSubstr(directory.path()), testing::HasSubstr("fetch_model")));
  const auto listed = [](const std::string& name) {
    const std::vector<FoundModel> models = FindModels();
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const FoundModel& model) { return model.name == name; });
    return found == models.end() ? "" : found->directory;
  };
  EXPECT_EQ(listed("m"), directory.path() + "/m");
  // Tables of words are single files; the order of endings is that of FindModel.
  for (const char* file : {"glove.bin", "glove.txt", "m.txt", "words.bin", "other.zip"}) {
    std::ofstream(directory.path() + "/" + file) << "a 1\n";
  }
  std::filesystem::create_directories(directory.path() + "/static");
  std::ofstream(directory.path() + "/static/modules.json") << "[]";
  for (const auto& [name, path] :
       {std::pair("m", "/m"), std::pair("glove", "/glove.txt"), std::pair("words", "/words.bin"),
        std::pair("static", "/static")}) {
    EXPECT_EQ(*FindModel(name), directory.path() + path);
    EXPECT_EQ(listed(name), directory.path() + path);
  }
  EXPECT_EQ(*FindModel("glove.bin"), directory.path() + "/glove.bin");
  EXPECT_EQ(*FindModel(directory.path() + "/words.bin"), directory.path() + "/words.bin");
  EXPECT_FALSE(FindModel(directory.path() + "/other.zip").ok());
  setenv("VECNEST_MODELS", before.c_str(), 1);
}

}  // namespace
}  // namespace vecnest
