#include "agent/host/executor.hpp"

#include "base/overloaded.hpp"

namespace understudy::host {

Executor::Executor(VrrpSockets& sockets, EventSink sink, Other other)
    : sockets_(sockets), sink_(std::move(sink)), other_(std::move(other)) {}

void Executor::execute(const core::Outbox& outbox) {
    sort(outbox);
    if (changes_.has_queued()) {
        changes_.flush(sink_);
    }
    if (sockets_.has_queued()) {
        sockets_.flush(sink_);
    }
    for (const core::Announce& announcement : announce_) {
        announcements_.queue(announcement);
    }
    announce_.clear();
    if (announcements_.has_queued()) {
        announcements_.flush();
    }
    if (renewals_.has_queued()) {
        renewals_.flush(sink_);
    }
    for (const core::Action& action : outbox.actions) {
        other_(action);
    }
}

void Executor::sort(const core::Outbox& outbox) {
    for (const core::Action& action : outbox.actions) {
        std::visit(Overloaded{
                       [&](const core::AddAddress& a) { changes_.queue(a); },
                       [&](const core::RemoveAddress& a) {
                           changes_.queue(a);
                           forget_announcement(a);
                       },
                       [&](const core::RenewAddress& a) { renewals_.queue(a); },
                       [&](const core::SendAdvert& a) { sockets_.queue(a, outbox.payload(a.payload)); },
                       [&](const core::Announce& a) { announce_.push_back(a); },
                       [](const auto&) {},
                   },
                   action);
    }
}

// What was to be announced and is then removed in the same breath is not announced.
void Executor::forget_announcement(const core::RemoveAddress& removed) {
    std::erase_if(announce_, [&](const core::Announce& announcement) {
        return announcement.interface == removed.interface &&
               announcement.address == removed.prefix.address;
    });
}

bool Executor::go_on() {
    return announcements_.has_queued() && announcements_.flush();
}

}  // namespace understudy::host
