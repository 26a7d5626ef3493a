// A text as the words it is searched by.
#ifndef VECNEST_ENGINE_TEXT_ANALYZER_H_
#define VECNEST_ENGINE_TEXT_ANALYZER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace vecnest::engine {

// Cuts at the word boundaries of Unicode (UAX 29; by dictionary where a script has no blanks),
// folds case and compatibility forms (NFKC_Casefold), and leaves of each word its stem by the
// Snowball algorithm of a language. Not thread-safe.
class TextAnalyzer {
 public:
  // "english", "german"... of Snowball, or "none" for words as they are. InvalidArgument lists the
  // choices.
  static absl::StatusOr<std::unique_ptr<TextAnalyzer>> Create(const std::string& language);
  static std::vector<std::string> Languages();
  ~TextAnalyzer();

  // Calls `take` with each word, in order; punctuation and blanks are none. Bytes that are not
  // UTF-8 are read as U+FFFD.
  void ForEachWord(std::string_view text, absl::FunctionRef<void(std::string_view)> take);

 private:
  struct Parts;
  explicit TextAnalyzer(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_TEXT_ANALYZER_H_
