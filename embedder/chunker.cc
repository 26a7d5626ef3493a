#include "embedder/chunker.h"

#include <algorithm>
#include <cstdint>

#include "embedder/unicode_rules.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

// How good a place to end a chunk is.
enum class Break : uint8_t { kWord, kLine, kSentence };

// What chunks are made of: a word, an ideograph, or a part of a word that is longer than a chunk,
// each with the white space after it. A piece ends where the next one begins.
struct Piece {
  size_t begin = 0;
  uint32_t tokens = 0;
  Break after = Break::kWord;
};

// Where a long word is cut: pieces of this share of a chunk, so that some can be repeated.
constexpr size_t kPiecesPerChunk = 8;
// A sentence's end in the last quarter of a chunk is worth leaving the rest of it empty.
constexpr size_t kFullEnough = 3;
constexpr size_t kQuarters = 4;

bool EndsSentenceBeforeSpace(char32_t c) {
  return c == U'.' || c == U'!' || c == U'?' || c == U'\u2026';  // horizontal ellipsis
}

// The ideographic full stop and full-width marks, which no blank follows.
bool EndsSentenceByItself(char32_t c) { return c == U'\u3002' || c == U'\uFF01' || c == U'\uFF1F'; }

bool Closes(char32_t c) {
  switch (c) {
    case U'"':
    case U'\'':
    case U')':
    case U']':
    case U'\u00BB':  // right guillemet
    case U'\u2019':  // right single quotation mark
    case U'\u201D':  // right double quotation mark
    case U'\u300D':  // right corner bracket
    case U'\uFF09':  // fullwidth right parenthesis
      return true;
    default:
      return false;
  }
}

