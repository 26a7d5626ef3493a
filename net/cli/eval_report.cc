#include "net/cli/eval_report.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "fmt/format.h"
#include "net/cli/output_file.h"
#include "net/codec_evaluation.h"

namespace vecnest::cli {
namespace {

constexpr double kHundred = 100;

// What tells lines of the table and of the plot apart.
struct Series {
  std::string task;
  std::string score;
  std::string model;
  std::string_view precision;
  std::string adaptor;
  std::string_view codes;
  std::string metric;
  std::map<int, std::optional<double>> by_width = {};

  std::array<std::string_view, 7> Key() const {
    return {task, score, model, precision, adaptor, codes, metric};
  }
};

bool IsShown(const EvaluationResult& result, const std::string& score) {
  const bool retrieval = result.type == TaskType::kRetrieval;
  return score == result.scores.front().name ||
         (retrieval && (score == "recall@100" || score == "mrr@10" || score == "reranked_ndcg@10" ||
                        score == "kept@10"));
}

std::vector<Series> SeriesOf(const Evaluation& evaluation) {
  std::vector<Series> all;
  for (const EvaluationResult& result : evaluation.results) {
    for (const NamedScore& score : result.scores) {
      if (!IsShown(result, score.name)) continue;
      Series series = {result.task,
                       score.name,
                       result.model,
                       PrecisionName(result.precision),
                       result.adaptor,
                       VectorCodesName(result.codes),
                       result.metric ? net::LowerName(*result.metric) : "-"};
      auto found = std::find_if(all.begin(), all.end(),
                                [&](const Series& other) { return other.Key() == series.Key(); });
      if (found == all.end()) found = all.insert(all.end(), std::move(series));
      found->by_width[result.dimensions] = score.value;
    }
  }
  return all;
}

std::set<int> WidthsOf(const std::vector<Series>& all) {
  std::set<int> widths;
  for (const Series& series : all) {
    for (const auto& [width, score] : series.by_width) widths.insert(width);
  }
  return widths;
}

using Cells = std::vector<std::string>;

std::string AlignedLines(const std::vector<Cells>& lines, size_t left_aligned) {
  std::vector<size_t> widths(lines.front().size());
  for (const Cells& cells : lines) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const Cells& cells : lines) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += i < left_aligned ? fmt::format("{:<{}}  ", cells[i], widths[i])
                               : fmt::format("{:>{}}  ", cells[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

// gnuplot takes everything between single quotes as it is, but for the quote itself.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') {
      quoted += ' ';
    } else {
      quoted += c == '\'' ? "''" : std::string(1, c);
    }
  }
  return quoted + "'";
}

// The parts of a line's name that differ between the lines.
std::string Legend(const Series& series, const std::vector<Series>& all) {
  std::string legend = series.model;
  const auto key = series.Key();
  for (size_t part = 3; part < key.size(); ++part) {
    const bool differs = std::any_of(all.begin(), all.end(), [&](const Series& other) {
      return other.task == series.task && other.Key()[part] != key[part];
    });
    if (differs) legend += fmt::format(" {}", key[part]);
  }
  return legend;
}

std::vector<std::pair<std::string, std::vector<Series>>> PanelsOf(const Evaluation& evaluation) {
  std::vector<std::pair<std::string, std::vector<Series>>> panels;
  for (Series& series : SeriesOf(evaluation)) {
    if (panels.empty() || panels.back().first != series.task) panels.push_back({series.task, {}});
    // Of a task's scores the first is the main one.
    std::vector<Series>& lines = panels.back().second;
    if (lines.empty() || lines.front().score == series.score) lines.push_back(std::move(series));
  }
  return panels;
}

std::string PlotScript(const Evaluation& evaluation, const std::string& path) {
  constexpr int kWidth = 1000;
  constexpr int kPanelHeight = 420;
  const auto panels = PanelsOf(evaluation);
  std::string script =
      fmt::format("set terminal pngcairo noenhanced size {},{}\nset output {}\n", kWidth,
                  kPanelHeight * static_cast<int>(panels.size()), Quoted(path));
  std::string plots;
  std::set<int> widths;
  size_t block = 0;
  for (const auto& [task, lines] : panels) {
    plots += fmt::format("set title {}\nset ylabel {}\n", Quoted(task),
                         Quoted(lines.front().score + " x 100"));
    std::string curves;
    for (const Series& series : lines) {
      script += fmt::format("$scores{} << END\n", block);
      for (const auto& [width, score] : series.by_width) {
        if (score) script += fmt::format("{} {}\n", width, *score * kHundred);
      }
      script += "END\n";
      curves += fmt::format("{}$scores{} with linespoints linewidth 2 title {}",
                            curves.empty() ? "" : ", ", block++, Quoted(Legend(series, lines)));
    }
    for (const int width : WidthsOf(lines)) widths.insert(width);
    plots += fmt::format("plot {}\n", curves);
  }
  script += fmt::format(
      "set logscale x 2\nset xtics ({})\nset xrange [{}:{}]\nset offsets 0, 0, graph 0.05, graph "
      "0.05\nset grid\nset xlabel 'dimensions'\nset key outside right top\nset multiplot layout "
      "{},1\n",
      fmt::join(widths, ", "), *widths.begin() / 1.1, *widths.rbegin() * 1.1, panels.size());
  return script + plots + "unset multiplot\n";
}

// Runs gnuplot and waits for it; what it prints to standard output, if anything, is dropped. The
// exit status, or what errno says when it cannot be run.
absl::StatusOr<int> RunGnuplot(std::vector<std::string> words) {
  words.insert(words.begin(), "gnuplot");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  // Ctrl-C ends it as it ends any program.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup destroy_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, words.front().c_str(), &actions, &attributes, arguments.data(), environ);
  if (error == ENOENT) {
    return absl::NotFoundError(
        "--plot needs gnuplot, which is not installed; `apt-get install gnuplot-nox` gets it");
  }
  if (error != 0) return absl::InternalError(fmt::format("gnuplot: {}", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return absl::InternalError(fmt::format("gnuplot: {}", strerror(errno)));
  }
  return status;
}

}  // namespace

std::string EvaluationTable(const Evaluation& evaluation) {
  const std::vector<Series> all = SeriesOf(evaluation);
  const std::set<int> widths = WidthsOf(all);
  const bool adapted = std::any_of(all.begin(), all.end(), [](const Series& series) {
    return series.adaptor != AdaptMethodName(AdaptMethod::kNone);
  });
  constexpr ptrdiff_t kAdaptorColumn = 4;
  const auto without_column = [&](Cells cells) {
    if (!adapted) cells.erase(cells.begin() + kAdaptorColumn);
    return cells;
  };
  Cells header =
      without_column({"task", "score", "model", "precision", "adaptor", "codes", "metric"});
  const size_t names = header.size();
  for (const int width : widths) header.push_back(fmt::format("{}", width));
  std::vector<Cells> lines = {std::move(header)};
  for (const Series& series : all) {
    const auto key = series.Key();
    Cells cells = without_column(Cells(key.begin(), key.end()));
    for (const int width : widths) {
      const auto found = series.by_width.find(width);
      const bool known = found != series.by_width.end() && found->second.has_value();
      cells.push_back(known ? fmt::format("{:.2f}", *found->second * kHundred) : "-");
    }
    lines.push_back(std::move(cells));
  }
  return AlignedLines(lines, names);
}

absl::Status CheckGnuplot() { return RunGnuplot({"--version"}).status(); }

absl::Status PlotEvaluation(const Evaluation& evaluation, const std::string& path) {
  const auto replaced = ReplacedFile(path);
  if (!replaced.ok()) return replaced.status();
  const std::string part = *replaced + ".part";
  const std::string script = *replaced + ".gnuplot";
  const absl::Cleanup remove = [&] {
    unlink(script.c_str());
    unlink(part.c_str());  // renamed when all went well
  };
  std::ofstream file(script, std::ios::trunc);
  file << PlotScript(evaluation, part);
  file.close();
  if (!file) return absl::InternalError(fmt::format("writing {} failed", script));
  const auto status = RunGnuplot({"--default-settings", script});
  if (!status.ok()) return status.status();
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return absl::InternalError(fmt::format("gnuplot could not draw {}", path));
  }
  if (std::rename(part.c_str(), replaced->c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(fmt::format("{}: {}", path, std::strerror(errno)));
}

}  // namespace vecnest::cli
