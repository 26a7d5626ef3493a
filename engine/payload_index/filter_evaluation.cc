#include "engine/payload_index/filter_evaluation.h"

#include <algorithm>
#include <utility>

namespace vecnest::engine {
namespace {

// Looking at one payload takes as long as putting so many points into a bitmap.
constexpr size_t kPointsPerPayload = 500;

using Steps = std::vector<PayloadPath::Step>;

// Below nested conditions `prefix_` is the path of the objects, and a selection means: certainly
// every object, possibly one of the objects of the point.
class Evaluator {
 public:
  Evaluator(const EvaluationContext& context, FilterEvaluation& evaluation)
      : context_(context), evaluation_(evaluation) {}

  Selection Evaluate(const Filter& filter) {
    Selection selection = Must(filter.must);
    if (!filter.should.empty()) {
      Selection any;
      for (const Condition& condition : filter.should) Or(any, Evaluate(condition));
      And(selection, any);
    }
    for (const Condition& condition : filter.must_not) {
      if (selection.possible.isEmpty()) break;
      And(selection, Not(Evaluate(condition), context_.live));
    }
    if (filter.min_should && filter.min_should->min_count > 0) {
      std::vector<Selection> selections;
      for (const Condition& condition : filter.min_should->conditions) {
        selections.push_back(Evaluate(condition));
      }
      And(selection, AtLeast(selections, filter.min_should->min_count));
    }
    return selection;
  }

  const absl::Status& status() const { return status_; }

 private:
  Selection Unknown() const { return Selection::Unknown(context_.live); }

  // The rarest first. Where few points are left, looking at them is cheaper than another bitmap.
  Selection Must(const std::vector<Condition>& conditions) {
    std::vector<std::pair<size_t, const Condition*>> order;
    for (const Condition& condition : conditions)
      order.emplace_back(Estimate(condition), &condition);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Selection selection = Selection::Exactly(context_.live);
    for (const auto& [estimate, condition] : order) {
      const size_t left = selection.possible.cardinality();
      if (left == 0) break;
      if (estimate / kPointsPerPayload > left) {
        selection.certain = {};
      } else {
        And(selection, Evaluate(*condition));
      }
    }
    return selection;
  }

  size_t Estimate(const Condition& condition) const {
    if (const auto* field = std::get_if<FieldCondition>(&condition)) {
      const FieldIndex* index = FindIndex(field->key);
      return index == nullptr ? 0 : index->Estimate(field->test, context_.live);
    }
    if (const auto* ids = std::get_if<HasIdCondition>(&condition)) return ids->ids.size();
    return context_.live.cardinality();
  }

  const FieldIndex* FindIndex(const std::string& key) const {
    auto path = PayloadPath::Parse(key);
    if (!path.ok()) return nullptr;
    Steps steps = prefix_;
    steps.insert(steps.end(), path->steps().begin(), path->steps().end());
    const auto found =
        std::find_if(context_.fields.begin(), context_.fields.end(),
                     [&](const FieldIndex& index) { return index.path().steps() == steps; });
    return found == context_.fields.end() ? nullptr : &*found;
  }

  Selection Evaluate(const Condition& condition) {
    if (!status_.ok()) return {};
    return std::visit([this](const auto& one) { return EvaluateOne(one); }, condition);
  }

  Selection EvaluateOne(const FieldCondition& condition) {
    const FieldIndex* index = FindIndex(condition.key);
    const bool of_one_value = !std::holds_alternative<IsEmptyCondition>(condition.test) &&
                              !std::holds_alternative<ValuesCountCondition>(condition.test);
    std::optional<Selection> selection;
    if (index != nullptr && (prefix_.empty() || of_one_value)) {
      selection = index->Evaluate(condition.test, context_.live);
    }
    if (!selection) {
      evaluation_.unindexed.insert(prefix_name_ + condition.key);
      return Unknown();
    }
    evaluation_.indexed.insert(index->field());
    if (!prefix_.empty()) selection->certain = {};
    return *std::move(selection);
  }

  Selection EvaluateOne(const HasIdCondition& condition) {
    auto numbers = context_.numbers_of(condition.ids);
    if (!numbers.ok()) {
      status_ = numbers.status();
      return {};
    }
    return Selection::Exactly(*std::move(numbers));
  }

  Selection EvaluateOne(const HasVectorCondition& condition) {
    const auto slot = context_.slot_of(condition.name);
    return slot ? Selection::Exactly(context_.with_vector[*slot]) : Selection{};
  }

  Selection EvaluateOne(const NestedCondition& condition) {
    auto path = PayloadPath::Parse(condition.key);
    if (!path.ok()) {
      status_ = path.status();
      return {};
    }
    const size_t depth = prefix_.size();
    const size_t name_size = prefix_name_.size();
    prefix_.insert(prefix_.end(), path->steps().begin(), path->steps().end());
    prefix_name_ += condition.key + ".";
    Selection selection = Evaluate(*condition.filter);
    prefix_.resize(depth);
    prefix_name_.resize(name_size);
    // There may be no object at all, and each condition may hold of another one.
    selection.certain = {};
    return selection;
  }

  Selection EvaluateOne(const std::shared_ptr<const Filter>& filter) { return Evaluate(*filter); }

  const EvaluationContext& context_;
  FilterEvaluation& evaluation_;
  Steps prefix_;
  std::string prefix_name_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<FilterEvaluation> EvaluateFilter(const Filter& filter,
                                                const EvaluationContext& context) {
  FilterEvaluation evaluation;
  Evaluator evaluator(context, evaluation);
  evaluation.selection = evaluator.Evaluate(filter);
  if (!evaluator.status().ok()) return evaluator.status();
  return evaluation;
}

}  // namespace vecnest::engine
