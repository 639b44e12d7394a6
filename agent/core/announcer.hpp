// When the addresses of a VIP are announced: at once, again soon after (a switch or a neighbour may
// have missed it), then refreshed slowly for as long as they are held. Never after the release.
#pragma once

#include <array>
#include <optional>

#include "base/state_fields.hpp"
#include "base/time.hpp"

namespace understudy::core {

class Announcer {
public:
    // The waits between an announcement, its repetitions, and then its refreshes.
    static constexpr std::array<Duration, 3> repetitions = {
        std::chrono::milliseconds{200}, std::chrono::seconds{1}, std::chrono::seconds{5}};
    static constexpr Duration refresh = std::chrono::seconds{60};

    // An announcement goes out now; the repetitions begin anew.
    void start(TimePoint now) {
        done_ = 0;
        next_ = now + repetitions.front();
    }
    void stop() { next_.reset(); }

    // True: announce now.
    bool time_passed(TimePoint now) {
        if (!next_ || now < *next_) {
            return false;
        }
        ++done_;
        next_ = now + (done_ < repetitions.size() ? repetitions.at(done_) : refresh);
        return true;
    }
    // The repetitions are over: only refreshes follow.
    bool has_repeated() const { return done_ >= repetitions.size(); }
    std::optional<TimePoint> next_deadline() const { return next_; }

private:
    friend struct understudy::StateFields;

    std::size_t done_ = 0;
    std::optional<TimePoint> next_;
};

}  // namespace understudy::core
