#include "agent/host/questions.hpp"

#include <algorithm>
#include <iterator>

namespace understudy::host {

void Questions::add(core::ClientId client, const control::Request& question) {
    std::string line = control::to_json(question);
    auto same = std::ranges::find(waiting_, line, &Question::line);
    if (same == waiting_.end()) {
        waiting_.push_back({std::move(line), question, {}});
        same = std::prev(waiting_.end());
    }
    same->clients.push_back(client);
}

const control::Request* Questions::next(TimePoint now) {
    const bool rested = !began_ || now >= *began_ + spacing;
    if (round_.empty() && rested && !waiting_.empty()) {
        round_.swap(waiting_);
        began_ = now;
    }
    return round_.empty() ? nullptr : &round_.front().request;
}

std::optional<TimePoint> Questions::next_round_at() const {
    if (waiting_.empty() || !began_) {
        return std::nullopt;
    }
    return *began_ + spacing;
}

Questions::Answer Questions::answer(const control::Response& response, control::BootOrigin origin) {
    Question question = std::move(round_.front());
    round_.pop_front();
    return {std::move(question.clients),
            std::make_shared<const std::string>(control::to_json(response, origin))};
}

}  // namespace understudy::host
