// Which texts say the words of a question, and how much of a text they are (BM25; Robertson &
// Zaragoza, 2009).
#ifndef VECNEST_ENGINE_BM25_H_
#define VECNEST_ENGINE_BM25_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "embedder/string_map.h"
#include "engine/text_analyzer.h"
#include "index/inverted_index.h"

namespace vecnest::engine {

struct Bm25Parameters {
  double k1 = 1.2;                   // how soon a word that comes again counts no more; more than 0
  double b = 0.75;                   // how much long texts are held back; 0 to 1
  std::string language = "english";  // of the stems, see TextAnalyzer
};

// Texts are numbered from 0 in the order they come in. A text's score for a question is the sum,
// over the question's words, of
//   ln(1 + (N - n + 0.5) / (n + 0.5)) * f / (f + k1 * (1 - b + b * length / mean length))
// where the word is f times in it and in n of N texts: as Lucene has it since version 8. Not
// thread-safe.
class Bm25Index {
 public:
  using Hit = index::InvertedIndex::Hit;

  // InvalidArgument: parameters out of range.
  static absl::StatusOr<std::unique_ptr<Bm25Index>> Create(const Bm25Parameters& parameters);

  // Before the first Search. ResourceExhausted: more texts or words than an index can have.
  absl::Status Add(std::string_view text);
  // The texts of the `count` largest scores above 0, best first.
  absl::StatusOr<std::vector<Hit>> Search(std::string_view question, size_t count);

  size_t texts() const { return lengths_.size(); }

 private:
  Bm25Index(const Bm25Parameters& parameters, std::unique_ptr<TextAnalyzer> analyzer)
      : parameters_(parameters), analyzer_(std::move(analyzer)) {}
  // The words of a text and how often each is in it. Unknown words are left out, or get a number.
  std::vector<index::SparseTerm> CountWords(std::string_view text, bool known_only);
  absl::Status Finish();

  const Bm25Parameters parameters_;
  const std::unique_ptr<TextAnalyzer> analyzer_;
  embedder::StringMap<std::string, uint32_t> words_;
  absl::flat_hash_map<uint32_t, uint32_t> counts_;  // of one text
  // Of all texts one after the other, until Finish.
  std::vector<index::SparseTerm> terms_;
  std::vector<size_t> ends_;  // of each text in terms_
  std::vector<uint32_t> lengths_;
  bool finished_ = false;
  index::InvertedIndex index_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_BM25_H_
