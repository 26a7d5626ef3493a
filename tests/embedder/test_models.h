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

// What a test that needs a real model says when it skips.
inline std::string MissingModel(const std::string& name) {
  return "set VECNEST_MODELS to a directory that contains " + name + " to run this";
}

// A file or directory that is stored with the tests.
inline std::string TestData(const std::string& name) {
  return std::string(VECNEST_TEST_DATA) + "/" + name;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_TEST_MODELS_H_
