// encoder_driver_bench MODEL_DIRECTORY TEXTS [THREADS]: encodes the lines of a file as told on
// standard input, for the comparison in tests/bench/encoder_bench. Each input line is a batch
// size (0: everything in one call); each output line is a JSON object with the sentences, tokens,
// CPU seconds of the process and wall seconds of one pass over the file.
#include <ctime>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/encoder.h"

namespace {

using vecnest::embedder::Encoder;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// One pass in batches; returns the tokens read.
size_t EncodeAll(const Encoder& encoder, const std::vector<std::string_view>& texts, size_t batch) {
  size_t tokens = 0;
  for (size_t i = 0; i < texts.size(); i += batch) {
    const auto encodings = encoder.Encode(absl::MakeConstSpan(texts).subspan(i, batch), {});
    if (!encodings.ok()) {
      std::cerr << encodings.status() << "\n";
      std::exit(1);
    }
    for (const auto& encoding : *encodings) tokens += static_cast<size_t>(encoding.tokens);
  }
  return tokens;
}

}  // namespace

int main(int argc, char** argv) {
  const auto precision = vecnest::embedder::ParsePrecision(argc > 4 ? argv[4] : "f32");
  if (argc < 3 || argc > 5 || !precision) {
    std::cerr << "usage: encoder_driver_bench MODEL_DIRECTORY TEXTS [THREADS [f32|bf16|int8]]\n";
    return 2;
  }
  const int threads = argc > 3 ? std::atoi(argv[3]) : 1;
  const auto encoder = Encoder::Load(argv[1], {.threads = threads, .precision = *precision});
  if (!encoder.ok()) {
    std::cerr << encoder.status() << "\n";
    return 1;
  }
  std::ifstream file(argv[2]);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  const std::vector<std::string_view> texts(lines.begin(), lines.end());
  for (size_t batch; std::cin >> batch;) {
    const double cpu = CpuSeconds();
    const auto start = std::chrono::steady_clock::now();
    const size_t tokens = EncodeAll(**encoder, texts, batch == 0 ? texts.size() : batch);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    std::cout << "{\"sentences\": " << texts.size() << ", \"tokens\": " << tokens
              << ", \"cpu_seconds\": " << CpuSeconds() - cpu
              << ", \"wall_seconds\": " << wall.count() << "}" << std::endl;
  }
  return 0;
}
