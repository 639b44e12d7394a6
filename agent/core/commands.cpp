// What the operator asks of a Node, and the graceful stop.
#include <algorithm>

#include "agent/core/circle.hpp"
#include "agent/core/node_impl.hpp"
#include "agent/core/wording.hpp"
#include "base/version.hpp"

namespace understudy::core {

namespace {

void reply(Outbox& out, ClientId client, control::Response response) {
    out.actions.emplace_back(Reply{client, std::move(response)});
}

void fail(Outbox& out, ClientId client, std::string text) {
    reply(out, client, control::ErrorResponse{std::move(text), false});
}

}  // namespace

void Node::Impl::on(TimePoint now, const CommandReceived& event, Outbox& out) {
    std::visit([&](const auto& request) { answer(now, event.client, request, out); },
               event.request);
}

// A failover goes on without the client that asked for it: its deadline still ends it.
void Node::Impl::on(TimePoint, const ClientGone& event, Outbox&) {
    for (Waiting& waiting : waiting_) {
        if (waiting.client == event.client) {
            waiting.client = 0;
        }
    }
    for (Waiting& taking : taking_) {
        if (taking.client == event.client) {
            taking.client = 0;
        }
    }
    health_.forget(event.client);
}

std::optional<std::vector<std::size_t>> Node::Impl::select(ClientId client, const std::string& vip,
                                                           Outbox& out) const {
    std::vector<std::size_t> selected;
    std::string known;
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        const std::string& name = vips_[i].settings().name;
        known += (known.empty() ? "" : ", ") + name;
        if (vip.empty() || name == vip) {
            selected.push_back(i);
        }
    }
    if (selected.empty()) {
        fail(out, client, "there is no VIP \"" + vip + "\" here; there is: " + known);
        return std::nullopt;
    }
    return selected;
}

// --- questions -----------------------------------------------------------------------------------

void Node::Impl::answer(TimePoint now, ClientId client, const control::StatusRequest& request,
                        Outbox& out) {
    const auto selected = select(client, request.vip, out);
    if (!selected) {
        return;
    }
    control::StatusResponse status;
    status.node = configuration_->agent.name;
    status.version = program_version();
    status.uptime = now - started_;
    status.maintenance = maintenance_;
    status.maintenance_until = maintenance_until_;
    for (const std::size_t index : *selected) {
        vips_[index].settle(now, around(out));  // the reasons tell for how long
        status.vips.push_back(vips_[index].status(now));
        if (std::string circle = circle_in_words(now, index, vips_, services_, health_);
            !circle.empty()) {
            status.vips.back().hints.push_back(std::move(circle));
        }
    }
    status.checks = health_.all();
    for (std::size_t i = 0; i < discarded_.size(); ++i) {
        status.discarded.push_back(
            {std::string{vrrp::name_of(static_cast<vrrp::Discard>(i))}, discarded_.at(i)});
    }
    reply(out, client, std::move(status));
}

void Node::Impl::answer(TimePoint now, ClientId client, const control::WhyRequest& request,
                        Outbox& out) {
    const auto selected = select(client, request.vip, out);
    if (selected) {
        const std::size_t index = selected->front();
        vips_[index].settle(now, around(out));
        control::WhyResponse why = vips_[index].why(now);
        if (std::string circle = circle_in_words(now, index, vips_, services_, health_);
            !circle.empty()) {
            why.reasons.insert(why.reasons.begin() + 1, std::move(circle));
        }
        reply(out, client, std::move(why));
    }
}

void Node::Impl::answer(TimePoint, ClientId client, const control::CheckListRequest&, Outbox& out) {
    reply(out, client, control::CheckListResponse{health_.all()});
}

void Node::Impl::answer(TimePoint now, ClientId client, const control::CheckRunRequest& request,
                        Outbox& out) {
    if (const auto check = health_.find(request.name)) {
        health_.run_for(now, client, *check, out);
        return;
    }
    std::string known;
    for (const checks::CheckSettings& check : configuration_->checks) {
        known += (known.empty() ? "" : ", ") + check.name;
    }
    fail(out, client,
         "there is no check \"" + request.name + "\" here" +
             (known.empty() ? "" : "; there is: " + known));
}

