// How `vecnest eval` shows what it found: a table, and a plot of scores against widths.
#ifndef VECNEST_NET_CLI_EVAL_REPORT_H_
#define VECNEST_NET_CLI_EVAL_REPORT_H_

#include <string>

#include "absl/status/status.h"
#include "vecnest/evaluation.h"

namespace vecnest::cli {

// A line per task, score, model, precision, codes and metric, a column per width. Scores times 100,
// "-" where one is not defined.
std::string EvaluationTable(const Evaluation& evaluation);

// NotFound, saying what to install, when there is no gnuplot to run.
absl::Status CheckGnuplot();

// Writes a PNG with a panel per task: its main score against the width, a line per model,
// precision, codes and metric. gnuplot draws it, run without a shell. The file is there whole or
// not at all. Errors: gnuplot's, which it prints itself.
absl::Status PlotEvaluation(const Evaluation& evaluation, const std::string& path);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_EVAL_REPORT_H_
