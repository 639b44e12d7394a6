// The hands: carries out what the Node wants done.
//
// The order of the Node's actions is kept where it means something. Addresses take their time to
// change (agent/host/kernel_worker.hpp), and what depends on a change waits for it: an announcement
// of an address until it is there, what is answered and told until all of its outbox is done, and
// of the advertisements those that say so (vrrp::After). Heartbeats wait for nothing. Renewals of
// lifetimes come last: they hurry nobody.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/host/address_changes.hpp"
#include "agent/host/announcement.hpp"
#include "agent/host/announcement_queue.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/held_adverts.hpp"
#include "agent/host/kernel_worker.hpp"
#include "agent/host/renewals.hpp"
#include "agent/host/seen_links.hpp"
#include "agent/host/vrrp_socket.hpp"

namespace understudy::host {

class Executor {
public:
    // Who is told of what. All of them are called on the loop.
    struct Listeners {
        EventSink events;
        // What is not a matter of the kernel: listeners, answers, lines, the end.
        std::function<void(std::span<const core::Action>)> others;
        // Before anything that was decided long ago is told: this process may have been stopped
        // since (SIGSTOP, a machine that was moved), and what has come meanwhile counts first.
        std::function<void()> catch_up;
        // What leaves now.
        std::function<void(const core::SendAdvert&, std::span<const std::byte> payload)> advertised;
        std::function<void(std::span<const core::Announce>)> announced;
        // What it does from now on, for the TurnMeter.
        std::function<void(const char*)> step;
    };

    // `frames`: see AnnouncementSender.
    Executor(VrrpSockets& sockets, int frames, KernelWorker& worker, Listeners listeners);
    // Stops the worker.
    ~Executor();
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    void observe(const core::Event& event) { links_.observe(event); }
    const SeenLinks& links() const { return links_; }
    void execute(const core::Outbox& outbox);
    // What had to wait for its time; announcements beyond what one round takes. True: call again
    // soon.
    bool go_on();
    std::optional<TimePoint> next_deadline() const;

private:
    using Key = std::pair<core::InterfaceIndex, IpPrefix>;
    using BatchId = std::uint64_t;
    using Change = std::variant<core::AddAddress, core::RemoveAddress>;
    struct Batch {
        BatchId id = 0;
        TimePoint decided{};
        std::vector<core::Action> then;
    };
    struct UnderWay {
        bool adds = false;  // removes
        BatchId batch = 0;
    };

    void collect_changes(const core::Outbox& outbox, std::vector<Change>& changes);
    void submit(TimePoint now, std::vector<Change> changes);
    KernelWorker::Done change(const std::vector<Change>& changes, BatchId batch);
    void queue(const core::SendAdvert& advert, std::span<const std::byte> payload);
    void completed(BatchId batch, const std::vector<core::Event>& refusals);
    void sort(TimePoint now, const core::Outbox& outbox, bool changes_addresses);
    BatchId batch_of(const core::Announce& announcement) const;
    void send(TimePoint now, const core::SendAdvert& advert, std::span<const std::byte> payload);
    void flush_adverts(TimePoint now);
    void announce(TimePoint now);
    bool renew_some();

    VrrpSockets& sockets_;
    KernelWorker& worker_;
    Listeners listeners_;
    SeenLinks links_;
    AnnouncementSender sender_;
    AnnouncementQueue announcements_;
    HeldAdverts held_adverts_;

    BatchId last_batch_ = 0;
    std::deque<Batch> batches_;              // that are not done
    std::map<Key, UnderWay> changing_;       // the last change of each address that is not done
    std::vector<core::Action> others_now_;   // reused
    std::vector<core::RenewAddress> renew_;  // reused
    Renewals renewals_;

    // Of the worker's thread.
    AddressChanges changes_;
    std::size_t portion_ = 0;  // of renewals
};

}  // namespace understudy::host
