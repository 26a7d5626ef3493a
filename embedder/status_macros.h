// Early return for absl::Status and absl::StatusOr inside embedder/.
#ifndef VECNEST_EMBEDDER_STATUS_MACROS_H_
#define VECNEST_EMBEDDER_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define VECNEST_STATUS_CONCAT_(a, b) a##b
#define VECNEST_STATUS_NAME_(line) VECNEST_STATUS_CONCAT_(status_or_, line)

// Returns the status of `expression` from the calling function unless it is OK.
#define VECNEST_RETURN_IF_ERROR(expression)          \
  do {                                               \
    absl::Status status_of_call = (expression);      \
    if (!status_of_call.ok()) return status_of_call; \
  } while (false)

// Assigns the value of a StatusOr to `target`, which may be a declaration, or returns its status.
#define VECNEST_ASSIGN_OR_RETURN(target, ...)                                               \
  auto VECNEST_STATUS_NAME_(__LINE__) = (__VA_ARGS__);                                      \
  if (!VECNEST_STATUS_NAME_(__LINE__).ok()) return VECNEST_STATUS_NAME_(__LINE__).status(); \
  target = *std::move(VECNEST_STATUS_NAME_(__LINE__))

#endif  // VECNEST_EMBEDDER_STATUS_MACROS_H_
