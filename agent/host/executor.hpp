// The hands: carries out what the Node wants done.
//
// The order of the Node's actions is kept where it means something, which is between actions about
// the same address or VIP: addresses change before anything is said about them. So one outbox is
// carried out in three passes, each a batch of system calls: address changes, advertisements,
// announcements. Renewals of lifetimes come last: they hurry nobody.
#pragma once

#include <functional>
#include <vector>

#include "agent/core/action.hpp"
#include "agent/host/address_changes.hpp"
#include "agent/host/announcement.hpp"
#include "agent/host/event_sink.hpp"
#include "agent/host/quiet_flush.hpp"
#include "agent/host/vrrp_socket.hpp"

namespace understudy::host {

class Executor {
public:
    // What is not a matter of the kernel: listeners, answers, lines, the end.
    using Other = std::function<void(const core::Action&)>;

    // `frames`: see AnnouncementSender.
    Executor(VrrpSockets& sockets, int frames, EventSink sink, Other other);

    void execute(const core::Outbox& outbox);
    // Announcements and renewals beyond what one round takes. True: call again soon.
    bool go_on();

private:
    void sort(const core::Outbox& outbox);
    void announce();
    void renew();
    void forget_announcement(const core::RemoveAddress& removed);
    void forget_renewal(const core::RemoveAddress& removed);

    VrrpSockets& sockets_;
    EventSink sink_;
    Other other_;
    AddressChanges changes_;
    AnnouncementSender announcements_;
    QuietFlush quiet_;
    bool claims_ = false;                    // the present outbox adds an address
    std::vector<core::Announce> announce_;   // still to be sent, also from former outboxes
    std::vector<core::RenewAddress> renew_;  // at the end of the round
};

}  // namespace understudy::host
