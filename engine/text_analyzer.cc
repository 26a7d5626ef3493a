#include "engine/text_analyzer.h"

#include <libstemmer.h>
#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

constexpr const char* kNoStems = "none";

struct DeleteStemmer {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};

}  // namespace

struct TextAnalyzer::Parts {
  std::unique_ptr<icu::BreakIterator> boundaries;
  const icu::Normalizer2* folding = nullptr;           // ICU owns it
  std::unique_ptr<sb_stemmer, DeleteStemmer> stemmer;  // null: words stay as they are
  std::string word;
};

TextAnalyzer::TextAnalyzer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TextAnalyzer::~TextAnalyzer() = default;

std::vector<std::string> TextAnalyzer::Languages() {
  std::vector<std::string> languages;
  for (const char** name = sb_stemmer_list(); *name != nullptr; ++name)
    languages.emplace_back(*name);
  std::sort(languages.begin(), languages.end());
  languages.insert(languages.begin(), kNoStems);
  return languages;
}

absl::StatusOr<std::unique_ptr<TextAnalyzer>> TextAnalyzer::Create(const std::string& language) {
  auto parts = std::make_unique<Parts>();
  if (language != kNoStems) {
    parts->stemmer.reset(sb_stemmer_new(language.c_str(), "UTF_8"));
    if (parts->stemmer == nullptr) {
      return absl::InvalidArgumentError(fmt::format("language: '{}', expected one of {}", language,
                                                    absl::StrJoin(Languages(), ", ")));
    }
  }
  UErrorCode error = U_ZERO_ERROR;
  parts->boundaries.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
  parts->folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  if (U_FAILURE(error)) {
    return absl::InternalError(fmt::format("ICU has no rules of words: {}", u_errorName(error)));
  }
  return std::unique_ptr<TextAnalyzer>(new TextAnalyzer(std::move(parts)));
}

void TextAnalyzer::ForEachWord(std::string_view text,
                               absl::FunctionRef<void(std::string_view)> take) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::UnicodeString given = icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  // Folded as a whole, so that boundaries are those of what words are compared by.
  const icu::UnicodeString folded = parts_->folding->normalize(given, error);
  icu::BreakIterator& boundaries = *parts_->boundaries;
  boundaries.setText(folded);
  int32_t begin = boundaries.first();
  for (int32_t end = boundaries.next(); end != icu::BreakIterator::DONE;
       begin = end, end = boundaries.next()) {
    if (boundaries.getRuleStatus() < UBRK_WORD_NONE_LIMIT) continue;
    std::string& word = parts_->word;
    word.clear();
    folded.tempSubStringBetween(begin, end).toUTF8String(word);
    if (parts_->stemmer == nullptr) {
      take(word);
      continue;
    }
    const auto* bytes = reinterpret_cast<const sb_symbol*>(word.data());
    const sb_symbol* stem =
        sb_stemmer_stem(parts_->stemmer.get(), bytes, static_cast<int>(word.size()));
    // Null where it found no memory.
    if (stem == nullptr) stem = bytes;
    const auto length =
        stem == bytes ? word.size() : static_cast<size_t>(sb_stemmer_length(parts_->stemmer.get()));
    if (length > 0) take({reinterpret_cast<const char*>(stem), length});
  }
}

}  // namespace vecnest::engine
