#include "index/segment_files.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace vecnest::index {
namespace {

void Touch(const std::string& path) { std::ofstream(path) << "x"; }

TEST(SegmentFilesTest, NamesAreNumbers) {
  EXPECT_EQ(SegmentFileName(7), "segment-00000007.vns");
  for (const uint64_t number : {uint64_t{1}, uint64_t{123456789}, uint64_t{1} << 40}) {
    EXPECT_EQ(SegmentFileNumber(SegmentFileName(number)), number);
  }
  for (const char* other : {"", "segment-", "segment-x", "7", "other-00000007.vns"}) {
    EXPECT_EQ(SegmentFileNumber(other), 0U) << other;
  }
}

TEST(SegmentFilesTest, OnlyTheirOwnAreListedAndRemoved) {
  const TemporaryDirectory directory;
  const std::string& path = directory.path();
  for (const char* name :
       {"segment-00000001.vns", "segment-00000002.vns", "segment-00000003.vns.tmp", "notes.txt"}) {
    Touch(path + "/" + name);
  }
  auto files = ListSegmentFiles(path);
  ASSERT_TRUE(files.ok());
  EXPECT_THAT(*files, testing::UnorderedElementsAre("segment-00000001.vns", "segment-00000002.vns",
                                                    "segment-00000003.vns.tmp"));
  files->push_back("segment-00000009.vns");  // gone meanwhile
  RemoveAllBut(path, *files, {"segment-00000002.vns"});
  EXPECT_THAT(*ListSegmentFiles(path), testing::ElementsAre("segment-00000002.vns"));
  EXPECT_TRUE(std::filesystem::exists(path + "/notes.txt"));
}

TEST(SegmentFilesTest, DirectoriesAreMadeOnceAndErrorsNameThem) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/a/b";
  EXPECT_TRUE(CreateDirectory(path).ok());
  EXPECT_TRUE(CreateDirectory(path).ok());
  EXPECT_TRUE(ListSegmentFiles(path)->empty());
  Touch(directory.path() + "/file");
  const std::string below = directory.path() + "/file/c";
  EXPECT_THAT(std::string(CreateDirectory(below).message()), testing::HasSubstr(below));
  EXPECT_THAT(std::string(ListSegmentFiles(directory.path() + "/none").status().message()),
              testing::HasSubstr("none"));
}

}  // namespace
}  // namespace vecnest::index
