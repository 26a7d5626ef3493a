// A copy of a stored model that a test may damage.
#ifndef VECNEST_TESTS_EMBEDDER_MODEL_COPY_H_
#define VECNEST_TESTS_EMBEDDER_MODEL_COPY_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/embedder/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::embedder {

class ModelCopy {
 public:
  explicit ModelCopy(const std::string& name)
      : path_(std::filesystem::path(directory_.path()) / name) {
    std::filesystem::copy(TestData(name), path_, std::filesystem::copy_options::recursive);
  }

  std::string path() const { return path_.string(); }

  std::string Read(const std::string& file) const {
    std::ifstream in(path_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  void Write(const std::string& file, const std::string& text) const {
    std::ofstream(path_ / file, std::ios::binary | std::ios::trunc) << text;
  }

  void Remove(const std::string& file) const { std::filesystem::remove(path_ / file); }

  // Replaces the first `from` in a file, which must be there.
  void Replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = Read(file);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    Write(file, text.replace(at, from.size(), to));
  }

 private:
  TemporaryDirectory directory_;
  std::filesystem::path path_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_MODEL_COPY_H_
