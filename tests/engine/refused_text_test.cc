#include "engine/refused_text.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/test_models.h"

namespace vecnest::engine {
namespace {

TEST(RefusedTextTest, TheFirstIsFound) {
  const auto encoder = embedder::Encoder::Load(TinyModel(), {});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  embedder::EncodeOptions options;
  options.truncate = false;
  options.prefix = "";
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "a ";
  const auto find = [&](const std::vector<std::string_view>& texts) {
    return FindRefused(**encoder, options, texts);
  };
  EXPECT_FALSE(find({"cat", "", "dog"}));
  const auto refused = find({"cat", "dog", long_text, "\xff"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->index, 2u);
  EXPECT_EQ(refused->reason, "the text has 42 tokens, tiny-bert-cls reads at most 16");
  EXPECT_EQ(find({"cat", "\xff"})->reason, "the text is not valid UTF-8 at byte 0");
}

}  // namespace
}  // namespace vecnest::engine
