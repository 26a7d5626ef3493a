// Looking into a model: its table of tokens, its layers, and what a text becomes in them.
//
//   auto models = vecnest::TextEmbedder::Load({"all-MiniLM-L6-v2"}, {});
//   auto near = (*models)->inspector().Neighbors("bank", {.limit = 5});
#ifndef VECNEST_INSPECTION_H_
#define VECNEST_INSPECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vecnest/embedding.h"
#include "vecnest/types.h"

namespace vecnest {

// Which model to look into, and how it reads texts. Texts that are longer than the model reads are
// InvalidArgument.
struct InspectOptions {
  std::string model;  // as in EmbedOptions
  TextType type = TextType::kDocument;
  std::optional<std::string> prefix = std::nullopt;  // replaces the model's own
  CallLimits limits = {};
};

// The model that an answer is about.
struct InspectedModel {
  std::string name;
  std::string identity;
};

struct NamedToken {
  int32_t id = 0;
  std::string text;      // as the tokenizer spells it: "##ing", "▁the"
  bool special = false;  // no text is meant by it: "[CLS]", "<s>", "[unused7]"
};

struct InspectedToken {
  NamedToken token;
  double norm = 0;         // of its row
  std::vector<float> row;  // of the table: before positions are added or anything is normalised
};

struct TokenTableSize {
  uint64_t tokens = 0;
  uint64_t rows = 0;  // fewer than tokens where some share a row
  uint64_t width = 0;
  uint64_t parameters = 0;   // rows * width
  uint64_t bytes = 0;        // in the model's file
  uint64_t model_bytes = 0;  // the whole file
};

struct TokensAnswer {
  InspectedModel model;
  std::vector<InspectedToken> tokens;  // special ones included
  TokenTableSize table;
};

struct TokenNeighbor {
  NamedToken token;
  double cosine = 0;
  double norm = 0;
};

struct NeighborOptions {
  InspectOptions inspect = {};
  size_t limit = 10;
  bool special = false;  // special tokens may be among the answers
};

// A word of several tokens stands for the mean of their rows.
struct TermTokens {
  std::string term;
  std::vector<NamedToken> tokens;
};

struct NeighborsAnswer {
  InspectedModel model;
  TermTokens term;
  std::vector<TokenNeighbor> neighbors;  // of the term's own tokens none
};

struct AnalogyAnswer {
  InspectedModel model;
  std::vector<TermTokens> terms;       // a, b, c
  std::vector<TokenNeighbor> nearest;  // to a - b + c, without these three
};

struct RankedText {
  size_t index = 0;  // among the candidates
  std::string text;
  double cosine = 0;
};

struct TextAnalogyAnswer {
  InspectedModel model;
  std::vector<RankedText> nearest;
};

// "a is to b as c is to d".
struct AnalogyQuestion {
  std::string section;
  std::string a;
  std::string b;
  std::string c;
  std::string d;
};

struct AnalogyOptions {
  InspectOptions inspect = {};
  // True: words are encoded as texts, by all layers. False: rows of the table.
  bool encode = false;
  // True: an answer is one of the words of the questions, always so where words are encoded.
  bool among_questions = false;
  // Only so many tokens from the table's beginning take part, where files put the frequent ones.
  // 0: all.
  size_t vocabulary = 0;
};

struct AnalogySection {
  std::string name;
  uint64_t questions = 0;
  uint64_t asked = 0;  // all four words are single tokens
  uint64_t right = 0;
};

struct AnalogyReport {
  InspectedModel model;
  size_t candidates = 0;                 // that an answer is chosen from
  std::vector<AnalogySection> sections;  // in the order of the questions
  AnalogySection total;
};

// One hidden state of a text. Values per token, see LayersAnswer::tokens.
struct LayerAnswer {
  std::vector<double> norms;
  // What the layer changed: the norm of the difference to the state before. Empty for layer 0, as
  // is the next.
  std::vector<double> added;
  std::vector<double> cosine_to_previous;
  std::vector<double> cosine_to_first;
  // Of the text's vector, pooled from this layer as the model pools the last one, to that of the
  // last one.
  double pooled_cosine_to_last = 0;
  // Between different tokens, in the mean: how much all of them look the same way.
  double mean_cosine = 0;
};

struct LayersAnswer {
  InspectedModel model;
  std::vector<NamedToken> tokens;
  std::vector<LayerAnswer> layers;  // 0: what goes into the first; the last: what comes out
};

struct ContextLayer {
  std::vector<std::vector<double>> cosines;  // of the word in each sentence with that in each
  double mean = 0;                           // of those of different sentences
  double baseline = 0;                       // between any tokens of different sentences
};

struct ContextAnswer {
  InspectedModel model;
  std::vector<std::vector<NamedToken>> tokens;  // of the word, in each sentence
  ContextLayer table;                           // of the rows that are looked up; its baseline is 0
  std::vector<ContextLayer> layers;
};

struct ProjectedToken {
  NamedToken token;
  double score = 0;
  std::optional<double> probability;  // only of a trained head: other scores are no logits
};

struct ProjectedPosition {
  size_t position = 0;
  NamedToken token;  // that was read there
  std::vector<ProjectedToken> best;
};

struct ProjectionOptions {
  InspectOptions inspect = {};
  bool all_positions = false;  // else the last one, which is "[SEP]" in BERT models
  size_t limit = 5;
};

struct ProjectionAnswer {
  InspectedModel model;
  bool head = false;           // the checkpoint has the head that it was trained with
  bool tied = true;            // tokens are scored by the table that they are read by
  uint64_t multiply_adds = 0;  // of scoring all positions
  double seconds = 0;          // that this took
  double forward_seconds = 0;  // that all layers took before
  std::vector<ProjectedPosition> positions;
};

struct TextPair {
  double score = 0;  // what people said
  std::string first;
  std::string second;
};

struct LayerScore {
  std::string reading;  // "table", "0" .. the last layer, means of layers
  // Rank correlation with the pairs' scores, for vectors pooled as the model does, and by the mean
  // over tokens. Nothing where all cosines are equal.
  std::optional<double> own;
  std::optional<double> mean;
};

struct LayerScoresReport {
  InspectedModel model;
  std::string pooling;  // the model's own
  size_t pairs = 0;
  std::vector<LayerScore> scores;
};

struct RareTokensOptions {
  InspectOptions inspect = {};
  size_t limit = 10;         // words in each list
  uint64_t least_count = 1;  // words that occur less often are in no list
};

struct WordUseReport {
  std::string word;
  uint64_t count = 0;
  std::vector<NamedToken> tokens;
  std::optional<NamedToken> rarest;  // of its tokens, that the texts read least
  uint64_t rarest_count = 0;
  double rarest_norm = 0;
};

struct TokenBand {
  uint64_t least = 0;  // times that the texts read the row
  uint64_t most = 0;
  uint64_t tokens = 0;
  double mean_norm = 0;
};

struct RareTokensReport {
  InspectedModel model;
  uint64_t texts = 0;
  uint64_t words = 0;
  uint64_t distinct_words = 0;
  uint64_t tokens = 0;
  uint64_t unknown_words = 0;             // with an unknown token, or none
  std::vector<uint64_t> words_by_pieces;  // [p]: running words of p tokens
  std::vector<WordUseReport> broken;      // into most tokens, the most frequent first
  std::vector<WordUseReport> rare;        // that read a row which the texts read least
  std::vector<TokenBand> bands;           // by how often the texts read a row
};

// Of Inspector::Context.
inline constexpr size_t kFewestSentences = 2;
inline constexpr size_t kMostSentences = 32;

// Called now and then from the calling thread. To end the call, ask CallLimits::stop to stop.
using InspectProgress = std::function<void(uint64_t done, uint64_t total)>;

// Thread-safe. Errors: NotFound (model, or a word that no table has), InvalidArgument (what is
// given, by name: "text: ...", "sentences[0]: ..."; also a text that is empty or has nothing in it
// that the model reads), FailedPrecondition (the model has no layers), ResourceExhausted,
// Cancelled, DeadlineExceeded, Unavailable.
class Inspector {
 public:
  virtual ~Inspector() = default;