void Node::Impl::answer(TimePoint, ClientId client, const control::EventsRequest&, Outbox& out) {
    control::EventsResponse response;
    response.events.assign(events_.kept().begin(), events_.kept().end());
    reply(out, client, std::move(response));
}

// The text is the business of agent/config, so the host answers this one; it does not come here.
void Node::Impl::answer(TimePoint, ClientId client, const control::ConfigShowRequest&,
                        Outbox& out) {
    fail(out, client, "the configuration is shown by the host of this node");
}

// Reading files likewise; what comes of it is a ConfigurationChanged.
void Node::Impl::answer(TimePoint, ClientId client, const control::ReloadRequest&, Outbox& out) {
    fail(out, client, "a reload is begun by the host of this node");
}

// --- failover ------------------------------------------------------------------------------------

void Node::Impl::answer(TimePoint now, ClientId client, const control::FailoverRequest& request,
                        Outbox& out) {
    const auto selected = select(client, request.vip, out);
    if (!selected) {
        return;
    }
    if (stopping_) {
        fail(out, client, "the agent is stopping: everything is being given away");
        return;
    }
    std::vector<std::size_t> active;
    std::ranges::copy_if(*selected, std::back_inserter(active),
                         [&](std::size_t i) { return vips_[i].is_active(); });
    if (active.empty() && request.vip.empty()) {
        reply(out, client, control::DoneResponse{"no VIP is active here: nothing to give away"});
        return;
    }
    if (active.empty()) {
        fail(out, client,
             request.vip + " is not active here, so it cannot be given away; " +
                 held_by(now, *selected));
        return;
    }
    Duration drain{};
    for (const std::size_t index : active) {
        drain = std::max(drain, vips_[index].drain_time(now));
        vips_[index].set_manual(now, Manual::yielding, false, around(out));
    }
    waiting_.push_back({client, std::move(active), now + drain + request.timeout, request.timeout});
}

bool Node::Impl::finish_failovers(TimePoint now, Outbox& out) {
    const std::size_t before = waiting_.size();
    for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
        const bool drains = std::ranges::any_of(
            waiting->vips, [&](std::size_t index) { return vips_[index].drains(); });
        if (waiting->drains && !drains) {
            waiting->drains = false;
            waiting->deadline = std::min(waiting->deadline, now + waiting->timeout);
        }
        std::string kept;
        bool orphaned = false;  // released, and nobody is heard to have it yet
        for (const std::size_t index : waiting->vips) {
            orphaned = orphaned || !vips_[index].active_node(now);
            if (vips_[index].is_active()) {
                kept += (kept.empty() ? "" : ", ") + vips_[index].settings().name;
            }
        }
        if ((!kept.empty() || orphaned) && now < waiting->deadline) {
            ++waiting;
            continue;
        }
        finish_failover(now, *waiting, kept, orphaned, out);
        waiting = waiting_.erase(waiting);
    }
    return waiting_.size() != before;
}

void Node::Impl::finish_failover(TimePoint now, const Waiting& waiting, const std::string& kept,
                                 bool orphaned, Outbox& out) {
    const std::string prefix = waiting.maintenance ? "maintenance is on; " : "";
    const std::string in_vain = ": no peer took over within " + in_words(waiting.timeout);
    if (kept.empty() && orphaned) {
        fail(out, waiting.client, prefix + held_by(now, waiting.vips) + in_vain);
    } else if (kept.empty()) {
        reply(out, waiting.client, control::DoneResponse{prefix + held_by(now, waiting.vips)});
    } else {
        fail(out, waiting.client,
             prefix + kept + in_vain +
                 (maintenance_ ? "; still active here, and offered to every peer that comes"
                               : "; still active here, with the normal priority again"));
    }
    for (const std::size_t index : waiting.vips) {
        const bool still_here = vips_[index].is_active() || !vips_[index].active_node(now);
        if (still_here && !stopping_ && !waiting.maintenance) {
            vips_[index].set_manual(now, Manual::none, false, around(out));
        }
    }
}

