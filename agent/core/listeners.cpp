#include "agent/core/listeners.hpp"

#include <algorithm>

namespace understudy::core {

void Listeners::want(TimePoint now, const std::set<Listener>& wanted, Outbox& out) {
    for (auto it = status_.begin(); it != status_.end();) {
        if (wanted.contains(it->first)) {
            ++it;
            continue;
        }
        out.actions.emplace_back(CloseListener{it->first});
        it = status_.erase(it);
    }
    for (const Listener& listener : wanted) {
        if (status_.try_emplace(listener).second) {
            out.actions.emplace_back(OpenListener{listener});
        }
    }
    time_passed(now, out);
}

void Listeners::opened(const Listener& listener) {
    if (const auto found = status_.find(listener); found != status_.end()) {
        found->second = Status{.open = true, .error = {}, .retry_at = {}};
    }
}

void Listeners::failed(TimePoint now, const Listener& listener, const std::string& error) {
    if (const auto found = status_.find(listener); found != status_.end()) {
        found->second = Status{.open = false, .error = error, .retry_at = now + listener_retry};
    }
}

const Listeners::Status* Listeners::find(Family family, InterfaceIndex interface) const {
    for (const auto& [listener, status] : status_) {
        if (listener.family == family && listener.interface == interface) {
            return &status;
        }
    }
    return nullptr;
}

std::string Listeners::trouble(Family family, InterfaceIndex interface) const {
    const Status* status = find(family, interface);
    return status == nullptr ? std::string{} : status->error;
}

bool Listeners::is_open(Family family, InterfaceIndex interface) const {
    const Status* status = find(family, interface);
    return status != nullptr && status->open;
}

void Listeners::time_passed(TimePoint now, Outbox& out) {
    for (auto& [listener, status] : status_) {
        if (status.retry_at && now >= *status.retry_at) {
            status.retry_at.reset();
            out.actions.emplace_back(CloseListener{listener});
            out.actions.emplace_back(OpenListener{listener});
        }
    }
}

std::optional<TimePoint> Listeners::next_deadline() const {
    std::optional<TimePoint> earliest;
    for (const auto& [listener, status] : status_) {
        if (status.retry_at) {
            earliest = earliest ? std::min(*earliest, *status.retry_at) : *status.retry_at;
        }
    }
    return earliest;
}

}  // namespace understudy::core
