// The command line: vecnest serve | embed | import | search | adapt | mine-negatives | eval |
// geometry | inspect | verify | models.

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/cli/progress.h"

namespace {

// What is wrong in one line, and where the options are: a whole page of them would hide it.
std::string DescribeFailure(const CLI::App* app, const CLI::Error& error) {
  std::string command = "vecnest";
  for (auto named = app->get_subcommands(); !named.empty(); named = app->get_subcommands()) {
    app = named.front();
    command += " " + app->get_name();
  }
  std::string what = error.what();
  // A command or option that is spelled wrongly is first of all missed.
  const std::vector<std::string> unknown = app->remaining();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !unknown.empty()) {
    what += fmt::format("; not expected: {}", fmt::join(unknown, " "));
  }
  return fmt::format("vecnest: {}\nRun `{} --help` for the options\n", what, command);
}

}  // namespace

int main(int argc, char** argv) {
#ifdef NDEBUG
  // Distributions build Abseil so that each lock looks for deadlocks, under one lock for all: 39 ns
  // instead of 11, and threads that wait for each other. Debug builds keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  vecnest::cli::TakeSignals();
  // Standard output belongs to the commands' results.
  vecnest::cli::LogAboveProgress();
  CLI::App app("Vecnest: a vector database that understands text by itself");
  app.set_version_flag("--version", std::string(vecnest::Version()));
  app.require_subcommand(1);
  app.failure_message(DescribeFailure);
  vecnest::cli::Command command;
  vecnest::cli::AddServe(app, command);
  vecnest::cli::AddEmbed(app, command);
  vecnest::cli::AddImport(app, command);
  vecnest::cli::AddSearch(app, command);
  vecnest::cli::AddAdapt(app, command);
  vecnest::cli::AddMineNegatives(app, command);
  vecnest::cli::AddEval(app, command);
  vecnest::cli::AddGeometry(app, command);
  vecnest::cli::AddInspect(app, command);
  vecnest::cli::AddVerify(app, command);
  vecnest::cli::AddModels(app, command);
  CLI11_PARSE(app, argc, argv);
  absl::Status status;
  try {
    status = command();
  } catch (const std::exception& error) {  // a server that answers with something else, no memory
    status = absl::InternalError(error.what());
  }
  if (status.ok()) return 0;
  fmt::print(stderr, "vecnest: {}\n", std::string(status.message()));
  // As a shell says it of a program that Ctrl-C ended.
  constexpr int kInterrupted = 130;
  return status.code() == absl::StatusCode::kCancelled ? kInterrupted : 1;
}