std::string Node::Impl::held_by(TimePoint now, const std::vector<std::size_t>& vips) const {
    std::string text;
    for (const std::size_t index : vips) {
        const auto active = vips_[index].active_node(now);
        text += (text.empty() ? "" : "; ") + vips_[index].settings().name + ": " +
                (active ? active->address + " is active with priority " +
                              std::to_string(active->priority)
                        : "nobody is known to be active");
    }
    return text;
}

// --- takeover and failback -----------------------------------------------------------------------

std::string Node::Impl::refusal_of_takeover(TimePoint now, const Vip& vip, bool force) const {
    using control::State;
    const std::string& name = vip.settings().name;
    if (stopping_) {
        return name + ": the agent is stopping";
    }
    if (maintenance_ && !force) {
        return name + ": this node is in maintenance; `understudy maintenance off` ends that";
    }
    const bool eligible = vip.state() == State::backup || vip.state() == State::active ||
                          vip.state() == State::promoting;
    if (!eligible && !(force && vip.can_be_forced())) {
        return name + ": this node is not eligible: " + vip.why(now).reasons.front();
    }
    const auto active = vip.active_node(now);
    if (!vip.is_active() && active && active->priority >= takeover_priority) {
        return name + ": " + active->address + " holds it with priority " +
               std::to_string(active->priority) +
               (active->priority == takeover_priority
                    ? " after a takeover; run failback there first"
                    : " as the owner of the address");
    }
    return {};
}

void Node::Impl::answer(TimePoint now, ClientId client, const control::TakeoverRequest& request,
                        Outbox& out) {
    const auto selected = select(client, request.vip, out);
    if (!selected) {
        return;
    }
    for (const std::size_t index : *selected) {
        if (std::string why = refusal_of_takeover(now, vips_[index], request.force); !why.empty()) {
            fail(out, client, std::move(why));
            return;
        }
    }
    std::string failed;
    bool waits = false;
    for (const std::size_t index : *selected) {
        Vip& vip = vips_[index];
        vip.set_manual(now, Manual::taken, request.force, around(out));
        vip.claim(now, around(out));
        waits = waits || vip.claim_waits();
        if (!vip.is_active() && !vip.claim_waits()) {
            failed = vip.settings().name + ": " + vip.why(now).reasons.front();
        }
    }
    if (!failed.empty()) {
        fail(out, client, failed);
        return;
    }
    if (waits) {
        const Duration timeout = longest_start(now, *selected);
        taking_.push_back({client, *selected, now + timeout, timeout});
        return;
    }
    reply(out, client, control::DoneResponse{held_by(now, *selected)});
}

// A node asks on_promote, and a cold one starts its service, before it takes anything away from the
// active one.
Duration Node::Impl::longest_start(TimePoint now, const std::vector<std::size_t>& vips) const {
    Duration longest{};
    Duration consent{};
    for (const std::size_t index : vips) {
        consent = std::max(consent, vips_[index].consent_time(now));
        if (const auto service = vips_[index].dependencies().service) {
            longest = std::max(longest, configuration_->services[*service].start_timeout);
        }
    }
    return longest + consent + std::chrono::seconds{1};
}

bool Node::Impl::finish_takeovers(TimePoint now, Outbox& out) {
    const auto finished = std::erase_if(taking_, [&](const Waiting& taking) {
        const auto waits = [&](std::size_t i) { return vips_[i].claim_waits(); };
        const auto failed =
            std::ranges::find_if(taking.vips, [&](std::size_t i) { return !vips_[i].is_active(); });
        if (now < taking.deadline && std::ranges::any_of(taking.vips, waits)) {
            return false;
        }
        if (failed == taking.vips.end()) {
            reply(out, taking.client, control::DoneResponse{held_by(now, taking.vips)});
        } else {
            fail(out, taking.client,
                 vips_[*failed].settings().name + ": " + vips_[*failed].why(now).reasons.front());
        }
        return true;
    });
    return finished > 0;
}

