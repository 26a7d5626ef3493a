#include "embedder/word_splitter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "embedder/unicode_rules.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {

// The state of one Split call: the word being collected, and combining characters that wait for
// canonical ordering.
class WordSplitter::Walk {
 public:
  Walk(const WordSplitter& splitter, Sink sink)
      : settings_(splitter.settings_),
        ascii_(splitter.ascii_),
        sink_(sink),
        word_(kBytesPerChar * settings_.max_word_chars) {}

  bool Run(std::string_view text) {
    size_t i = 0;
    while (i < text.size() && !stopped_) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < 0x80) {
        if (!waiting_.empty()) ReleaseWaiting();
        AddAscii(ascii_[byte]);
        ++i;
      } else {
        AddWide(DecodeUtf8(text, &i));
      }
    }
    ReleaseWaiting();
    EndWord();
    return !stopped_;
  }

 private:
  static constexpr size_t kBytesPerChar = 4;

  void AddAscii(AsciiRule rule) {
    switch (rule.kind) {
      case Kind::kLetter:
        if (chars_ < settings_.max_word_chars) word_[bytes_++] = rule.letter;
        ++chars_;
        break;
      case Kind::kSpace:
        EndWord();
        break;
      case Kind::kPunctuation:
        EndWord();
        word_[bytes_++] = rule.letter;
        ++chars_;
        EndWord();
        break;
      case Kind::kDropped:
        break;
    }
  }

  // A character outside ASCII, as it stands in the text.
  void AddWide(char32_t c) {
    if (settings_.clean_text) {
      if (IsRemovedByCleaning(c)) return;
      if (IsWhitespace(c)) c = U' ';
    }
    const bool alone = settings_.handle_chinese_chars && IsCjkIdeograph(c);
    if (alone) {
      ReleaseWaiting();
      EndWord();
    }
    if (settings_.strip_accents) {
      AddDecomposed(c);
    } else {
      AddLowerCased(c);
    }
    if (alone) {
      ReleaseWaiting();
      EndWord();
    }
  }

  // Canonical ordering: combining characters wait until the next starter shows their run ends.
  void AddDecomposed(char32_t c) {
    const CodePoints parts = Decompose(c);
    for (size_t i = 0; i < parts.size; ++i) {
      const char32_t part = parts.values[i];
      const int combining_class = CombiningClass(part);
      if (combining_class == 0) {
        if (!waiting_.empty()) ReleaseWaiting();
        if (!IsNonspacingMark(part)) AddLowerCased(part);
      } else if (!IsNonspacingMark(part)) {
        waiting_.emplace_back(combining_class, part);
      }
    }
  }

  void ReleaseWaiting() {
    if (waiting_.empty()) return;
    std::stable_sort(waiting_.begin(), waiting_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [combining_class, c] : waiting_) AddLowerCased(c);
    waiting_.clear();
  }

  void AddLowerCased(char32_t c) {
    if (!settings_.lowercase) return AddFinal(c);
    const CodePoints lower = LowerCase(c);
    for (size_t i = 0; i < lower.size; ++i) AddFinal(lower.values[i]);
  }

  // A character as normalisation leaves it.
  void AddFinal(char32_t c) {
    if (IsWhitespace(c)) {
      EndWord();
    } else if (IsPunctuation(c)) {
      EndWord();
      AddLetter(c);
      EndWord();
    } else {
      AddLetter(c);
    }
  }

  void AddLetter(char32_t c) {
    if (chars_ < settings_.max_word_chars) bytes_ += EncodeUtf8(c, &word_[bytes_]);
    ++chars_;
  }

  void EndWord() {
    if (chars_ == 0) return;
    const Word word = {{word_.data(), bytes_}, chars_ > settings_.max_word_chars};
    if (!stopped_) stopped_ = !sink_(word);
    chars_ = 0;
    bytes_ = 0;
  }

  const NormalizerSettings& settings_;
  const std::array<AsciiRule, 128>& ascii_;
  Sink sink_;
  std::vector<char> word_;
  size_t bytes_ = 0;
  size_t chars_ = 0;
  std::vector<std::pair<int, char32_t>> waiting_;
  bool stopped_ = false;
};

WordSplitter::WordSplitter(const NormalizerSettings& settings) : settings_(settings) {
  settings_.max_word_chars = std::max<size_t>(settings_.max_word_chars, 1);
  for (size_t i = 0; i < ascii_.size(); ++i) {
    const auto c = static_cast<char32_t>(i);
    const bool upper = c >= U'A' && c <= U'Z';
    ascii_[i].letter = static_cast<char>(upper && settings_.lowercase ? i + ('a' - 'A') : i);
    if (settings_.clean_text && IsRemovedByCleaning(c)) {
      ascii_[i].kind = Kind::kDropped;
    } else if (IsWhitespace(c)) {
      ascii_[i].kind = Kind::kSpace;
    } else {
      ascii_[i].kind = IsPunctuation(c) ? Kind::kPunctuation : Kind::kLetter;
    }
  }
}

bool WordSplitter::Split(std::string_view text, Sink sink) const {
  return Walk(*this, sink).Run(text);
}

}  // namespace vecnest::embedder
