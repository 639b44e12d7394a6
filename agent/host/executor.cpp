#include "agent/host/executor.hpp"

#include <algorithm>
#include <utility>

#include "agent/host/boot_clock.hpp"
#include "base/overloaded.hpp"

namespace understudy::host {

namespace {

// Between a decision and what follows from it. A process that was stopped for longer (SIGSTOP, a
// machine that was moved) may no longer hold what it would announce.
constexpr Duration longest_execution = std::chrono::milliseconds{100};

// Renewals in one message to the kernel; one by one where somebody else keeps the kernel busy, so
// that a claim does not have to wait for all of them.
constexpr std::size_t portion_of_renewals = 16;
constexpr Duration slow_portion = std::chrono::milliseconds{5};

// What does not say or rely on anything about addresses.
bool waits_for_nothing(const core::Action& action) {
    return std::holds_alternative<core::Log>(action) ||
           std::holds_alternative<core::RunCheck>(action) ||
           std::holds_alternative<core::RestartProber>(action) ||
           std::holds_alternative<core::KeepMaintenance>(action);
}

// What an advertisement, or anything else that still waits, needs or must not outlive.
bool ends_something(const core::Action& action) {
    return std::holds_alternative<core::OpenListener>(action) ||
           std::holds_alternative<core::CloseListener>(action) ||
           std::holds_alternative<core::Exit>(action);
}

bool is_carried_out_here(const core::Action& action) {
    return std::holds_alternative<core::SendAdvert>(action) ||
           std::holds_alternative<core::Announce>(action) ||
           std::holds_alternative<core::AddAddress>(action) ||
           std::holds_alternative<core::RenewAddress>(action) ||
           std::holds_alternative<core::RemoveAddress>(action);
}

}  // namespace

Executor::Executor(VrrpSockets& sockets, int frames, KernelWorker& worker, Listeners listeners)
    : sockets_(sockets),
      worker_(worker),
      listeners_(std::move(listeners)),
      sender_(frames),
      portion_(portion_of_renewals) {
    worker_.in_the_background([this] { return renew_some(); });
}

Executor::~Executor() {
    worker_.stop();
}

void Executor::execute(const core::Outbox& outbox) {
    const TimePoint begun = boot_now();
    std::vector<Change> changes;
    collect_changes(outbox, changes);
    const bool changes_addresses = !changes.empty();
    if (changes_addresses) {
        submit(begun, std::move(changes));
    }
    sort(begun, outbox, changes_addresses);
    flush_adverts(begun);
    if (boot_now() - begun > longest_execution) {
        announcements_.forget_since(begun);
    }
    announce(begun);
    if (!renew_.empty()) {
        renewals_.ask(renew_);
        renew_.clear();
        worker_.go_on();
    }
    if (!others_now_.empty()) {
        listeners_.others(std::exchange(others_now_, {}));
    }
}

// --- addresses -----------------------------------------------------------------------------------

// The Node asks again for what takes long: once is enough.
void Executor::collect_changes(const core::Outbox& outbox, std::vector<Change>& changes) {
    const auto collect = [&](const auto& action, bool adds) {
        const Key key{action.interface, action.prefix};
        const auto known = changing_.find(key);
        if (known == changing_.end() || known->second.adds != adds) {
            changing_[key] = {adds, last_batch_ + 1};
            changes.emplace_back(action);
        }
    };
    for (const core::Action& action : outbox.actions) {
        if (const auto* added = std::get_if<core::AddAddress>(&action)) {
            collect(*added, true);
        } else if (const auto* removed = std::get_if<core::RemoveAddress>(&action)) {
            renewals_.forget(*removed);
            collect(*removed, false);
        }
    }
}

void Executor::submit(TimePoint now, std::vector<Change> changes) {
    batches_.push_back({++last_batch_, now, {}});
    worker_.run([this, changes = std::move(changes), batch = last_batch_] {
        return change(changes, batch);
    });
}

// In the worker's thread.
KernelWorker::Done Executor::change(const std::vector<Change>& changes, BatchId batch) {
    for (const Change& one : changes) {
        std::visit([&](const auto& action) { changes_.queue(action); }, one);
    }
    std::vector<core::Event> refusals;
    changes_.flush([&](const core::Event& event) { refusals.push_back(event); });
    return [this, batch, refusals = std::move(refusals)] { completed(batch, refusals); };
}

void Executor::completed(BatchId batch, const std::vector<core::Event>& refusals) {
    const Batch done = std::move(batches_.front());
    batches_.pop_front();
    bool claims = false;
    std::erase_if(changing_, [&](const auto& change) {
        claims = claims || (change.second.batch == batch && change.second.adds);
        return change.second.batch == batch;
    });
    if (boot_now() - done.decided > longest_execution) {
        listeners_.catch_up();
    }
    // What the Node does about them comes before what would be told.
    for (const core::Event& refusal : refusals) {
        listeners_.events(refusal);
    }
    const TimePoint now = boot_now();
    held_adverts_.done(now, batch, claims);
    flush_adverts(now);
    announcements_.done(now, batch);
    announce(now);
    if (!done.then.empty()) {
        listeners_.others(done.then);
    }
}

// In the worker's thread.
bool Executor::renew_some() {
    for (const core::RenewAddress& renewal : renewals_.take(portion_)) {
        changes_.queue(renewal);
    }
    const TimePoint begun = boot_now();
    changes_.flush([](const core::Event&) {});
    portion_ = boot_now() - begun > slow_portion ? 1 : portion_of_renewals;
    return renewals_.has_more();
}

// --- what is said --------------------------------------------------------------------------------

void Executor::sort(TimePoint now, const core::Outbox& outbox, bool changes_addresses) {
    for (const core::Action& action : outbox.actions) {
        if (const auto* advert = std::get_if<core::SendAdvert>(&action)) {
            send(now, *advert, outbox.payload(advert->payload));
        } else if (const auto* announcement = std::get_if<core::Announce>(&action)) {
            announcements_.add(now, *announcement, batch_of(*announcement));
        } else if (const auto* removed = std::get_if<core::RemoveAddress>(&action)) {
            announcements_.forget(*removed);
        } else if (const auto* renewal = std::get_if<core::RenewAddress>(&action)) {
            // Renewed after its removal, the address would be there again.
            const auto change = changing_.find({renewal->interface, renewal->prefix});
            if (change == changing_.end() || change->second.adds) {
                renew_.push_back(*renewal);
            }
        } else if (!is_carried_out_here(action)) {
            const bool waits = !waits_for_nothing(action) &&
                               (changes_addresses || (ends_something(action) && !batches_.empty()));
            (waits ? batches_.back().then : others_now_).push_back(action);
        }
    }
}

// Of the addition that is under way, if there is one.
Executor::BatchId Executor::batch_of(const core::Announce& announcement) const {
    BatchId batch = 0;
    const Key first{announcement.interface, {announcement.address, 0}};
    for (auto change = changing_.lower_bound(first);
         change != changing_.end() && change->first.first == announcement.interface &&
         change->first.second.address == announcement.address;
         ++change) {
        batch = std::max(batch, change->second.adds ? change->second.batch : 0);
    }
    return batch;
}

void Executor::send(TimePoint now, const core::SendAdvert& advert,
                    std::span<const std::byte> payload) {
    const BatchId batch = batches_.empty() ? 0 : batches_.back().id;
    if (!held_adverts_.hold(now, advert, payload, batch)) {
        queue(advert, payload);
    }
}

void Executor::queue(const core::SendAdvert& advert, std::span<const std::byte> payload) {
    listeners_.advertised(advert, payload);
    sockets_.queue(advert, payload);
}

void Executor::flush_adverts(TimePoint now) {
    held_adverts_.release(now, [&](const core::SendAdvert& advert,
                                   std::span<const std::byte> payload) { queue(advert, payload); });
    if (sockets_.has_queued()) {
        listeners_.step("sending advertisements");
        sockets_.flush(listeners_.events);
    }
}

void Executor::announce(TimePoint now) {
    const auto turn = announcements_.take(now, AnnouncementSender::most_at_once);
    if (!turn.empty()) {
        listeners_.step("announcing addresses");
        listeners_.announced(turn);
        sender_.send(turn, links_);
    }
}

bool Executor::go_on() {
    const TimePoint now = boot_now();
    flush_adverts(now);
    announce(now);
    const auto next = announcements_.next();
    return next && *next <= now;
}

std::optional<TimePoint> Executor::next_deadline() const {
    const auto announcement = announcements_.next();
    const auto advert = held_adverts_.next_deadline();
    return announcement && advert ? std::min(announcement, advert)
                                  : (announcement ? announcement : advert);
}

}  // namespace understudy::host