  // What a text is read as.
  virtual absl::StatusOr<TokensAnswer> Tokens(const std::string& text,
                                              const InspectOptions& options) const = 0;

  // The tokens whose rows lie nearest to that of a token or word, by cosine.
  virtual absl::StatusOr<NeighborsAnswer> Neighbors(const std::string& term,
                                                    const NeighborOptions& options) const = 0;

  // a - b + c over rows of the table, each scaled to unit length: "king" - "man" + "woman".
  virtual absl::StatusOr<AnalogyAnswer> Analogy(const std::string& a, const std::string& b,
                                                const std::string& c,
                                                const NeighborOptions& options) const = 0;
  // The same over vectors of texts; an answer is one of the candidates.
  virtual absl::StatusOr<TextAnalogyAnswer> TextAnalogy(const std::string& a, const std::string& b,
                                                        const std::string& c,
                                                        const std::vector<std::string>& candidates,
                                                        const NeighborOptions& options) const = 0;
  // Answers questions by b - a + c (Mikolov et al. 2013) and counts what is right.
  virtual absl::StatusOr<AnalogyReport> AskAnalogies(const std::vector<AnalogyQuestion>& questions,
                                                     const AnalogyOptions& options,
                                                     const InspectProgress& progress) const = 0;

  // The residual stream of a text.
  virtual absl::StatusOr<LayersAnswer> Layers(const std::string& text,
                                              const InspectOptions& options) const = 0;

  // One word in kFewestSentences to kMostSentences sentences. It is looked for whole, ASCII letters
  // of either case alike; the first occurrence counts.
  virtual absl::StatusOr<ContextAnswer> Context(const std::string& word,
                                                const std::vector<std::string>& sentences,
                                                const InspectOptions& options) const = 0;

  // h E^T: the tokens that the last hidden state looks most like, through the model's own head
  // where it has one.
  virtual absl::StatusOr<ProjectionAnswer> Projection(const std::string& text,
                                                      const ProjectionOptions& options) const = 0;

  // Spearman's correlation of people's scores with cosines, for every layer that a vector could be
  // read from.
  virtual absl::StatusOr<LayerScoresReport> ScoreLayers(const std::vector<TextPair>& pairs,
                                                        const InspectOptions& options,
                                                        const InspectProgress& progress) const = 0;

  // What a corpus asks of the table. `next` gives text by text, nothing at the end; its error ends
  // the call.
  using NextText = std::function<absl::StatusOr<std::optional<std::string>>()>;
  virtual absl::StatusOr<RareTokensReport> RareTokens(const NextText& next,
                                                      const RareTokensOptions& options) const = 0;
};

}  // namespace vecnest

#endif  // VECNEST_INSPECTION_H_