void Node::Impl::answer(TimePoint now, ClientId client, const control::FailbackRequest& request,
                        Outbox& out) {
    const auto selected = select(client, request.vip, out);
    if (!selected) {
        return;
    }
    if (stopping_) {
        fail(out, client, "the agent is stopping");
        return;
    }
    for (const std::size_t index : *selected) {
        vips_[index].forgive();
        if (const auto service = vips_[index].dependencies().service) {
            services_[*service].forgive();
        }
    }
    settle_all(now, out);  // other VIPs may have the same service
    std::string text;
    for (const std::size_t index : *selected) {
        Vip& vip = vips_[index];
        const Manual before = vip.facts().manual;
        vip.set_manual(now, Manual::none, false, around(out));
        text += (text.empty() ? "" : "; ") + vip.settings().name + ": " +
                (before == Manual::none       ? ""
                 : before == Manual::yielding ? "the failover is ended, "
                                              : "the takeover is ended, ") +
                (maintenance_             ? "maintenance goes on"
                 : before == Manual::none ? "normal election already"
                                          : "normal election again");
    }
    reply(out, client, control::DoneResponse{text});
}

// --- stop ----------------------------------------------------------------------------------------

void Node::Impl::on(TimePoint now, const StopRequested&, Outbox& out) {
    if (stopping_) {  // the second request: no more waiting
        hurries_ = true;
        std::ranges::fill(farewells_, std::nullopt);
        return;
    }
    stopping_ = true;
    farewells_.assign(vips_.size(), std::nullopt);
    const Duration limit = configuration_->agent.stop_timeout;
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        Vip& vip = vips_[i];
        vip.stopping();
        if (!vip.is_active()) {
            continue;
        }
        // Standbys are silent: a stop cannot know whether one can take over. It waits as long as a
        // willing peer needs to answer, and no longer.
        Farewell farewell;
        farewell.patience = std::min(vip.answer_time(services_), limit);
        const auto service = vip.dependencies().service;
        if (service && services_[*service].stops_first()) {
            farewell.patience += configuration_->services[*service].stop_timeout;
        }
        farewell.until = now + vip.drain_time(now) + farewell.patience;
        farewell.limit = now + vip.drain_time(now) + limit;
        farewells_[i] = farewell;
        vip.set_manual(now, Manual::yielding, false, around(out));
    }
}

// A cold peer that prepares is waited for up to the limit. When it no longer does, without having
// taken over, the next one gets the time for its answer.
bool Node::Impl::awaits_taker(TimePoint now, std::size_t vip) {
    std::optional<Farewell>& farewell = farewells_[vip];
    if (!farewell || !vips_[vip].is_active()) {
        return false;
    }
    if (farewell->drains && !vips_[vip].drains()) {
        farewell->drains = false;
        farewell->until = std::min(farewell->until, now + farewell->patience);
    }
    if (const auto prepares = vips_[vip].awaited_until(now)) {
        const TimePoint next = std::min(*prepares + farewell->patience, farewell->limit);
        farewell->until = std::max(farewell->until, next);
    }
    return now < farewell->until;
}

bool Node::Impl::finish_stop(TimePoint now, Outbox& out) {
    if (!stopping_ || exited_) {
        return false;
    }
    bool waits = false;
    bool changed = false;
    for (std::size_t i = 0; i < vips_.size(); ++i) {
        if (awaits_taker(now, i)) {
            waits = true;
            continue;
        }
        farewells_[i].reset();
        changed = changed || !vips_[i].has_ended();
        vips_[i].shut_down(now, around(out));
        waits = waits || (vips_[i].has_hooks_left() && !hurries_);
    }
    if (!waits) {
        exited_ = true;
        out.actions.emplace_back(Exit{});
    }
    return changed;
}

bool Node::Impl::finish_commands(TimePoint now, Outbox& out) {
    const bool failovers = finish_failovers(now, out);
    const bool takeovers = finish_takeovers(now, out);
    const bool stop = finish_stop(now, out);
    return failovers || takeovers || stop;
}

}  // namespace understudy::core
