#include "agent/host/executor.hpp"

#include <algorithm>

#include "agent/host/boot_clock.hpp"
#include "base/overloaded.hpp"

namespace understudy::host {

namespace {

constexpr std::size_t most_announcements_a_turn = 256;  // what the sender takes in one system call
// Between a decision and its announcement. A process that was stopped for longer (SIGSTOP, a
// machine that was moved) may not hold any more what it would announce; if it does, a repetition
// follows.
constexpr Duration longest_execution = std::chrono::milliseconds{100};

}  // namespace

Executor::Executor(VrrpSockets& sockets, int frames, EventSink sink, Other other)
    : sockets_(sockets), sink_(std::move(sink)), other_(std::move(other)), announcements_(frames) {}

void Executor::execute(const core::Outbox& outbox) {
    const TimePoint begun = boot_now();
    sort(outbox);
    if (changes_.has_queued()) {
        changes_.flush(sink_);
    }
    if (sockets_.has_queued()) {
        sockets_.flush(sink_);
    }
    if (claims_) {
        // Before the announcement, so that whoever asks because of it is answered.
        quiet_.flush();
        claims_ = false;
    }
    if (boot_now() - begun > longest_execution) {
        announce_.clear();
    }
    announce();
    renew();
    for (const core::Action& action : outbox.actions) {
        other_(action);
    }
}

void Executor::sort(const core::Outbox& outbox) {
    for (const core::Action& action : outbox.actions) {
        std::visit(
            Overloaded{
                [&](const core::AddAddress& a) {
                    changes_.queue(a);
                    claims_ = true;
                },
                [&](const core::RemoveAddress& a) {
                    changes_.queue(a);
                    forget_announcement(a);
                    forget_renewal(a);
                },
                [&](const core::RenewAddress& a) { renew_.push_back(a); },
                [&](const core::SendAdvert& a) { sockets_.queue(a, outbox.payload(a.payload)); },
                [&](const core::Announce& a) { announce_.push_back(a); },
                [](const auto&) {},
            },
            action);
    }
}

// The rest stays here, where it can still be forgotten.
void Executor::announce() {
    if (announce_.empty()) {
        return;
    }
    const std::size_t count = std::min(announce_.size(), most_announcements_a_turn);
    for (std::size_t i = 0; i < count; ++i) {
        announcements_.queue(announce_[i]);
    }
    announce_.erase(announce_.begin(), announce_.begin() + static_cast<std::ptrdiff_t>(count));
    announcements_.flush();
}

// Never announced after the release, also when many announcements were waiting for their turn.
void Executor::forget_announcement(const core::RemoveAddress& removed) {
    std::erase_if(announce_, [&](const core::Announce& announcement) {
        return announcement.interface == removed.interface &&
               announcement.address == removed.prefix.address;
    });
}

// Renewed after its removal, the address would be there again.
void Executor::forget_renewal(const core::RemoveAddress& removed) {
    std::erase_if(renew_, [&](const core::RenewAddress& renewal) {
        return renewal.interface == removed.interface && renewal.prefix == removed.prefix;
    });
}

void Executor::renew() {
    for (const core::RenewAddress& renewal : renew_) {
        changes_.queue(renewal);
    }
    renew_.clear();
    if (changes_.has_queued()) {
        changes_.flush(sink_);
    }
}

bool Executor::go_on() {
    announce();
    return !announce_.empty();
}

}  // namespace understudy::host
