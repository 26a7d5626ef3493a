// What the commands have in common that mine hard negatives or learn from them.
#ifndef VECNEST_NET_CLI_MINING_H_
#define VECNEST_NET_CLI_MINING_H_

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vecnest/adapt.h"
#include "vecnest/mining.h"

namespace vecnest::cli {

// JSON lines with "query", "positive" and any number of "negative_1",
// "negative_2"...: what mine-negatives writes and sentence-transformers reads. InvalidArgument
// names file and line.
absl::StatusOr<std::vector<MinedPair>> ReadPairFile(const std::string& file);
// Takes the file's place when it is written wholly.
absl::Status WritePairFile(const std::string& file, const std::vector<MinedPair>& pairs);
// What is a text of the collection becomes its point, whose vector is there already; the others
// stay texts.
absl::StatusOr<std::vector<AdaptPair>> ToAdaptPairs(MiningSource& source,
                                                    const std::vector<MinedPair>& pairs);
std::vector<LabelledPair> WithoutNegatives(const std::vector<MinedPair>& pairs);

struct MiningFlags {
  std::string method = "both";
  std::string field = "text";
  int dimensions = 0;
  MiningOptions options;

  void AddTo(CLI::App& command);
};

// The texts of a server's collection, as CollectionTexts has those of a database.
absl::StatusOr<std::unique_ptr<MiningSource>> ServerTexts(
    const std::string& url, const std::string& api_key, const std::string& collection,
    const std::string& field, const std::string& vector_name, int dimensions);

// Mines with progress, ends with Cancelled on Ctrl-C, and tells what was left out.
absl::StatusOr<std::vector<MinedPair>> Mine(MiningSource& source,
                                            const std::vector<LabelledPair>& pairs,
                                            const MiningFlags& flags);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_MINING_H_