// "12." begins a line of a list more often than it ends a sentence.
bool IsNumber(std::string_view word) {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

size_t NextCharacter(std::string_view text, size_t position) {
  DecodeUtf8(text, &position);
  return position;
}

// The start of the character that the byte before `position` belongs to.
size_t StartOfCharacter(std::string_view text, size_t position) {
  while ((static_cast<unsigned char>(text[position]) & 0xC0) == 0x80) --position;
  return position;
}

class Splitter {
 public:
  Splitter(std::string_view text, const ChunkLimits& limits, CountTokens count)
      : text_(text),
        limits_(limits),
        count_(count),
        around_(count(std::string_view())),
        room_(limits.max_tokens > around_ ? limits.max_tokens - around_ : 1),
        small_(std::max<size_t>(1, room_ / kPiecesPerChunk)) {}

  std::optional<std::vector<TextSpan>> Run() {
    if (Count(0, text_.size()) <= limits_.max_tokens) return {{{0, text_.size()}}};
    FindPieces();
    std::vector<TextSpan> chunks;
    size_t first = 0;
    size_t done = 0;  // pieces before this one are in chunks
    while (done < pieces_.size()) {
      if (chunks.size() == limits_.max_chunks) return std::nullopt;
      size_t last = EndOfChunk(first, done);
      if (last == done && first < done) {
        first = done;  // the repeated pieces leave no room for a new one
        continue;
      }
      last = std::max(last, done + 1);  // a single character that is too long
      chunks.push_back({BeginOf(first), BeginOf(last)});
      done = last;
      first = StartOfOverlap(first, last);
    }
    return chunks;
  }

 private:
  size_t Count(size_t begin, size_t end) const { return count_(text_.substr(begin, end - begin)); }
  size_t TokensOf(size_t begin, size_t end) const {
    const size_t tokens = Count(begin, end);
    return tokens > around_ ? tokens - around_ : 0;
  }
  size_t TokensOfPieces(size_t first, size_t last) const {
    size_t tokens = 0;
    for (size_t i = first; i < last; ++i) tokens += pieces_[i].tokens;
    return tokens;
  }
  size_t BeginOf(size_t piece) const {
    return piece == pieces_.size() ? text_.size() : pieces_[piece].begin;
  }
  void AddPiece(size_t begin, size_t tokens) {
    pieces_.push_back({begin, static_cast<uint32_t>(std::min(tokens, room_)), Break::kWord});
  }

  void FindPieces() {
    Break before = Break::kWord;  // what the text begins with says nothing
    size_t word = EndOfSpace(0, before);
    for (size_t begin = 0; begin < text_.size();) {
      const size_t end = EndOfWord(word);
      Break after = Break::kWord;
      const size_t next = EndOfSpace(end, after);
      if (EndsSentence(word, end, /*space=*/next > end)) after = Break::kSentence;
      AddWord(begin, end, next);
      pieces_.back().after = after;
      begin = word = next;
    }
  }

  // Skips white space; `after` becomes what its line ends mean.
  size_t EndOfSpace(size_t position, Break& after) const {
    while (position < text_.size()) {
      size_t next = position;
      const char32_t c = DecodeUtf8(text_, &next);
      if (!IsWhitespace(c)) break;
      if (c == U'\n' || c == U'\u2028' || c == U'\u2029') {
        // A blank line ends whatever stood before it.
        after = after == Break::kWord ? Break::kLine : Break::kSentence;
      }
      position = next;
    }
    return position;
  }

  // Ideographs are words by themselves: their scripts put no blanks between words.
  size_t EndOfWord(size_t begin) const {
    size_t position = begin;
    while (position < text_.size()) {
      size_t next = position;
      const char32_t c = DecodeUtf8(text_, &next);
      if (IsWhitespace(c) || (IsCjkIdeograph(c) && position > begin)) break;
      position = next;
      if (IsCjkIdeograph(c) || EndsSentenceByItself(c)) return WithClosing(position);
    }
    return position;
  }

  // Marks that close a sentence stay with the word before them.
  size_t WithClosing(size_t position) const {
    while (position < text_.size()) {
      size_t next = position;
      const char32_t c = DecodeUtf8(text_, &next);
      if (!Closes(c) && !EndsSentenceByItself(c)) break;
      position = next;
    }
    return position;
  }

  // Looks behind the quotes and brackets that the word may end with.
  bool EndsSentence(size_t begin, size_t end, bool space) const {
    while (end > begin) {
      end = StartOfCharacter(text_, end - 1);
      size_t next = end;
      const char32_t c = DecodeUtf8(text_, &next);
      if (Closes(c)) continue;
      if (EndsSentenceByItself(c)) return true;
      return space && EndsSentenceBeforeSpace(c) && !IsNumber(text_.substr(begin, end - begin));
    }
    return false;
  }

  // A word [begin, end) with its white space, up to `next`.
  void AddWord(size_t begin, size_t end, size_t next) {
    const size_t tokens = TokensOf(begin, end);
    // A token has at least one byte.
    if (tokens + (next - end) <= room_ || TokensOf(begin, next) <= room_) {
      AddPiece(begin, tokens);
      return;
    }
    while (begin < next) {
      const size_t cut = CutLongWord(begin, next);
      AddPiece(begin, TokensOf(begin, cut));
      begin = cut;
    }
  }

  // A place after `begin` so that the piece before it has about small_ tokens: doubles the length
  // until there are more, then halves the step. Looks at little more than the piece itself.
  size_t CutLongWord(size_t begin, size_t end) const {
    size_t fits = NextCharacter(text_, begin);
    size_t over = fits;
    for (size_t length = 2 * (fits - begin); over < end; length *= 2) {
      over = length < end - begin ? StartOfCharacter(text_, begin + length) : end;
      if (TokensOf(begin, over) > small_) break;
      fits = std::max(fits, over);
      if (over == end) return end;
    }
    while (fits < over) {
      size_t middle = StartOfCharacter(text_, fits + (over - fits) / 2);
      if (middle <= fits) middle = NextCharacter(text_, fits);
      if (middle >= over) break;
      (TokensOf(begin, middle) > small_ ? over : fits) = middle;
    }
    return fits;
  }

  // The piece behind the chunk that begins with piece `first`; `done` when there is no room for a
  // piece that is in no chunk yet.
  size_t EndOfChunk(size_t first, size_t done) const {
    size_t last = first;
    size_t tokens = 0;
    while (last < pieces_.size() && tokens + pieces_[last].tokens <= room_) {
      tokens += pieces_[last++].tokens;
    }
    while (last > done) {
      // Where tokens do not just add up there may be too many.
      const size_t real = Count(BeginOf(first), BeginOf(last));
      if (real <= limits_.max_tokens) return BestEnd(first, last, done);
      last = Without(last, done, real - limits_.max_tokens);
    }
    return done;
  }

  // Fewer pieces by `excess` tokens, at least by one.
  size_t Without(size_t last, size_t done, size_t excess) const {
    do {
      --last;
      excess -= std::min<size_t>(excess, pieces_[last].tokens);
    } while (excess > 0 && last > done);
    return last;
  }

  // The best place to end among those that keep most of what is new in the chunk; of equals the
  // last.
  size_t BestEnd(size_t first, size_t last, size_t done) const {
    if (last == pieces_.size()) return last;
    size_t added = TokensOfPieces(done, last);
    const size_t enough = added * kFullEnough / kQuarters;
    size_t best = last;
    for (size_t end = last; end > done && added >= enough; --end) {
      if (pieces_[end - 1].after > pieces_[best - 1].after) best = end;
      added -= pieces_[end - 1].tokens;
    }
    const bool fits = best == last || Count(BeginOf(first), BeginOf(best)) <= limits_.max_tokens;
    return fits ? best : last;
  }

  // The first piece of the chunk after pieces [first, last): repeats as many of them as fit into
  // the overlap and leave room for the next piece.
  size_t StartOfOverlap(size_t first, size_t last) const {
    if (last == pieces_.size()) return last;
    const size_t most = std::min(limits_.overlap, room_ - pieces_[last].tokens);
    size_t tokens = 0;
    size_t start = last;
    while (start > first + 1 && tokens + pieces_[start - 1].tokens <= most) {
      tokens += pieces_[--start].tokens;
    }
    return start;
  }

  const std::string_view text_;
  const ChunkLimits limits_;
  const CountTokens count_;
  const size_t around_;  // tokens of no text at all
  const size_t room_;    // for the text of a chunk
  const size_t small_;   // tokens of a piece of a long word
  std::vector<Piece> pieces_;
};

}  // namespace

std::optional<std::vector<TextSpan>> SplitIntoChunks(std::string_view text,
                                                     const ChunkLimits& limits, CountTokens count) {
  return Splitter(text, limits, count).Run();
}

}  // namespace vecnest::embedder
