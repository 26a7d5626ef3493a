#include "engine/payload_index/selection.h"

namespace vecnest::engine {

void And(Selection& selection, const Selection& other) {
  selection.certain &= other.certain;
  selection.possible &= other.possible;
}

void Or(Selection& selection, const Selection& other) {
  selection.certain |= other.certain;
  selection.possible |= other.possible;
}

Selection Not(const Selection& selection, const Roaring& live) {
  return {live - selection.possible, live - selection.certain};
}

Selection AtLeast(const std::vector<Selection>& selections, size_t count) {
  if (count > selections.size()) return {};
  std::vector<Selection> reached(count);  // [i]: in at least i + 1 of those seen so far
  for (const Selection& selection : selections) {
    for (size_t i = count - 1; i > 0; --i) {
      Selection once_more = reached[i - 1];
      And(once_more, selection);
      Or(reached[i], once_more);
    }
    Or(reached[0], selection);
  }
  return std::move(reached.back());
}

}  // namespace vecnest::engine
