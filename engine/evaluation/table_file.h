// Files of rows with named columns, as evaluation tasks come: TSV or JSON lines.
#ifndef VECNEST_ENGINE_EVALUATION_TABLE_FILE_H_
#define VECNEST_ENGINE_EVALUATION_TABLE_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace vecnest::engine::evaluation {

// A row's values of the columns that were asked for, in their order. `place` is where it stands,
// for errors: "dev.tsv line 7".
using RowSink =
    absl::FunctionRef<absl::Status(absl::Span<const std::string> values, const std::string& place)>;

// A file that ends in ".jsonl" has an object a line; values are strings, numbers or booleans.
// Any other is TSV: the first line names the columns, a field is all that is between two tabs,
// quotes included. Lines may end in CR LF; a line that is empty is an error, so that nothing is
// passed over in silence. Columns in `optional` may be missing from the file, or in JSON from a
// line; their values are then empty.
//
// InvalidArgument, naming file and line: not UTF-8, another number of fields than the first line
// has, a column or key that is missing (the message lists those there are), malformed JSON, no
// rows. NotFound, PermissionDenied or Internal when the file cannot be read. What `sink` returns,
// when not OK, ends the reading.
absl::Status ReadTable(const std::string& path, absl::Span<const std::string> columns,
                       absl::Span<const std::string> optional, RowSink sink);

// The columns that the first line names; none for JSON lines.
absl::StatusOr<std::vector<std::string>> ReadColumns(const std::string& path);

bool IsJsonLines(std::string_view path);

// Google's questions-words as it is: a line ": section", then lines of four words between blanks,
// and so on. Values are a, b, c, d and the section. Whether a file is one is told by its first
// line.
bool BeginsSection(std::string_view line);
absl::Status ReadQuestionsWords(const std::string& path, RowSink sink);

// A whole number or a decimal fraction, finite; InvalidArgument names `place` and `what` it is.
absl::StatusOr<double> ParseNumber(std::string_view text, std::string_view what,
                                   const std::string& place);

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_TABLE_FILE_H_
