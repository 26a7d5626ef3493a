// Models that the tests of embedder/ read.
#ifndef VECNEST_TESTS_EMBEDDER_TEST_MODELS_H_
#define VECNEST_TESTS_EMBEDDER_TEST_MODELS_H_

#include <cstdlib>
#include <filesystem>
#include <string>

namespace vecnest::embedder {

// The directory of a real model below $VECNEST_MODELS, or an empty string when it is not there.
inline std::string RealModel(const std::string& name) {
  const char* models = std::getenv("VECNEST_MODELS");
  if (models == nullptr) return "";
  const std::filesystem::path path = std::filesystem::path(models) / name;
  return std::filesystem::exists(path / "config.json") ? path.string() : "";
}

// A file or directory that is stored with the tests.
inline std::string TestData(const std::string& name) {
  return std::string(VECNEST_TEST_DATA) + "/" + name;
}

}  // namespace vecnest::embedder

// Skips the running test when a real model is missing.
#define VECNEST_REQUIRE_MODEL(variable, name)                                                     \
  const std::string variable = ::vecnest::embedder::RealModel(name);                              \
  if (variable.empty()) {                                                                         \
    GTEST_SKIP() << "set VECNEST_MODELS to a directory that contains " << name << " to run this"; \
  }

#endif  // VECNEST_TESTS_EMBEDDER_TEST_MODELS_H_
