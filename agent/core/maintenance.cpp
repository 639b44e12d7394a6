// Maintenance: every VIP of the node yields, until it is ended or its time is over.
#include "agent/core/node_impl.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

void Node::Impl::set_maintenance(TimePoint now, bool on, std::optional<TimePoint> until,
                                 Outbox& out) {
    maintenance_ = on;
    maintenance_until_ = until;
    out.actions.emplace_back(KeepMaintenance{on, until});
    if (stopping_) {
        return;  // everything is given away already; the next agent is told
    }
    for (Vip& vip : vips_) {
        vip.set_maintenance(now, on, around(out));
    }
}

void Node::Impl::answer(TimePoint now, ClientId client, const control::MaintenanceRequest& request,
                        Outbox& out) {
    const bool was_on = maintenance_;
    std::vector<std::size_t> active;
    Duration drain{};
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        if (vips_[i].is_active()) {
            active.push_back(i);
            drain = std::max(drain, vips_[i].drain_time(now));
        }
    }
    const auto until = request.expiry ? std::optional{now + *request.expiry} : std::nullopt;
    set_maintenance(now, request.on, until, out);
    if (!request.on) {
        std::erase_if(waiting_, [&](const Waiting& waiting) {
            if (waiting.maintenance) {
                out.actions.emplace_back(
                    Reply{waiting.client,
                          control::ErrorResponse{"maintenance was ended meanwhile", false}});
            }
            return waiting.maintenance;
        });
        out.actions.emplace_back(
            Reply{client, control::DoneResponse{was_on ? "maintenance is over: normal election"
                                                       : "this node was not in maintenance"}});
        return;
    }
    log(out, LogLevel::info,
        "maintenance begins" + (request.expiry ? ", for " + in_words(*request.expiry) : ""));
    if (active.empty()) {
        out.actions.emplace_back(
            Reply{client, control::DoneResponse{"maintenance is on; no VIP is active here"}});
        return;
    }
    waiting_.push_back(
        {client, std::move(active), now + drain + request.timeout, request.timeout, true});
}

void Node::Impl::end_maintenance_if_due(TimePoint now, Outbox& out) {
    if (maintenance_until_ && now >= *maintenance_until_) {
        log(out, LogLevel::info, "maintenance is over: its time has passed");
        set_maintenance(now, false, std::nullopt, out);
    }
}

}  // namespace understudy::core
