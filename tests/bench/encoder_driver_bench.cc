// encoder_driver_bench MODEL_DIRECTORY TEXTS [THREADS [f32|bf16|int8]]: does what it is told on
// standard input, for the comparison in tests/bench/encoder_bench. Each output line is a JSON
// object. Input lines:
//   texts BATCH            one pass over the lines of the file, from text to vector
//   fixed LENGTH TOKENS    sequences of LENGTH tokens, in calls of at least TOKENS, for a while
//   lone TOKENS COUNT      COUNT calls with one sequence each: latencies
//   tokenize PASSES        the lines of the file to ids only
//   peak                   what one core can do at this precision
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/encoder.h"
#include "tests/bench/machine_peak.h"
#include "tests/bench/spent.h"

namespace {

using vecnest::embedder::Encoder;
using vecnest::embedder::TokenBatch;

constexpr double kFixedSeconds = 1.0;

class Timer {
 public:
  double Wall() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  double Cpu() const { return vecnest::CpuSeconds() - cpu_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double cpu_ = vecnest::CpuSeconds();
};

void Report(size_t sequences, size_t tokens, const Timer& timer) {
  std::cout << "{\"sentences\": " << sequences << ", \"tokens\": " << tokens
            << ", \"cpu_seconds\": " << timer.Cpu() << ", \"wall_seconds\": " << timer.Wall() << "}"
            << std::endl;
}

template <typename Result>
const Result& Must(const absl::StatusOr<Result>& result) {
  if (result.ok()) return *result;
  std::cerr << result.status() << "\n";
  std::exit(1);
}

void EncodeTexts(const Encoder& encoder, const std::vector<std::string_view>& texts, size_t batch) {
  const Timer timer;
  size_t tokens = 0;
  for (size_t i = 0; i < texts.size(); i += batch) {
    const auto encodings = encoder.Encode(absl::MakeConstSpan(texts).subspan(i, batch), {});
    for (const auto& encoding : Must(encodings)) tokens += static_cast<size_t>(encoding.tokens);
  }
  Report(texts.size(), tokens, timer);
}

void Tokenize(const Encoder& encoder, const std::vector<std::string_view>& texts, size_t passes) {
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  const Timer timer;
  for (size_t i = 0; i < passes; ++i) Must(encoder.Tokenize(texts, {}));
  std::cout << "{\"megabytes_per_cpu_second\": "
            << 1e-6 * static_cast<double>(bytes * passes) / timer.Cpu() << "}" << std::endl;
}

// Word pieces of the middle of the vocabulary.
TokenBatch Sequences(size_t length, size_t count) {
  TokenBatch batch;
  for (size_t i = 0; i < count; ++i) {
    for (size_t t = 0; t < length; ++t) {
      batch.ids.push_back(static_cast<int32_t>(2000 + (i * 131 + t * 17) % 20'000));
    }
    batch.offsets.push_back(batch.ids.size());
  }
  return batch;
}

void EncodeFixed(const Encoder& encoder, size_t length, size_t tokens) {
  const TokenBatch batch = Sequences(length, (tokens + length - 1) / length);
  Must(encoder.EncodeTokens(batch, {}));
  const Timer timer;
  size_t calls = 0;
  for (; timer.Wall() < kFixedSeconds; ++calls) Must(encoder.EncodeTokens(batch, {}));
  Report(calls * batch.size(), calls * batch.ids.size(), timer);
}

void EncodeLone(const Encoder& encoder, size_t length, size_t count) {
  const TokenBatch batch = Sequences(length, 1);
  std::vector<double> milliseconds;
  for (size_t i = 0; i < count; ++i) {
    const Timer timer;
    Must(encoder.EncodeTokens(batch, {}));
    milliseconds.push_back(timer.Wall() * 1e3);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::cout << "{\"p50_ms\": " << milliseconds[count / 2]
            << ", \"p99_ms\": " << milliseconds[count * 99 / 100]
            << ", \"best_ms\": " << milliseconds[0] << "}" << std::endl;
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
  Must(encoder);
  std::ifstream file(argv[2]);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  const std::vector<std::string_view> texts(lines.begin(), lines.end());
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    size_t first = 0, second = 0;
    words >> command >> first >> second;
    if (command == "texts") {
      EncodeTexts(**encoder, texts, first == 0 ? texts.size() : first);
    } else if (command == "fixed" && first > 0) {
      EncodeFixed(**encoder, first, second);
    } else if (command == "lone" && first > 0 && second > 0) {
      EncodeLone(**encoder, first, second);
    } else if (command == "tokenize" && first > 0) {
      Tokenize(**encoder, texts, first);
    } else if (command == "peak") {
      std::cout << "{\"gflops\": " << vecnest::bench::PeakGigaOperations(*precision) << "}"
                << std::endl;
    } else {
      std::cerr << "not a command: " << line << "\n";
      return 2;
    }
  }
  return 0;
}
