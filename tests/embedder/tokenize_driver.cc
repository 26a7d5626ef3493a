// tokenize_driver MODEL_DIRECTORY: reads one JSON string per line and writes its token ids, with
// special tokens and without truncation, as one JSON array per line. The fuzz
// against the reference tokenizer (tests/e2e/test_tokenizer_fuzz.py) talks to it.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "embedder/tokenizer_files.h"

int main(int argc, char** argv) {
  namespace embedder = vecnest::embedder;
  if (argc != 2) {
    std::cerr << "usage: tokenize_driver MODEL_DIRECTORY < strings.jsonl > ids.jsonl\n";
    return 2;
  }
  const auto spec = embedder::LoadTokenizerSpec(argv[1], {});
  if (!spec.ok()) {
    std::cerr << spec.status().ToString() << "\n";
    return 1;
  }
  const auto tokenizer = embedder::CreateTokenizer(*spec);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().ToString() << "\n";
    return 1;
  }
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto text = nlohmann::json::parse(line).get<std::string>();
    const embedder::Tokenizer::Traits& traits = (*tokenizer)->traits();
    std::vector<int32_t> ids = traits.before;
    (*tokenizer)->Tokenize(text, text.size() * 4 + 1, &ids);
    ids.insert(ids.end(), traits.after.begin(), traits.after.end());
    std::cout << nlohmann::json(ids).dump() << "\n";
  }
  return 0;
}
