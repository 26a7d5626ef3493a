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
  const std::vector<FoundModel> models = FindModels();
  const auto found = std::find_if(models.begin(), models.end(),
                                  [](const FoundModel& model) { return model.name == "m"; });
  ASSERT_NE(found, models.end());
  EXPECT_EQ(found->directory, directory.path() + "/m");
  setenv("VECNEST_MODELS", before.c_str(), 1);
}

}  // namespace
}  // namespace vecnest
